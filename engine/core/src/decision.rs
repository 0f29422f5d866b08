//! A decision: collect features, evaluate the model, answer; or fall back.

use bumpalo::Bump;
use vencejo_expr::{Env, Value};
use vencejo_model::Workspace;
use vencejo_types::row::{Row, RowWriter};
use vencejo_types::schema::Schema;
use vencejo_types::{DecisionCode, DecisionId, ModelId};

use crate::column_value;
use crate::event::{Effect, Effects, ModelUse, Scratch};
use crate::models::{ShadowFigures, Variant};
use crate::plan::{Decision, Function};
use crate::state::PartitionState;

/// Answers a request from the state as it is, and counts it for the models it asked; exactly one
/// [`Effect::Decided`] comes of it.
pub(crate) fn decide(
    state: &mut PartitionState,
    decision: DecisionId,
    row: Row<'_>,
    expired: bool,
    effects: &mut Effects,
) {
    effects.scratch.follow(state);
    let start = effects.bytes.len();
    let code = answer_into(state, decision, row, expired, effects);
    effects.list.push(Effect::Decided { code, row: start..effects.bytes.len() });
    for asked in effects.scratch.uses.iter().filter(|asked| asked.predicted) {
        let fell_back = code == DecisionCode::Fallback;
        state.rosters[asked.model.index()].count(asked.choice, fell_back, &asked.shadow);
    }
}

/// Appends the answer's row to the effects' bytes; how it was reached.
fn answer_into(
    state: &PartitionState,
    decision: DecisionId,
    row: Row<'_>,
    expired: bool,
    effects: &mut Effects,
) -> DecisionCode {
    let decision = &state.app.decisions[decision.index()];
    let Scratch { arena, key, writer, workspaces, uses, .. } = &mut effects.scratch;
    let (code, answer) = if expired {
        (DecisionCode::Fallback, fall_back(state, decision, row, arena))
    } else {
        answer(state, decision, row, Memory { key, workspaces, uses, arena })
    };
    if code != DecisionCode::NoMatch {
        write_answer(answer, decision, writer, &mut effects.bytes);
    }
    code
}

/// What a decision works in.
struct Memory<'m, 'a> {
    key: &'m mut Vec<u8>,
    workspaces: &'m mut [Vec<Workspace>],
    uses: &'m mut Vec<ModelUse>,
    arena: &'a Bump,
}

/// The decision's own answer where it has one, else its fallback; one value per answer column.
fn answer<'a>(
    state: &'a PartitionState,
    decision: &'a Decision,
    row: Row<'a>,
    memory: Memory<'_, 'a>,
) -> (DecisionCode, &'a [Value<'a>]) {
    let arena = memory.arena;
    let found = look_up(state, decision, row, memory.key, arena);
    let mut env = DecisionEnv { state, decision, row, found, models: Some(memory) };
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
    let mut env = DecisionEnv { state, decision, row, found: &[], models: None };
    decision.fallback.run(&mut env, arena)
}

/// The place of each look-up's key in its view.
fn look_up<'a>(
    state: &PartitionState,
    decision: &Decision,
    row: Row<'_>,
    key: &mut Vec<u8>,
    arena: &'a Bump,
) -> &'a [Option<usize>] {
    let schema = &state.app.streams[decision.stream.index()].schema;
    arena.alloc_slice_fill_iter(decision.lookups.iter().map(|lookup| {
        // NULL equals nothing, not even the group of NULL.
        if lookup.key.iter().any(|&column| row.is_null(column)) {
            return None;
        }
        key.clear();
        row.write_key(schema, &lookup.key, key);
        state.views[lookup.view.index()].find(key)
    }))
}

/// Appends the answer's row. Without values (a fallback that the app does not declare) every column is
/// NULL.
fn write_answer(values: &[Value<'_>], decision: &Decision, writer: &mut RowWriter, out: &mut Vec<u8>) {
    let answer: &Schema = &decision.answer;
    writer.reset(answer.columns().len());
    for (index, value) in values.iter().enumerate() {
        match *value {
            Value::Null => {}
            Value::Bool(value) => writer.set_bool(index, value),
            Value::Int(value) => writer.set_i64(index, value),
            Value::Double(value) => writer.set_f64(index, value),
            Value::Str(value) => writer.set_str(index, value),
        }
    }
    writer.finish(answer, out).expect("the planner typed every answer column");
}

/// What a decision's programs see: the request, the look-ups, the models.
struct DecisionEnv<'m, 'a> {
    state: &'a PartitionState,
    decision: &'a Decision,
    row: Row<'a>,
    found: &'a [Option<usize>],
    /// None in a fallback, which calls no model.
    models: Option<Memory<'m, 'a>>,
}

impl<'a> Env<'a> for DecisionEnv<'_, 'a> {
    fn load(&self, input: u16, column: u16) -> Value<'a> {
        let schema: &'a Schema = &self.state.app.streams[self.decision.stream.index()].schema;
        let column = usize::from(column);
        let Some(lookup) = usize::from(input).checked_sub(1) else {
            return column_value(self.row, schema, column);
        };
        let Some(Some(place)) = self.found.get(lookup) else { return Value::Null };
        let lookup = &self.decision.lookups[lookup];
        match column.checked_sub(lookup.key.len()) {
            // A key column of the view equals the request's, else it would not have been found.
            None => column_value(self.row, schema, lookup.key[column]),
            Some(aggregate) => Value::Int(self.state.views[lookup.view.index()].cells(*place)[aggregate]),
        }
    }

    fn call(&mut self, function: u16, arguments: &[Value<'a>]) -> Value<'a> {
        let function = self.decision.functions[usize::from(function)];
        let Some(models) = &mut self.models else { return Value::Null };
        let (Function::Predict(model) | Function::ModelVersion(model) | Function::ModelVariant(model)) =
            function;
        let asked = models.ask(model, self.state, self.decision, self.row);
        match function {
            Function::Predict(_) => models.predict(asked, self.state, arguments),
            Function::ModelVersion(_) => {
                let place = models.uses[asked].choice.place;
                Value::Str(&self.state.rosters[model.index()].versions()[place].version.label)
            }
            Function::ModelVariant(_) => Value::Str(models.uses[asked].choice.variant.name()),
        }
    }
}

impl<'a> Memory<'_, 'a> {
    /// The place among the uses of a model's: its version is chosen when the decision first asks, and
    /// stays for all of it.
    fn ask(&mut self, model: ModelId, state: &PartitionState, decision: &Decision, row: Row<'_>) -> usize {
        if let Some(asked) = self.uses.iter().position(|asked| asked.model == model) {
            return asked;
        }
        let choice = state.rosters[model.index()].choose(|weight| {
            let name = &state.app.models[model.index()].name;
            let schema = &state.app.streams[decision.stream.index()].schema;
            Variant::of(name, row, schema, &decision.split_by, weight, self.key)
        });
        let shadow = ShadowFigures::default();
        self.uses.push(ModelUse { model, choice, predicted: false, shadow });
        self.uses.len() - 1
    }

    /// The chosen version's prediction; the shadow, where one runs, predicts beside it.
    fn predict(&mut self, asked: usize, state: &PartitionState, arguments: &[Value<'a>]) -> Value<'a> {
        let features = self.arena.alloc_slice_fill_iter(arguments.iter().map(feature));
        let asked = &mut self.uses[asked];
        let roster = &state.rosters[asked.model.index()];
        let workspaces = &mut self.workspaces[asked.model.index()];
        let mut prediction_of = |place: usize| {
            let mut prediction = [0.0];
            let model = &roster.versions()[place].version.model;
            model.predict_into(features, &mut workspaces[place], &mut prediction);
            prediction[0]
        };
        let served = prediction_of(asked.choice.place);
        asked.predicted = true;
        if let Some(shadow) = roster.shadow(asked.shadow.rows) {
            asked.shadow.compare(served, prediction_of(shadow));
        }
        if served.is_finite() { Value::Double(served) } else { Value::Null }
    }
}

/// A model input; NULL is the models' missing value. The model rounds as its library does.
fn feature(value: &Value<'_>) -> f64 {
    match *value {
        Value::Double(value) => value,
        _ => f64::NAN,
    }
}
