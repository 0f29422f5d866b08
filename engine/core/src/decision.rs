//! A decision: collect features, evaluate the model, answer; or fall back.

use bumpalo::Bump;
use vencejo_expr::{Env, Value};
use vencejo_model::Workspace;
use vencejo_types::row::Row;
use vencejo_types::schema::Schema;
use vencejo_types::{DecisionCode, DecisionId};
use vencejo_windows::Texts;

use crate::event::{Effect, Effects, Scratch};
use crate::plan::{Decision, Function};
use crate::state::PartitionState;
use crate::{column_value, write_values};

/// Answers a request from the state as it is; exactly one [`Effect::Decided`] comes of it.
pub(crate) fn decide(
    state: &PartitionState,
    decision: DecisionId,
    row: Row<'_>,
    expired: bool,
    effects: &mut Effects,
) {
    let decision = &state.app.decisions[decision.index()];
    let Effects { list, bytes, scratch, .. } = effects;
    let Scratch { arena, key, writer, workspaces, texts, .. } = scratch;
    if texts.len() < decision.lookups.len() {
        texts.resize_with(decision.lookups.len(), Texts::default);
    }
    if workspaces.len() != state.app.models.len() {
        *workspaces = state.app.models.iter().map(|slot| slot.model.workspace()).collect();
    }
    let (code, answer) = if expired {
        (DecisionCode::Fallback, fall_back(state, decision, row, arena))
    } else {
        answer(state, decision, row, Memory { key, texts, workspaces, arena })
    };
    let start = bytes.len();
    if code != DecisionCode::NoMatch {
        write_values(answer, &decision.answer, writer, bytes).expect("the planner typed every answer column");
    }
    list.push(Effect::Decided { code, row: start..bytes.len() });
}

/// What a decision works in.
struct Memory<'a> {
    key: &'a mut Vec<u8>,
    texts: &'a mut [Texts],
    workspaces: &'a mut [Workspace],
    arena: &'a Bump,
}

/// The decision's own answer where it has one, else its fallback; one value per answer column.
fn answer<'a>(
    state: &'a PartitionState,
    decision: &'a Decision,
    row: Row<'a>,
    memory: Memory<'a>,
) -> (DecisionCode, &'a [Value<'a>]) {
    let Memory { key, texts, workspaces, arena } = memory;
    let found = look_up(state, decision, row, key, texts, arena);
    let mut env = DecisionEnv { state, decision, row, found, workspaces, arena };
    let outputs = decision.program.run(&mut env, arena);
    if let Some(condition) = decision.condition
        && outputs[condition] != Value::Bool(true)
    {
        return (DecisionCode::NoMatch, &[]);
    }
    if decision.required.iter().any(|&column| outputs[column] == Value::Null) {
        return (DecisionCode::Fallback, fall_back(state, decision, row, arena));
    }
    let code = match decision.code.map(|output| outputs[output]) {
        Some(Value::Str(name)) => DecisionCode::from_name(name).unwrap_or(DecisionCode::Floored),
        _ => DecisionCode::Floored,
    };
    (code, &outputs[..decision.answer.columns().len()])
}

/// What the app answers without model and state.
fn fall_back<'a>(
    state: &'a PartitionState,
    decision: &'a Decision,
    row: Row<'a>,
    arena: &'a Bump,
) -> &'a [Value<'a>] {
    let mut env = DecisionEnv { state, decision, row, found: &[], workspaces: &mut [], arena };
    decision.fallback.run(&mut env, arena)
}

/// What each look-up finds.
fn look_up<'a>(
    state: &'a PartitionState,
    decision: &Decision,
    row: Row<'_>,
    key: &mut Vec<u8>,
    texts: &'a mut [Texts],
    arena: &'a Bump,
) -> &'a [Found<'a>] {
    let schema = &state.app.streams[decision.stream.index()].schema;
    let mut texts = texts.iter_mut();
    arena.alloc_slice_fill_iter(decision.lookups.iter().map(|lookup| {
        // NULL equals nothing, not even the group of NULL.
        if lookup.key.iter().any(|&column| row.is_null(column)) {
            return Found::Nothing;
        }
        key.clear();
        row.write_key(schema, &lookup.key, key);
        if state.app.flow.tables.is_empty() {
            return state.views[lookup.view.index()].find(key).map_or(Found::Nothing, Found::Place);
        }
        let texts = texts.next().expect("there are as many as look-ups");
        let row = state.dataflow.find(&state.app.flow, lookup.view, key, texts, arena);
        row.map_or(Found::Nothing, Found::Row)
    }))
}

/// What a look-up finds.
#[derive(Clone, Copy)]
enum Found<'a> {
    Nothing,
    /// A place in a view.
    Place(usize),
    /// A table's row.
    Row(&'a [Value<'a>]),
}

/// What a decision's programs see: the request, the look-ups, the models.
struct DecisionEnv<'a> {
    state: &'a PartitionState,
    decision: &'a Decision,
    row: Row<'a>,
    found: &'a [Found<'a>],
    /// One per model; none in a fallback, which calls no model.
    workspaces: &'a mut [Workspace],
    arena: &'a Bump,
}

impl<'a> Env<'a> for DecisionEnv<'a> {
    fn load(&self, input: u16, column: u16) -> Value<'a> {
        let schema: &'a Schema = &self.state.app.streams[self.decision.stream.index()].schema;
        let column = usize::from(column);
        let Some(lookup) = usize::from(input).checked_sub(1) else {
            return column_value(self.row, schema, column);
        };
        let place = match self.found.get(lookup) {
            None | Some(Found::Nothing) => return Value::Null,
            Some(Found::Row(row)) => return row.get(column).copied().unwrap_or(Value::Null),
            Some(Found::Place(place)) => place,
        };
        let lookup = &self.decision.lookups[lookup];
        match column.checked_sub(lookup.key.len()) {
            // A key column of the view equals the request's, else it would not have been found.
            None => column_value(self.row, schema, lookup.key[column]),
            Some(aggregate) => Value::Int(self.state.views[lookup.view.index()].cells(*place)[aggregate]),
        }
    }

    fn call(&mut self, function: u16, arguments: &[Value<'a>]) -> Value<'a> {
        match self.decision.functions[usize::from(function)] {
            Function::Predict(model) => {
                let features = self.arena.alloc_slice_fill_iter(arguments.iter().map(feature));
                let mut prediction = [0.0];
                let workspace = &mut self.workspaces[model.index()];
                let slot = &self.state.app.models[model.index()];
                slot.model.predict_into(features, workspace, &mut prediction);
                if prediction[0].is_finite() { Value::Double(prediction[0]) } else { Value::Null }
            }
            Function::ModelVersion(model) => Value::Str(&self.state.app.models[model.index()].version),
        }
    }
}

/// A model input; NULL is the models' missing value. The model rounds as its library does.
fn feature(value: &Value<'_>) -> f64 {
    match *value {
        Value::Double(value) => value,
        _ => f64::NAN,
    }
}
