//! What further connections cost.

use super::{Found, Group};
use crate::plot::{Over, Plot};
use crate::row::{Row, Spread};
use crate::setup::{Problem, Setup, each};

const COUNTS: [u32; 6] = [1, 10, 100, 250, 500, 1_000];
/// Up to here a p99 counts as flat, as a multiple of the least that fewer connections had.
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
    let names = ["p99 is flat, at most twice the least of fewer, up to", "the echo's"];
    for (name, line) in names.into_iter().zip(&lines) {
        rows.push(Row::new(name, "connections", &[flat_up_to(line)]));
    }
    let title = "99 % of answers came within, 10,000/s over so many connections".to_owned();
    let names = ["decision", "bare echo"].map(str::to_owned);
    let lines = names.into_iter().zip(lines).collect();
    Ok(Found {
        rows,
        plots: vec![Plot { file: "connections", title, over: Over::Count("connections"), lines }],
    })
}

/// The last count up to which the p99s are flat. That of one connection may be a stall of the host.
fn flat_up_to(line: &[(f64, f64)]) -> f64 {
    let mut least = f64::INFINITY;
    let flat = line.iter().take_while(|&&(_, p99)| {
        let is_flat = p99 <= FLAT_RATIO_MAX * least;
        least = least.min(p99);
        is_flat
    });
    flat.last().map_or(0.0, |&(count, _)| count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stall_of_the_first_does_not_hide_the_knee() {
        let line = |p99s: [f64; 4]| [1.0, 10.0, 100.0, 500.0].into_iter().zip(p99s).collect::<Vec<_>>();
        for (p99s, expected) in [
            ([100.0, 110.0, 190.0, 210.0], 100.0),
            ([900.0, 110.0, 190.0, 230.0], 100.0),
            ([100.0, 90.0, 80.0, 70.0], 500.0),
            ([100.0, 201.0, 80.0, 70.0], 1.0),
        ] {
            assert!((flat_up_to(&line(p99s)) - expected).abs() < 0.5, "{p99s:?}");
        }
    }
}
