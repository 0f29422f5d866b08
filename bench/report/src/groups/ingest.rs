//! How many events one engine thread takes in, acknowledged from memory.

use super::{Found, Group};
use crate::row::{Goal, Row};
use crate::setup::{Problem, Setup, each};

/// Events in a second.
const RATE_MIN: f64 = 2e6;
const BATCH: f64 = 100.0;

pub const GROUP: Group = Group {
    name: "ingest",
    title: "Events taken in, batches of 100, acknowledged from memory, one engine thread",
    measure,
};

fn measure(setup: &Setup) -> Result<Found, Problem> {
    let mut engine = setup.ads(&[])?;
    let load = ["--batch", "100", "--in-flight", "64"];
    let [measured] = setup.in_turns([&mut || {
        let before = engine.processor_seconds()?;
        let sample = setup.ingest(engine.address(), "outcomes", &load)?;
        Ok((sample, engine.processor_seconds()? - before))
    }])?;
    engine.stop()?;
    let (samples, seconds): (Vec<_>, Vec<f64>) = measured.into_iter().unzip();
    let rates = each(&samples, |of| of.achieved * BATCH);
    // The warm-up of a second used the processor, too.
    let events = rates.iter().map(|rate| rate * (setup.seconds + 1.0));
    let per_core: Vec<f64> = events.zip(&seconds).map(|(events, seconds)| events / seconds).collect();
    Ok(vec![
        Row::new("outcomes of the ads app", "events/s", &rates).goal(Goal::AtLeast(RATE_MIN)),
        Row::new("the same, by processor second of the whole engine", "events/s", &per_core),
    ]
    .into())
}
