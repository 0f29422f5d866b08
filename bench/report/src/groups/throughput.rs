//! How many decisions one engine thread gives, and up to which rate they stay quick.

use super::{Found, Group};
use crate::plot::{Over, Plot};
use crate::row::{Goal, Row};
use crate::sample::Sample;
use crate::setup::{Problem, Setup, each};

const RATIO_MIN: f64 = 0.6;
/// The knee is the highest rate at which nearly all is answered in time.
const ANSWERED_SHARE_MIN: f64 = 0.99;
const KNEE_P99_MICROS_MAX: f64 = 10_000.0;
const RATES: [u32; 10] = [5_000, 10_000, 25_000, 50_000, 75_000, 100_000, 150_000, 200_000, 300_000, 400_000];

pub const GROUP: Group =
    Group { name: "throughput", title: "Decisions per second, one engine thread", measure };

fn measure(setup: &Setup) -> Result<Found, Problem> {
    let mut engine = setup.ads(&[])?;
    let frames = setup.frame_bytes(engine.address())?;
    let load = ["--in-flight", "64"];
    let [ours, echo] =
        setup.in_turns([&mut || setup.decide(engine.address(), &load), &mut || setup.echo(frames, &load)])?;
    let decided = each(&ours, |of| of.achieved);
    let throughput = Row::new("64 in flight", "decisions/s", &decided)
        .against("echo", &each(&echo, |of| of.achieved))
        .goal(Goal::RatioAtLeast(RATIO_MIN));
    let ours = steps(|load| setup.decide(engine.address(), load))?;
    let echo = steps(|load| setup.echo(frames, load))?;
    engine.stop()?;
    let knee = Row::new("highest rate with p99 within 10 ms, of those tried", "decisions/s", &[ours.knee])
        .against("echo", &[echo.knee]);
    let lines = vec![("decision".to_owned(), ours.p99s), ("bare echo".to_owned(), echo.p99s)];
    let title = "99 % of answers came within, at rates up to and past the knee".to_owned();
    let plot = Plot { file: "throughput", title, over: Over::Count("requests/s"), lines };
    Ok(Found { rows: vec![throughput, knee], plots: vec![plot] })
}

struct Steps {
    knee: f64,
    p99s: Vec<(f64, f64)>,
}

/// Higher and higher rates, until one is too high.
fn steps(measure: impl Fn(&[&str]) -> Result<Sample, String>) -> Result<Steps, String> {
    let mut steps = Steps { knee: 0.0, p99s: Vec::new() };
    for rate in RATES {
        let sample = measure(&["--rate", &rate.to_string()])?;
        let rate = f64::from(rate);
        steps.p99s.push((rate, sample.client.p99));
        let answered = sample.errors == 0 && sample.achieved >= ANSWERED_SHARE_MIN * rate;
        if !answered || sample.client.p99 > KNEE_P99_MICROS_MAX {
            break;
        }
        steps.knee = rate;
    }
    Ok(steps)
}
