//! `vencejo alert`: what rules have raised is listed, acknowledged and resolved, over any end of the engine.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Output, Stdio};

use rustix::process::Signal;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{Engine, json_lines, stderr, vencejo};

const SQL: &str = "
CREATE TABLE payments (card STRING NOT NULL, amount BIGINT NOT NULL, ts TIMESTAMP(3) NOT NULL,
  WATERMARK FOR ts AS ts - INTERVAL '5' SECOND) PARTITIONED BY (card);

CREATE RULE twice WITH ('severity' = 'critical') AS
SELECT card, amount FROM payments MATCH_RECOGNIZE (
  PARTITION BY card ORDER BY ts MEASURES LAST(B.amount) AS amount
  PATTERN (A B) DEFINE A AS amount > 100, B AS amount > 100);

CREATE RULE dear AS
SELECT card, amount FROM payments MATCH_RECOGNIZE (
  PARTITION BY card ORDER BY ts MEASURES A.amount AS amount
  PATTERN (A) DEFINE A AS amount > 1000);
";

fn app() -> (TempDir, PathBuf) {
    let folder = TempDir::new().unwrap();
    let app = folder.path().join("cards");
    fs::create_dir(&app).unwrap();
    fs::write(app.join("app.sql"), SQL).unwrap();
    (folder, app)
}

/// Hands over one payment of each of these cards.
fn pay(engine: &Engine, second: u32, amount: u32, cards: std::ops::Range<u32>) {
    let mut rows = String::new();
    for card in cards {
        writeln!(rows, r#"{{"card":"c{card}","amount":{amount},"ts":"2024-03-01T10:00:{second:02}Z"}}"#)
            .unwrap();
    }
    let file = engine.data.path().join("rows.jsonl");
    fs::write(&file, rows).unwrap();
    let mut command = vencejo();
    command.args(["ingest", "payments"]).arg(&file);
    let output = command.args(["--ack", "journaled", "--connect", &engine.connect()]).output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
}

fn alert(engine: &Engine, arguments: &[&str]) -> Output {
    vencejo().arg("alert").args(arguments).args(["--connect", &engine.connect()]).output().unwrap()
}

fn list(engine: &Engine, arguments: &[&str]) -> Vec<Value> {
    let output = alert(engine, &[&["list"], arguments].concat());
    assert!(output.status.success(), "{}", stderr(&output));
    json_lines(&output.stdout)
}

/// Per id the rest of each alert.
fn by_id(alerts: &[Value]) -> BTreeMap<String, Value> {
    alerts.iter().map(|alert| (id(alert), alert.clone())).collect()
}

fn id(alert: &Value) -> String {
    alert["id"].as_str().unwrap().to_owned()
}

#[test]
fn alerts_keep_their_state_when_the_engine_is_killed_and_none_is_raised_twice() {
    let (_folder, app) = app();
    let mut engine = Engine::start_app(&app, &["--partitions", "4"]);
    pay(&engine, 1, 200, 0..20);
    assert_eq!(list(&engine, &[]), Vec::<Value>::new());
    pay(&engine, 2, 300, 0..10);
    let raised = list(&engine, &["--rule", "twice", "--state", "open", "--severity", "critical"]);
    assert_eq!(raised.len(), 10);
    assert_eq!(by_id(&raised).len(), 10, "ids differ");
    assert!(
        raised
            .iter()
            .all(|alert| alert["row"]["amount"] == 300 && alert["sequences"].as_array().unwrap().len() == 2)
    );

    let (first, second) = (id(&raised[0]), id(&raised[1]));
    let done = alert(&engine, &["ack", &first, &second, "--json"]);
    assert!(done.status.success(), "{}", stderr(&done));
    let outcomes: Vec<_> = json_lines(&done.stdout).iter().map(|it| it["outcome"].clone()).collect();
    assert_eq!(outcomes, [json!("acknowledged"), json!("acknowledged")]);
    assert!(alert(&engine, &["resolve", &second]).status.success());
    let before = by_id(&list(&engine, &[]));
    assert_eq!(
        (before[&first]["state"].as_str(), before[&second]["state"].as_str()),
        (Some("acknowledged"), Some("resolved"))
    );

    for second in 10..13 {
        // What was answered is on disk: no orderly end is needed.
        engine.signal(Signal::KILL);
        engine.wait();
        engine = Engine::start_app_in(&app, engine.into_data(), "127.0.0.1:0");
        let after = by_id(&list(&engine, &[]));
        for (id, alert) in &before {
            assert_eq!(after.get(id), Some(alert));
        }
        assert_eq!(after.len(), before.len() + (second as usize - 10), "none is raised twice");
        // The second payment of a card whose first one came before the kill.
        pay(&engine, second, 400, second..second + 1);
    }
    let cards: BTreeSet<_> = list(&engine, &[]).iter().map(|it| it["row"]["card"].to_string()).collect();
    assert_eq!(cards.len(), 13);
}

#[test]
fn lists_are_narrowed_down() {
    let (_folder, app) = app();
    let engine = Engine::start_app(&app, &["--partitions", "3"]);
    pay(&engine, 1, 2000, 0..8);
    pay(&engine, 2, 3000, 0..4);
    assert_eq!(list(&engine, &[]).len(), 16);
    assert_eq!(list(&engine, &["--rule", "dear"]).len(), 12);
    assert_eq!(list(&engine, &["--severity", "info"]).len(), 0);
    let of_card = list(&engine, &["--key", "card=c3", "--key", "amount=3000", "--rule", "dear"]);
    assert_eq!(of_card.len(), 1);
    assert_eq!(of_card[0]["row"], json!({"card": "c3", "amount": 3000}));
    assert_eq!(list(&engine, &["--key", "card=nobody"]).len(), 0);
    let few = alert(&engine, &["list", "--limit", "5"]);
    let newest: Vec<i64> =
        json_lines(&few.stdout).iter().map(|it| it["raised_micros"].as_i64().unwrap()).collect();
    assert_eq!(newest.len(), 5);
    assert!(newest.is_sorted_by(|a, b| a >= b), "{newest:?}");
    assert!(stderr(&few).contains("there are more"), "{}", stderr(&few));
}

#[test]
fn what_cannot_be_done_is_said() {
    let (_folder, app) = app();
    let engine = Engine::start_app(&app, &[]);
    pay(&engine, 1, 2000, 0..1);
    let known = id(&list(&engine, &[])[0]);
    let both = alert(&engine, &["ack", "00000000000000ff", &known]);
    assert_eq!(both.status.code(), Some(1));
    assert!(stderr(&both).contains("no alert has the id 00000000000000ff"), "{}", stderr(&both));
    assert_eq!(list(&engine, &["--state", "acknowledged"]).len(), 1, "the other is changed all the same");
    assert!(alert(&engine, &["resolve", &known]).status.success());
    let again = alert(&engine, &["resolve", &known]);
    assert!(
        again.status.success() && String::from_utf8_lossy(&again.stdout).contains("was resolved already")
    );
    for (arguments, code, expected) in [
        (&["ack", known.as_str()][..], 1, "is resolved, so there is nothing to acknowledge"),
        (&["ack", "xyz"], 2, "16 hexadecimal digits"),
        (&["ack"], 2, "required"),
        (&["list", "--rule", "twize"], 1, "twice"),
        (&["list", "--state", "shut"], 1, "an alert has no state 'shut'; there are open"),
        (&["list", "--severity", "critcal"], 1, "critical"),
        (&["list", "--key", "crd=1"], 1, "card"),
        (&["list", "--key", "card"], 2, "COLUMN=VALUE"),
    ] {
        let output = alert(&engine, arguments);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {}", stderr(&output));
        assert!(stderr(&output).contains(expected), "{arguments:?}: {}", stderr(&output));
    }
}

#[test]
fn rules_tell_what_they_have_counted() {
    let (_folder, app) = app();
    let engine = Engine::start_app(&app, &["--partitions", "3"]);
    pay(&engine, 1, 200, 0..8);
    pay(&engine, 2, 2000, 0..3);
    let stats = |arguments: &[&str]| {
        let mut command = vencejo();
        command.args(["rule", "stats", "--connect", &engine.connect()]).args(arguments).output().unwrap()
    };
    let rules = json_lines(&stats(&["--json"]).stdout);
    let of = |name: &str| rules.iter().find(|rule| rule["rule"] == name).unwrap();
    assert_eq!(rules.len(), 2);
    assert_eq!((&of("dear")["matches"], &of("dear")["open"]), (&json!(3), &json!(0)));
    assert_eq!((&of("twice")["matches"], &of("twice")["open"]), (&json!(3), &json!(5)));
    assert_eq!(of("twice")["events"], 11);
    assert!(String::from_utf8_lossy(&stats(&[]).stdout).contains("suppressed"));
}

#[test]
fn alerts_are_followed_as_they_are_raised() {
    let (_folder, app) = app();
    let engine = Engine::start_app(&app, &["--partitions", "3"]);
    let tap = |name: &str, limit: &str| {
        let mut command = vencejo();
        command.args(["tap", name, "--limit", limit, "--connect", &engine.connect()]);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        // It follows once it says so.
        let mut line = String::new();
        BufReader::new(child.stderr.take().unwrap()).read_line(&mut line).unwrap();
        assert!(line.starts_with("following"), "{line}");
        child
    };
    let taps = [tap("alerts", "5"), tap("dear", "2")];
    pay(&engine, 1, 200, 0..3);
    pay(&engine, 2, 2_000, 1..3);
    pay(&engine, 3, 300, 0..1);
    let [all, dear] = taps.map(|tap| tap.wait_with_output().unwrap());
    assert!(all.status.success() && dear.status.success());
    let (all, dear) = (json_lines(&all.stdout), json_lines(&dear.stdout));
    assert!(dear.iter().all(|line| line["output"] == "dear"), "{dear:?}");
    let listed = by_id(&list(&engine, &["--json"]));
    let ids = |lines: &[Value]| lines.iter().map(|line| id(&line["alert"])).collect::<BTreeSet<_>>();
    assert_eq!(ids(&all), listed.keys().cloned().collect());
    for line in &all {
        let kept = &listed[&id(&line["alert"])];
        assert_eq!(line["output"], kept["rule"]);
        assert_eq!(line["alert"]["severity"], kept["severity"]);
        assert_eq!(line["alert"]["sequences"], kept["sequences"]);
        assert_eq!(line["row"], kept["row"]);
    }
}

#[test]
fn a_changed_rule_is_tried_over_what_has_happened() {
    let (folder, app) = app();
    let mut engine = Engine::start_app(&app, &["--partitions", "3"]);
    pay(&engine, 1, 200, 0..10);
    pay(&engine, 2, 300, 0..6);
    let listed = list(&engine, &["--rule", "twice", "--json"]);
    assert_eq!(listed.len(), 6);
    // An app goes by its folder's name.
    let changed = folder.path().join("changed/cards");
    fs::create_dir_all(&changed).unwrap();
    let sql = SQL.replace("DEFINE A AS amount > 1000)", "DEFINE A AS amount > 250)");
    fs::write(changed.join("app.sql"), sql).unwrap();
    let backtest = |app: &PathBuf, data: &TempDir, arguments: &[&str]| {
        let mut command = vencejo();
        command.args(["rule", "backtest"]).arg(app).arg("--data").arg(data.path());
        let output = command.args(arguments).output().unwrap();
        (output.status.code(), json_lines(&output.stdout), stderr(&output).to_owned())
    };
    // While the engine serves, and from the app as it is the same alerts come.
    let (code, twice, said) = backtest(&app, &engine.data, &["--rule", "twice"]);
    assert_eq!((code, twice.len()), (Some(0), 6), "{said}");
    let ids = |lines: &[Value]| lines.iter().map(|line| id(&line["alert"])).collect::<BTreeSet<_>>();
    assert_eq!(ids(&twice), listed.iter().map(id).collect());
    let (_, dear, said) = backtest(&changed, &engine.data, &["--rule", "dear"]);
    assert!(dear.len() == 6 && dear.iter().all(|line| line["row"]["amount"] == 300), "{dear:?}");
    assert!(said.starts_with("6 alerts over "), "{said}");
    // Nothing of it has been raised.
    assert_eq!(list(&engine, &["--json"]).len(), 6);
    engine.signal(Signal::TERM);
    engine.wait();
    let data = engine.into_data();
    for (app, arguments, code, text) in [
        (&app, ["--rule", "twic"], Some(1), "has no rule 'twic'"),
        (&folder.path().join("none"), ["--rule", "twice"], Some(78), "none"),
    ] {
        let (found, _, said) = backtest(app, &data, &arguments);
        assert!(found == code && said.contains(text), "{found:?} {said}");
    }
}
