//! A row of a tree model, beside the libraries that serve such models: what bench-trees finds.

use std::process::{Command, Stdio};

use serde_json::Value;

use super::{Found, Group};
use crate::row::{Goal, Row};
use crate::setup::{Peer, Problem, Setup};

const LIBRARIES: Peer = Peer { made: "target/peers/made-by-bench-peers-setup", setup: "bench/peers/setup" };

pub const GROUP: Group = Group {
    name: "trees",
    title: "A row of a tree model, beside the libraries that serve such models",
    measure,
};

fn measure(setup: &Setup) -> Result<Found, Problem> {
    setup.peer(LIBRARIES)?;
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.current_dir(&setup.root).args([
        "run",
        "--release",
        "--quiet",
        "-p",
        "bench-trees",
        "--features",
        "hessboost",
    ]);
    command.args(["--", "--json", "--no-fail"]).args(setup.quick.then_some("--quick"));
    let ran =
        command.stdin(Stdio::null()).output().map_err(|error| format!("cargo cannot be run: {error}"))?;
    if !ran.status.success() {
        let said = String::from_utf8_lossy(&ran.stderr);
        let last = said.lines().last().unwrap_or_default();
        return Err(Problem::Failed(format!("bench-trees failed: {last}")));
    }
    let printed = String::from_utf8_lossy(&ran.stdout);
    let rows = printed.lines().filter_map(|line| judged(&serde_json::from_str(line).ok()?));
    Ok(rows.collect::<Vec<_>>().into())
}

/// The row of a number that has a goal.
fn judged(found: &Value) -> Option<Row> {
    let (name, value, goal) = (found["name"].as_str()?, found["value"].as_f64()?, found["goal"].as_f64()?);
    let unit = ["ns", "ms", "rows"].into_iter().find(|unit| found["unit"] == *unit)?;
    let row = Row::new(name, unit, &[value]);
    Some(match (found["ratio"].as_f64(), found["against"].as_str()) {
        (Some(ratio), Some(against)) => {
            row.times_better_than(against, &[value * ratio]).goal(Goal::RatioAtLeast(goal))
        }
        _ => row.goal(Goal::AtMost(goal)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn ratios_and_bounds_are_judged_as_bench_trees_does() {
        let row = json!({"name": "a p50", "value": 100.0, "unit": "ns", "against": "fast", "ratio": 3.5, "goal": 3.0});
        assert_eq!(judged(&row).and_then(|row| row.is_met()), Some(true));
        let row = json!({"name": "a", "value": 2.0, "unit": "rows", "against": "bound", "ratio": null, "goal": 0.0});
        assert_eq!(judged(&row).and_then(|row| row.is_met()), Some(false));
        let row = json!({"name": "a hot", "value": 2.0, "unit": "ns", "against": null, "ratio": null, "goal": null});
        assert_eq!(judged(&row), None);
    }
}
