//! One row, or one look of a timer, for one key: what all its rules need in turn.

use std::collections::VecDeque;

use bumpalo::Bump;
use vencejo_expr::Type;

use crate::atoms::{Atoms, Truths, is_true};
use crate::keys::Numbers;
use crate::path::{Mapped, PathId, Paths, Step};
use crate::row_log::RowId;
use crate::rule::Rule;
use crate::runs::Thread;
use crate::scope::{Current, Rows, Scope, Seen, Steps};
use crate::timers::Timers;
use crate::{MatchedRow, RuleCounters, Sink};

/// Memory that turns use one after the other.
#[derive(Debug, Default)]
pub(crate) struct Room {
    pub threads: Vec<Thread>,
    pub steps: Vec<Step>,
    pub reached: Reached,
    pub arena: Bump,
    pub matched: Vec<MatchedRow>,
    /// Registers of a path with the row under test behind it; of a match up to a row; of the whole match.
    pub registers: Vec<u64>,
    pub all: Vec<u64>,
}

/// The states that a run's threads have reached in this round.
#[derive(Debug, Default)]
pub(crate) struct Reached {
    round: u64,
    rounds: Vec<u64>,
}

impl Reached {
    pub fn next_round(&mut self) {
        self.round += 1;
    }

    /// Whether a state is reached for the first time.
    pub fn is_new(&mut self, state: u16) -> bool {
        let state = usize::from(state);
        if self.rounds.len() <= state {
            self.rounds.resize(state + 1, 0);
        }
        std::mem::replace(&mut self.rounds[state], self.round) != self.round
    }
}

pub(crate) struct Turn<'a> {
    pub rows: Rows<'a>,
    pub key: &'a [u8],
    pub key_columns: &'a [(usize, Type)],
    pub atoms: &'a Atoms,
    /// Of the current row.
    pub truths: &'a mut Truths,
    /// Of each rule.
    pub paths: &'a mut [Paths],
    pub counters: &'a mut [RuleCounters],
    pub timers: &'a mut Timers,
    pub room: &'a mut Room,
    pub sink: &'a mut dyn Sink,
    /// How many matches each rule has given out for the key, for those that gave any, by rule.
    pub numbers: &'a mut Numbers,
    /// Whether something may look at the current row later.
    pub keeps_row: bool,
    /// The rule whose misses are told.
    pub explained: Option<u32>,
}

impl Turn<'_> {
    /// The row that is being taken.
    pub fn current(&self) -> Current<'_> {
        self.rows.current.expect("a row is being taken")
    }

    /// A path of a rule with a row more, and with `room.registers`.
    pub fn push(&mut self, rule: usize, before: PathId, step: Step) -> PathId {
        let paths = &mut self.paths[rule];
        let registers = if paths.has_registers() { self.room.registers.as_slice() } else { &[] };
        paths.push(before, step, registers)
    }

    /// No longer holds a path of a rule.
    pub fn release(&mut self, rule: usize, path: Option<PathId>) {
        path.into_iter().for_each(|path| self.paths[rule].release(path));
    }

    /// The next number of a rule's matches of the key.
    pub fn next_number(&mut self, rule: u32) -> u64 {
        let at = self.numbers.binary_search_by_key(&rule, |&(rule, _)| rule).unwrap_or_else(|at| {
            // Most keys match one rule.
            self.numbers.reserve_exact(1);
            self.numbers.insert(at, (rule, 0));
            at
        });
        self.numbers[at].1 += 1;
        self.numbers[at].1
    }

    /// Whether the current row satisfies a variable's condition behind the rows of a path. Where the rule has
    /// registers, those of the path with this row are in `room.registers` then.
    pub fn satisfies(
        &mut self,
        rule: &Rule,
        number: u32,
        history: &VecDeque<RowId>,
        path: PathId,
        variable: u8,
    ) -> bool {
        let current = self.rows.current.expect("a row is being taken");
        let test = &rule.tests[usize::from(variable)];
        let room = &mut *self.room;
        if !self.atoms.hold(&test.mask, self.truths, current.row, &mut room.arena) {
            return false;
        }
        let paths = &self.paths[number as usize];
        let before = paths.registers(path);
        if test.residual.is_none() && before.is_empty() {
            return true;
        }
        room.arena.reset();
        room.registers.clear();
        room.registers.extend_from_slice(before);
        let seen = |registers| Seen { registers, folded: None };
        let scope = |registers| Scope {
            rule,
            plan: &rule.conditions,
            rows: self.rows,
            history,
            steps: Steps::Path(paths, path),
            here: current.id,
            variable: Some(variable),
            running: seen(registers),
            all: seen(registers),
            last: current.id,
            number: None,
            is_timed_out: false,
            arena: &room.arena,
        };
        let mapped = Mapped { row: current.id, variable };
        let argument = |aggregate, mapped| scope(before).argument(aggregate, mapped);
        rule.conditions.take(&rule.spec, &mut room.registers, mapped, &argument);
        match &test.residual {
            Some(residual) => is_true(residual, &mut scope(&room.registers), &room.arena),
            None => true,
        }
    }
}
