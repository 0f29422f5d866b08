//! What it is worth that an engine's threads do not sleep.

use super::{Found, Group};
use crate::row::Row;
use crate::sample::Sample;
use crate::setup::{Problem, Setup, each};

const RATES: [&str; 2] = ["1000", "10000"];

pub const GROUP: Group =
    Group { name: "polling", title: "Decisions of an engine that never sleeps (--busy-poll)", measure };

fn measure(setup: &Setup) -> Result<Found, Problem> {
    let mut sleeping = setup.ads(&[])?;
    let mut rows = Vec::new();
    for rate in RATES {
        let load = ["--rate", rate];
        // It takes a processor from whatever is measured beside it, so it is there for its own turn alone.
        let [without, with] = setup
            .in_turns([&mut || setup.decide(sleeping.address(), &load), &mut || {
                setup.decide_anew(&["--busy-poll"], &load)
            }])?;
        let row = |point, of: fn(&Sample) -> f64| {
            let row = Row::new(format!("{rate}/s, {point}"), "us", &each(&with, of));
            row.against("without", &each(&without, of))
        };
        rows.extend([row("p50", |of| of.client.p50), row("p99", |of| of.client.p99)]);
    }
    sleeping.stop()?;
    Ok(rows.into())
}
