//! Groups of windows, as text tables.

mod support;

use support::{call, check, count_rows};
use vencejo_expr::Type;
use vencejo_types::limits::VIEW_KEYS_MAX;
use vencejo_windows::spec::{AggregateFunction, Aggregation, Grouping, Windowing};
use vencejo_windows::{GroupBy, Operator};

/// Rows are time, key, value; COUNT(*) and SUM(value) by key.
fn windowed(windowing: Windowing, lateness: i64) -> GroupBy {
    GroupBy::new(&Aggregation {
        key: vec![(1, Type::String)],
        time: Some(0),
        grouping: Grouping::Window { windowing, lateness, retention: 0 },
        calls: vec![count_rows(), call(AggregateFunction::Sum, 2, Type::BigInt)],
        keys_max: VIEW_KEYS_MAX,
    })
}

const TUMBLE: Windowing = Windowing::Tumble { size: 10, offset: 0 };

#[test]
fn tumble_closes_when_the_watermark_reaches_its_last_millisecond() {
    let mut groups = windowed(TUMBLE, 0);
    check(
        &mut groups,
        "3 a 1
         7 b 2
         12 a 4
         2 a 8
         W 8
         W 9   => a 0 10 9 2 9 | b 0 10 9 1 2
         9 a 1
         11 c 1
         W 18
         W 19  => a 10 20 19 1 4 | c 10 20 19 1 1
         - a 1
         25 - -
         W end => - 20 30 29 1 -
         1000 a 1",
    );
    assert_eq!((groups.late(), groups.refused(), groups.key_count()), (3, 0, 0));
}

#[test]
fn tumble_before_1970_and_with_an_offset() {
    check(
        &mut windowed(TUMBLE, 0),
        "-1 a 1
         -10 a 1
         -11 a 1
         0 a 1
         W end => a -20 -10 -11 1 1 | a -10 0 -1 2 2 | a 0 10 9 1 1",
    );
    check(
        &mut windowed(Windowing::Tumble { size: 10, offset: 3 }, 0),
        "2 a 1
         3 a 1
         W 2   => a -7 3 2 1 1
         W end => a 3 13 12 1 1",
    );
}

#[test]
fn a_gap_of_years_gives_no_windows() {
    let ten_years = 10 * 365 * 86_400_000_i64;
    for windowing in [
        TUMBLE,
        Windowing::Hop { size: 10, slide: 5, offset: 0 },
        Windowing::Cumulate { size: 10, step: 5, offset: 0 },
    ] {
        let mut groups = windowed(windowing, 0);
        let mut sink = support::Sink::default();
        for time in [3, ten_years, 3 * ten_years, i64::MAX, i64::MIN, 1 << 53, -(1 << 53)] {
            let row =
                [vencejo_expr::Value::Int(time), vencejo_expr::Value::Str("a"), vencejo_expr::Value::Int(1)];
            _ = groups.row(0, &row, &mut sink);
            if time > 0 {
                groups.watermark(time.min(4 * ten_years) - 1, &mut sink);
            }
        }
        groups.watermark(i64::MAX, &mut sink);
        let per_row = if windowing == TUMBLE { 1 } else { 2 };
        assert_eq!(sink.rows.len(), 4 * per_row, "{:?}", sink.rows);
        assert_eq!((groups.refused(), groups.late()), (2, 1));
    }
}

#[test]
fn hop_shares_slices() {
    let mut groups = windowed(Windowing::Hop { size: 10, slide: 5, offset: 0 }, 0);
    check(
        &mut groups,
        "2 a 1
         7 a 2
         12 b 4
         W 4   => a -5 5 4 1 1
         3 a 8
         W 9   => a 0 10 9 3 11
         4 a 1
         W 14  => a 5 15 14 1 2 | b 5 15 14 1 4
         W 100 => b 10 20 19 1 4
         203 c 1
         W end => c 195 205 204 1 1 | c 200 210 209 1 1",
    );
    assert_eq!(groups.late(), 1);
}

#[test]
fn cumulate_gives_a_window_per_step_from_its_first_row_on() {
    let mut groups = windowed(Windowing::Cumulate { size: 15, step: 5, offset: 0 }, 0);
    check(
        &mut groups,
        "7 a 1
         W 4
         W 9   => a 0 10 9 1 1
         3 b 2
         11 a 4
         W 14  => a 0 15 14 2 5 | b 0 15 14 1 2
         14 b 1
         16 b 1
         W 19  => b 15 20 19 1 1
         W end => b 15 25 24 1 1 | b 15 30 29 1 1",
    );
    assert_eq!(groups.late(), 1);
}

#[test]
fn sessions_merge_where_they_touch() {
    let mut groups = windowed(Windowing::Session { gap: 10 }, 0);
    check(
        &mut groups,
        "0 a 1
         30 a 1
         15 a 1
         5 b 1
         20 a 1
         10 a 16
         W 13
         W 14  => b 5 15 14 1 1
         W 38
         W 39  => a 0 40 39 5 20
         38 a 1
         27 a 1
         W end => a 38 48 47 1 1",
    );
    assert_eq!((groups.late(), groups.key_count()), (1, 0));
}

#[test]
fn late_rows_within_the_lateness_give_windows_again() {
    let mut groups = windowed(TUMBLE, 5);
    check(
        &mut groups,
        "3 a 1
         W 9   => a 0 10 9 1 1
         4 a 2 => a 0 10 9 2 3
         4 b 2 => b 0 10 9 1 2
         W 13
         5 a 4 => a 0 10 9 3 7
         W 14
         5 a 4",
    );
    assert_eq!((groups.late(), groups.key_count()), (1, 0));
    check(
        &mut windowed(Windowing::Hop { size: 10, slide: 5, offset: 0 }, 5),
        "7 a 1
         W 9   => a 0 10 9 1 1
         2 a 2 => a 0 10 9 2 3
         W 12
         7 a 4 => a 0 10 9 3 7
         W 14  => a 5 15 14 2 5
         8 a 8 => a 5 15 14 3 13",
    );
    check(
        &mut windowed(Windowing::Cumulate { size: 10, step: 5, offset: 0 }, 100),
        "2 a 1
         W 4   => a 0 5 4 1 1
         3 a 2 => a 0 5 4 2 3
         W 9   => a 0 10 9 2 3
         4 a 4 => a 0 5 4 3 7 | a 0 10 9 3 7
         8 a 8 => a 0 10 9 4 15",
    );
    let mut sessions = windowed(Windowing::Session { gap: 10 }, 20);
    check(
        &mut sessions,
        "0 a 1
         W 9   => a 0 10 9 1 1
         5 a 2
         2 b 4
         W 11  => b 2 12 11 1 4
         W 14  => a 0 15 14 2 3
         3 a 8 => a 0 15 14 3 11
         W 33
         6 a 1 => a 0 16 15 4 12
         W 34
         W 35
         6 a 1",
    );
    assert_eq!((sessions.late(), sessions.key_count()), (1, 0));
}

#[test]
fn given_windows_are_grouped_as_they_come() {
    // Rows are window_start, window_end, key, value.
    let mut groups = GroupBy::new(&Aggregation {
        key: vec![(2, Type::String)],
        time: None,
        grouping: Grouping::Given { start: 0, end: 1 },
        calls: vec![count_rows(), call(AggregateFunction::LastValue, 3, Type::BigInt)],
        keys_max: VIEW_KEYS_MAX,
    });
    check(
        &mut groups,
        "0 10 a 1
         5 10 a 2
         0 10 b 3
         0 10 a 4
         0 20 a 5
         - 20 a 5
         W 9   => a 0 10 9 2 4 | b 0 10 9 1 3 | a 5 10 9 1 2
         0 10 a 1
         W end => a 0 20 19 1 5",
    );
    assert_eq!(groups.late(), 2);
}

#[test]
fn without_keys_there_is_one_group() {
    let mut groups = GroupBy::new(&Aggregation {
        key: Vec::new(),
        time: Some(0),
        grouping: Grouping::Window { windowing: TUMBLE, lateness: 0, retention: 0 },
        calls: vec![count_rows()],
        keys_max: VIEW_KEYS_MAX,
    });
    check(&mut groups, "1\n 2\n 11\n W end => 0 10 9 2 | 10 20 19 1");
}

#[test]
fn running_groups_are_read_live_and_end_with_their_time_to_live() {
    let spec = Aggregation {
        key: vec![(0, Type::String)],
        time: None,
        grouping: Grouping::Running { ttl: Some(10) },
        calls: vec![count_rows(), call(AggregateFunction::Max, 1, Type::String)],
        keys_max: VIEW_KEYS_MAX,
    };
    let mut groups = GroupBy::new(&spec);
    let read = |groups: &GroupBy, key: &str| {
        let mut bytes = Vec::new();
        vencejo_windows::key::write([vencejo_expr::Value::Str(key)], &mut bytes);
        let place = groups.find(&bytes).unwrap()?;
        let (mut texts, mut row) =
            (vencejo_windows::Texts::default(), vec![vencejo_expr::Value::Null; groups.width()]);
        groups.read(place, &mut texts, &mut row);
        Some(support::text(&row))
    };
    check(&mut groups, "T 1000\n a x\n b y\n a z\n");
    assert_eq!(read(&groups, "a").as_deref(), Some("a 2 z"));
    assert_eq!(read(&groups, "c"), None);
    check(&mut groups, "T 5000\n a y\n T 10999\n");
    assert_eq!(groups.key_count(), 2);
    check(&mut groups, "T 11000\n");
    assert_eq!((read(&groups, "b"), groups.key_count()), (None, 1));
    // The place of b is used again; the order is that of first arrival.
    check(&mut groups, "c x\n b q\n T 14999\n");
    assert_eq!(groups.key_count(), 3);
    check(&mut groups, "a - \n W end => a 4 z | c 1 x | b 1 q\n W end\n T 100000");
    assert_eq!(groups.key_count(), 0);
}
