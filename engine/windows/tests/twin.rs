//! Windows, OVER and joins against slow twins that see all rows at once: any interleaving within the
//! watermark's bound gives what the definition gives.
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss,
    clippy::unwrap_used,
    reason = "a test counts little and may fail loudly"
)]

mod support;

use std::collections::BTreeMap;

use proptest::prelude::*;
use support::{Sink, call, count_rows};
use vencejo_expr::{Type, Value};
use vencejo_types::limits::VIEW_KEYS_MAX;
use vencejo_windows::spec::{
    AggregateCall, AggregateFunction as F, Aggregation, Assignment, Frame, Grouping, IntervalJoin, JoinKind,
    JoinSide, OverAggregation, Windowing,
};
use vencejo_windows::watermark::BoundedDelay;
use vencejo_windows::{Assigner, GroupBy, Join, Operator, Over};

/// Event time, key, value.
type Row = (i64, i64, Option<i64>);

/// How far rows are out of order at most, and the watermark's delay: a row's time is at least 2 ms past the
/// watermark, so that it touches no session that has closed.
const DISORDER: i64 = 40;
const DELAY: i64 = DISORDER + 2;

/// Rows in some order of arrival. A row is given a lag, and rows arrive by time plus lag.
fn rows() -> impl Strategy<Value = Vec<Row>> {
    let gap = prop_oneof![8 => 0_i64..8, 2 => 8_i64..60, 1 => Just(1_000_000_000)];
    let row = (gap, 0_i64..4, prop::option::weighted(0.9, -9_i64..10), 0_i64..=DISORDER);
    (prop::collection::vec(row, 0..60), -100_i64..100).prop_map(|(rows, mut time)| {
        let mut rows: Vec<(i64, Row)> = rows
            .into_iter()
            .map(|(gap, key, value, lag)| {
                time += gap;
                (time + lag, (time, key, value))
            })
            .collect();
        rows.sort_by_key(|&(arrival, _)| arrival);
        rows.into_iter().map(|(_, row)| row).collect()
    })
}

fn values((time, key, value): Row) -> [Value<'static>; 3] {
    [Value::Int(time), Value::Int(key), value.map_or(Value::Null, Value::Int)]
}

/// Feeds rows and their watermarks; what comes out, in order.
fn run(operator: &mut dyn Operator, rows: &[Row]) -> Vec<String> {
    let (mut sink, mut stream) = (Sink::default(), BoundedDelay::new(DELAY));
    for &row in rows {
        _ = operator.row(0, &values(row), &mut sink);
        if let Some(watermark) = stream.see(row.0) {
            operator.watermark(watermark, &mut sink);
        }
    }
    operator.watermark(i64::MAX, &mut sink);
    assert_eq!((operator.late(), operator.refused()), (0, 0));
    sink.rows
}

fn sorted(mut rows: Vec<String>) -> Vec<String> {
    rows.sort();
    rows
}

/// COUNT(*), COUNT, SUM, MIN, MAX, COUNT(DISTINCT) of values, as text.
fn twin_aggregates(values: &[Option<i64>]) -> String {
    let some: Vec<i64> = values.iter().copied().flatten().collect();
    let text = |value: Option<i64>| value.map_or("-".to_owned(), |value| value.to_string());
    let sum = (!some.is_empty()).then(|| some.iter().sum());
    let mut distinct = some.clone();
    distinct.sort_unstable();
    distinct.dedup();
    let (least, greatest) = (some.iter().min().copied(), some.iter().max().copied());
    let (rows, count) = (values.len(), some.len());
    format!("{rows} {count} {} {} {} {}", text(sum), text(least), text(greatest), distinct.len())
}

fn calls() -> Vec<AggregateCall> {
    let of = |function| call(function, 2, Type::BigInt);
    let distinct = AggregateCall { distinct: true, ..of(F::Count) };
    vec![count_rows(), of(F::Count), of(F::Sum), of(F::Min), of(F::Max), distinct]
}

/// The windows of a row, from their definition.
fn twin_windows(windowing: Windowing, time: i64) -> Vec<(i64, i64)> {
    let every = |step: i64, offset: i64| {
        (-200..=200).map(move |n| (time - offset).div_euclid(step) * step + offset + n * step)
    };
    let windows: Vec<(i64, i64)> = match windowing {
        Windowing::Tumble { size, offset } => {
            every(size, offset).map(|start| (start, start + size)).collect()
        }
        Windowing::Hop { size, slide, offset } => {
            every(slide, offset).map(|start| (start, start + size)).collect()
        }
        Windowing::Cumulate { size, step, offset } => every(size, offset)
            .flat_map(|start| (1..=size / step).map(move |n| (start, start + n * step)))
            .collect(),
        Windowing::Session { .. } => Vec::new(),
    };
    windows.into_iter().filter(|&(start, end)| (start..end).contains(&time)).collect()
}

/// Groups by key and window.
fn twin_groups(windowing: Windowing, rows: &[Row]) -> BTreeMap<(i64, i64, i64), Vec<Row>> {
    let mut groups = BTreeMap::<(i64, i64, i64), Vec<Row>>::new();
    let Windowing::Session { gap } = windowing else {
        for &row in rows {
            for (start, end) in twin_windows(windowing, row.0) {
                groups.entry((row.1, start, end)).or_default().push(row);
            }
        }
        return groups;
    };
    let mut rows = rows.to_vec();
    rows.sort_by_key(|row| row.0);
    for key in 0..4 {
        let mut session: Vec<Row> = Vec::new();
        for row in rows.iter().filter(|row| row.1 == key).copied().chain([(i64::MAX, key, None)]) {
            if let (Some(first), Some(last)) = (session.first(), session.last())
                && last.0 + gap < row.0
            {
                groups.insert((key, first.0, last.0 + gap), std::mem::take(&mut session));
            }
            session.push(row);
        }
    }
    groups
}

fn windowing() -> impl Strategy<Value = Windowing> {
    prop_oneof![
        3 => support::sliced(50, 20, 6, 60),
        1 => (1_i64..30).prop_map(|gap| Windowing::Session { gap }),
    ]
}

proptest! {
    #[test]
    fn groups_of_windows(rows in rows(), windowing in windowing()) {
        let grouping = Grouping::Window { windowing, lateness: 0, retention: 0 };
        let (key, time) = (vec![(1, Type::BigInt)], Some(0));
        let spec = Aggregation { key, time, grouping, calls: calls(), keys_max: VIEW_KEYS_MAX };
        let mut groups = GroupBy::new(&spec);
        let found = run(&mut groups, &rows);
        let ends: Vec<i64> = found.iter().map(|row| row.split(' ').nth(2).unwrap().parse().unwrap()).collect();
        prop_assert!(ends.is_sorted() || matches!(windowing, Windowing::Session { .. }), "{found:?}");
        prop_assert_eq!(groups.key_count(), 0);
        let expected = twin_groups(windowing, &rows).into_iter().map(|((key, start, end), rows)| {
            let values: Vec<Option<i64>> = rows.iter().map(|row| row.2).collect();
            format!("{key} {start} {end} {} {}", end - 1, twin_aggregates(&values))
        });
        prop_assert_eq!(sorted(found), sorted(expected.collect()));
    }

    #[test]
    fn rows_with_their_windows(rows in rows(), windowing in windowing()) {
        let input = vec![Type::Timestamp, Type::BigInt, Type::BigInt];
        let key = vec![(1, Type::BigInt)];
        let mut assigner = Assigner::new(&Assignment { windowing, time: 0, key, input });
        let found = run(&mut assigner, &rows);
        let expected = twin_groups(windowing, &rows).into_iter().flat_map(|((_, start, end), rows)| {
            rows.into_iter().map(move |row| format!("{} {start} {end} {}", support::text(&values(row)), end - 1))
        });
        prop_assert_eq!(sorted(found), sorted(expected.collect()));
    }

    #[test]
    fn over_frames(rows in rows(), bound in prop::option::of(0_i64..30), by_rows in any::<bool>()) {
        let frame = if by_rows { Frame::Rows(bound.map(i64::cast_unsigned)) } else { Frame::Range(bound) };
        let mut over = Over::new(&OverAggregation {
            key: vec![(1, Type::BigInt)],
            time: 0,
            frame,
            calls: calls(),
            input: vec![Type::Timestamp, Type::BigInt, Type::BigInt],
        });
        let found = run(&mut over, &rows);
        let mut ordered = rows.clone();
        ordered.sort_by_key(|row| row.0);
        let mut expected = Vec::new();
        for (at, &row) in ordered.iter().enumerate() {
            let before: Vec<Row> = ordered
                .iter()
                .enumerate()
                .filter(|&(other, held)| {
                    held.1 == row.1 && if by_rows { other <= at } else { held.0 <= row.0 }
                })
                .map(|(_, &held)| held)
                .collect();
            let held: Vec<Option<i64>> = match (by_rows, bound) {
                (_, None) => before.iter().map(|held| held.2).collect(),
                (true, Some(count)) => {
                    before.iter().rev().take(count as usize + 1).map(|held| held.2).collect()
                }
                (false, Some(range)) => {
                    before.iter().filter(|held| held.0 >= row.0 - range).map(|held| held.2).collect()
                }
            };
            expected.push(format!("{} {}", support::text(&values(row)), twin_aggregates(&held)));
        }
        prop_assert_eq!(found, expected);
    }

    #[test]
    fn interval_joins(
        left in rows(),
        right in rows(),
        lower in -20_i64..20,
        width in 0_i64..30,
        kind in prop::sample::select(vec![JoinKind::Inner, JoinKind::Left, JoinKind::Right, JoinKind::Full]),
    ) {
        let upper = lower + width;
        let side = || JoinSide { key: vec![(1, Type::BigInt)], input: vec![Type::BigInt; 3] };
        let (left_side, right_side) = (side(), side());
        let spec = IntervalJoin {
            kind,
            left: left_side,
            right: right_side,
            left_time: 0,
            right_time: 0,
            lower,
            upper,
        };
        let mut join = Join::new(&spec);
        // Pairs whose values are both NULL do not pass the condition.
        let holds: fn(&[Value<'_>]) -> bool = |pair| pair[2] != Value::Null || pair[5] != Value::Null;
        let mut sink = Sink { holds: Some(holds), ..Sink::default() };
        let mut streams = [BoundedDelay::new(DELAY), BoundedDelay::new(DELAY)];
        let mut inputs = vencejo_windows::watermark::Inputs::new(2);
        for at in 0..left.len().max(right.len()) {
            for (port, rows) in [&left, &right].into_iter().enumerate() {
                let Some(&row) = rows.get(at) else { continue };
                _ = join.row(port, &values(row), &mut sink);
                if let Some(watermark) = streams[port].see(row.0)
                    && let Some(watermark) = inputs.advance(port, watermark, 0)
                {
                    join.watermark(watermark, &mut sink);
                }
            }
        }
        join.watermark(i64::MAX, &mut sink);
        prop_assert_eq!((join.late(), join.refused(), join.key_count()), (0, 0, 0));
        let meet = |l: &Row, r: &Row| {
            l.1 == r.1 && l.0 >= r.0 + lower && l.0 <= r.0 + upper && (l.2.is_some() || r.2.is_some())
        };
        let text = |row: Row| support::text(&values(row));
        let mut expected = Vec::new();
        for &l in &left {
            expected.extend(right.iter().filter(|r| meet(&l, r)).map(|&r| format!("{} {}", text(l), text(r))));
            if matches!(kind, JoinKind::Left | JoinKind::Full) && !right.iter().any(|r| meet(&l, r)) {
                expected.push(format!("{} - - -", text(l)));
            }
        }
        if matches!(kind, JoinKind::Right | JoinKind::Full) {
            let alone = right.iter().filter(|r| !left.iter().any(|l| meet(l, r)));
            expected.extend(alone.map(|&r| format!("- - - {}", text(r))));
        }
        prop_assert_eq!(sorted(sink.rows), sorted(expected));
    }
}
