//! A decision of the ads app beside the bare transport.

use super::{Found, Group};
use crate::plot::{Over, Plot};
use crate::row::{Goal, Row};
use crate::sample::{Latency, Sample};
use crate::setup::{Problem, Setup, each};

const P50_RATIO_MAX: f64 = 1.15;
const P99_RATIO_MAX: f64 = 1.25;

pub const GROUP: Group = Group {
    name: "decision",
    title: "A decision over QUIC, beside the bare quinn echo of frames as long",
    measure,
};

/// Name, file of the plot, arguments.
const LOADS: [(&str, &str, [&str; 2]); 3] = [
    ("1 in flight", "decision-1-in-flight", ["--in-flight", "1"]),
    ("10,000/s", "decision-10k", ["--rate", "10000"]),
    ("50,000/s", "decision-50k", ["--rate", "50000"]),
];

type Pick = fn(&Latency) -> f64;

const P99: Pick = |latency| latency.p99;

/// Name, place in the distribution, and the bound of its ratio.
const POINTS: [(&str, Pick, Option<f64>); 5] = [
    ("p50", |latency| latency.p50, Some(P50_RATIO_MAX)),
    ("p99", P99, Some(P99_RATIO_MAX)),
    ("p99.9", |latency| latency.p999, None),
    ("p99.99", |latency| latency.p9999, None),
    ("longest", |latency| latency.max, None),
];

fn measure(setup: &Setup) -> Result<Found, Problem> {
    let mut found = Found::from(Vec::new());
    let mut engine = setup.ads(&[])?;
    let mut in_memory = setup.ads(&["--no-journal"])?;
    let frames = setup.frame_bytes(engine.address())?;
    for (name, file, load) in LOADS {
        let [ours, echo, unkept] = setup.in_turns([
            &mut || setup.decide(engine.address(), &load),
            &mut || setup.echo(frames, &load),
            &mut || setup.decide(in_memory.address(), &load),
        ])?;
        for (point, pick, bound) in POINTS {
            let row = Row::new(format!("{name}, {point}"), "us", &at(&ours, pick));
            let row = row.against("echo", &at(&echo, pick));
            found.rows.push(row.goal(bound.map(Goal::RatioAtMost)));
        }
        // The echo keeps nothing either.
        let row = Row::new(format!("{name}, p99 without a journal"), "us", &at(&unkept, P99));
        found.rows.push(row.against("echo", &at(&echo, P99)));
        let errors = each(&ours, |of| of.errors as f64);
        found.rows.push(Row::new(format!("{name}, unanswered"), "", &errors).goal(Goal::AtMost(0.0)));
        let lines = vec![("decision".to_owned(), middle(&ours)), ("bare echo".to_owned(), middle(&echo))];
        let title = format!("Latency of decisions and of the bare echo, {name}");
        found.plots.push(Plot { file, title, over: Over::Percentiles, lines });
    }
    engine.stop()?;
    in_memory.stop()?;
    Ok(found)
}

/// This place of the distribution, by round.
fn at(samples: &[Sample], pick: Pick) -> Vec<f64> {
    each(samples, |of| pick(&of.client))
}

/// The curve of the round whose p99 is in the middle.
fn middle(samples: &[Sample]) -> Vec<(f64, f64)> {
    let mut sorted: Vec<&Sample> = samples.iter().collect();
    sorted.sort_by(|one, other| one.client.p99.total_cmp(&other.client.p99));
    sorted.get(samples.len() / 2).map_or_else(Vec::new, |sample| sample.curve.clone())
}
