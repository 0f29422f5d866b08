//! OVER: text tables, and every function in a frame against the same function over the frame's rows.
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss,
    clippy::unwrap_used,
    reason = "a test counts little and may fail loudly"
)]

mod support;

use proptest::prelude::*;
use support::{Sink, alike, any_row, call, check, count_rows, every_call};
use vencejo_expr::{Type, Value};
use vencejo_types::limits::VIEW_KEYS_MAX;
use vencejo_windows::spec::{
    AggregateCall, AggregateFunction as F, Aggregation, Frame, Grouping, OverAggregation,
};
use vencejo_windows::{GroupBy, Operator, Over};

/// Rows are time, key, value; COUNT(*) and SUM(value).
fn over(frame: Frame) -> Over {
    Over::new(&OverAggregation {
        key: vec![(1, Type::String)],
        time: 0,
        frame,
        calls: vec![count_rows(), call(F::Sum, 2, Type::BigInt)],
        input: vec![Type::Timestamp, Type::String, Type::BigInt],
    })
}

#[test]
fn range_looks_back_on_its_bounds() {
    let mut over = over(Frame::Range(Some(10)));
    check(
        &mut over,
        "20 a 1
         10 a 2
         15 b 4
         9 a 8
         20 a 16
         W 8
         W 15  => 9 a 8 1 8 | 10 a 2 2 10 | 15 b 4 1 4
         14 a 32
         W 20  => 20 a 1 3 19 | 20 a 16 3 19
         20 b 1 => 20 b 1 2 5
         20 a 2 => 20 a 2 4 21
         - a 1
         W 30
         30 a 1 => 30 a 1 4 20
         W 40
         W 41",
    );
    assert_eq!((over.late(), over.key_count()), (2, 0));
}

#[test]
fn rows_look_back_on_their_number() {
    check(
        &mut over(Frame::Rows(Some(1))),
        "1 a 1
         1 a 2
         2 a 4
         3 b 8
         W end => 1 a 1 1 1 | 1 a 2 2 3 | 2 a 4 2 6 | 3 b 8 1 8",
    );
    check(&mut over(Frame::Rows(Some(0))), "1 a 1\n 2 a 2\n W end => 1 a 1 1 1 | 2 a 2 1 2");
    check(&mut over(Frame::Rows(None)), "2 a 1\n 1 a 2\n W end => 1 a 2 1 2 | 2 a 1 2 3");
    check(
        &mut over(Frame::Range(None)),
        "1 a 1\n 1 a 2\n 5 a 4\n W end => 1 a 1 2 3 | 1 a 2 2 3 | 5 a 4 3 7",
    );
}

/// Runs the calls over all rows as one key.
fn frames(calls: &[AggregateCall], frame: Frame, rows: &[support::AnyRow]) -> Vec<String> {
    let input = vec![Type::Timestamp, Type::BigInt, Type::Double, Type::String, Type::Boolean];
    let mut over =
        Over::new(&OverAggregation { key: Vec::new(), time: 0, frame, calls: calls.to_vec(), input });
    let mut sink = Sink::default();
    for row in rows {
        _ = over.row(0, &row.values(), &mut sink);
    }
    over.watermark(i64::MAX, &mut sink);
    sink.rows
}

/// The calls over some rows at once.
fn at_once(calls: &[AggregateCall], rows: &[support::AnyRow]) -> String {
    let grouping = Grouping::Running { ttl: None };
    let mut group = GroupBy::new(&Aggregation {
        key: Vec::new(),
        time: Some(0),
        grouping,
        calls: calls.to_vec(),
        keys_max: VIEW_KEYS_MAX,
    });
    let mut sink = Sink::default();
    for row in rows {
        _ = group.row(0, &row.values(), &mut sink);
    }
    group.watermark(i64::MAX, &mut sink);
    sink.rows.remove(0)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn frames_equal_their_rows_at_once(
        rows in prop::collection::vec(any_row(), 1..50),
        bound in 0_usize..12,
        by_rows in any::<bool>(),
    ) {
        let mut rows = rows;
        rows.sort_by_key(|row| row.time);
        let frame = if by_rows { Frame::Rows(Some(bound as u64)) } else { Frame::Range(Some(bound as i64)) };
        let is_sketch = |call: &AggregateCall| matches!(call.function, F::ApproxPercentile { .. });
        let (sketches, exact): (Vec<_>, Vec<_>) = every_call().into_iter().partition(is_sketch);
        for (calls, tolerance) in [(exact, 1e-9), (sketches, 1.0 / 64.0)] {
            let found = frames(&calls, frame, &rows);
            for (at, found) in found.iter().enumerate() {
                let time = rows[at].time;
                let held: Vec<_> = if by_rows {
                    rows[at.saturating_sub(bound)..=at].to_vec()
                } else {
                    let in_range = |row: &&support::AnyRow| (time - bound as i64..=time).contains(&row.time);
                    rows.iter().filter(in_range).cloned().collect()
                };
                let expected = format!("{} {}", support::text(&rows[at].values()), at_once(&calls, &held));
                // A string with spaces stands in both.
                prop_assert!(alike(found, &expected, tolerance), "{found}\n{expected}");
            }
        }
    }
}

#[test]
fn a_long_frame_costs_no_more_per_row_than_a_short_one() {
    // Counted, not timed: memory is linear in the frame, and 100,000 rows with a frame of 50,000 end soon.
    let mut over = over(Frame::Rows(Some(50_000)));
    let mut sink = Sink::default();
    for number in 0..100_000 {
        sink.rows.clear();
        _ = over.row(0, &[Value::Int(number), Value::Str("a"), Value::Int(1)], &mut sink);
        over.watermark(number, &mut sink);
    }
    assert_eq!(sink.rows, ["99999 a 1 50001 50001"]);
    assert!(over.bytes() < 50_001 * 160, "{}", over.bytes());
}
