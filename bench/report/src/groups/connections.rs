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
    engine.stop()?;
    let measured = setup.over(COUNTS, |count| {
        let load = ["--rate", "10000", "--connections", &count.to_string()];
        // Each in a process of its own, so that neither has what earlier connections left behind.
        Ok((setup.decide_anew(&[], &load)?, setup.echo(frames, &load)?))
    })?;
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
    let lines = [0, 1].map(|place| {
        let points = COUNTS.into_iter().zip(&p99s);
        points.map(|(count, p99s)| (f64::from(count), Spread::of(&p99s[place]).median)).collect::<Vec<_>>()
    });
    for (name, line) in
        ["p99 is flat, at most twice that of one, up to", "the echo's"].into_iter().zip(&lines)
    {
        let flat = line.iter().take_while(|(_, p99)| *p99 <= FLAT_RATIO_MAX * line[0].1);
        let knee = flat.last().map_or(0.0, |&(count, _)| count);
        rows.push(Row::new(name, "connections", &[knee]));
    }
    let title = "99 % of answers came within, 10,000/s over so many connections".to_owned();
    let names = ["decision", "bare echo"].map(str::to_owned);
    let lines = names.into_iter().zip(lines).collect();
    Ok(Found {
        rows,
        plots: vec![Plot { file: "connections", title, over: Over::Count("connections"), lines }],
    })
}
