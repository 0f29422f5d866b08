//! What a further partition costs.

use super::{Found, Group};
use crate::row::Row;
use crate::setup::{Problem, Setup, each};

const COUNTS: [u32; 4] = [1, 4, 64, 256];

pub const GROUP: Group = Group {
    name: "partitions",
    title: "Decisions at 10,000/s by an engine of 1 to 256 partitions, one thread",
    measure,
};

fn measure(setup: &Setup) -> Result<Found, Problem> {
    let (mut samples, mut bytes) = (COUNTS.map(|_| Vec::new()), COUNTS.map(|_| Vec::new()));
    for _ in 0..setup.rounds {
        for (place, count) in COUNTS.into_iter().enumerate() {
            let mut engine = setup.ads(&["--partitions", &count.to_string()])?;
            bytes[place].push(engine.resident_bytes()?);
            samples[place].push(setup.decide(engine.address(), &["--rate", "10000"])?);
            engine.stop()?;
        }
    }
    let [p50s, p99s] = [0, 1].map(|which| {
        samples.each_ref().map(|of| each(of, |of| if which == 0 { of.client.p50 } else { of.client.p99 }))
    });
    let mut rows = Vec::new();
    for (place, count) in COUNTS.into_iter().enumerate() {
        for (point, values) in [("p50", &p50s), ("p99", &p99s)] {
            let row = Row::new(format!("{count} partitions, {point}"), "us", &values[place]);
            rows.push(row.against("1 partition", &values[0]));
        }
    }
    let (least, most) = (&bytes[0], &bytes[COUNTS.len() - 1]);
    let further = f64::from(COUNTS[COUNTS.len() - 1] - COUNTS[0]);
    let each_one: Vec<f64> =
        most.iter().zip(least).map(|(most, least)| (most - least) / 1e3 / further).collect();
    rows.push(Row::new("memory of a further partition, empty", "kB", &each_one));
    Ok(rows.into())
}
