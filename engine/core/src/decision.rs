//! A decision: collect features, evaluate the model, answer; or fall back.

use bumpalo::Bump;
use vencejo_expr::{Env, Value};
use vencejo_model::Workspace;
use vencejo_types::row::Row;
use vencejo_types::schema::Schema;
use vencejo_types::{DecisionCode, DecisionId, ModelId};
use vencejo_windows::{Damaged, Texts};

use crate::event::{Effect, Effects, ModelUse, Scratch};
use crate::models::{ShadowFigures, Variant};
use crate::plan::{Decision, Function};
use crate::state::PartitionState;
use crate::{column_value, write_values};

/// Answers a request from the state as it is, and counts it for the models it asked; exactly one
/// [`Effect::Decided`] comes of it.
pub(crate) fn decide(
    state: &mut PartitionState,
    decision: DecisionId,
    row: Row<'_>,
    expired: bool,
    effects: &mut Effects,
) {
    let code = answer_only(state, decision, row, expired, effects);
    for asked in effects.scratch.uses.iter().filter(|asked| asked.predicted) {
        let fell_back = code == DecisionCode::Fallback;
        state.rosters[asked.model.index()].count(asked.choice, fell_back, &asked.shadow);
    }
}

/// Answers a request from the state as it is; how the answer was reached.
pub(crate) fn answer_only(
    state: &PartitionState,
    decision: DecisionId,
    row: Row<'_>,
    expired: bool,
    effects: &mut Effects,
) -> DecisionCode {
    effects.scratch.follow(state);
    let start = effects.bytes.len();
    let code = answer_into(state, decision, row, expired, effects);
    effects.list.push(Effect::Decided { code, row: start..effects.bytes.len() });
    code
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
    let Effects { bytes, scratch, damaged, .. } = effects;
    let Scratch { arena, key, writer, workspaces, texts, uses, .. } = scratch;
    if texts.len() < decision.lookups.len() {
        texts.resize_with(decision.lookups.len(), Texts::default);
    }
    let (code, answer) = if expired {
        (DecisionCode::Fallback, fall_back(state, decision, row, arena))
    } else {
        answer(state, decision, row, texts, Memory { key, workspaces, uses, damaged, arena })
    };
    if code == DecisionCode::NoMatch || write_values(answer, &decision.answer, writer, bytes).is_ok() {
        return code;
    }
    // The answer passes the longest row.
    let short = fall_back(state, decision, row, arena);
    if write_values(short, &decision.answer, writer, bytes).is_err() {
        write_values(&[], &decision.answer, writer, bytes)
            .expect("a row of NULLs is short, and no column refuses it");
    }
    DecisionCode::Fallback
}

/// What a decision works in.
struct Memory<'m, 'a> {
    key: &'m mut Vec<u8>,
    workspaces: &'m mut [Vec<Workspace>],
    uses: &'m mut Vec<ModelUse>,
    /// Decisions that a damaged page made fall back.
    damaged: &'m mut u64,
    arena: &'a Bump,
}

/// The decision's own answer where it has one, else its fallback; one value per answer column.
fn answer<'a>(
    state: &'a PartitionState,
    decision: &'a Decision,
    row: Row<'a>,
    texts: &'a mut [Texts],
    memory: Memory<'_, 'a>,
) -> (DecisionCode, &'a [Value<'a>]) {
    let arena = memory.arena;
    let Ok(found) = look_up(state, decision, row, memory.key, texts, arena) else {
        *memory.damaged += 1;
        return (DecisionCode::Fallback, fall_back(state, decision, row, arena));
    };
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

/// The row that each look-up finds.
///
/// # Errors
/// When one cannot be known: a page of the restored image cannot be had.
fn look_up<'a>(
    state: &'a PartitionState,
    decision: &Decision,
    row: Row<'_>,
    key: &mut Vec<u8>,
    texts: &'a mut [Texts],
    arena: &'a Bump,
) -> Result<&'a [Option<&'a [Value<'a>]>], Damaged> {
    let schema = &state.app.streams[decision.stream.index()].schema;
    let rows: &mut [Option<&[Value<'_>]>] = arena.alloc_slice_fill_copy(decision.lookups.len(), None);
    for ((lookup, texts), found) in decision.lookups.iter().zip(texts).zip(&mut *rows) {
        // NULL equals nothing, not even the group of NULL.
        if lookup.key.iter().any(|&column| row.is_null(column)) {
            continue;
        }
        key.clear();
        row.write_key(schema, &lookup.key, key);
        *found = state.dataflow.find(&state.app.flow, lookup.view, key, texts, arena)?;
    }
    Ok(rows)
}

/// What a decision's programs see: the request, the look-ups, the models.
struct DecisionEnv<'m, 'a> {
    state: &'a PartitionState,
    decision: &'a Decision,
    row: Row<'a>,
    found: &'a [Option<&'a [Value<'a>]>],
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
        match self.found.get(lookup) {
            Some(Some(row)) => row.get(column).copied().unwrap_or(Value::Null),
            _ => Value::Null,
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
