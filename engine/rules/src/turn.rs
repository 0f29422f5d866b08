//! One row, or one look of a timer, for one key: what all its rules need in turn, and giving out matches.

use std::collections::VecDeque;

use bumpalo::Bump;
use vencejo_expr::{Type, Value, key};

use crate::atoms::{Truths, is_true};
use crate::automaton::Takes;
use crate::path::{PathId, Paths, Step};
use crate::row_log::RowId;
use crate::rule::Rule;
use crate::runs::Thread;
use crate::scope::{Rows, Scope};
use crate::spec::RowsPerMatch;
use crate::{Match, MatchedRow, RuleCounters, Sink};

/// Memory that turns use one after the other.
#[derive(Debug, Default)]
pub(crate) struct Room {
    pub threads: Vec<Thread>,
    pub steps: Vec<Step>,
    pub reached: Reached,
    pub arena: Bump,
    matched: Vec<MatchedRow>,
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
    /// Of the current row.
    pub truths: &'a Truths,
    pub paths: &'a mut Paths,
    pub room: &'a mut Room,
    pub counters: &'a mut [RuleCounters],
    pub sink: &'a mut dyn Sink,
    /// Whether something may look at the current row later.
    pub keeps_row: bool,
}

impl Turn<'_> {
    /// The id of the current row, or of the next one where there is none.
    pub fn current_id(&self) -> RowId {
        self.rows.current.map_or_else(|| self.rows.log.end(self.rows.layout), |current| current.id)
    }

    /// The time of the current row.
    pub fn current_time(&self) -> i64 {
        self.rows.current.map_or(0, |current| current.time)
    }

    pub fn release_all(&mut self, paths: Option<PathId>) {
        paths.into_iter().for_each(|path| self.paths.release(path));
    }

    /// Whether the current row satisfies the condition of the variable that decides in a state, behind the
    /// rows of a path.
    pub fn satisfies(&mut self, rule: &Rule, history: &VecDeque<RowId>, path: PathId, takes: Takes) -> bool {
        let test = &rule.tests[usize::from(takes.variable())];
        if !test.mask.holds(self.truths) {
            return false;
        }
        let Some(residual) = &test.residual else { return true };
        let here = self.current_id();
        let room = &mut *self.room;
        self.paths.read(path, &mut room.steps);
        room.steps.push(Step { row: here, variable: takes.variable(), excluded: false });
        room.arena.reset();
        let mut scope = Scope {
            rule,
            rows: self.rows,
            history,
            steps: &room.steps,
            here,
            running: room.steps.len(),
            number: None,
            is_timed_out: false,
            arena: &room.arena,
        };
        is_true(residual, &mut scope, &room.arena)
    }

    /// Gives a match out; its rows are in `room.steps` then.
    #[expect(clippy::too_many_arguments, reason = "a match is described once, here")]
    pub fn emit(
        &mut self,
        rule: &Rule,
        rule_number: u32,
        history: &VecDeque<RowId>,
        start: RowId,
        path: PathId,
        number: u64,
        is_timed_out: bool,
    ) {
        self.counters[rule_number as usize].matches += u64::from(!is_timed_out);
        let room = &mut *self.room;
        self.paths.read(path, &mut room.steps);
        room.matched.clear();
        for step in &room.steps {
            let (sequence, time) = self.rows.stamp(step.row);
            room.matched.push(MatchedRow { sequence, time, variable: step.variable });
        }
        let alone = self.rows.stamp(start).0;
        let all = |is_shown: bool| {
            let rows = room.steps.iter().enumerate().filter(|(_, step)| !step.excluded);
            let empty = is_shown && room.steps.is_empty();
            rows.map(|(at, step)| (step.row, at + 1)).chain(empty.then_some((start, 0)))
        };
        let last = || room.steps.last().map_or((start, 0), |last| (last.row, room.steps.len()));
        let (one, many) = match rule.spec.rows {
            RowsPerMatch::One => (Some(last()), None),
            RowsPerMatch::All { empty } => (None, Some(all(empty))),
        };
        for (here, running) in one.into_iter().chain(many.into_iter().flatten()) {
            room.arena.reset();
            let arena = &room.arena;
            let key_values = arena.alloc_slice_fill_copy(self.key_columns.len(), Value::Null);
            key::read(self.key, self.key_columns.iter().map(|&(_, key_type)| key_type), key_values);
            let mut scope = Scope {
                rule,
                rows: self.rows,
                history,
                steps: &room.steps,
                here,
                running,
                number: Some(number),
                is_timed_out,
                arena,
            };
            let row = rule.spec.output.run(&mut scope, arena);
            let matched = Match {
                rule: rule_number as usize,
                key: key_values,
                first_sequence: room.matched.first().map_or(alone, |row| row.sequence),
                last_sequence: room.matched.last().map_or(alone, |row| row.sequence),
                number,
                timed_out: is_timed_out,
                rows: &room.matched,
            };
            self.sink.matched(&matched, row);
        }
    }
}
