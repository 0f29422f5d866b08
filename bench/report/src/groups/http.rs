//! The ads decision as users build it today.

use serde_json::Value;

use super::{Found, Group};
use crate::row::{Goal, Row};
use crate::setup::{Peer, Problem, Setup};

const P99_RATIO_MIN: f64 = 50.0;

const PYTHON: Peer = Peer { made: "target/peers-http/env/bin/python", setup: "bench/peers/http/setup" };
const CLIENT: Peer = Peer { made: "target/release/bench-http", setup: "cargo build --release -p bench-http" };

pub const GROUP: Group = Group {
    name: "http",
    title: "The ads decision as HTTP, Redis and Python, and floors from a file",
    measure,
};

fn measure(setup: &Setup) -> Result<Found, Problem> {
    let python = setup.peer(PYTHON)?;
    setup.peer(CLIENT)?;
    let program = setup.program.to_string_lossy();
    let (rounds, seconds) = (setup.rounds.to_string(), format!("{:.0}", setup.seconds.ceil()));
    let mut arguments =
        vec!["bench/peers/http/run.py", "--vencejo", &program, "--rounds", &rounds, "--seconds", &seconds];
    if setup.quick {
        arguments.push("--no-knee");
    }
    let found = setup.run(&python, &arguments)?;
    let number = |of: &Value, name: &str| of[name].as_f64().unwrap_or(f64::NAN);
    let mut rows = vec![
        Row::new("answers that differ", "", &[number(&found["answers"], "different")])
            .goal(Goal::AtMost(0.0)),
        Row::new("answers compared", "", &[number(&found["answers"], "compared")]),
    ];
    for rate in found["rates"].as_array().into_iter().flatten() {
        let ours = [number(&rate["vencejo"], "p99_us")];
        for (peer, name) in [("peer", "FastAPI, Redis, XGBoost"), ("floors", "floors from a file, over HTTP")]
        {
            let row = Row::new(format!("{}/s, p99", rate["rate"]), "us", &ours);
            let row = row.times_better_than(name, &[number(&rate[peer], "p99_us")]);
            rows.push(if peer == "peer" { row.goal(Goal::RatioAtLeast(P99_RATIO_MIN)) } else { row });
        }
    }
    if let Some(knee) = found["knee"]["rate"].as_f64() {
        rows.push(Row::new("highest rate that FastAPI, Redis and XGBoost sustain", "requests/s", &[knee]));
    }
    Ok(rows.into())
}
