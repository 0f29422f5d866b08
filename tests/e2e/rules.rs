//! Rules through the binary: events in, alerts out.

use std::process::Output;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{json_lines, stderr, vencejo};

const SQL: &str = "
CREATE TABLE payments (
  card STRING NOT NULL, ts TIMESTAMP(3) NOT NULL, amount DECIMAL(9, 2), shop STRING, kind STRING,
  WATERMARK FOR ts AS ts - INTERVAL '5' SECOND
) PARTITIONED BY (card);

-- Three small payments within a minute, then a large one, is how stolen cards are tried.
CREATE RULE card_testing WITH ('severity' = 'critical', 'cooldown' = '10 min') AS
SELECT card, tries, large FROM payments MATCH_RECOGNIZE (
  PARTITION BY card ORDER BY ts
  MEASURES COUNT(SMALL.*) AS tries, LARGE.amount AS large
  PATTERN (SMALL{3,}? LARGE) WITHIN INTERVAL '1' MINUTE
  DEFINE SMALL AS kind = 'pay' AND amount < 2, LARGE AS kind = 'pay' AND amount > 100);

CREATE RULE broken_off WITH ('severity' = 'info') AS
SELECT * FROM payments MATCH_RECOGNIZE (
  PARTITION BY card ORDER BY ts MEASURES START_.ts AS started
  PATTERN (START_ NOT PAID) WITHIN INTERVAL '10' MINUTE
  DEFINE START_ AS kind = 'start', PAID AS kind = 'pay');

INSERT INTO dearer
SELECT * FROM payments MATCH_RECOGNIZE (
  PARTITION BY card ORDER BY ts
  MEASURES FIRST(A.amount) AS from_amount, LAST(A.amount) AS to_amount, COUNT(*) AS n, MATCH_ROWTIME() AS at
  PATTERN (A{3}) DEFINE A AS kind = 'pay' AND (PREV(amount) IS NULL OR amount > PREV(amount)));
";

/// Two cards between each other; the fourth payment of b comes before its third, and one far too late.
const EVENTS: &str = r#"{"card":"a","ts":"2024-03-01T10:00:00Z","amount":"1.00","kind":"pay"}
{"card":"b","ts":"2024-03-01T10:00:01Z","amount":"5.00","kind":"pay"}
{"card":"a","ts":"2024-03-01T10:00:02Z","amount":"1.50","kind":"pay"}
{"card":"b","ts":"2024-03-01T10:00:03Z","amount":"6.00","kind":"pay"}
{"card":"a","ts":"2024-03-01T10:00:04Z","amount":"0.50","kind":"pay"}
{"card":"b","ts":"2024-03-01T10:00:06Z","amount":"8.00","kind":"pay"}
{"card":"b","ts":"2024-03-01T10:00:05Z","amount":"7.00","kind":"pay"}
{"card":"a","ts":"2024-03-01T10:00:09Z","amount":"250.00","kind":"pay"}
{"card":"c","ts":"2024-03-01T10:01:00Z","kind":"start"}
{"card":"b","ts":"2024-03-01T10:00:20Z","amount":"9.00","kind":"pay"}
{"card":"d","ts":"2024-03-01T10:02:00Z","kind":"start"}
{"card":"d","ts":"2024-03-01T10:05:00Z","amount":"9.00","kind":"pay"}
{"card":"a","ts":"2024-03-01T10:05:01Z","amount":"1.00","kind":"pay"}
{"card":"a","ts":"2024-03-01T10:05:02Z","amount":"1.00","kind":"pay"}
{"card":"a","ts":"2024-03-01T10:05:03Z","amount":"1.00","kind":"pay"}
{"card":"a","ts":"2024-03-01T10:05:04Z","amount":"500.00","kind":"pay"}
{"card":"e","ts":"2024-03-01T10:12:00Z","kind":"browse"}
"#;

fn run(sql: &str, arguments: &[&str]) -> Output {
    run_over(EVENTS, sql, arguments)
}

fn run_over(events: &str, sql: &str, arguments: &[&str]) -> Output {
    let folder = TempDir::new().unwrap();
    // An alert's id depends on the app's name, which is that of its folder.
    std::fs::create_dir(folder.path().join("cards")).unwrap();
    std::fs::write(folder.path().join("cards/app.sql"), sql).unwrap();
    std::fs::write(folder.path().join("events.jsonl"), events).unwrap();
    vencejo().current_dir(folder.path()).args(arguments).output().unwrap()
}

#[test]
fn alerts_and_matches_come_out_of_a_run() {
    let arguments = ["run", "cards", "--input", "payments=events.jsonl", "--json"];
    let output = run(SQL, &arguments);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let lines = json_lines(&output.stdout);
    let of = |name: &str| lines.iter().filter(|line| line["output"] == name).collect::<Vec<&Value>>();
    // The three small payments and the large one; four minutes later the same card is still silent.
    let [testing] = of("card_testing")[..] else { panic!("{lines:?}") };
    assert_eq!(testing["row"], json!({"card": "a", "tries": 3, "large": 250.00}));
    assert_eq!(testing["alert"]["severity"], "critical");
    let sequences: Vec<u64> =
        testing["alert"]["sequences"].as_array().unwrap().iter().map(|s| s.as_u64().unwrap()).collect();
    // Ticks have places between those of the events.
    assert!(sequences.len() == 4 && sequences.is_sorted_by(|a, b| a < b), "{sequences:?}");
    // d paid, c did not: another card's event at 10:12 says that ten minutes are over.
    let [broken_off] = of("broken_off")[..] else { panic!("{lines:?}") };
    assert_eq!(broken_off["row"], json!({"card": "c", "started": "2024-03-01T10:01:00.000"}));
    // By event time b paid 5, 6, 7, 8; the payment of 10:00:20 came behind the watermark of 10:00:55.
    let dearer: Vec<&Value> = of("dearer").into_iter().map(|line| &line["row"]).collect();
    let row = json!({
        "card": "b", "from_amount": 5.00, "to_amount": 7.00, "n": 3, "at": "2024-03-01T10:00:05.000",
    });
    assert_eq!(dearer, [&row]);
    let summary: Value = serde_json::from_str(stderr(&output).trim()).unwrap();
    assert_eq!(summary["late"]["dearer"], 1);
    assert_eq!(summary["rules"]["card_testing"]["matches"], 2);
    assert_eq!(summary["rules"]["card_testing"]["suppressed"], 1);
    // The same again, ids and all.
    assert_eq!(run(SQL, &arguments).stdout, output.stdout);
}

#[test]
fn an_alert_is_explained_row_by_row() {
    let input = ["run", "cards", "--input", "payments=events.jsonl"];
    let output = run(SQL, &[&input[..], &["--explain", "card_testing"]].concat());
    let lines = json_lines(&output.stdout);
    let explained: Vec<&Value> = lines.iter().filter(|line| !line["explain"].is_null()).collect();
    let [testing] = explained[..] else { panic!("{lines:?}") };
    let rows = testing["explain"].as_array().unwrap();
    let variables: Vec<&str> = rows.iter().map(|row| row["variable"].as_str().unwrap()).collect();
    assert_eq!(variables, ["SMALL", "SMALL", "SMALL", "LARGE"]);
    assert_eq!(rows[3]["time"], "2024-03-01T10:00:09.000");
    let sequences: Vec<&Value> = rows.iter().map(|row| &row["sequence"]).collect();
    assert_eq!(sequences, testing["alert"]["sequences"].as_array().unwrap().iter().collect::<Vec<_>>());
    let unknown = run(SQL, &[&input[..], &["--explain", "card_test"]].concat());
    assert_eq!(unknown.status.code(), Some(1));
    assert!(
        stderr(&unknown).contains("has no rule 'card_test'; it has: card_testing, broken_off"),
        "{unknown:?}"
    );
}

/// What lacked to an alert: a row, time, more input, or silence.
#[test]
fn near_misses_are_explained() {
    let events = r#"{"card":"a","ts":"2024-03-01T10:00:00Z","amount":"1.00","kind":"pay"}
{"card":"a","ts":"2024-03-01T10:00:01Z","amount":"1.50","kind":"pay"}
{"card":"a","ts":"2024-03-01T10:00:02Z","amount":"1.50","kind":"pay"}
{"card":"a","ts":"2024-03-01T10:00:03Z","amount":"99.50","kind":"pay"}
{"card":"a","ts":"2024-03-01T10:00:04Z","amount":"0.50","kind":"pay"}
{"card":"b","ts":"2024-03-01T10:00:05Z","amount":"0.50","kind":"pay"}
{"card":"b","ts":"2024-03-01T10:00:06Z","amount":"0.50","kind":"pay"}
{"card":"e","ts":"2024-03-01T10:01:10Z","kind":"start"}
{"card":"e","ts":"2024-03-01T10:01:11Z","amount":"0.50","kind":"pay"}
"#;
    let near = |rule: &str| {
        let arguments = ["run", "cards", "--input", "payments=events.jsonl", "--explain", rule];
        let output = run_over(events, SQL, &arguments);
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        json_lines(&output.stdout)
            .into_iter()
            .filter(|line| line["near_miss"] == *rule)
            .collect::<Vec<Value>>()
    };
    let [a, b, e] = &near("card_testing")[..] else { panic!("three cards") };
    let large = json!([{"variable": "LARGE", "condition": "kind = 'pay' AND amount > 100"},
        {"variable": "SMALL", "condition": "kind = 'pay' AND amount < 2"}]);
    assert_eq!((&a["key"], &a["ended_by"], &a["waited_for"]), (&json!({"card": "a"}), &json!("row"), &large));
    let rows: Vec<&Value> = a["rows"].as_array().unwrap().iter().map(|row| &row["variable"]).collect();
    assert_eq!(rows, ["SMALL", "SMALL", "SMALL"]);
    assert_eq!(a["row"]["time"], "2024-03-01T10:00:03.000");
    assert_eq!(a["row"]["values"]["amount"], 99.50);
    let small = json!([{"variable": "SMALL", "condition": "kind = 'pay' AND amount < 2"}]);
    assert_eq!(
        (&b["key"], &b["ended_by"], &b["waited_for"]),
        (&json!({"card": "b"}), &json!("time"), &small)
    );
    assert_eq!((&e["key"], &e["ended_by"]), (&json!({"card": "e"}), &json!("end of the input")));
    let [e] = &near("broken_off")[..] else { panic!("one card") };
    let paid = json!([{"variable": "NOT PAID", "condition": "kind = 'pay'"}]);
    assert_eq!((&e["key"], &e["ended_by"], &e["waited_for"]), (&json!({"card": "e"}), &json!("row"), &paid));
    assert_eq!(e["row"]["values"]["kind"], "pay");
}

#[test]
fn rules_are_validated_and_explained() {
    let validated = run(SQL, &["app", "validate", "cards"]);
    let text = String::from_utf8(validated.stdout).unwrap();
    assert!(text.contains("rules card_testing (critical), broken_off (info)"), "{text}");
    let explained = run(SQL, &["app", "explain", "cards"]);
    let text = String::from_utf8(explained.stdout).unwrap();
    for part in ["as rows arrive, 2 rules", "SMALL{3,}? LARGE within 1 min", "#3 = 'pay', of 3 conditions"] {
        assert!(text.contains(part), "no '{part}' in: {text}");
    }
    let wrong = SQL.replace("PATTERN (SMALL{3,}? LARGE)", "PATTERN (SMAL{3,}? LARGE)");
    let refused = run(&wrong, &["app", "validate", "cards"]);
    assert_eq!(refused.status.code(), Some(78));
    let error = stderr(&refused);
    for part in ["app.sql:13:10: the pattern has no variable 'SMALL'", "did you mean 'SMAL'?"] {
        assert!(error.contains(part), "no '{part}' in: {error}");
    }
}
