//! What a decision costs whose key lives on another thread than the one that its client is connected to.

use super::{Found, Group};
use crate::row::{Goal, Row};
use crate::setup::{Problem, Setup, each};

const P50_RATIO_MAX: f64 = 1.6;

pub const GROUP: Group = Group {
    name: "hop",
    title: "A decision whose key lives on another thread of the engine, 1 in flight",
    measure,
};

fn measure(setup: &Setup) -> Result<Found, Problem> {
    let mut engine = setup.ads(&["--threads", "2"])?;
    let frames = setup.frame_bytes(engine.address())?;
    let alone = ["--in-flight", "1"];
    let here = ["--in-flight", "1", "--keys", "here"];
    let elsewhere = ["--in-flight", "1", "--keys", "elsewhere"];
    let [near, far, echo] = setup.in_turns([
        &mut || setup.decide(engine.address(), &here),
        &mut || setup.decide(engine.address(), &elsewhere),
        &mut || setup.echo(frames, &alone),
    ])?;
    engine.stop()?;
    let echoed = each(&echo, |of| of.client.p50);
    let row = |name, of| Row::new(name, "us", of).against("echo", &echoed);
    Ok(vec![
        row("key on the client's thread, p50", &each(&near, |of| of.client.p50)),
        row("key on the other thread, p50", &each(&far, |of| of.client.p50))
            .goal(Goal::RatioAtMost(P50_RATIO_MAX)),
    ]
    .into())
}
