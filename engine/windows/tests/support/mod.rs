//! Operators driven by text: what goes in and what comes out, line by line.
#![allow(dead_code, reason = "each test file uses some of it")]
#![allow(clippy::panic, clippy::unwrap_used, reason = "a test may fail loudly")]

use std::fmt::Write as _;

use vencejo_expr::{Type, Value};
use vencejo_windows::spec::{AggregateCall, AggregateFunction};
use vencejo_windows::{Downstream, Operator};

/// Collects rows as text; lets pairs through where `holds` says so.
#[derive(Default)]
pub struct Sink {
    pub rows: Vec<String>,
    pub holds: Option<fn(&[Value<'_>]) -> bool>,
}

impl Downstream for Sink {
    fn emit(&mut self, row: &[Value<'_>]) {
        self.rows.push(text(row));
    }

    fn holds(&mut self, pair: &[Value<'_>]) -> bool {
        self.holds.is_none_or(|holds| holds(pair))
    }
}

/// A row as text: `-` is NULL.
pub fn text(row: &[Value<'_>]) -> String {
    let mut out = String::new();
    for (at, value) in row.iter().enumerate() {
        let space = if at == 0 { "" } else { " " };
        match value {
            Value::Null => write!(out, "{space}-"),
            Value::Bool(truth) => write!(out, "{space}{truth}"),
            Value::Int(number) => write!(out, "{space}{number}"),
            Value::Double(number) => write!(out, "{space}{number:?}"),
            Value::Str(text) => write!(out, "{space}{text}"),
        }
        .unwrap();
    }
    out
}

/// The values that words are.
pub fn values(words: &str) -> Vec<Value<'_>> {
    let value = |word| match word {
        "-" => Value::Null,
        "true" => Value::Bool(true),
        "false" => Value::Bool(false),
        "''" => Value::Str(""),
        word => match (word.parse::<i64>(), word.parse::<f64>()) {
            (Ok(number), _) => Value::Int(number),
            (_, Ok(number)) if word.contains('.') => Value::Double(number),
            _ => Value::Str(word),
        },
    };
    words.split_whitespace().map(value).collect()
}

/// Runs a script: a line is a row (`R` in front for the right side of a join), `W time` or `W end` for a
/// watermark, or `T micros` for engine time; behind `=>` stand the rows that come out, with `|` between them.
pub fn check(operator: &mut dyn Operator, script: &str) {
    check_with(operator, Sink::default(), script);
}

pub fn check_with(operator: &mut dyn Operator, mut sink: Sink, script: &str) {
    for line in script.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let (step, expected) = line.split_once("=>").unwrap_or((line, ""));
        sink.rows.clear();
        match step.trim().split_once(' ').unwrap_or((step.trim(), "")) {
            ("W", "end") => operator.watermark(i64::MAX, &mut sink),
            ("W", time) => operator.watermark(time.trim().parse().unwrap(), &mut sink),
            ("T", micros) => operator.tick(micros.trim().parse().unwrap(), &mut sink),
            ("R", row) => _ = operator.row(1, &values(row), &mut sink),
            _ => _ = operator.row(0, &values(step), &mut sink),
        }
        let expected: Vec<&str> = expected.split('|').map(str::trim).filter(|row| !row.is_empty()).collect();
        assert_eq!(sink.rows, expected, "after {step:?}");
    }
}

/// A call of a function over a column.
pub fn call(function: AggregateFunction, column: usize, column_type: Type) -> AggregateCall {
    AggregateCall { function, argument: Some((column, column_type)), distinct: false, filter: None }
}

/// `COUNT(*)`.
pub fn count_rows() -> AggregateCall {
    AggregateCall { function: AggregateFunction::CountRows, argument: None, distinct: false, filter: None }
}

/// Numbers that look random and are the same every time.
pub struct Dice(pub u64);

impl Dice {
    pub fn throw(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }
}
