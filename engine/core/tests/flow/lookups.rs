//! Tables: what decisions and look-ups within a flow read.

use std::sync::Arc;

use vencejo_core::plan::flow::{Calc, FlowLookup, Keep, Operator, Table, TableSource};
use vencejo_core::plan::{App, Decision, Lookup};
use vencejo_core::{Effect, Event, apply};
use vencejo_expr::{Comparison, Program, Type};
use vencejo_types::row::Row;
use vencejo_types::{DecisionCode, DecisionId, StreamId, Tick, ViewId};
use vencejo_windows::spec::Grouping;

use crate::bench::{Bench, check, encode, shown};
use crate::build::{Building, STREAM, WINDOWED, count_and_sum, program, schema, stream, tumble};

const RUNNING: [Type; 3] = [Type::String, Type::BigInt, Type::BigInt];

/// A table `t (key, sum, n)` of stream s, per key: HAVING n > 1.
fn running(flow: &mut Building) {
    let groups = flow.node(count_and_sum(Grouping::Running { ttl: None }), &RUNNING, &[&[Err(0)]]);
    let program = program(|graph| {
        let n = graph.column(0, 1, Type::BigInt, true).unwrap();
        let one = graph.integer(1).unwrap();
        let many = graph.compare(Comparison::Greater, n, one).unwrap();
        let key = graph.column(0, 0, Type::String, true).unwrap();
        vec![many, key, graph.column(0, 2, Type::BigInt, true).unwrap(), n]
    });
    flow.running_table("key STRING, sum BIGINT, n BIGINT", groups, Calc { program, filtered: true });
}

/// A table `t` of the latest closed window per key.
fn kept(flow: &mut Building) {
    let groups = flow.node(count_and_sum(tumble()), &WINDOWED, &[&[Err(0)]]);
    let keep = Keep { key: vec![(0, Type::String)], window_end: Some(2), retention: 0 };
    let node = flow.node(Operator::Keep(keep), &WINDOWED, &[&[Ok(groups)]]);
    let schema = schema("key STRING, ws TS, we TS, wt TS, n BIGINT, sum BIGINT", &[0]);
    let source = TableSource::Kept { node, parts: None };
    flow.flow.tables.push(Table { name: "t".to_owned(), schema, source, partition: Some(vec![0]) });
}

/// Asked by rows of s: the table's columns `first` and `second`, or 0 and 0.
fn decision(first: u16, second: u16) -> Decision {
    let program = program(|graph| {
        [first, second].map(|column| graph.column(1, column, Type::BigInt, true).unwrap()).to_vec()
    });
    Decision {
        name: "d".to_owned(),
        stream: StreamId(0),
        deadline_micros: 1_000,
        split_by: vec![],
        answer: schema("first BIGINT, second BIGINT", &[]),
        lookups: vec![Lookup { view: ViewId(0), key: vec![1] }],
        functions: vec![],
        program,
        condition: None,
        code: None,
        fallback: Program::default(),
        required: vec![],
    }
}

fn deciding(table: fn(&mut Building), first: u16, second: u16) -> Bench {
    let mut flow = Building::over(1);
    table(&mut flow);
    let app = App { decisions: vec![decision(first, second)], ..flow.app(vec![stream("s", 0)]) };
    Bench::new(app)
}

fn decide(bench: &mut Bench, request: &str) -> String {
    let words: Vec<_> = request.split_whitespace().collect();
    let schema = Arc::clone(&bench.app.streams[0].schema);
    let bytes = encode(&schema, &words);
    let row = Row::parse(&schema, &bytes).unwrap();
    let event = Event::Decide { decision: DecisionId(0), row, expired: false };
    let sequence = bench.state.sequence().next();
    apply(&mut bench.state, sequence, Tick(0), &event, &mut bench.effects);
    let [Effect::Decided { code: DecisionCode::Floored, row }, ..] = bench.effects.list() else {
        panic!("no answer: {:?}", bench.effects.list());
    };
    shown(&bench.app.decisions[0].answer, &bench.effects.bytes()[row.clone()])
}

#[test]
fn a_decision_reads_a_running_group_as_it_was_before_the_request() {
    let mut bench = deciding(running, 1, 2);
    assert_eq!(decide(&mut bench, "1 a 5"), "- -");
    // One row: HAVING does not let it through.
    assert_eq!(decide(&mut bench, "2 a 6"), "- -");
    assert_eq!(decide(&mut bench, "3 a 7"), "11 2");
    bench.run("s 4 b 1\n s 5 b 1\n s 6 - 1\n s 7 - 1");
    assert_eq!(decide(&mut bench, "8 b 1"), "2 2");
    // NULL equals nothing, not even the group of NULL.
    assert_eq!(decide(&mut bench, "9 - 1"), "- -");
}

#[test]
fn a_decision_reads_the_latest_window_that_has_closed() {
    let mut bench = deciding(kept, 5, 2);
    bench.run("s 1 a 1\n s 2 a 2");
    assert_eq!(decide(&mut bench, "5 a 4"), "- -", "the window is open");
    bench.run("s 10 a 8");
    assert_eq!(decide(&mut bench, "11 a 0"), "7 10");
    assert_eq!(decide(&mut bench, "12 b 0"), "- -");
    bench.run("s 25 c 1");
    assert_eq!(decide(&mut bench, "26 a 0"), "8 20");
}

#[test]
fn a_decision_allocates_nothing_that_it_keeps() {
    let mut bench = deciding(running, 1, 2);
    bench.run("s 1 a 5\n s 2 a 5");
    decide(&mut bench, "3 a 1");
    let before = (bench.effects.memory(), bench.state.arena_bytes());
    (0..1_000).for_each(|_| assert_ne!(decide(&mut bench, "4 a 1"), "- -"));
    assert_eq!((bench.effects.memory(), bench.state.arena_bytes()), before);
}

#[test]
fn a_look_up_within_a_flow_adds_the_tables_columns() {
    // Stream b's rows look up t, which stream a maintains.
    let mut flow = Building::over(2);
    running(&mut flow);
    let lookup = FlowLookup { table: ViewId(0), key: vec![(1, Type::String)] };
    let columns = [STREAM, RUNNING].concat();
    let node = flow.node(Operator::Lookup(lookup), &columns, &[&[Err(1)]]);
    flow.emit("l", "ts TS, key STRING, x BIGINT, tkey STRING, sum BIGINT, n BIGINT", node);
    check(
        flow.app(vec![stream("a", 0), stream("b", 0)]),
        "b 1 k 1
         a 2 k 10
         a 3 k 20
         b 4 k 2
         b 5 - 3",
        "l: 1 k 1 - - -
         l: 4 k 2 k 30 2
         l: 5 - 3 - - -",
    );
}
