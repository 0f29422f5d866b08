//! The transition, over a small app built by hand: a stream of (key, x), a view that counts its events
//! with x, and a decision that looks the count up.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::sync::Arc;

use vencejo_core::plan::flow::{Calc, Edge, Flow, Node, Operator, Table, TableSource};
use vencejo_core::plan::{App, Decision, Lookup, Stream, StreamOptions};
use vencejo_core::{Effect, Effects, Event, PartitionState, apply};
use vencejo_expr::{Comparison, Expr, Graph, Program, Type, compile};
use vencejo_types::limits::VIEW_KEYS_MAX;
use vencejo_types::row::{Row, RowWriter};
use vencejo_types::schema::{Column, ColumnType, Schema};
use vencejo_types::{DecisionCode, DecisionId, Sequence, StreamId, Tick, ViewId};
use vencejo_windows::spec::{AggregateCall, AggregateFunction, Aggregation, Grouping};

fn program(build: impl FnOnce(&mut Graph) -> Vec<Expr>) -> Program {
    let mut graph = Graph::new();
    let outputs = build(&mut graph);
    compile(&graph, &outputs).unwrap()
}

fn schema() -> Arc<Schema> {
    let columns =
        vec![Column::required("key", ColumnType::String), Column::nullable("x", ColumnType::Double)];
    Arc::new(Schema::new(columns, vec![0]))
}

/// Per key COUNT(*) and COUNT(x) of events in which x is not negative.
fn flow() -> Flow {
    let filter = program(|graph| {
        let x = graph.column(0, 1, Type::Double, true).unwrap();
        let zero = graph.double(0.0).unwrap();
        let negative = graph.compare(Comparison::Less, x, zero).unwrap();
        let key = graph.column(0, 0, Type::String, false).unwrap();
        vec![graph.is(vencejo_expr::Test::NotTrue, negative).unwrap(), key, x]
    });
    let calc = Node {
        operator: Operator::Calc(Calc { program: filter, filtered: true }),
        outputs: vec![Edge { node: 1, port: 0 }],
        columns: vec![Type::String, Type::Double],
        inputs: vec![1],
        name: "counts".to_owned(),
    };
    let call = |function, argument| AggregateCall { function, argument, distinct: false, filter: None };
    let aggregation = Aggregation {
        key: vec![(0, Type::String)],
        time: None,
        grouping: Grouping::Running { ttl: None },
        calls: vec![
            call(AggregateFunction::CountRows, None),
            call(AggregateFunction::Count, Some((1, Type::Double))),
        ],
        keys_max: VIEW_KEYS_MAX,
    };
    let groups = Node {
        operator: Operator::Aggregate(aggregation),
        outputs: vec![],
        columns: vec![Type::String, Type::BigInt, Type::BigInt],
        inputs: vec![1],
        name: "counts".to_owned(),
    };
    let columns = program(|graph| {
        let key = graph.column(0, 0, Type::String, false).unwrap();
        let counts = [1, 2].map(|column| graph.column(0, column, Type::BigInt, false).unwrap());
        [&[key], &counts[..]].concat()
    });
    let names = [("key", ColumnType::String), ("events", ColumnType::BigInt), ("with_x", ColumnType::BigInt)];
    let schema = Schema::new(names.map(|(name, of)| Column::required(name, of)).to_vec(), vec![0]);
    let calc_of_table = Calc { program: columns, filtered: false };
    Flow {
        nodes: vec![calc, groups],
        inputs: vec![vec![Edge { node: 0, port: 0 }]],
        outputs: vec![],
        tables: vec![Table {
            name: "counts".to_owned(),
            schema: Arc::new(schema),
            source: TableSource::Running { node: 1, calc: calc_of_table },
            partition: Some(vec![0]),
        }],
    }
}

/// SELECT x + events AS sum, with_x, CASE WHEN events > 1 THEN 'floored' ELSE 'low_confidence' END AS code
/// WHERE x IS NULL OR x < 100 FALLBACK SELECT 7.5 AS sum.
fn decision() -> Decision {
    let main = program(|graph| {
        let x = graph.column(0, 1, Type::Double, true).unwrap();
        let events = graph.column(1, 1, Type::BigInt, true).unwrap();
        let zero = graph.integer(0).unwrap();
        let known = graph.coalesce(&[events, zero]).unwrap();
        let sum = graph.arithmetic(vencejo_expr::Arithmetic::Add, x, known).unwrap();
        let with_x = graph.column(1, 2, Type::BigInt, true).unwrap();
        let hundred = graph.double(100.0).unwrap();
        let small = graph.compare(Comparison::Less, x, hundred).unwrap();
        let absent = graph.is(vencejo_expr::Test::Null, x).unwrap();
        let condition = graph.or(&[absent, small]).unwrap();
        let one = graph.integer(1).unwrap();
        let many = graph.compare(Comparison::Greater, events, one).unwrap();
        let (floored, low) = (graph.text("floored").unwrap(), graph.text("low_confidence").unwrap());
        let code = graph.case(&[(many, floored)], Some(low)).unwrap();
        vec![sum, with_x, condition, code]
    });
    let fallback = program(|graph| {
        let sum = graph.double(7.5).unwrap();
        vec![sum, graph.null_of(Type::BigInt).unwrap()]
    });
    let columns =
        vec![Column::nullable("sum", ColumnType::Double), Column::nullable("with_x", ColumnType::BigInt)];
    Decision {
        name: "sum".to_owned(),
        stream: StreamId(0),
        deadline_micros: 1_000,
        split_by: vec![0],
        answer: Arc::new(Schema::new(columns, vec![])),
        lookups: vec![Lookup { view: ViewId(0), key: vec![0] }],
        functions: vec![],
        program: main,
        condition: Some(2),
        code: Some(3),
        fallback,
        required: vec![0],
    }
}

struct Bench {
    schema: Arc<Schema>,
    answer: Arc<Schema>,
    state: PartitionState,
    effects: Effects,
}

impl Bench {
    fn new() -> Self {
        let stream = Stream {
            name: "events".to_owned(),
            schema: schema(),
            watermark: None,
            options: StreamOptions::default(),
        };
        let decision = decision();
        let answer = Arc::clone(&decision.answer);
        let app = App {
            name: "test".to_owned(),
            streams: vec![stream],
            models: vec![],
            decisions: vec![decision],
            flow: flow(),
        };
        let state = PartitionState::new(Arc::new(app));
        Self { schema: schema(), answer, state, effects: Effects::default() }
    }

    fn row(&self, key: &str, x: Option<f64>) -> Vec<u8> {
        let mut writer = RowWriter::new(2);
        writer.set_str(0, key);
        if let Some(x) = x {
            writer.set_f64(1, x);
        }
        let mut bytes = Vec::new();
        writer.finish(&self.schema, &mut bytes).unwrap();
        bytes
    }

    fn apply(&mut self, event: &Event<'_>) {
        let sequence = self.state.sequence().next();
        apply(&mut self.state, sequence, Tick(0), event, &mut self.effects);
    }

    fn event(&mut self, key: &str, x: Option<f64>) {
        let bytes = self.row(key, x);
        self.apply(&Event::Row { stream: StreamId(0), row: Row::parse(&schema(), &bytes).unwrap() });
        assert!(self.effects.list().is_empty());
    }

    /// Code, sum and with_x of a decision.
    fn decide(
        &mut self,
        key: &str,
        x: Option<f64>,
        expired: bool,
    ) -> (DecisionCode, Option<f64>, Option<i64>) {
        let bytes = self.row(key, x);
        let row = Row::parse(&schema(), &bytes).unwrap();
        self.apply(&Event::Decide { decision: DecisionId(0), row, expired });
        let [Effect::Decided { code, row }] = self.effects.list() else { panic!("exactly one effect") };
        let bytes = &self.effects.bytes()[row.clone()];
        if bytes.is_empty() {
            return (*code, None, None);
        }
        let answer = Row::parse(&self.answer, bytes).unwrap();
        let sum = (!answer.is_null(0)).then(|| answer.f64(0));
        (*code, sum, (!answer.is_null(1)).then(|| answer.i64(1)))
    }
}

#[test]
fn a_decision_sees_the_events_before_it_and_is_one_itself() {
    use DecisionCode::{Floored, LowConfidence};
    let mut bench = Bench::new();
    assert_eq!(bench.decide("a", Some(1.0), false), (LowConfidence, Some(1.0), None));
    assert_eq!(bench.decide("a", Some(1.0), false), (LowConfidence, Some(2.0), Some(1)));
    bench.event("a", None);
    assert_eq!(bench.decide("a", Some(1.0), false), (Floored, Some(4.0), Some(2)));
    assert_eq!(bench.decide("b", Some(1.0), false), (LowConfidence, Some(1.0), None));
}

#[test]
fn a_filtered_event_makes_no_key() {
    let mut bench = Bench::new();
    bench.event("a", Some(-1.0));
    let keys = |bench: &Bench| bench.state.nodes().map(|node| node.keys).collect::<Vec<_>>();
    assert_eq!(keys(&bench), [0]);
    bench.event("a", Some(1.0));
    assert_eq!(keys(&bench), [1]);
    assert_eq!(bench.state.sequence(), Sequence(2));
}

#[test]
fn the_fallback_answers_when_it_is_late_or_a_required_column_is_null() {
    let mut bench = Bench::new();
    assert_eq!(bench.decide("a", Some(1.0), true), (DecisionCode::Fallback, Some(7.5), None));
    assert_eq!(bench.decide("a", None, false), (DecisionCode::Fallback, Some(7.5), None));
    // They were events all the same.
    assert_eq!(bench.decide("a", Some(1.0), false), (DecisionCode::Floored, Some(3.0), Some(1)));
}

#[test]
fn a_condition_that_does_not_hold_is_no_match() {
    let mut bench = Bench::new();
    assert_eq!(bench.decide("a", Some(100.0), false), (DecisionCode::NoMatch, None, None));
    assert_eq!(bench.decide("a", Some(99.0), false).0, DecisionCode::LowConfidence);
}

#[test]
fn the_same_events_give_the_same_answers() {
    let run = || {
        let mut bench = Bench::new();
        let mut answers = Vec::new();
        for number in 0..1_000_u32 {
            let (key, x) = (format!("k{}", number % 37), f64::from(number % 11));
            bench.event(&key, (number % 3 != 0).then_some(x));
            answers.push(bench.decide(&key, Some(x), number % 50 == 0));
        }
        answers
    };
    assert_eq!(run(), run());
}

#[test]
fn a_restart_empties_the_flow() {
    let mut bench = Bench::new();
    bench.event("a", Some(1.0));
    bench.event("a", Some(1.0));
    bench.state.restart();
    assert_eq!(bench.state.nodes().map(|node| node.keys).collect::<Vec<_>>(), [0]);
    assert_eq!(bench.decide("a", Some(1.0), false), (DecisionCode::LowConfidence, Some(1.0), None));
    assert_eq!(bench.decide("a", Some(1.0), false).2, Some(1));
}
