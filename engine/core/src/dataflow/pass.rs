//! Rows and watermarks on their way through the nodes.

use std::mem::{replace, take};

use bumpalo::Bump;
use vencejo_expr::{Env, Type, Value};
use vencejo_types::row::Row;
use vencejo_types::schema::Schema;
use vencejo_windows::operator::{Downstream, Operator as Operate, Taken};

use super::Now;
use super::slot::{Slot, Work};
use super::table;
use super::wiring::{Wire, Wiring};
use crate::alerts::AlertBook;
use crate::event::{Effect, Effects, Lookups};
use crate::plan::App;
use crate::plan::flow::{Calc, Flow, FlowLookup, Operator};
use crate::{column_value, write_values};

/// One walk through the flow.
pub(super) struct Pass<'x> {
    pub(super) app: &'x App,
    pub(super) flow: &'x Flow,
    pub(super) now: Now,
    pub(super) wiring: &'x Wiring,
    pub(super) slots: &'x mut [Slot],
    pub(super) alerts: &'x mut AlertBook,
    pub(super) effects: &'x mut Effects,
}

impl Pass<'_> {
    /// Pushes a row over a wire, and all that comes of it further on.
    pub(super) fn row(&mut self, wire: Wire, row: &[Value<'_>]) {
        let flow = self.flow;
        let mut is_damaged = false;
        match &flow.nodes[wire.node].operator {
            Operator::Calc(calc) => self.calc(wire.node, calc, Source::Values(row)),
            Operator::Lookup(lookup) => self.look_up(wire.node, lookup, row),
            Operator::Emit(output) => self.emit(*output, row),
            Operator::Rules(_) => self.match_row(wire.node, row),
            Operator::Matches(_) => self.spread(wire.node, row),
            // Its matches come from the rules themselves.
            Operator::Alert(_) => {}
            Operator::Aggregate(_)
            | Operator::Assign(_)
            | Operator::Over(_)
            | Operator::IntervalJoin(..)
            | Operator::WindowJoin(..)
            | Operator::TopN(_)
            | Operator::Keep(_) => self.at_work(wire.node, |operator, down| {
                match operator.row(wire.port, row, down) {
                    // The operator has counted what it did not take.
                    Taken::Yes | Taken::Late | Taken::Refused => {}
                    Taken::Damaged => is_damaged = true,
                }
            }),
        }
        self.effects.damaged += u64::from(is_damaged);
    }

    /// Computes a calc node's row from a row that comes in, and sends it on.
    pub(super) fn calc(&mut self, node: usize, calc: &Calc, source: Source<'_>) {
        let mut arena = take(&mut self.slots[node].arena);
        arena.reset();
        if let Some(columns) = calc_row(calc, source, &arena) {
            self.spread(node, columns);
        }
        self.slots[node].arena = arena;
    }

    /// Lets a node take note that its inputs' watermarks have changed.
    pub(super) fn settle(&mut self, node: usize) {
        let slot = &mut self.slots[node];
        let (least, idle) = slot.least();
        let rises = least > slot.watermark;
        if !rises && idle == slot.idle {
            return;
        }
        slot.idle = idle;
        if rises {
            slot.watermark = least;
            self.at_work(node, |operator, down| operator.watermark(least, down));
            self.rules_watermark(node, least);
        }
        self.tell(node);
    }

    /// Tells the nodes behind a node its watermark.
    pub(super) fn tell(&mut self, node: usize) {
        let told = self.slots[node].told();
        for wire in &self.wiring.nodes[node] {
            self.slots[wire.node].inputs[wire.input] = told;
        }
    }

    /// Tells a node the engine's time.
    pub(super) fn tick(&mut self, node: usize) {
        let now_micros = self.now.1.0;
        self.at_work(node, |operator, down| operator.tick(now_micros, down));
        self.at_rules(node, |rules, sink| rules.tick(now_micros, sink));
    }

    /// Lends a node's operator to `work`; a node without state has nothing to do.
    fn at_work(&mut self, node: usize, work: impl FnOnce(&mut dyn Operate, &mut dyn Downstream)) {
        if matches!(self.slots[node].work, Work::Stateless | Work::Rules(_) | Work::Alerts(_)) {
            return;
        }
        let mut lent = replace(&mut self.slots[node].work, Work::Away);
        if let Some(operator) = lent.as_operator_mut() {
            work(operator, &mut Behind { pass: self, node });
        }
        self.slots[node].work = lent;
    }

    /// Sends a node's row over each of its edges.
    pub(super) fn spread(&mut self, node: usize, row: &[Value<'_>]) {
        let wiring = self.wiring;
        for &wire in &wiring.nodes[node] {
            self.row(wire, row);
        }
    }

    fn look_up(&mut self, node: usize, lookup: &FlowLookup, row: &[Value<'_>]) {
        let Lookups { mut key, mut texts } = take(&mut self.effects.scratch.lookups);
        let mut arena = take(&mut self.slots[node].arena);
        arena.reset();
        let added = self.flow.tables[lookup.table.index()].schema.columns().len();
        let both = arena.alloc_slice_fill_copy(row.len() + added, Value::Null);
        both[..row.len()].copy_from_slice(row);
        key.clear();
        let found = match write_key(row, &lookup.key, &mut key) {
            true => table::find(self.flow, self.slots, lookup.table, &key, &mut texts, &arena),
            false => Ok(None),
        };
        if let Ok(Some(found)) = found {
            // What was found lies in the state, which goes on to be changed behind this node.
            for (column, value) in both[row.len()..].iter_mut().zip(found) {
                *column = copied(*value, &arena);
            }
        }
        let is_known = found.is_ok();
        self.effects.scratch.lookups = Lookups { key, texts };
        if is_known {
            self.spread(node, both);
        } else {
            self.effects.damaged += 1;
        }
        self.slots[node].arena = arena;
    }

    fn emit(&mut self, output: usize, row: &[Value<'_>]) {
        let Effects { list, bytes, scratch, unwritable, .. } = &mut *self.effects;
        let start = bytes.len();
        if write_values(row, &self.flow.outputs[output].schema, &mut scratch.writer, bytes).is_ok() {
            list.push(Effect::Emitted { output, row: start..bytes.len(), alert: None });
        } else {
            *unwritable += 1;
        }
    }
}

/// Where an operator's rows go: over its node's edges.
struct Behind<'p, 'x> {
    pass: &'p mut Pass<'x>,
    node: usize,
}

impl Downstream for Behind<'_, '_> {
    fn emit(&mut self, row: &[Value<'_>]) {
        self.pass.spread(self.node, row);
    }

    fn holds(&mut self, pair: &[Value<'_>]) -> bool {
        let flow = self.pass.flow;
        let (Operator::IntervalJoin(_, Some(condition)) | Operator::WindowJoin(_, Some(condition))) =
            &flow.nodes[self.node].operator
        else {
            return true;
        };
        let arena = &mut self.pass.slots[self.node].arena;
        arena.reset();
        condition.run(&mut Source::Values(pair), arena) == [Value::Bool(true)]
    }
}

/// A row that a program reads.
#[derive(Clone, Copy)]
pub(crate) enum Source<'r> {
    /// One that a node gave.
    Values(&'r [Value<'r>]),
    /// One of a stream: read in its bytes, column by column, as the program asks.
    Stream(Row<'r>, &'r Schema),
}

impl<'r> Env<'r> for Source<'r> {
    #[inline]
    fn load(&self, _input: u16, column: u16) -> Value<'r> {
        match *self {
            Self::Values(row) => row.get(usize::from(column)).copied().unwrap_or(Value::Null),
            Self::Stream(row, schema) => column_value(row, schema, usize::from(column)),
        }
    }

    fn call(&mut self, _function: u16, _arguments: &[Value<'r>]) -> Value<'r> {
        Value::Null
    }
}

/// The columns of a calculation; nothing where its condition does not hold.
pub(crate) fn calc_row<'a>(
    calc: &'a Calc,
    mut source: Source<'a>,
    arena: &'a Bump,
) -> Option<&'a [Value<'a>]> {
    let outputs = calc.program.run(&mut source, arena);
    if !calc.filtered {
        return Some(outputs);
    }
    let (condition, columns) = outputs.split_first()?;
    (*condition == Value::Bool(true)).then_some(columns)
}

/// Appends the key bytes of a row; false where a column is NULL, which equals nothing.
fn write_key(row: &[Value<'_>], columns: &[(usize, Type)], key: &mut Vec<u8>) -> bool {
    let values = columns.iter().map(|&(column, _)| row[column]);
    vencejo_windows::key::write(values.clone(), key);
    values.into_iter().all(|value| value != Value::Null)
}

fn copied<'a>(value: Value<'_>, arena: &'a Bump) -> Value<'a> {
    match value {
        Value::Null => Value::Null,
        Value::Bool(value) => Value::Bool(value),
        Value::Int(value) => Value::Int(value),
        Value::Double(value) => Value::Double(value),
        Value::Str(value) => Value::Str(arena.alloc_str(value)),
    }
}
