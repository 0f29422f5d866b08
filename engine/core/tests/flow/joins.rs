//! Joins of streams within a flow, and what stands behind them.

use vencejo_core::plan::flow::Operator;
use vencejo_core::plan::{App, flow::Calc};
use vencejo_expr::{Comparison, Type};
use vencejo_windows::spec::{IntervalJoin, JoinKind, JoinSide};

use crate::bench::{check, rows};
use crate::build::{Building, STREAM, WINDOWED, WINDOWED_COLUMNS, count_and_sum, program, stream, tumble};

/// `a JOIN b ON a.key = b.key AND a.ts BETWEEN b.ts AND b.ts + 5 ms [AND a.x > b.x]`.
fn joined(kind: JoinKind, condition: bool) -> (Building, usize, Vec<Type>) {
    let mut flow = Building::over(2);
    let side = || JoinSide { key: vec![(1, Type::String)], input: STREAM.to_vec() };
    let join =
        IntervalJoin { kind, left: side(), right: side(), left_time: 0, right_time: 0, lower: 0, upper: 5 };
    let on = condition.then(|| {
        program(|graph| {
            let left = graph.column(0, 2, Type::BigInt, true).unwrap();
            let right = graph.column(0, 5, Type::BigInt, true).unwrap();
            vec![graph.compare(Comparison::Greater, left, right).unwrap()]
        })
    });
    let columns = [STREAM, STREAM].concat();
    let node = flow.node(Operator::IntervalJoin(join, on), &columns, &[&[Err(0)], &[Err(1)]]);
    (flow, node, columns)
}

fn emitting(kind: JoinKind, condition: bool) -> App {
    let (mut flow, node, _) = joined(kind, condition);
    flow.emit("j", "ats TS, akey STRING, ax BIGINT, bts TS, bkey STRING, bx BIGINT", node);
    flow.app(vec![stream("a", 0), stream("b", 0)])
}

#[test]
fn rows_near_in_time_meet_at_once_whichever_comes_first() {
    check(
        emitting(JoinKind::Inner, false),
        "b 10 k 1
         a 12 k 2
         a 15 k 3
         a 16 k 4
         a 20 m 5
         b 18 m 6",
        "j: 12 k 2 10 k 1
         j: 15 k 3 10 k 1
         j: 20 m 5 18 m 6",
    );
}

#[test]
fn a_condition_over_both_sides_is_asked_for_every_pair() {
    check(emitting(JoinKind::Inner, true), "b 10 k 5\n a 12 k 5\n a 13 k 6", "j: 13 k 6 10 k 5");
}

#[test]
fn a_row_without_a_partner_comes_out_when_none_can_come() {
    let events = "a 12 k 1\n b 12 m 1\n a 41 k 2\n b 40 m 2";
    let out = rows(emitting(JoinKind::Left, false), events);
    assert_eq!(out, "j: 12 k 1 - - -\n");
    assert_eq!(rows(emitting(JoinKind::Left, false), &format!("{events}\n end")).lines().count(), 2);
}

#[test]
fn a_window_behind_a_join_takes_the_times_of_either_side() {
    // Grouped by the right side's time, which lies up to 5 ms behind the left's.
    let (mut flow, node, _) = joined(JoinKind::Inner, false);
    let program = program(|graph| {
        let time = graph.column(0, 3, Type::Timestamp, true).unwrap();
        let key = graph.column(0, 1, Type::String, true).unwrap();
        vec![time, key, graph.column(0, 2, Type::BigInt, true).unwrap()]
    });
    let calc = flow.node(Operator::Calc(Calc { program, filtered: false }), &STREAM, &[&[Ok(node)]]);
    let groups = flow.node(count_and_sum(tumble()), &WINDOWED, &[&[Ok(calc)]]);
    flow.emit("w", WINDOWED_COLUMNS, groups);
    check(
        flow.app(vec![stream("a", 0), stream("b", 0)]),
        "b 9 k 0
         b 14 k 0
         a 11 k 1
         a 14 k 2
         b 15 k 0
         a 15 k 4
         end",
        "w: k 0 10 9 2 3
         w: k 10 20 19 3 10",
    );
}
