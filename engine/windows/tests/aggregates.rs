//! Each aggregate function as a text table, and merging: parts merged equal all at once.
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss,
    clippy::unwrap_used,
    reason = "a test counts little and may fail loudly"
)]

mod support;

use proptest::prelude::*;
use support::{Sink, alike, any_row, call, count_rows, every_call, text, values};
use vencejo_expr::{Type, Value};
use vencejo_types::limits::{
    APPROX_DISTINCT_EXACT_MAX, COUNT_DISTINCT_EXACT_MAX, DISTINCT_VALUES_MAX, VIEW_KEYS_MAX,
};
use vencejo_windows::spec::{AggregateCall, AggregateFunction as F, Aggregation, Grouping, Windowing};
use vencejo_windows::{GroupBy, Operator};

fn group(calls: Vec<AggregateCall>, grouping: Grouping) -> GroupBy {
    GroupBy::new(&Aggregation { key: Vec::new(), time: Some(0), grouping, calls, keys_max: VIEW_KEYS_MAX })
}

/// The aggregates over rows of time, x and a filter.
fn of(calls: Vec<AggregateCall>, rows: &str) -> String {
    let mut group = group(calls, Grouping::Running { ttl: None });
    let mut sink = Sink::default();
    // A first row makes the group; nothing counts it but COUNT(*).
    for row in rows.split(',') {
        _ = group.row(0, &values(row), &mut sink);
    }
    group.watermark(i64::MAX, &mut sink);
    sink.rows.pop().unwrap_or_default()
}

fn distinct(function: F, column_type: Type) -> AggregateCall {
    AggregateCall { distinct: true, ..call(function, 1, column_type) }
}

fn filtered(function: F, column_type: Type) -> AggregateCall {
    AggregateCall { filter: Some(2), ..call(function, 1, column_type) }
}

const MONEY: Type = Type::Decimal { precision: 10, scale: 2 };

/// Aggregates, rows, and what the aggregate of the rows is.
fn check_each(cases: &[(AggregateCall, &str, &str)]) {
    for &(aggregate, rows, expected) in cases {
        assert_eq!(of(vec![aggregate], rows), expected, "{aggregate:?} {rows}");
    }
}

#[test]
fn counts_sums_and_extremes() {
    use Type::{BigInt, Boolean, Double, String, Timestamp};
    check_each(&[
        (count_rows(), "1 -, 1 5", "2"),
        (call(F::Count, 1, BigInt), "1 -, 1 5", "1"),
        (call(F::Count, 1, String), "1 -", "0"),
        (call(F::Sum, 1, BigInt), "1 -, 1 5, 2 -7", "-2"),
        (call(F::Sum, 1, BigInt), "1 -", "-"),
        (call(F::Sum, 1, BigInt), "1 9223372036854775807, 2 1", "-"),
        (call(F::Sum, 1, BigInt), "1 9223372036854775807, 2 1, 3 -1", "9223372036854775807"),
        (call(F::Sum, 1, Double), "1 0.5, 1 -, 1 0.25", "0.75"),
        (call(F::Sum, 1, Double), "1 -", "-"),
        (call(F::Sum, 1, Double), "1 1.7e308, 2 1.7e308", "-"),
        (call(F::Avg, 1, BigInt), "1 5, 1 -, 1 4", "4"),
        (call(F::Avg, 1, BigInt), "1 -5, 1 -4", "-4"),
        (call(F::Avg, 1, BigInt), "1 9223372036854775807, 1 9223372036854775807", "9223372036854775807"),
        (call(F::Avg, 1, BigInt), "1 -", "-"),
        (call(F::Avg, 1, Double), "1 0.5, 1 1.0, 1 -", "0.75"),
        (call(F::Avg, 1, Double), "1 -", "-"),
        (call(F::Min, 1, BigInt), "1 5, 1 -9223372036854775808, 1 -", "-9223372036854775808"),
        (call(F::Max, 1, BigInt), "1 -5, 1 -6", "-5"),
        (call(F::Max, 1, BigInt), "1 -", "-"),
        (call(F::Min, 1, Double), "1 0.5, 1 -0.5", "-0.5"),
        (call(F::Max, 1, Double), "1 -0.5, 1 -", "-0.5"),
        (call(F::Min, 1, String), "1 b, 1 ab, 1 -, 1 abc", "ab"),
        (call(F::Max, 1, String), "1 b, 1 ab, 1 ''", "b"),
        (call(F::Max, 1, String), "1 -", "-"),
        (call(F::Max, 1, Boolean), "1 false, 1 true", "true"),
        (call(F::Min, 1, Timestamp), "1 40, 1 30", "30"),
    ]);
}

#[test]
fn spread_edges_distinct_values_and_sketches() {
    use Type::{BigInt, Boolean, Double, String};
    let ewma = F::Ewma { half_life: 10 };
    let median = F::ApproxPercentile { fraction: 0.5 };
    let top = F::ApproxTopK { k: 2 };
    check_each(&[
        (call(F::VarPop, 1, BigInt), "1 2, 1 4, 1 4, 1 4, 1 5, 1 5, 1 7, 1 9", "4.0"),
        (call(F::StddevPop, 1, Double), "1 2, 1 4, 1 4, 1 4, 1 5, 1 5, 1 7, 1 9", "2.0"),
        (call(F::VarSamp, 1, Double), "1 1.0, 1 3.0", "2.0"),
        (call(F::StddevSamp, 1, Double), "1 1.0", "-"),
        (call(F::VarPop, 1, Double), "1 1.0", "0.0"),
        (call(F::VarPop, 1, Double), "1 -", "-"),
        (call(F::FirstValue, 1, BigInt), "5 1, 3 2, 3 3, 2 -, 9 4", "2"),
        (call(F::LastValue, 1, BigInt), "5 1, 9 2, 9 3, 10 -, 1 4", "3"),
        (call(F::FirstValue, 1, String), "5 e, 3 x, 3 y", "x"),
        (call(F::LastValue, 1, String), "5 e, 3 x, 5 f", "f"),
        (call(F::LastValue, 1, String), "5 -", "-"),
        (call(F::FirstValue, 1, Boolean), "5 true, 6 false", "true"),
        (distinct(F::Count, BigInt), "1 5, 1 5, 1 -, 1 6", "2"),
        (distinct(F::Count, Double), "1 0.0, 1 -0.0, 1 0.5", "2"),
        (distinct(F::Count, String), "1 a, 1 a, 1 b, 1 ''", "3"),
        (distinct(F::Count, String), "1 -", "0"),
        (distinct(F::Sum, BigInt), "1 5, 1 5, 1 -, 1 6", "11"),
        (distinct(F::Avg, Double), "1 5.0, 1 5.0, 1 6.0", "5.5"),
        (distinct(F::Max, BigInt), "1 5, 1 5", "5"),
        (call(F::ApproxCountDistinct, 1, String), "1 a, 1 a, 1 b", "2"),
        (filtered(F::Count, BigInt), "1 5 true, 1 5 false, 1 5 -", "1"),
        (filtered(F::Sum, BigInt), "1 5 false", "-"),
        (AggregateCall { filter: Some(2), ..count_rows() }, "1 - true, 1 5 false", "1"),
        (
            AggregateCall { distinct: true, ..filtered(F::Count, BigInt) },
            "1 5 true, 1 5 true, 1 6 false",
            "1",
        ),
        (call(ewma, 1, Double), "0 4.0, 10 1.0", "2.0"),
        (call(ewma, 1, BigInt), "10 1, 0 4", "2.0"),
        (call(ewma, 1, BigInt), "10 -", "-"),
        (call(median, 1, BigInt), "1 7", "7.0"),
        (call(median, 1, BigInt), "1 -", "-"),
        (call(median, 1, Double), "1 1.0, 1 64.0, 1 100.0", "64.5"),
        (
            call(top, 1, String),
            "1 b, 1 a, 1 c, 1 c, 1 -",
            r#"[{"value":"c","count":2},{"value":"a","count":1}]"#,
        ),
        (call(top, 1, BigInt), "1 -7", r#"[{"value":-7,"count":1}]"#),
        (call(top, 1, Double), "1 0.5", r#"[{"value":0.5,"count":1}]"#),
        (call(F::Sum, 1, MONEY), "1 150, 1 -, 1 25", "175"),
        (call(F::Sum, 1, MONEY), "1 999999999999999999, 1 1", "-"),
        (call(F::Avg, 1, MONEY), "1 5, 1 6", "6"),
        (call(F::Avg, 1, MONEY), "1 -5, 1 -6", "-6"),
        (call(F::Avg, 1, MONEY), "1 1, 1 1, 1 2", "1"),
        (call(F::Max, 1, MONEY), "1 150, 1 25", "150"),
        (call(F::VarPop, 1, MONEY), "1 100, 1 300", "1.0"),
        (call(ewma, 1, MONEY), "0 400, 10 100", "2.0"),
        (call(median, 1, MONEY), "1 700", "7.0"),
        (call(top, 1, MONEY), "1 -705", r#"[{"value":-7.05,"count":1}]"#),
        (call(top, 1, Boolean), "1 true", r#"[{"value":true,"count":1}]"#),
        (call(top, 1, Boolean), "1 -", "-"),
    ]);
}

/// Rows of one value each, numbered from 0.
fn count_of(call: AggregateCall, count: usize) -> String {
    let mut group = group(vec![call], Grouping::Running { ttl: None });
    let mut sink = Sink::default();
    for number in 0..count {
        let name = format!("user-{number}");
        _ = group.row(0, &[Value::Int(0), Value::Str(&name)], &mut sink);
    }
    group.watermark(i64::MAX, &mut sink);
    sink.rows.pop().unwrap_or_default()
}

#[test]
fn distinct_counts_are_exact_up_to_their_bound_and_close_past_it() {
    let exact = [
        (distinct(F::Count, Type::String), COUNT_DISTINCT_EXACT_MAX),
        (call(F::ApproxCountDistinct, 1, Type::String), APPROX_DISTINCT_EXACT_MAX),
    ];
    for (call, bound) in exact {
        assert_eq!(count_of(call, bound), bound.to_string());
        for count in [bound + 1, 4 * bound] {
            let found: usize = count_of(call, count).parse().unwrap();
            assert_ne!(found, 0);
            // Four standard errors of 0.81 %.
            assert!(found.abs_diff(count) as f64 <= count as f64 * 0.0324, "{count} {found}");
        }
    }
}

#[test]
fn sums_of_too_many_distinct_values_are_null() {
    let mut group = group(vec![distinct(F::Sum, Type::BigInt)], Grouping::Running { ttl: None });
    let mut read = Vec::new();
    for number in 0..=DISTINCT_VALUES_MAX as i64 {
        _ = group.row(0, &[Value::Int(0), Value::Int(number)], &mut Sink::default());
        let (mut texts, mut row) = (vencejo_windows::Texts::default(), [Value::Null]);
        group.read(group.find(b"").unwrap().unwrap(), &mut texts, &mut row);
        read.push(text(&row));
    }
    let count = DISTINCT_VALUES_MAX as i64;
    assert_eq!(read[DISTINCT_VALUES_MAX - 1], (count * (count - 1) / 2).to_string());
    assert_eq!(read[DISTINCT_VALUES_MAX], "-");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// A HOP of many slices merges them; a TUMBLE of its size takes all rows at once.
    #[test]
    fn merged_slices_equal_one(rows in prop::collection::vec(any_row(), 1..60)) {
        let window = |windowing| Grouping::Window { windowing, lateness: 0, retention: 0 };
        let mut merged = group(every_call(), window(Windowing::Hop { size: 64, slide: 4, offset: 0 }));
        let mut gathered = group(every_call(), window(Windowing::Cumulate { size: 64, step: 4, offset: 0 }));
        let mut whole = group(every_call(), window(Windowing::Tumble { size: 64, offset: 0 }));
        let mut sinks = [Sink::default(), Sink::default(), Sink::default()];
        for row in &rows {
            let row = row.values();
            for (group, sink) in [&mut merged, &mut gathered, &mut whole].into_iter().zip(&mut sinks) {
                _ = group.row(0, &row, sink);
            }
        }
        for (group, sink) in [&mut merged, &mut gathered, &mut whole].into_iter().zip(&mut sinks) {
            group.watermark(i64::MAX, sink);
        }
        let whole = &sinks[2].rows[0];
        let merged = sinks[0].rows.iter().find(|row| row.starts_with("0 64 ")).unwrap();
        prop_assert!(alike(merged, whole, 1e-9), "{merged}\n{whole}");
        let gathered = sinks[1].rows.last().unwrap();
        prop_assert!(alike(gathered, whole, 1e-9), "{gathered}\n{whole}");
    }
}
