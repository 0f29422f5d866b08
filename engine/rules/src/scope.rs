//! What programs see: the current row, rows of the match and before it, aggregates, the match itself.

use std::collections::VecDeque;

use bumpalo::Bump;
use vencejo_expr::{Env, Value};

use crate::aggregate::Accumulator;
use crate::path::Step;
use crate::row_log::{Layout, RowId, RowLog};
use crate::rule::Rule;
use crate::spec::{
    AGGREGATES, Anchor, CLASSIFIER_COLUMN, MATCH, PatternAggregate, Reference, Semantics, VariableSet,
    match_column,
};

/// The row that is being taken; it may come to be kept under its id.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Current<'a> {
    pub id: RowId,
    pub sequence: u64,
    pub time: i64,
    pub row: &'a [Value<'a>],
}

/// The rows of a key.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rows<'a> {
    pub layout: &'a Layout,
    pub log: &'a RowLog,
    pub current: Option<Current<'a>>,
}

impl<'a> Rows<'a> {
    fn value(&self, id: RowId, column: usize) -> Value<'a> {
        match self.current {
            Some(current) if current.id == id => current.row.get(column).copied().unwrap_or(Value::Null),
            _ => self.log.value(self.layout, id, column),
        }
    }

    /// A row's sequence and time.
    pub fn stamp(&self, id: RowId) -> (u64, i64) {
        match self.current {
            Some(current) if current.id == id => (current.sequence, current.time),
            _ => self.log.stamp(self.layout, id),
        }
    }
}

/// A match, or a partial one with the row under test as its last.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scope<'a> {
    pub rule: &'a Rule,
    pub rows: Rows<'a>,
    /// The rule's rows of the key, where PREV may look at them.
    pub history: &'a VecDeque<RowId>,
    pub steps: &'a [Step],
    /// The current row: input 0.
    pub here: RowId,
    /// How many steps RUNNING sees.
    pub running: usize,
    pub number: Option<u64>,
    pub is_timed_out: bool,
    pub arena: &'a Bump,
}

impl VariableSet {
    pub(crate) fn has(self, variable: u8) -> bool {
        self.0 >> variable & 1 == 1
    }
}

impl<'a> Scope<'a> {
    fn seen(&self, semantics: Semantics) -> &'a [Step] {
        match semantics {
            Semantics::Running => &self.steps[..self.running],
            Semantics::Final => self.steps,
        }
    }

    fn resolve(&self, reference: Reference) -> Option<RowId> {
        let nth = |variables: VariableSet, offset: u32, steps: &mut dyn Iterator<Item = &Step>| {
            steps.filter(|step| variables.has(step.variable)).nth(offset as usize).map(|step| step.row)
        };
        let anchor = match reference.anchor {
            Anchor::Current => Some(self.here),
            Anchor::First { variables, offset, semantics } => {
                nth(variables, offset, &mut self.seen(semantics).iter())
            }
            Anchor::Last { variables, offset, semantics } => {
                nth(variables, offset, &mut self.seen(semantics).iter().rev())
            }
        }?;
        if reference.steps == 0 {
            return Some(anchor);
        }
        let at = self.history.binary_search(&anchor).ok()?;
        at.checked_sub(reference.steps as usize).map(|at| self.history[at])
    }

    fn value(&self, id: RowId, column: u16) -> Value<'a> {
        if column != CLASSIFIER_COLUMN {
            return self.rows.value(id, usize::from(column));
        }
        match self.steps.binary_search_by_key(&id, |step| step.row) {
            Ok(at) => Value::Str(&self.rule.spec.variables[usize::from(self.steps[at].variable)].name),
            Err(_) => Value::Null,
        }
    }

    fn aggregate(&self, aggregate: &'a PatternAggregate) -> Value<'a> {
        let mut accumulator = Accumulator::new(aggregate);
        for step in self.seen(aggregate.semantics) {
            if aggregate.variables.has(step.variable) {
                let value = match &aggregate.argument {
                    None => Value::Null,
                    Some((program, _)) => {
                        let mut scope = Self { here: step.row, ..*self };
                        program.run(&mut scope, self.arena).first().copied().unwrap_or(Value::Null)
                    }
                };
                accumulator.take(value);
            }
        }
        accumulator.value()
    }

    fn of_match(&self, column: u16) -> Value<'a> {
        match column {
            match_column::NUMBER => {
                self.number.map_or(Value::Null, |number| Value::Int(number.cast_signed()))
            }
            match_column::ROWTIME => {
                let last = self.steps.last().map_or(self.here, |step| step.row);
                Value::Int(self.rows.stamp(last).1)
            }
            match_column::TIMED_OUT => Value::Bool(self.is_timed_out),
            _ => Value::Null,
        }
    }
}

impl<'a> Env<'a> for Scope<'a> {
    fn load(&self, input: u16, column: u16) -> Value<'a> {
        match input {
            0 => self.value(self.here, column),
            MATCH => self.of_match(column),
            AGGREGATES => {
                let aggregate = self.rule.spec.aggregates.get(usize::from(column));
                aggregate.map_or(Value::Null, |aggregate| self.aggregate(aggregate))
            }
            _ => {
                let reference = self.rule.spec.references.get(usize::from(input) - 1);
                let row = reference.and_then(|&reference| self.resolve(reference));
                row.map_or(Value::Null, |row| self.value(row, column))
            }
        }
    }

    fn call(&mut self, _: u16, _: &[Value<'a>]) -> Value<'a> {
        Value::Null
    }
}
