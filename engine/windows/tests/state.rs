//! Ranks and kept rows as text tables; floods, in which memory stays bounded and is told truly.
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss,
    clippy::unwrap_used,
    reason = "a test counts little and may fail loudly"
)]

mod support;

use support::{Sink, call, check, count_rows};
use vencejo_expr::{Type, Value};
use vencejo_types::limits::VIEW_KEYS_MAX;
use vencejo_windows::spec::{
    AggregateCall, AggregateFunction as F, Aggregation, Frame, Grouping, IntervalJoin, JoinKind, JoinSide,
    Keep, OrderBy, OverAggregation, TopN, Windowing,
};
use vencejo_windows::{GroupBy, Join, Kept, Operator, Over, Ranks, Texts};

/// Rows are window_start, window_end, key, value: the two greatest values of each window and key.
fn ranks() -> Ranks {
    Ranks::new(&TopN {
        window: (0, 1),
        key: vec![(2, Type::String)],
        order: vec![OrderBy { column: 3, column_type: Type::BigInt, descending: true, nulls_first: false }],
        n: 2,
        input: vec![Type::Timestamp, Type::Timestamp, Type::String, Type::BigInt],
    })
}

#[test]
fn the_first_rows_of_each_window() {
    let mut ranks = ranks();
    check(
        &mut ranks,
        "0 10 b -
         0 10 a 5
         0 10 a 7
         0 10 a 5
         0 10 a 6
         0 10 b 1
         5 10 a 1
         W 9   => 0 10 b 1 1 | 0 10 b - 2 | 0 10 a 7 1 | 0 10 a 6 2 | 5 10 a 1 1
         0 10 a 9
         10 20 a 1
         10 20 a 1
         10 20 a 1
         W end => 10 20 a 1 1 | 10 20 a 1 2",
    );
    assert_eq!((ranks.late(), ranks.key_count()), (1, 0));
}

fn history(kept: &Kept, key: &str) -> String {
    let mut bytes = Vec::new();
    vencejo_windows::key::write([Value::Str(key)], &mut bytes);
    let Ok(Some(place)) = kept.find(&bytes) else { return "none".to_owned() };
    let mut rows = Vec::new();
    kept.history(place, 0, |row| {
        rows.push(support::text(row));
        true
    });
    let (mut texts, mut row) = (Texts::default(), vec![Value::Null; kept.width()]);
    kept.read(place, &mut texts, &mut row);
    assert_eq!(support::text(&row), rows[0]);
    rows.join(" | ")
}

#[test]
fn the_latest_window_is_the_keys_row_and_older_ones_stay_for_a_while() {
    // Rows are key, window_end, value.
    let mut kept = Kept::new(&Keep { key: vec![(0, Type::String)], window_end: Some(1), retention: 20 });
    check(&mut kept, "b 10 0\n a 10 1\n a 20 2\n a 10 3\n a 30 4\n W 29\n");
    assert_eq!(history(&kept, "a"), "a 30 4 | a 20 2 | a 10 3");
    check(&mut kept, "W 30\n");
    assert_eq!(history(&kept, "a"), "a 30 4 | a 20 2");
    check(&mut kept, "a 40 5\n a 35 6\n W 55\n");
    assert_eq!((history(&kept, "a"), history(&kept, "b")), ("a 40 5".to_owned(), "b 10 0".to_owned()));
    check(&mut kept, "b 70 7\n W 55\n");
    assert_eq!((history(&kept, "b"), history(&kept, "c")), ("b 70 7".to_owned(), "none".to_owned()));
    check(&mut kept, "b 60 8\n W 79\n");
    assert_eq!(history(&kept, "b"), "b 70 7 | b 60 8");
    check(&mut kept, "W 80\n W end\n");
    assert_eq!((history(&kept, "b"), kept.key_count(), kept.places().count()), ("b 70 7".to_owned(), 2, 2));
}

#[test]
fn without_windows_the_last_row_is_kept() {
    let mut kept = Kept::new(&Keep { key: vec![(0, Type::String)], window_end: None, retention: 20 });
    check(&mut kept, "a 1\n a 2\n b 1\n a 3\n W 100");
    assert_eq!((history(&kept, "a"), history(&kept, "b")), ("a 3".to_owned(), "b 1".to_owned()));
}

fn everything() -> Vec<AggregateCall> {
    let text = |function| call(function, 2, Type::String);
    vec![
        count_rows(),
        text(F::Max),
        text(F::LastValue),
        AggregateCall { distinct: true, ..text(F::Count) },
        text(F::ApproxTopK { k: 5 }),
        call(F::ApproxPercentile { fraction: 0.5 }, 0, Type::Timestamp),
    ]
}

/// Feeds `count` rows, each of a new key, 1 ms apart, and gives the greatest number of bytes held.
fn flood(operator: &mut dyn Operator, count: i64) -> usize {
    let mut sink = Sink::default();
    let mut most = 0;
    for number in 0..count {
        let key = format!("a key that is not short {number}");
        let row = [Value::Int(number), Value::Str(&key), Value::Str(&key)];
        _ = operator.row(0, &row, &mut sink);
        operator.watermark(number - 50, &mut sink);
        operator.tick(number * 1_000, &mut sink);
        sink.rows.clear();
        if number % 500 == 0 {
            most = most.max(operator.bytes());
        }
    }
    most
}

/// Whether a flood ten times as long takes no more memory, for an operator that forgets.
#[test]
fn what_is_past_leaves_no_memory_behind() {
    let key = vec![(1, Type::String)];
    let side = JoinSide { key: key.clone(), input: vec![Type::String; 3] };
    let window = |windowing| Grouping::Window { windowing, lateness: 0, retention: 0 };
    let groups = |grouping| -> Box<dyn Operator> {
        Box::new(GroupBy::new(&Aggregation {
            key: key.clone(),
            time: Some(0),
            grouping,
            calls: everything(),
            keys_max: VIEW_KEYS_MAX,
        }))
    };
    let operators: Vec<Box<dyn Fn() -> Box<dyn Operator>>> = vec![
        Box::new(|| groups(window(Windowing::Tumble { size: 100, offset: 0 }))),
        Box::new(|| groups(window(Windowing::Hop { size: 100, slide: 50, offset: 0 }))),
        Box::new(|| groups(window(Windowing::Cumulate { size: 100, step: 50, offset: 0 }))),
        Box::new(|| groups(window(Windowing::Session { gap: 50 }))),
        Box::new(|| groups(Grouping::Running { ttl: Some(100) })),
        Box::new(|| {
            Box::new(Over::new(&OverAggregation {
                key: key.clone(),
                time: 0,
                frame: Frame::Range(Some(100)),
                calls: everything(),
                input: vec![Type::String; 3],
            }))
        }),
        Box::new(|| {
            let (left, right) = (side.clone(), side.clone());
            let (lower, upper) = (-100, 100);
            let kind = JoinKind::Full;
            Box::new(Join::new(&IntervalJoin {
                kind,
                left,
                right,
                left_time: 0,
                right_time: 0,
                lower,
                upper,
            }))
        }),
    ];
    for (at, operator) in operators.iter().enumerate() {
        let (short, long) = (flood(&mut *operator(), 2_000), flood(&mut *operator(), 20_000));
        assert!(long <= short + short / 4, "operator {at}: {short} bytes, then {long}");
    }
}

#[test]
fn limits_refuse_and_count() {
    // Windows without end: a row in each of more windows than may be open.
    let grouping =
        Grouping::Window { windowing: Windowing::Tumble { size: 10, offset: 0 }, lateness: 0, retention: 0 };
    let mut groups = GroupBy::new(&Aggregation {
        key: Vec::new(),
        time: Some(0),
        grouping,
        calls: vec![count_rows()],
        keys_max: VIEW_KEYS_MAX,
    });
    let mut sink = Sink::default();
    let open = vencejo_types::limits::WINDOWS_OPEN_MAX as i64;
    for window in 0..open + 5 {
        _ = groups.row(0, &[Value::Int(window * 10)], &mut sink);
    }
    assert_eq!((groups.refused(), groups.key_count() as i64), (5, open));
    groups.watermark(i64::MAX, &mut sink);
    assert_eq!((sink.rows.len() as i64, groups.key_count()), (open, 0));
}
