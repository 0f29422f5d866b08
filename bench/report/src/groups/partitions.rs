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
    let measured = setup.over(COUNTS, |count| {
        let mut engine = setup.ads(&["--partitions", &count.to_string()])?;
        let bytes = engine.resident_bytes()?;
        let sample = setup.decide(engine.address(), &["--rate", "10000"])?;
        engine.stop().map(|()| (sample, bytes))
    })?;
    let measured = measured.map(|rounds| rounds.into_iter().unzip::<_, _, Vec<_>, Vec<f64>>());
    let p50s = measured.each_ref().map(|(samples, _)| each(samples, |of| of.client.p50));
    let p99s = measured.each_ref().map(|(samples, _)| each(samples, |of| of.client.p99));
    let mut rows = Vec::new();
    for (place, count) in COUNTS.into_iter().enumerate() {
        for (point, values) in [("p50", &p50s), ("p99", &p99s)] {
            let row = Row::new(format!("partitions: {count}, {point}"), "us", &values[place]);
            rows.push(row.against("1 partition", &values[0]));
        }
    }
    let (least, most) = (&measured[0].1, &measured[COUNTS.len() - 1].1);
    let further = f64::from(COUNTS[COUNTS.len() - 1] - COUNTS[0]);
    let each_one: Vec<f64> =
        most.iter().zip(least).map(|(most, least)| (most - least) / 1e3 / further).collect();
    rows.push(Row::new("memory of a further partition, empty", "kB", &each_one));
    Ok(rows.into())
}
