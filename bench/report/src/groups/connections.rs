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
    let measured = setup.over(COUNTS, |count| {
        // For seconds after a thousand connections have ended an engine's p99 is of milliseconds: that is
        // not the next measurement's business.
        setup.decide_anew(&[], &["--rate", "10000", "--connections", &count.to_string()])
    })?;
    let p99s = measured.map(|samples| each(&samples, |of| of.client.p99));
    let mut rows: Vec<Row> = COUNTS
        .into_iter()
        .zip(&p99s)
        .map(|(count, values)| {
            Row::new(format!("connections: {count}, p99"), "us", values).against("1 connection", &p99s[0])
        })
        .collect();
    let line = COUNTS
        .into_iter()
        .zip(&p99s)
        .map(|(count, p99s)| (f64::from(count), Spread::of(p99s).median))
        .collect();
    let flat = rows
        .iter()
        .zip(COUNTS)
        .take_while(|(row, _)| row.ratio().is_some_and(|ratio| ratio <= FLAT_RATIO_MAX));
    let knee = flat.last().map_or(0.0, |(_, count)| f64::from(count));
    rows.push(Row::new("flat, at most twice the p99 of one, up to", "connections", &[knee]));
    let title = "99 % of decisions came within, 10,000/s over so many connections".to_owned();
    let lines = vec![("p99".to_owned(), line)];
    Ok(Found {
        rows,
        plots: vec![Plot { file: "connections", title, over: Over::Count("connections"), lines }],
    })
}
