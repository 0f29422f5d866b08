//! Rules as tests write them, what the matcher makes of them, and a slow twin that says what it should.
#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::panic,
    clippy::cast_possible_wrap,
    reason = "each test file uses a part; a test may fail loudly"
)]

pub mod build;
pub mod notation;
pub mod random;
pub mod search;

use vencejo_expr::Value;
use vencejo_rules::spec::{Pattern, RowsPerMatch, Skip, VariableSet};
use vencejo_rules::{Match, Sink};

/// Columns of the rows of tests.
pub const TIME: usize = 0;
pub const KEY: usize = 1;
pub const X: usize = 2;
pub const FLAG: usize = 3;

/// A row: event time, key, a number, and whether the rule's filter lets it pass.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Row {
    pub time: i64,
    pub key: Option<i64>,
    pub x: Option<i64>,
    pub flag: bool,
}

impl Row {
    pub fn values(&self) -> [Value<'static>; 4] {
        let number = |number: Option<i64>| number.map_or(Value::Null, Value::Int);
        [Value::Int(self.time), number(self.key), number(self.x), Value::Bool(self.flag)]
    }
}

/// A row that a condition or a measure looks at.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Look {
    pub anchor: At,
    pub steps: u32,
}

/// Where a look begins; the number counts from the first or the last row of the variables.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum At {
    Current,
    First(VariableSet, u32),
    Last(VariableSet, u32),
}

/// A part of a condition; all parts must hold.
#[derive(Clone, Debug)]
pub enum Part {
    Below(i64),
    AtLeast(i64),
    Equals(i64),
    /// x is odd: a program over the row alone.
    Odd,
    /// x is greater than the x of another row.
    Above(Look),
    /// The sum of x over the variables' rows is less.
    SumBelow(VariableSet, i64),
    /// So many rows of the variables at most.
    CountAtMost(VariableSet, i64),
    /// So many different x in the variables' rows at most.
    DifferentAtMost(VariableSet, i64),
    /// Another row is mapped to another variable, or to none.
    IsNot(Look, u8),
    /// x differs from the least x of the variables' rows.
    NotLeast(VariableSet),
}

/// A column of what comes out.
#[derive(Clone, Copy, Debug)]
pub enum Measure {
    X(Look),
    FinalX(Look),
    Classifier(Look),
    Count(VariableSet),
    FinalSum(VariableSet),
    Sum(VariableSet),
    DistinctCount(VariableSet),
    Average(VariableSet),
    Number,
    RowTime,
    TimedOut,
}

/// A rule.
#[derive(Clone, Debug)]
pub struct Model {
    pub pattern: Pattern,
    pub variables: Vec<Vec<Part>>,
    pub filtered: bool,
    pub skip: Skip,
    pub within: Option<i64>,
    pub rows: RowsPerMatch,
    pub measures: Vec<Measure>,
    pub show_timeouts: bool,
}

pub const NAMES: [&str; 8] = ["A", "B", "C", "D", "E", "F", "G", "H"];

/// Writes down what comes out.
#[derive(Debug, Default)]
pub struct Lines(pub Vec<String>);

impl Sink for Lines {
    fn matched(&mut self, matched: &Match<'_>, row: &[Value<'_>]) {
        let rows: Vec<String> = matched
            .rows
            .iter()
            .map(|row| format!("{}{}", NAMES[usize::from(row.variable)], row.sequence))
            .collect();
        self.0.push(line(&Line {
            rule: matched.rule,
            key: text(matched.key[0]),
            span: (matched.first_sequence, matched.last_sequence),
            number: matched.number,
            timed_out: matched.timed_out,
            rows,
            output: row.iter().map(|&value| text(value)).collect(),
        }));
    }
}

/// What is written down of a match.
pub struct Line {
    pub rule: usize,
    pub key: String,
    pub span: (u64, u64),
    pub number: u64,
    pub timed_out: bool,
    pub rows: Vec<String>,
    pub output: Vec<String>,
}

pub fn line(line: &Line) -> String {
    let (rows, output) = (line.rows.join(" "), line.output.join(" "));
    let late = if line.timed_out { " timed out" } else { "" };
    let (first, last) = line.span;
    format!("rule {} key {} {first}-{last} #{}{late}: [{rows}] {output}", line.rule, line.key, line.number)
}

pub fn text(value: Value<'_>) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::Bool(truth) => truth.to_string(),
        Value::Int(number) => number.to_string(),
        Value::Double(number) => number.to_string(),
        Value::Str(text) => text.to_owned(),
    }
}
