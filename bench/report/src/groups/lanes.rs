//! What decisions, which take the fast lane, feel of events on the normal one.

use super::{Found, Group};
use crate::row::{Goal, Row};
use crate::setup::{Problem, Setup, each};

/// Of decisions at the engine, in microseconds.
const P99_MICROS_MAX: f64 = 30.0;
const OVERLOAD_RATIO_MAX: f64 = 2.0;
/// Shares of what the normal lane can take.
const LOADED: f64 = 0.8;
const OVERLOADED: f64 = 3.0;
const RATE_MAX: f64 = 1e6;
/// Senders that do not spin: what is looked at is the engine's own time, on what is left to it.
const DECISIONS: [&str; 4] = ["--rate", "1000", "--spin", "0"];
/// The load begins before the decisions and ends after them, so many seconds in all.
const MARGIN_SECONDS: f64 = 2.5;

pub const GROUP: Group = Group {
    name: "lanes",
    title: "Decisions beside a loaded normal lane, from arrival to reply at the engine, 1,000/s",
    measure,
};

fn measure(setup: &Setup) -> Result<Found, Problem> {
    let mut engine = setup.ads(&[])?;
    let capacity =
        setup.ingest(engine.address(), "outcomes", &["--batch", "100", "--in-flight", "64"])?.achieved;
    let address = engine.address();
    let loading = setup.lasting(setup.seconds + MARGIN_SECONDS);
    let beside = |share: f64| {
        let rate = (capacity * share).clamp(1.0, RATE_MAX);
        let load = ["--batch", "100", "--rate", &format!("{rate:.0}"), "--spin", "0"];
        std::thread::scope(|scope| {
            let load = scope.spawn(|| loading.ingest(address, "outcomes", &load));
            let decided = setup.decide(address, &DECISIONS);
            load.join().map_err(|_| "the load's thread panicked".to_owned())??;
            decided
        })
    };
    let [alone, loaded, overloaded] =
        setup.in_turns([&mut || setup.decide(address, &DECISIONS), &mut || beside(LOADED), &mut || {
            beside(OVERLOADED)
        }])?;
    engine.stop()?;
    for sample in [&alone, &loaded, &overloaded].into_iter().flatten() {
        sample.at_server()?;
    }
    let [alone, loaded, overloaded] = [&alone, &loaded, &overloaded]
        .map(|of| each(of, |of| of.server.map_or(f64::NAN, |server| server.p99)));
    Ok(vec![
        Row::new("p99 without load", "us", &alone),
        Row::new("p99 at 80 % of what the normal lane takes", "us", &loaded)
            .against("without load", &alone)
            .goal(Goal::AtMost(P99_MICROS_MAX)),
        Row::new("p99 at three times what the normal lane takes", "us", &overloaded)
            .against("without load", &alone)
            .goal(Goal::RatioAtMost(OVERLOAD_RATIO_MAX)),
        Row::new("what the normal lane takes", "batches of 100/s", &[capacity]),
    ]
    .into())
}
