//! `vencejo bench bid`, `load`, `fraud` and `fleet`: what they count is right, whatever this machine makes of
//! the times.

use serde_json::Value;

use crate::support::{Engine, json_lines, root, stderr, vencejo};

/// Runs a bench for a moment: what it found.
fn bench(engine: &Engine, arguments: &[&str]) -> Value {
    let mut command = vencejo();
    command.arg("bench").args(arguments).args(["--seconds", "0.4", "--json", "--connect", &engine.connect()]);
    let output = command.output().unwrap();
    let mut found = json_lines(&output.stdout);
    assert_eq!(found.len(), 1, "{}", stderr(&output));
    let found = found.remove(0);
    assert_eq!(output.status.success(), found["passed"] == true, "{found}");
    assert_eq!(stderr(&output).contains("goals missed"), found["passed"] == false, "{found}");
    found
}

/// The values of the goals of this name.
fn values(found: &Value, name: &str) -> Vec<f64> {
    let goals = found["goals"].as_array().unwrap().iter();
    goals.filter(|goal| goal["name"] == name).map(|goal| goal["value"].as_f64().unwrap()).collect()
}

#[test]
fn loads_of_the_ads_app_are_answered_and_floods_found() {
    let engine = Engine::start();
    let bid = bench(&engine, &["bid", "--rate", "500"]);
    assert_eq!(bid["parts"]["decisions"]["answered"], 200);
    let load = bench(&engine, &["load", "--phase", "1"]);
    assert_eq!(load["parts"]["phase 1"]["answered"], 400, "batches of ten, at 10,000 events/s");
    let fraud = bench(&engine, &["fraud", "--rate", "1000"]);
    assert_eq!(values(&fraud, "floods that raised an alert"), [100.0], "{fraud}");
    assert_eq!(values(&fraud, "false alerts"), [0.0]);
    let none = [&bid, &load, &fraud].map(|found| values(found, "requests without an answer"));
    assert_eq!(none, [[0.0], [0.0], [0.0]]);

    let stats = vencejo().args(["rule", "stats", "--connect", &engine.connect()]).output().unwrap();
    let stats = String::from_utf8_lossy(&stats.stdout).into_owned();
    assert!(stats.contains("of 2 alerts since the engine started"), "400 clicks with two floods\n{stats}");
}

#[test]
fn every_panic_of_a_fleet_raises_its_one_alert() {
    let engine = Engine::start_app(&root().join("apps/fleet"), &[]);
    let found = bench(&engine, &["fleet", "--vehicles", "50", "--panics", "50", "--connections", "1"]);
    assert_eq!(values(&found, "panics without an alert"), [0.0, 0.0], "{found}");
    assert_eq!(values(&found, "alerts besides"), [0.0, 0.0]);
    assert_eq!(values(&found, "requests without an answer"), [0.0; 4]);
    assert_eq!(found["parts"]["panics during it"]["answered"], 20);
}

#[test]
fn a_bench_of_another_app_says_so() {
    let engine = Engine::start_app(&root().join("apps/fleet"), &[]);
    for (bench, wanted) in [("fraud", "clicks_by_ip"), ("load", "impressions"), ("bid", "floor")] {
        let mut command = vencejo();
        command.args(["bench", bench, "--connect", &engine.connect()]);
        if bench == "load" {
            command.args(["--phase", "3"]);
        }
        let output = command.output().unwrap();
        assert_eq!(output.status.code(), Some(1));
        assert!(stderr(&output).contains(wanted), "{}", stderr(&output));
    }
}
