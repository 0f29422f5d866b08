//! Snapshots and restarts, beside Redis.

use serde_json::Value;

use super::{Found, Group};
use crate::row::{Goal, Row};
use crate::sample::report;
use crate::setup::{Problem, REDIS, Setup};

const PROFILES: u32 = 5_000_000;
const QUICK_PROFILES: u32 = 500_000;
/// Decisions while a snapshot is taken, and while pages are loaded, beside those without.
const SNAPSHOT_P99_RATIO_MAX: f64 = 1.25;
const LOADING_P99_RATIO_MAX: f64 = 2.0;
const SNAPSHOT_RATIO_MIN: f64 = 8.0;
const START_RATIO_MIN: f64 = 20.0;
const START_MILLIS_MAX: f64 = 300.0;
const LOADED_RATE_MIN: f64 = 5e6;

pub const GROUP: Group = Group { name: "restart", title: "Snapshots and restarts", measure };

fn measure(setup: &Setup) -> Result<Found, Problem> {
    let profiles = if setup.quick { QUICK_PROFILES } else { PROFILES };
    let (count, rounds, seconds) =
        (profiles.to_string(), setup.rounds.min(3).to_string(), setup.seconds.to_string());
    let arguments = ["restore", "--profiles", &count, "--rounds", &rounds, "--seconds", &seconds];
    let ours = report(&setup.program, &arguments.map(str::to_owned))?;
    let number = |of: &Value, name: &str| of[name].as_f64().ok_or_else(|| format!("no '{name}' was told"));
    let theirs = match setup.peer(REDIS) {
        Ok(_) => Ok(setup.run("python3".as_ref(), &["bench/peers/redis/run.py", "--profiles", &count])?),
        Err(Problem::Skipped(reason)) => Err(reason),
        Err(failed) => return Err(failed),
    };
    let beside = |what: &str, millis: f64, name: &str, goal: f64| match &theirs {
        Ok(theirs) => Ok::<_, String>(
            Row::new(what, "ms", &[millis])
                .times_better_than("Redis", &[number(theirs, name)?])
                .goal(Goal::RatioAtLeast(goal)),
        ),
        Err(reason) => Ok(Row::skipped(what, reason)),
    };
    let (snapshot, start) = (number(&ours, "snapshot_ms")?, number(&ours, "start_to_decision_ms")?);
    let loaded = f64::from(profiles) / number(&ours, "start_to_loaded_ms")? * 1e3;
    let mut rows = vec![
        Row::new("process start to the first right decision", "ms", &[start])
            .goal(Goal::AtMost(START_MILLIS_MAX)),
        beside("the same, beside Redis", start, "start_to_answer_ms", START_RATIO_MIN)?,
        beside("a snapshot, beside Redis", snapshot, "bgsave_ms", SNAPSHOT_RATIO_MIN)?,
        Row::new("process start to all in memory", "profiles/s", &[loaded])
            .goal(Goal::AtLeast(LOADED_RATE_MIN)),
    ];
    for (side, place) in [("at the client", "client_us"), ("at the engine", "server_us")] {
        let without = number(&ours["p99_without"], place)?;
        for (what, name, goal) in [
            ("during snapshots", "p99_during_snapshots", SNAPSHOT_P99_RATIO_MAX),
            ("while loading", "p99_while_loading", LOADING_P99_RATIO_MAX),
        ] {
            let row = Row::new(format!("decision p99 {what}, {side}"), "us", &[number(&ours[name], place)?]);
            rows.push(row.against("without", &[without]).goal(Goal::RatioAtMost(goal)));
        }
    }
    rows.push(Row::new("profiles", "", &[f64::from(profiles)]));
    Ok(rows.into())
}
