//! Queries and the plans they become, as `explain` shows them.
#![allow(clippy::panic, reason = "a test may fail loudly")]

use vencejo_core::plan::flow::Operator;
use vencejo_sql::{explain, explain_memory, plan_app};
use vencejo_types::limits::VIEW_KEYS_MAX;

/// What every case finds declared.
const PRELUDE: &str = "
CREATE TABLE sales (at TIMESTAMP(3), amount DOUBLE, product STRING, shop STRING NOT NULL, pieces INT,
    WATERMARK FOR at AS at - INTERVAL '1' SECOND) PARTITIONED BY (shop);
CREATE TABLE views (vid STRING NOT NULL, ts TIMESTAMP(3) NOT NULL, page STRING NOT NULL, num BIGINT NOT NULL,
    WATERMARK FOR ts AS ts) PARTITIONED BY (vid);
CREATE TABLE clicks (vid STRING NOT NULL, ts TIMESTAMP(3) NOT NULL, price BIGINT, num BIGINT NOT NULL,
    WATERMARK FOR ts AS ts - INTERVAL '5' SECOND) PARTITIONED BY (vid);
CREATE TABLE untimed (k STRING, x INT);
";

/// The plan of a case without the streams that it does not read, or its errors.
fn planned(case: &str) -> String {
    let text = format!("{}\n{case}", PRELUDE.replace('\n', " "));
    let mut load = |_: &str| Err("not found".to_string());
    let mut lines = Vec::new();
    match plan_app("test", &text, &mut load) {
        Ok(plan) => {
            let reads = |line: &&str| !line.starts_with("stream ");
            lines.extend(explain(&plan.app).lines().filter(reads).map(str::to_string));
            lines.extend(plan.warnings.iter().map(|warning| format!("warning: {}", warning.message)));
        }
        Err(errors) => {
            for error in errors {
                let hint = error.hint.map_or(String::new(), |hint| format!(" | {hint}"));
                let place = format!("{}:{}", error.line.saturating_sub(1), error.column);
                lines.push(format!("error {place} {}{hint}", error.message));
            }
        }
    }
    lines.iter().map(|line| format!("  {line}\n")).collect()
}

/// Runs a table of texts and what they give; what differs is shown as the table has it.
fn check(table: &str) {
    let mut wrong = String::new();
    let (mut case, mut expected) = (String::new(), String::new());
    for line in table.lines().chain(["", "end"]) {
        if line.starts_with("  ") && !case.is_empty() && (line.trim_start() != line) && is_plan(line) {
            expected.push_str(&format!("{line}\n"));
            continue;
        }
        if !expected.is_empty() || line == "end" {
            let found = if case.trim().is_empty() { String::new() } else { planned(&case) };
            if found != expected {
                wrong.push_str(&format!("{case}{found}\n"));
            }
            case.clear();
            expected.clear();
        }
        if !line.is_empty() && !line.starts_with('#') {
            case.push_str(&format!("{line}\n"));
        }
    }
    assert!(wrong.is_empty(), "these cases give:\n{wrong}");
}

/// Lines of a plan begin with two spaces and a number or one of these words; SQL is indented by four or more.
fn is_plan(line: &str) -> bool {
    let rest = &line[2..];
    !rest.starts_with(' ')
}

#[test]
fn windows() {
    check(include_str!("../testdata/flow/windows.txt"));
}

#[test]
fn aggregates() {
    check(include_str!("../testdata/flow/aggregates.txt"));
}

#[test]
fn ranks_and_over() {
    check(include_str!("../testdata/flow/over.txt"));
}

#[test]
fn joins() {
    check(include_str!("../testdata/flow/joins.txt"));
}

#[test]
fn views() {
    check(include_str!("../testdata/flow/views.txt"));
}

#[test]
fn errors() {
    check(include_str!("../testdata/flow/errors.txt"));
}

#[test]
fn memory_is_told_by_aggregate_and_keys_have_a_limit() {
    let text = format!(
        "{PRELUDE}
        CREATE MATERIALIZED VIEW totals WITH ('ttl' = '1 d', 'max_keys' = '5000') AS
        SELECT shop, SUM(pieces) AS n, COUNT(DISTINCT product) AS products, MAX(product) AS last FROM sales GROUP BY shop;
        SELECT vid, COUNT(*) AS n FROM TABLE(SESSION(TABLE views PARTITION BY vid, DESCRIPTOR(ts), INTERVAL '5' MINUTES))
        GROUP BY vid, window_start, window_end;"
    );
    let plan = plan_app("test", &text, &mut |_| Err("not found".to_string())).expect("the app is valid");
    let expected = "\
1 totals: index 17, key 24, ttl 32, SUM(#1 BIGINT) 16, COUNT(DISTINCT #2 STRING) 8 and its values or a sketch, \
MAX(#2 STRING) 8 and a string
4 query_1: index 17, key 24, session 64, COUNT(*) 8
";
    assert_eq!(explain_memory(&plan.app), expected);
    let keys_max = |node: usize| match &plan.app.flow.nodes[node].operator {
        Operator::Aggregate(aggregation) => aggregation.keys_max,
        other => panic!("{other:?}"),
    };
    assert_eq!((keys_max(1), keys_max(4)), (5_000, VIEW_KEYS_MAX));
}

#[test]
fn rules() {
    check(include_str!("../testdata/flow/rules.txt"));
}

#[test]
fn rule_errors() {
    check(include_str!("../testdata/flow/rule_errors.txt"));
}
