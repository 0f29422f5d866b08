//! Answers that do not fit a row.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::sync::Arc;

use vencejo_core::plan::flow::Flow;
use vencejo_core::plan::{App, Decision, Stream, StreamOptions};
use vencejo_core::{Effect, Effects, Event, PartitionState, apply};
use vencejo_expr::{Graph, Program, Type, compile};
use vencejo_types::limits::ROW_BYTES_MAX;
use vencejo_types::row::{Row, RowWriter};
use vencejo_types::schema::{Column, ColumnType, Schema};
use vencejo_types::{DecisionCode, DecisionId, Sequence, StreamId, Tick};

/// Three columns: the request's text so many times, then NULL.
fn program(texts: usize) -> Program {
    let mut graph = Graph::new();
    let mut output = |place| match place < texts {
        true => graph.column(0, 0, Type::String, true).unwrap(),
        false => graph.null_of(Type::String).unwrap(),
    };
    let outputs = [output(0), output(1), output(2)];
    compile(&graph, &outputs).unwrap()
}

/// Asked with a text, answers it three times; the fallback twice.
fn app() -> App {
    let text = |name| Column::nullable(name, ColumnType::String);
    let decision = Decision {
        name: "d".to_owned(),
        stream: StreamId(0),
        deadline_micros: 1_000,
        split_by: vec![],
        answer: Arc::new(Schema::new(vec![text("a"), text("b"), text("c")], vec![])),
        lookups: vec![],
        functions: vec![],
        program: program(3),
        condition: None,
        code: None,
        fallback: program(2),
        required: vec![],
    };
    let schema = Arc::new(Schema::new(vec![text("text")], vec![]));
    let options = StreamOptions::default();
    App {
        name: "test".to_owned(),
        streams: vec![Stream { name: "s".to_owned(), schema, watermark: None, options }],
        flow: Flow { inputs: vec![vec![]], ..Flow::default() },
        models: vec![],
        decisions: vec![decision],
    }
}

/// The code and the lengths of the answer's texts.
fn decide(state: &mut PartitionState, bytes: usize, expired: bool) -> (DecisionCode, [Option<usize>; 3]) {
    let app = Arc::clone(state.app());
    let (mut writer, mut request, mut effects) = (RowWriter::new(1), Vec::new(), Effects::default());
    writer.set_str(0, &"x".repeat(bytes));
    writer.finish(&app.streams[0].schema, &mut request).unwrap();
    let row = Row::parse(&app.streams[0].schema, &request).unwrap();
    let event = Event::Decide { decision: DecisionId(0), row, expired };
    apply(state, Sequence(1), Tick(0), &event, &mut effects);
    let [Effect::Decided { code, row }] = effects.list() else { panic!("exactly one effect") };
    let answer = Row::parse(&app.decisions[0].answer, &effects.bytes()[row.clone()]).unwrap();
    (*code, [0, 1, 2].map(|column| (!answer.is_null(column)).then(|| answer.str(column).len())))
}

#[test]
fn an_answer_longer_than_a_row_falls_back_and_a_fallback_longer_than_a_row_is_null() {
    use DecisionCode::{Fallback, Floored};
    let mut state = PartitionState::new(Arc::new(app()));
    let (third, half) = (ROW_BYTES_MAX / 3, ROW_BYTES_MAX / 2);
    assert_eq!(decide(&mut state, 10, false), (Floored, [Some(10); 3]));
    assert_eq!(decide(&mut state, third, false), (Fallback, [Some(third), Some(third), None]));
    assert_eq!(decide(&mut state, half, false), (Fallback, [None; 3]));
    assert_eq!(decide(&mut state, half, true), (Fallback, [None; 3]));
    assert_eq!(decide(&mut state, 10, true), (Fallback, [Some(10), Some(10), None]));
}
