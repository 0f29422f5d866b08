//! Operators driven by text: what goes in and what comes out, line by line.
#![allow(dead_code, reason = "each test file uses some of it")]
#![allow(clippy::panic, clippy::unwrap_used, reason = "a test may fail loudly")]

pub mod image;

use std::fmt::Write as _;

use proptest::prelude::*;
use vencejo_expr::{Type, Value};
use vencejo_windows::spec::{AggregateCall, AggregateFunction, AggregateFunction as F, Windowing};
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

/// Every function over a BIGINT, a DOUBLE and a STRING column (1, 2, 3), where it takes it.
pub fn every_call() -> Vec<AggregateCall> {
    let mut calls = vec![count_rows()];
    for (column, column_type) in [(1, Type::BigInt), (2, Type::Double), (3, Type::String)] {
        let anything = [
            F::Count,
            F::Min,
            F::Max,
            F::FirstValue,
            F::LastValue,
            F::ApproxCountDistinct,
            F::ApproxTopK { k: 3 },
        ];
        let numbers = [
            F::Sum,
            F::Avg,
            F::StddevPop,
            F::StddevSamp,
            F::VarPop,
            F::VarSamp,
            F::ApproxPercentile { fraction: 0.3 },
            F::Ewma { half_life: 7 },
        ];
        let numbers = numbers.into_iter().filter(|_| column_type != Type::String);
        for function in anything.into_iter().chain(numbers) {
            let plain = call(function, column, column_type);
            calls.push(plain);
            calls.push(AggregateCall { distinct: true, ..plain });
            calls.push(AggregateCall { filter: Some(4), ..plain });
        }
    }
    calls
}

/// Whether two rows say the same, numbers up to a part.
pub fn alike(left: &str, right: &str, tolerance: f64) -> bool {
    let alike = |(left, right): (&str, &str)| match (left.parse::<f64>(), right.parse::<f64>()) {
        _ if left == right => true,
        (Ok(left), Ok(right)) => (left - right).abs() <= tolerance * (1.0 + left.abs()),
        _ => false,
    };
    left.split(' ').count() == right.split(' ').count() && left.split(' ').zip(right.split(' ')).all(alike)
}

/// A row of event time, BIGINT, DOUBLE, STRING and BOOLEAN.
#[derive(Clone, Debug, Default)]
pub struct AnyRow {
    pub time: i64,
    pub number: Option<i64>,
    pub double: Option<f64>,
    pub string: Option<String>,
    pub truth: Option<bool>,
}

impl AnyRow {
    pub fn values(&self) -> [Value<'_>; 5] {
        [
            Value::Int(self.time),
            self.number.map_or(Value::Null, Value::Int),
            self.double.map_or(Value::Null, Value::Double),
            self.string.as_deref().map_or(Value::Null, Value::Str),
            self.truth.map_or(Value::Null, Value::Bool),
        ]
    }
}

/// Rows in the first 64 ms.
pub fn any_row() -> impl Strategy<Value = AnyRow> {
    let number = prop::option::weighted(0.9, -20_i64..20);
    let double = prop::option::weighted(0.9, (-40_i32..40).prop_map(|x| f64::from(x) / 8.0));
    let string = prop::option::weighted(0.9, "[ab]{0,3}|a long string of more than nineteen bytes");
    (0_i64..64, number, double, string, any::<Option<bool>>())
        .prop_map(|(time, number, double, string, truth)| AnyRow { time, number, double, string, truth })
}

/// TUMBLE, HOP or CUMULATE of lengths below these, with an offset that is no farther from 0.
pub fn sliced(size: i64, step: i64, steps: i64, offset: i64) -> impl Strategy<Value = Windowing> {
    let stepped = || (1..step, 1..steps, -offset..offset);
    prop_oneof![
        (1..size, -offset..offset).prop_map(|(size, offset)| Windowing::Tumble { size, offset }),
        stepped().prop_map(|(slide, count, offset)| Windowing::Hop { size: slide * count, slide, offset }),
        stepped().prop_map(|(step, count, offset)| Windowing::Cumulate { size: step * count, step, offset }),
    ]
}
