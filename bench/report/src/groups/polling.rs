//! What it is worth that an engine's threads do not sleep.

use super::{Found, Group};
use crate::row::Row;
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
        let mut busily = || {
            let mut engine = setup.ads(&["--busy-poll"])?;
            let sample = setup.decide(engine.address(), &load)?;
            engine.stop().map(|()| sample)
        };
        let [without, with] =
            setup.in_turns([&mut || setup.decide(sleeping.address(), &load), &mut busily])?;
        for (point, of) in [("p50", 0), ("p99", 1)] {
            let [without, with] = [&without, &with]
                .map(|samples| each(samples, |sample| [sample.client.p50, sample.client.p99][of]));
            rows.push(Row::new(format!("{rate}/s, {point}"), "us", &with).against("without", &without));
        }
    }
    sleeping.stop()?;
    Ok(rows.into())
}
