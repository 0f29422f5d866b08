//! Joins, as text tables.

mod support;

use support::{Sink, check, check_with};
use vencejo_expr::{Type, Value};
use vencejo_windows::spec::{IntervalJoin, JoinKind, JoinSide, WindowJoin};
use vencejo_windows::{Join, Operator, WindowedJoin};

fn side(columns: usize) -> JoinSide {
    JoinSide { key: vec![(columns - 2, Type::String)], input: vec![Type::BigInt; columns] }
}

/// Rows are time, key, value: an impression, and a click from 0 to 20 ms later.
fn clicks(kind: JoinKind) -> Join {
    let (left, right) = (side(3), side(3));
    // click >= impression, click <= impression + 20: the click is the left.
    Join::new(&IntervalJoin { kind, left, right, left_time: 0, right_time: 0, lower: 0, upper: 20 })
}

#[test]
fn interval_join_pairs_at_once_and_gives_the_lonely_when_nothing_can_come() {
    let mut join = clicks(JoinKind::Full);
    check(
        &mut join,
        "R 100 a 1
         99 a 2
         100 a 3     => 100 a 3 100 a 1
         120 a 4     => 120 a 4 100 a 1
         121 a 5
         R 101 a 6   => 120 a 4 101 a 6 | 121 a 5 101 a 6
         R 101 b 7
         110 - 8     => 110 - 8 - - -
         R 110 - 9   => - - - 110 - 9
         W 98
         W 99        => 99 a 2 - - -
         W 120
         W 121       => - - - 101 b 7
         - a 1
         W end",
    );
    assert_eq!((join.key_count(), join.late(), join.refused()), (0, 1, 0));
    check(
        &mut clicks(JoinKind::Inner),
        "1 a 1\n R 1 a 2 => 1 a 1 1 a 2\n 2 a 3 => 2 a 3 1 a 2\n R 9 b 1\n W end",
    );
    check(&mut clicks(JoinKind::Left), "1 a 1\n R 9 b 1\n W end => 1 a 1 - - -");
    check(&mut clicks(JoinKind::Right), "1 a 1\n R 9 b 1\n W end => - - - 9 b 1");
}

#[test]
fn a_late_row_meets_what_has_stayed_and_is_not_kept() {
    check(
        &mut clicks(JoinKind::Full),
        "R 100 a 1
         W 110
         105 a 2     => 105 a 2 100 a 1
         95 a 3      => 95 a 3 - - -
         R 85 a 4    => - - - 85 a 4
         R 95 a 5
         112 a 6     => 112 a 6 95 a 5 | 112 a 6 100 a 1",
    );
}

#[test]
fn a_pair_that_fails_the_condition_leaves_both_alone() {
    let holds: fn(&[Value<'_>]) -> bool = |pair| pair[2] == pair[5];
    let sink = || Sink { holds: Some(holds), ..Sink::default() };
    check_with(
        &mut clicks(JoinKind::Full),
        sink(),
        "R 100 a 1
         101 a 2
         102 a 1     => 102 a 1 100 a 1
         W end       => 101 a 2 - - -",
    );
    let mut join = windowed(JoinKind::Semi);
    check_with(
        &mut join,
        sink_of_windows(),
        "0 10 a 1\n R 0 10 a 2\n R 0 10 a 1\n 0 10 a 3\n W end => 0 10 a 1",
    );
    let mut join = windowed(JoinKind::Anti);
    check_with(
        &mut join,
        sink_of_windows(),
        "0 10 a 1\n R 0 10 a 2\n R 0 10 a 1\n 0 10 a 3\n W end => 0 10 a 3",
    );
}

fn sink_of_windows() -> Sink {
    Sink { holds: Some(|pair| pair[3] == pair[7]), ..Sink::default() }
}

/// Rows are window_start, window_end, key, value.
fn windowed(kind: JoinKind) -> WindowedJoin {
    let (left, right) = (side(4), side(4));
    WindowedJoin::new(&WindowJoin { kind, left, right, left_window: (0, 1), right_window: (0, 1) })
}

#[test]
fn window_joins_of_six_kinds() {
    let pairs = "0 10 a 1 0 10 a 5 | 0 10 a 1 0 10 a 6 | 0 10 a 2 0 10 a 5 | 0 10 a 2 0 10 a 6";
    let (left, left_null) = ("0 10 b 3 - - - -", "0 10 - 4 - - - -");
    let (right, right_null) = ("- - - - 0 10 c 7", "- - - - 0 10 - 8");
    for (kind, expected) in [
        (JoinKind::Inner, pairs.to_owned()),
        (JoinKind::Left, format!("{pairs} | {left} | {left_null}")),
        (JoinKind::Right, format!("{pairs} | {right} | {right_null}")),
        (JoinKind::Full, format!("{pairs} | {left} | {right} | {left_null} | {right_null}")),
        (JoinKind::Semi, "0 10 a 1 | 0 10 a 2".to_owned()),
        (JoinKind::Anti, "0 10 b 3 | 0 10 - 4".to_owned()),
    ] {
        let mut join = windowed(kind);
        check(
            &mut join,
            &format!(
                "0 10 a 1
                 R 0 10 a 5
                 0 10 b 3
                 0 10 a 2
                 R 0 10 a 6
                 0 10 - 4
                 R 0 10 c 7
                 R 0 10 - 8
                 R 0 20 a 9
                 W 8
                 W 9 => {expected}
                 0 10 a 1"
            ),
        );
        assert_eq!((join.late(), join.key_count()), (1, 1));
    }
}
