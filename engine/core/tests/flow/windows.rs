//! Windows behind calculations, watermarks per stream, ticks, idle streams, the end.

use std::fmt::Write as _;

use vencejo_core::plan::App;
use vencejo_core::plan::flow::Operator;
use vencejo_expr::Type;
use vencejo_windows::spec::Grouping;

use crate::bench::{Bench, check, rows};
use crate::build::{Building, STREAM, WINDOWED, WINDOWED_COLUMNS, calc, count_and_sum, stream, tumble};

/// SELECT key, window, COUNT(*), SUM(x) FROM TUMBLE(s, 10 ms) WHERE x >= 0 GROUP BY key, window.
fn tumbling(delay: i64) -> App {
    let mut flow = Building::over(1);
    let filtered = flow.node(Operator::Calc(calc(&STREAM, true)), &STREAM, &[&[Err(0)]]);
    let groups = flow.node(count_and_sum(tumble()), &WINDOWED, &[&[Ok(filtered)]]);
    flow.emit("w", WINDOWED_COLUMNS, groups);
    flow.app(vec![stream("s", delay)])
}

/// The same over the union of two streams.
fn union() -> App {
    let mut flow = Building::over(2);
    let inputs: &[Result<usize, usize>] = &[Err(0), Err(1)];
    let groups = flow.node(count_and_sum(tumble()), &WINDOWED, &[inputs]);
    flow.emit("w", WINDOWED_COLUMNS, groups);
    flow.app(vec![stream("a", 0), stream("b", 0)])
}

#[test]
fn a_window_closes_when_the_watermark_reaches_its_last_millisecond() {
    check(
        tumbling(0),
        "s 1 a 5
         s 8 b 1
         s 9 a 2
         s 12 a 7
         end",
        "w: a 0 10 9 2 7
         w: b 0 10 9 1 1
         w: a 10 20 19 1 7",
    );
}

#[test]
fn a_delay_waits_for_disorder_and_what_comes_later_is_counted() {
    let mut bench = Bench::new(tumbling(5));
    assert_eq!(bench.run("s 13 a 1\n s 2 a 1\n s 3 b 4"), "");
    assert_eq!(bench.run("s 14 a 1"), "w: a 0 10 9 1 1\nw: b 0 10 9 1 4\n");
    assert_eq!(bench.run("s 4 a 9\n end"), "w: a 10 20 19 2 2\n");
    let late: Vec<_> = bench.state.nodes().map(|node| (node.name, node.late)).collect();
    assert_eq!(late, [("node 1", 1)]);
}

#[test]
fn a_filtered_row_moves_the_watermark_all_the_same() {
    check(tumbling(0), "s 1 a 5\n s 30 a -1", "w: a 0 10 9 1 5");
}

#[test]
fn a_row_without_event_time_is_dropped_and_counted() {
    let mut bench = Bench::new(tumbling(0));
    assert_eq!(bench.run("s - a 5\n end"), "");
    assert_eq!(bench.state.untimed(vencejo_types::StreamId(0)), 1);
}

#[test]
fn a_union_waits_for_its_slower_stream() {
    check(union(), "a 5 k 1\n a 50 k 1\n b 6 k 1\n b 12 k 1", "w: k 0 10 9 2 2");
}

#[test]
fn an_idle_stream_holds_nothing_back_until_it_wakes() {
    check(
        union(),
        "a 5 k 1
         a 12 k 1
         tick 1000 12 idle
         b 13 k 1
         a 50 k 1
         b 21 k 1",
        "w: k 0 10 9 1 1
         w: k 10 20 19 2 2",
    );
}

#[test]
fn a_tick_brings_the_watermark_that_other_partitions_have_seen() {
    check(
        tumbling(0),
        "s 5 a 1\n tick 1000 8\n tick 2000 9\n s 9 a 1\n s 10 a 1\n end",
        "w: a 0 10 9 1 1\n w: a 10 20 19 1 1",
    );
}

#[test]
fn a_stream_that_has_ended_lets_the_others_go_on() {
    check(union(), "b 1 k 1\n tick 0 -9223372036854775808 9223372036854775807\n a 12 k 1", "w: k 0 10 9 1 1");
}

#[test]
fn running_groups_give_their_rows_at_the_end_in_order_of_arrival() {
    let mut flow = Building::over(1);
    let columns = [Type::String, Type::BigInt, Type::BigInt];
    let groups = flow.node(count_and_sum(Grouping::Running { ttl: None }), &columns, &[&[Err(0)]]);
    flow.emit("r", "key STRING, n BIGINT, sum BIGINT", groups);
    let app = flow.app(vec![stream("s", 0)]);
    check(app, "s 1 z 1\n s 2 a 2\n s 3 z 3\n s 9 - 7\n end", "r: z 2 4\n r: a 1 2\n r: - 1 7");
}

#[test]
fn rows_go_along_every_edge_depth_first() {
    let mut flow = Building::over(1);
    let first = flow.node(Operator::Calc(calc(&STREAM, false)), &STREAM, &[&[Err(0)]]);
    let second = flow.node(Operator::Calc(calc(&STREAM, true)), &STREAM, &[&[Ok(first)]]);
    flow.emit("kept", "ts TS, key STRING, x BIGINT", second);
    flow.emit("all", "ts TS, key STRING, x BIGINT", first);
    check(flow.app(vec![stream("s", 0)]), "s 1 a 5\n s 2 b -5", "kept: 1 a 5\n all: 1 a 5\n all: 2 b -5");
}

#[test]
fn a_window_over_windows_sees_a_rows_before_the_watermark_behind_them() {
    // Windows of 10 ms, then windows of 20 ms over their rows, by window_time.
    let mut flow = Building::over(1);
    let groups = flow.node(count_and_sum(tumble()), &WINDOWED, &[&[Err(0)]]);
    let program = crate::build::program(|graph| {
        let time = graph.column(0, 3, Type::Timestamp, true).unwrap();
        let key = graph.column(0, 0, Type::String, true).unwrap();
        vec![time, key, graph.column(0, 5, Type::BigInt, true).unwrap()]
    });
    let calc = Operator::Calc(vencejo_core::plan::flow::Calc { program, filtered: false });
    let timed = flow.node(calc, &STREAM, &[&[Ok(groups)]]);
    let windowing = vencejo_windows::spec::Windowing::Tumble { size: 20, offset: 0 };
    let grouping = Grouping::Window { windowing, lateness: 0, retention: 0 };
    let wider = flow.node(count_and_sum(grouping), &WINDOWED, &[&[Ok(timed)]]);
    flow.emit("w", WINDOWED_COLUMNS, wider);
    check(
        flow.app(vec![stream("s", 0)]),
        "s 1 a 1\n s 11 a 2\n s 15 b 3\n s 19 a 4\n s 20 a 5\n end",
        "w: a 0 20 19 2 7\n w: b 0 20 19 1 3\n w: a 20 40 39 1 5",
    );
}

#[test]
fn the_same_events_give_the_same_bytes() {
    let mut events = String::new();
    for number in 0..3_000_i64 {
        let (ts, key) = (number / 3 + number * 7_919 % 5, number * 31 % 47);
        writeln!(events, "s {ts} k{key} {}", number % 13).unwrap();
    }
    events.push_str("end");
    let first = rows(tumbling(5), &events);
    assert!(first.lines().count() > 1_000);
    assert_eq!(first, rows(tumbling(5), &events));
}

#[test]
fn a_million_windows_that_close_at_once_take_no_more_of_an_arena_than_one() {
    // Each emitted row goes through a program of its own node; its memory is reset per row, and what the
    // effects took is given back with the next event.
    let mut flow = Building::over(1);
    let groups = flow.node(count_and_sum(tumble()), &WINDOWED, &[&[Err(0)]]);
    let next = flow.node(Operator::Calc(calc(&WINDOWED, false)), &WINDOWED, &[&[Ok(groups)]]);
    flow.emit("w", WINDOWED_COLUMNS, next);
    let mut bench = Bench::new(flow.app(vec![stream("s", 0)]));
    let mut events = String::new();
    (0..50_000).for_each(|key| writeln!(events, "s 1 k{key} 1").unwrap());
    assert_eq!(bench.run(&events), "");
    assert_eq!(bench.run("s 9 k0 1").lines().count(), 50_000);
    assert!(bench.state.arena_bytes() < 1 << 16, "{}", bench.state.arena_bytes());
    bench.run("s 10 k0 1");
    assert!(bench.effects.memory() < 2 << 20, "{}", bench.effects.memory());
}
