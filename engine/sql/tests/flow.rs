//! Queries and the plans they become, as `explain` shows them.
#![allow(clippy::panic, reason = "a test may fail loudly")]

use vencejo_sql::{explain, plan_app};

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
fn rules() {
    check(include_str!("../testdata/flow/rules.txt"));
}

#[test]
fn rule_errors() {
    check(include_str!("../testdata/flow/rule_errors.txt"));
}
