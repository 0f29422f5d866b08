//! Windows and rules over a file of events, beside Flink and DuckDB.

use super::{Found, Group};
use crate::row::{Goal, Row};
use crate::setup::{Peer, Problem, Setup};

const WINDOWS_RATIO_MIN: f64 = 20.0;
const RULE_RATIO_MIN: f64 = 50.0;
const RULES_RATIO_MIN: f64 = 200.0;

const FLINK: Peer =
    Peer { made: "target/peers-windows/java/Windows.class", setup: "bench/peers/windows/setup" };
const PYTHON: Peer = Peer { made: "target/peers-windows/env/bin/python", setup: "bench/peers/windows/setup" };

pub const GROUP: Group = Group {
    name: "windows",
    title: "Windows and rules over a file of events, processor seconds, beside Flink and DuckDB",
    measure,
};

fn measure(setup: &Setup) -> Result<Found, Problem> {
    setup.peer(FLINK)?;
    let python = setup.peer(PYTHON)?;
    let program = setup.program.to_string_lossy();
    let events = if setup.quick { "200000" } else { "1000000" };
    let found = setup
        .run(&python, &["bench/peers/windows/run.py", "--vencejo", &program, "--rows", events, "--json"])?;
    let mut rows = Vec::new();
    for query in found["queries"].as_array().into_iter().flatten() {
        let (name, text) =
            (query["query"].as_str().unwrap_or_default(), query["text"].as_str().unwrap_or_default());
        let seconds = |who: &str| query[who].as_f64();
        let ours = [seconds("vencejo").unwrap_or(f64::NAN)];
        let goal = match name {
            "filter" => None,
            "match" => Some(RULE_RATIO_MIN),
            "match5" => Some(RULES_RATIO_MIN),
            _ => Some(WINDOWS_RATIO_MIN),
        };
        if let Some(flink) = seconds("flink") {
            let row = Row::new(text, "s", &ours).times_better_than("Flink", &[flink]);
            rows.push(row.goal(goal.map(Goal::RatioAtLeast)));
        }
        if let Some(duckdb) = seconds("duckdb") {
            rows.push(Row::new(text, "s", &ours).times_better_than("DuckDB", &[duckdb]));
        }
        let differ = if query["equal"] == true { 0.0 } else { 1.0 };
        rows.push(Row::new(format!("{text}: results that differ"), "", &[differ]).goal(Goal::AtMost(0.0)));
    }
    Ok(rows.into())
}
