//! What programs see: the current row, rows of the match and before it, aggregates, the match itself.

use std::collections::VecDeque;

use bumpalo::Bump;
use vencejo_expr::{Env, Value};

use crate::aggregate::Accumulator;
use crate::path::{Mapped, PathId, Paths, Step};
use crate::registers::Plan;
use crate::row_log::{Layout, RowId, RowLog};
use crate::rule::Rule;
use crate::spec::{
    AGGREGATES, Anchor, CLASSIFIER_COLUMN, MATCH, PatternAggregate, Semantics, VariableSet, match_column,
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

/// The rows of a match, or of a partial one.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Steps<'a> {
    /// Those of a path; the row under test comes behind them.
    Path(&'a Paths, PathId),
    /// All.
    All(&'a [Step]),
}

/// The values that a program reads of a match's rows.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seen<'a> {
    pub registers: &'a [u64],
    /// Of the plan's folded aggregates; nothing where they are folded when they are read.
    pub folded: Option<&'a [Value<'a>]>,
}

/// What a condition or an output sees.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scope<'a> {
    pub rule: &'a Rule,
    pub plan: &'a Plan,
    pub rows: Rows<'a>,
    /// The rule's rows of the key, where PREV may look at them.
    pub history: &'a VecDeque<RowId>,
    pub steps: Steps<'a>,
    /// The current row, and its variable unless the match is empty: input 0.
    pub here: RowId,
    pub variable: Option<u8>,
    pub running: Seen<'a>,
    pub all: Seen<'a>,
    /// The match's last row.
    pub last: RowId,
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
    fn seen(&self, semantics: Semantics) -> Seen<'a> {
        match semantics {
            Semantics::Running => self.running,
            Semantics::Final => self.all,
        }
    }

    /// The row that a reference names, and the variable that it is mapped to.
    fn resolve(&self, number: usize) -> Option<(RowId, Option<u8>)> {
        let reference = self.rule.spec.references.get(number)?;
        let anchored = |mapped: Mapped| (mapped.row, Some(mapped.variable));
        let (row, variable) = match reference.anchor {
            Anchor::Current => (self.here, self.variable),
            Anchor::First { semantics, .. } | Anchor::Last { semantics, .. } => {
                self.plan.anchor(number, self.seen(semantics).registers).map(anchored)?
            }
        };
        if reference.steps == 0 {
            return Some((row, variable));
        }
        let at = self.history.binary_search(&row).ok()?.checked_sub(reference.steps as usize)?;
        let row = self.history[at];
        Some((row, self.variable_of(row)))
    }

    /// What a row before the current one is mapped to.
    fn variable_of(&self, row: RowId) -> Option<u8> {
        match self.steps {
            Steps::All(steps) => {
                let at = steps.binary_search_by_key(&row, |step| step.mapped.row).ok();
                at.map(|at| steps[at].mapped.variable)
            }
            Steps::Path(paths, path) => {
                let step = paths.backwards(path).find(|step| step.mapped.row <= row);
                step.filter(|step| step.mapped.row == row).map(|step| step.mapped.variable)
            }
        }
    }

    fn value(&self, (row, variable): (RowId, Option<u8>), column: u16) -> Value<'a> {
        if column != CLASSIFIER_COLUMN {
            return self.rows.value(row, usize::from(column));
        }
        let name = |variable: u8| Value::Str(&self.rule.spec.variables[usize::from(variable)].name);
        variable.map_or(Value::Null, name)
    }

    /// The argument of an aggregate for a row.
    pub fn argument(&self, aggregate: &'a PatternAggregate, mapped: Mapped) -> Value<'a> {
        let Some((program, _)) = &aggregate.argument else { return Value::Null };
        let mut scope = Self { here: mapped.row, variable: Some(mapped.variable), ..*self };
        program.run(&mut scope, self.arena).first().copied().unwrap_or(Value::Null)
    }

    fn aggregate(&self, number: usize) -> Value<'a> {
        let Some(aggregate) = self.rule.spec.aggregates.get(number) else { return Value::Null };
        let seen = self.seen(aggregate.semantics);
        let Some(place) = self.plan.folded.iter().position(|&folded| folded == number) else {
            let argument = |aggregate, mapped| self.argument(aggregate, mapped);
            return self.plan.aggregate(number, aggregate, seen.registers, &argument);
        };
        match (seen.folded, self.steps) {
            (Some(values), _) => values[place],
            (None, Steps::Path(paths, path)) => {
                let mut accumulator = Accumulator::new(aggregate);
                let here = self.variable.map(|variable| Mapped { row: self.here, variable });
                let before = paths.backwards(path).map(|step| step.mapped);
                for mapped in here.into_iter().chain(before) {
                    if aggregate.variables.has(mapped.variable) {
                        accumulator.take(self.argument(aggregate, mapped));
                    }
                }
                accumulator.value()
            }
            (None, Steps::All(_)) => Value::Null,
        }
    }

    fn of_match(&self, column: u16) -> Value<'a> {
        match column {
            match_column::NUMBER => {
                self.number.map_or(Value::Null, |number| Value::Int(number.cast_signed()))
            }
            match_column::ROWTIME => Value::Int(self.rows.stamp(self.last).1),
            match_column::TIMED_OUT => Value::Bool(self.is_timed_out),
            _ => Value::Null,
        }
    }
}

impl<'a> Env<'a> for Scope<'a> {
    fn load(&self, input: u16, column: u16) -> Value<'a> {
        match input {
            0 => self.value((self.here, self.variable), column),
            MATCH => self.of_match(column),
            AGGREGATES => self.aggregate(usize::from(column)),
            _ => {
                let row = self.resolve(usize::from(input) - 1);
                row.map_or(Value::Null, |row| self.value(row, column))
            }
        }
    }

    fn call(&mut self, _: u16, _: &[Value<'a>]) -> Value<'a> {
        Value::Null
    }
}
