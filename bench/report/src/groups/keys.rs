//! What a decision costs as the keys become many.
//!
//! The engine's allocator has its memory in huge pages, this program's has not unless it is told to when the
//! process starts. So the decisions are made in a process of their own, `bench keys`.

use std::process::Command;

use serde_json::{Value, json};
use vencejo_runtime::Clock;

use super::{Found, Group};
use crate::row::{Goal, Row, grouped};
use crate::setup::{Problem, Setup, last_object};
use crate::workload::Workload;

const RATIO_MAX: f64 = 1.5;
const COUNTS: [usize; 3] = [1_000, 100_000, 10_000_000];
const QUICK_COUNTS: [usize; 3] = [1_000, 100_000, 1_000_000];
const DECISIONS: usize = 200_000;
const REQUESTS: usize = 1_000;
/// To glibc: ask for huge pages (mallopt(3)). Other C libraries do not look at it.
const HUGE_PAGES: (&str, &str) = ("GLIBC_TUNABLES", "glibc.malloc.hugetlb=1");
/// Bytes of a placement's state, index included, at least.
const PLACEMENT_BYTES: usize = 64;
/// What a processor reads from memory at once.
const LINE_BYTES: usize = 64;
const LINE_WORDS: usize = LINE_BYTES / size_of::<usize>();

pub const GROUP: Group = Group {
    name: "keys",
    title: "A decision of the ads app in a partition, by the number of placements",
    measure,
};

fn counts(quick: bool) -> [usize; 3] {
    if quick { QUICK_COUNTS } else { COUNTS }
}

fn measure(setup: &Setup) -> Result<Found, Problem> {
    let failed = |error: std::io::Error| format!("this program cannot be run once more: {error}");
    let mut command = Command::new(std::env::current_exe().map_err(failed)?);
    command.args(["keys", "--rounds", &setup.rounds.to_string()]).args(setup.quick.then_some("--quick"));
    let (variable, value) = HUGE_PAGES;
    let found = last_object(command.env(variable, value))?;
    let nanos =
        |of: &Value| of.as_array().into_iter().flatten().filter_map(Value::as_f64).collect::<Vec<_>>();
    let decisions: Vec<_> = found["decisions"].as_array().into_iter().flatten().map(nanos).collect();
    let loads = nanos(&found["loads"]);
    let (Some(few), Some(many)) = (decisions.first(), decisions.last()) else {
        return Err(Problem::Failed("bench keys told no decisions".to_owned()));
    };
    let counts = counts(setup.quick);
    let rows = counts.into_iter().zip(&decisions).enumerate().map(|(place, (count, nanos))| {
        let row = Row::new(format!("placements: {}", grouped(count as f64)), "ns", nanos)
            .against("1,000 placements", few);
        if place + 1 == counts.len() { row.goal(Goal::RatioAtMost(RATIO_MAX)) } else { row }
    });
    let mut rows: Vec<_> = rows.collect();
    let more: Vec<_> = many.iter().zip(few).map(|(many, few)| many - few).collect();
    rows.push(
        Row::new("what the many cost beyond the few", "ns", &more)
            .against("a load that waits for another, in as much memory", &loads),
    );
    Ok(rows.into())
}

/// The nanoseconds of a decision, by the number of placements and round, and of a load from as much memory as
/// the most of them take.
pub fn in_this_process(rounds: usize, quick: bool) -> Value {
    let counts = counts(quick);
    let mut workloads = counts.map(|count| {
        let mut workload = Workload::new(REQUESTS);
        for placement in 0..count {
            workload.decide_for(placement, placement);
        }
        workload
    });
    let chain = Chain::new(counts[counts.len() - 1] * PLACEMENT_BYTES);
    let clock = Clock::start();
    let nanos_each = |work: &mut dyn FnMut()| {
        let start = clock.now();
        work();
        clock.now().since(start).as_nanos() as f64 / DECISIONS as f64
    };
    let mut decisions = counts.map(|_| Vec::new());
    let mut loads = Vec::new();
    for round in 0..rounds {
        for ((workload, count), nanos) in workloads.iter_mut().zip(counts).zip(&mut decisions) {
            nanos.push(nanos_each(&mut || {
                for number in 0..DECISIONS {
                    // In no order that a cache would like.
                    let placement = (round * DECISIONS + number).wrapping_mul(0x9e37_79b1) % count;
                    workload.decide_for(number, placement);
                }
            }));
        }
        loads.push(nanos_each(&mut || chain.follow(DECISIONS)));
    }
    json!({ "decisions": decisions, "loads": loads })
}

/// Memory in which every line says which one comes next, in no order that a processor foresees.
struct Chain(Vec<[usize; LINE_WORDS]>);

impl Chain {
    /// So many bytes, or up to half less.
    fn new(bytes: usize) -> Self {
        let lines = 1 << (bytes / LINE_BYTES).max(1).ilog2();
        // Comes to every line before it comes to one again (Hull and Dobell, "Random number generators",
        // SIAM Review 1962).
        let next = |line: usize| line.wrapping_mul(0x9e37_79b5).wrapping_add(1) % lines;
        Self((0..lines).map(|line| [next(line); LINE_WORDS]).collect())
    }

    fn follow(&self, loads: usize) {
        let line = (0..loads).fold(0, |line: usize, _| self.0[line][0]);
        std::hint::black_box(line);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chain_comes_to_every_line() {
        let Chain(lines) = Chain::new(100_000);
        assert_eq!(lines.len(), 1_024);
        let mut line = 0;
        let mut seen = vec![false; lines.len()];
        while !std::mem::replace(&mut seen[line], true) {
            line = lines[line][0];
        }
        assert!(seen.iter().all(|&seen| seen));
    }
}
