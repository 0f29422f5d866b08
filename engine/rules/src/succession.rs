//! One set of rules takes over from another one over the same rows: what a rule remembers goes on, whichever
//! rules come, go or change beside it.
//!
//! Columns and atoms have numbers that depend on all rules of a set, so rules are compared by what the
//! numbers stand for. Runs, paths and timers know rows by their ids and rules by number; ids stay, the rest
//! of a key is renumbered. Cost: linear in the keys; where columns came or went, in the rows that they keep,
//! too.

use std::fmt::Write as _;

use vencejo_expr::{Program, Value};
use vencejo_types::row::key_hash;

use crate::keys::Held;
use crate::row_log::{Layout, RowLog};
use crate::set::{RuleSet, trim};
use crate::spec::{
    AGGREGATES, Atom, CLASSIFIER_COLUMN, Condition, MATCH, PatternAggregate, RuleSetSpec, RuleSpec,
};

impl RuleSetSpec {
    /// What key and order the rules have in common, as a number: where two sets over the same rows have the
    /// same, one can go on from the other. The same in every process of one version.
    pub fn arrangement(&self) -> u64 {
        let by_id = |&(column, descending): &(usize, bool)| (self.columns[column], descending);
        let key: Vec<_> = self.key.iter().map(|&(column, ty)| (self.columns[column], ty)).collect();
        let then_by: Vec<_> = self.then_by.iter().map(by_id).collect();
        let text = format!("{key:?} {:x} {:?} {then_by:?}", self.columns[self.time], self.order);
        key_hash(text.as_bytes())
    }

    /// What each rule is, its name included, as a number that does not depend on the other rules.
    pub fn rule_fingerprints(&self) -> Vec<u64> {
        self.rules.iter().map(|rule| key_hash(self.describe(rule).as_bytes())).collect()
    }

    fn describe(&self, rule: &RuleSpec) -> String {
        let RuleSpec {
            name,
            filter,
            variables,
            pattern,
            skip,
            within,
            references,
            aggregates,
            rows,
            output,
            show_timeouts,
            wording: _,
        } = rule;
        let mut text = format!(
            "{name:?} {pattern:?} {skip:?} {within:?} {references:?} {rows:?} {show_timeouts} {:x} ",
            self.program(output)
        );
        self.describe_condition(filter, &mut text);
        for variable in variables {
            // Writing to a string cannot fail.
            let _ = write!(text, "{:?} ", variable.name);
            self.describe_condition(&variable.condition, &mut text);
        }
        for PatternAggregate { function, variables, argument, distinct, semantics } in aggregates {
            let argument = argument.as_ref().map(|(program, ty)| (self.program(program), ty));
            let _ = write!(text, "{function:?} {variables:?} {argument:?} {distinct} {semantics:?} ");
        }
        text
    }

    fn describe_condition(&self, condition: &Condition, text: &mut String) {
        for &atom in &condition.atoms {
            let _ = match &self.atoms[atom as usize] {
                Atom::Compare { column, comparison, constant } => {
                    write!(text, "{:x} {comparison:?} {constant:?}, ", self.columns[*column])
                }
                Atom::Program(program) => write!(text, "{:x}, ", self.program(program)),
            };
        }
        let residual = condition.residual.as_ref().map(|residual| self.program(residual));
        let _ = write!(text, "{residual:?}; ");
    }

    /// A program's fingerprint, with what its columns are in place of their numbers.
    fn program(&self, program: &Program) -> u64 {
        program.fingerprint_by(|input, column| match input {
            MATCH | AGGREGATES => u64::from(column),
            _ if column == CLASSIFIER_COLUMN => u64::from(column),
            _ => self.columns.get(usize::from(column)).copied().unwrap_or(u64::from(column)),
        })
    }
}

/// Where the rules and columns of one set stand in the one before.
struct Places {
    /// Of each rule before, its number now.
    rules: Vec<Option<u32>>,
    /// Of each column now, its number before.
    columns: Vec<Option<usize>>,
}

impl Places {
    fn new(before: &RuleSetSpec, now: &RuleSetSpec) -> Self {
        let known = now.rule_fingerprints();
        let mut is_free = vec![true; known.len()];
        let rules = before.rule_fingerprints().into_iter().map(|fingerprint| {
            let place = (0..known.len()).find(|&place| is_free[place] && known[place] == fingerprint)?;
            is_free[place] = false;
            Some(place as u32)
        });
        let columns = now.columns.iter().map(|id| before.columns.iter().position(|other| other == id));
        Self { rules: rules.collect(), columns: columns.collect() }
    }

    fn rule(&self, before: u32) -> Option<u32> {
        self.rules.get(before as usize).copied().flatten()
    }

    /// Whether any column has another number than before.
    fn columns_moved(&self) -> bool {
        self.columns.iter().enumerate().any(|(now, &before)| before != Some(now))
    }

    /// Whether nothing has another number, of so many columns before and so many rules now.
    fn are_same(&self, columns: usize, rules: usize) -> bool {
        let same_rules = self.rules.iter().enumerate().all(|(before, &now)| now == Some(before as u32));
        let lengths = (self.columns.len(), self.rules.len()) == (columns, rules);
        lengths && same_rules && !self.columns_moved()
    }
}

impl RuleSet {
    /// Goes on with what a set of the same arrangement over the same rows remembers. Of a rule that is new or
    /// has changed nothing goes on; a row that is kept, or waits for the watermark, is NULL for it in columns
    /// that no rule before looked at. A capture that is under way is given up.
    pub fn take_over(&mut self, before: &mut Self) {
        let places = Places::new(&before.spec, &self.spec);
        if places.are_same(before.spec.columns.len(), self.rules.len()) {
            std::mem::swap(self, before);
            return;
        }
        let now = std::mem::replace(before, Self::new(self.spec.clone()));
        let Self { layout, keys, pool, paths, timers, clock, watermark, buffer, counters, .. } = now;
        (self.clock, self.watermark, self.timers) = (clock, watermark, timers);
        (self.late, self.refused) = (now.late, now.refused);
        (self.keys, self.pool) = (keys, pool);
        for (number, (paths, counters)) in paths.into_iter().zip(counters).enumerate() {
            if let Some(place) = places.rule(number as u32) {
                self.paths[place as usize] = paths;
                self.counters[place as usize] = counters;
                self.dispatch.set_rows(place as usize, now.dispatch.rows(number));
            }
        }
        self.buffer.begin_restore(buffer.arrivals());
        for waiting in buffer.waiting() {
            self.buffer.restore(waiting.rearranged(&self.spec.then_by, &places.columns));
        }
        self.pool.renumber(|rule| places.rule(rule));
        for place in 0..self.keys.places() {
            self.renumber(place, &places, &layout);
        }
    }

    /// Has what is known of a key go by the rules' and the columns' numbers of now.
    fn renumber(&mut self, place: usize, places: &Places, before: &Layout) {
        if self.keys.known(place).is_none() {
            return;
        }
        let is_idle = self.keys.active(place).is_empty();
        let numbers = self.keys.numbers_mut(place);
        numbers.retain_mut(|(rule, _)| {
            let now = places.rule(*rule);
            *rule = now.unwrap_or(*rule);
            now.is_some()
        });
        numbers.sort_unstable();
        if !is_idle {
            let Held { log, active, .. } = self.keys.at_mut(place);
            active.retain_mut(|(rule, at)| {
                let now = places.rule(*rule);
                match now {
                    Some(now) => *rule = now,
                    None => self.pool.give_back(*at),
                }
                now.is_some()
            });
            active.sort_unstable();
            if places.columns_moved() || *before != self.layout {
                *log = log.rearranged(before, &self.layout, &places.columns);
            }
            trim(log, active, &self.pool, &self.layout);
        }
        self.keys.settle(place, true);
    }
}

impl RowLog {
    /// The same rows in another layout. `columns`: of each column now, its number before.
    fn rearranged(&self, before: &Layout, now: &Layout, columns: &[Option<usize>]) -> Self {
        let mut log = Self::starting_at(self.first());
        let mut row = Vec::with_capacity(columns.len());
        for id in self.first()..self.end(before) {
            let (sequence, time) = self.stamp(before, id);
            row.clear();
            row.extend(
                columns
                    .iter()
                    .map(|column| column.map_or(Value::Null, |column| self.value(before, id, column))),
            );
            log.push(now, sequence, time, &row);
        }
        log
    }
}
