//! What further connections cost.

use super::{Found, Group};
use crate::plot::{Over, Plot};
use crate::row::{Row, Spread};
use crate::setup::{Problem, Setup, each};

const COUNTS: [u32; 6] = [1, 10, 100, 250, 500, 1_000];
/// Up to here the p99 counts as flat, as a multiple of that of one connection.
const FLAT_RATIO_MAX: f64 = 2.0;

pub const GROUP: Group =
    Group { name: "connections", title: "Decisions at 10,000/s over 1 to 1,000 connections", measure };

fn measure(setup: &Setup) -> Result<Found, Problem> {
    let mut engine = setup.ads(&[])?;
    let frames = setup.frame_bytes(engine.address())?;
    let measured = setup.over(COUNTS, |count| {
        let load = ["--rate", "10000", "--connections", &count.to_string()];
        Ok((setup.decide(engine.address(), &load)?, setup.echo(frames, &load)?))
    })?;
    engine.stop()?;
    let p99s = measured.map(|samples| {
        let (ours, echo): (Vec<_>, Vec<_>) = samples.into_iter().unzip();
        [ours, echo].map(|samples| each(&samples, |of| of.client.p99))
    });
    let mut rows: Vec<Row> = COUNTS
        .into_iter()
        .zip(&p99s)
        .map(|(count, [ours, echo])| {
            Row::new(format!("connections: {count}, p99"), "us", ours).against("echo over as many", echo)
        })
        .collect();
    for (place, name) in
        ["p99 is flat, at most twice that of one, up to", "the echo's"].into_iter().enumerate()
    {
        let medians = p99s.each_ref().map(|p99s| Spread::of(&p99s[place]).median);
        let flat = COUNTS.into_iter().zip(medians).take_while(|(_, p99)| *p99 <= FLAT_RATIO_MAX * medians[0]);
        let knee = flat.last().map_or(0.0, |(count, _)| f64::from(count));
        rows.push(Row::new(name, "connections", &[knee]));
    }
    let line = |place: usize| {
        let points = COUNTS.into_iter().zip(&p99s);
        points.map(|(count, p99s)| (f64::from(count), Spread::of(&p99s[place]).median)).collect()
    };
    let title = "99 % of answers came within, 10,000/s over so many connections".to_owned();
    let lines = vec![("decision".to_owned(), line(0)), ("bare echo".to_owned(), line(1))];
    Ok(Found {
        rows,
        plots: vec![Plot { file: "connections", title, over: Over::Count("connections"), lines }],
    })
}
