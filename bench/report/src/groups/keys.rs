//! What a decision costs as the keys become many.

use vencejo_runtime::Clock;

use super::{Found, Group};
use crate::row::{Goal, Row, grouped};
use crate::setup::{Problem, Setup};
use crate::workload::Workload;

const RATIO_MAX: f64 = 1.5;
const COUNTS: [usize; 3] = [1_000, 100_000, 10_000_000];
const QUICK_COUNTS: [usize; 3] = [1_000, 100_000, 1_000_000];
const DECISIONS: usize = 200_000;
const REQUESTS: usize = 1_000;

pub const GROUP: Group = Group {
    name: "keys",
    title: "A decision of the ads app in a partition, by the number of placements",
    measure,
};

fn measure(setup: &Setup) -> Result<Found, Problem> {
    let counts = if setup.quick { QUICK_COUNTS } else { COUNTS };
    let mut workloads = counts.map(|count| {
        let mut workload = Workload::of(&setup.app("ads"), REQUESTS);
        for placement in 0..count {
            workload.decide_for(placement, placement);
        }
        workload
    });
    let clock = Clock::start();
    let mut measured = counts.map(|_| Vec::new());
    for round in 0..setup.rounds {
        for ((workload, count), nanos) in workloads.iter_mut().zip(counts).zip(&mut measured) {
            let start = clock.now();
            for number in 0..DECISIONS {
                // In no order that a cache would like.
                let placement = (round * DECISIONS + number).wrapping_mul(0x9e37_79b1) % count;
                workload.decide_for(number, placement);
            }
            nanos.push(clock.now().since(start).as_nanos() as f64 / DECISIONS as f64);
        }
    }
    let rows = counts.into_iter().zip(&measured).enumerate().map(|(place, (count, nanos))| {
        let row = Row::new(format!("placements: {}", grouped(count as f64)), "ns", nanos)
            .against("1,000 placements", &measured[0]);
        if place + 1 == counts.len() { row.goal(Goal::RatioAtMost(RATIO_MAX)) } else { row }
    });
    Ok(rows.collect::<Vec<_>>().into())
}
