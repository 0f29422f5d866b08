//! Giving a match out.

use std::collections::VecDeque;

use bumpalo::Bump;
use vencejo_expr::{Value, key};

use crate::aggregate::Accumulator;
use crate::path::{Mapped, PathId, Step};
use crate::row_log::RowId;
use crate::rule::Rule;
use crate::scope::{Rows, Scope, Seen, Steps};
use crate::spec::{PatternAggregate, RowsPerMatch};
use crate::turn::{Room, Turn};
use crate::{Match, MatchedRow};

/// A match that is decided.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Decided {
    pub rule: u32,
    /// The row where it begins, also where it has none.
    pub start: RowId,
    pub path: PathId,
    pub is_timed_out: bool,
}

impl Turn<'_> {
    /// Gives a match out; its rows are in `room.steps` then. Cost: linear in its rows.
    pub fn emit(&mut self, rule: &Rule, history: &VecDeque<RowId>, decided: Decided) {
        let number = self.next_number(decided.rule);
        self.counters[decided.rule as usize].matches += u64::from(!decided.is_timed_out);
        self.paths[decided.rule as usize].read(decided.path, &mut self.room.steps);
        let mut steps = std::mem::take(&mut self.room.steps);
        self.room.matched.clear();
        for &Step { mapped: Mapped { row, variable }, .. } in &steps {
            let (sequence, time) = self.rows.stamp(row);
            self.room.matched.push(MatchedRow { sequence, time, variable });
        }
        self.fold(rule, history, decided, &steps, number);
        std::mem::swap(&mut self.room.steps, &mut steps);
    }

    /// Takes the rows one by one into what the output reads, and gives those out that come out.
    fn fold(
        &mut self,
        rule: &Rule,
        history: &VecDeque<RowId>,
        decided: Decided,
        steps: &[Step],
        number: u64,
    ) {
        let last = steps.last().map_or(decided.start, |step| step.mapped.row);
        let mut of_all = Folding::new(rule, std::mem::take(&mut self.room.all));
        let mut running = Folding::new(rule, std::mem::take(&mut self.room.registers));
        let given = Given { rule, history, decided, steps, last, number };
        steps.iter().for_each(|step| of_all.take(self, &given, step.mapped));
        match rule.spec.rows {
            RowsPerMatch::One => {
                self.give(&given, steps.last().map(|step| step.mapped), &of_all, &of_all);
            }
            RowsPerMatch::All { empty } => {
                if empty && steps.is_empty() {
                    self.give(&given, None, &running, &of_all);
                }
                for step in steps {
                    running.take(self, &given, step.mapped);
                    if !step.excluded {
                        self.give(&given, Some(step.mapped), &running, &of_all);
                    }
                }
            }
        }
        self.room.all = of_all.registers;
        self.room.registers = running.registers;
    }

    /// Gives one row out: the one that stands at `here`, or where an empty match stands.
    fn give(&mut self, given: &Given<'_>, here: Option<Mapped>, running: &Folding, all: &Folding) {
        self.room.arena.reset();
        let Room { arena, matched, .. } = &*self.room;
        let key_values = arena.alloc_slice_fill_copy(self.key_columns.len(), Value::Null);
        key::read(self.key, self.key_columns.iter().map(|&(_, key_type)| key_type), key_values);
        let seen = |folding: &Folding| {
            arena.alloc_slice_fill_iter(folding.folded.iter().map(Accumulator::value)) as &[Value<'_>]
        };
        let mut scope = Scope {
            running: Seen { registers: &running.registers, folded: Some(seen(running)) },
            all: Seen { registers: &all.registers, folded: Some(seen(all)) },
            ..given.scope(self.rows, arena, here)
        };
        let row = given.rule.spec.output.run(&mut scope, arena);
        let alone = self.rows.stamp(given.decided.start).0;
        let matched = Match {
            rule: given.decided.rule as usize,
            key: key_values,
            first_sequence: matched.first().map_or(alone, |row| row.sequence),
            last_sequence: matched.last().map_or(alone, |row| row.sequence),
            number: given.number,
            timed_out: given.decided.is_timed_out,
            rows: matched,
        };
        self.sink.matched(&matched, row);
    }
}

/// A match while its rows are given out.
struct Given<'a> {
    rule: &'a Rule,
    history: &'a VecDeque<RowId>,
    decided: Decided,
    steps: &'a [Step],
    last: RowId,
    number: u64,
}

impl Given<'_> {
    /// What programs see at a row, but for what is read of the match's rows.
    fn scope<'b>(&'b self, rows: Rows<'b>, arena: &'b Bump, here: Option<Mapped>) -> Scope<'b> {
        Scope {
            rule: self.rule,
            plan: &self.rule.output,
            rows,
            history: self.history,
            steps: Steps::All(self.steps),
            here: here.map_or(self.decided.start, |mapped| mapped.row),
            variable: here.map(|mapped| mapped.variable),
            running: Seen { registers: &[], folded: None },
            all: Seen { registers: &[], folded: None },
            last: self.last,
            number: Some(self.number),
            is_timed_out: self.decided.is_timed_out,
            arena,
        }
    }
}

/// What the output reads of the rows so far.
struct Folding {
    registers: Vec<u64>,
    /// Of the plan's folded aggregates.
    folded: Vec<Accumulator>,
}

impl Folding {
    fn new(rule: &Rule, mut registers: Vec<u64>) -> Self {
        registers.clear();
        registers.extend_from_slice(rule.output.initial());
        let folded = rule.output.folded.iter().map(|&number| Accumulator::new(&rule.spec.aggregates[number]));
        Self { registers, folded: folded.collect() }
    }

    fn take(&mut self, turn: &mut Turn<'_>, given: &Given<'_>, mapped: Mapped) {
        if self.registers.is_empty() && self.folded.is_empty() {
            return;
        }
        turn.room.arena.reset();
        let scope = given.scope(turn.rows, &turn.room.arena, Some(mapped));
        let argument = |aggregate, mapped| scope.argument(aggregate, mapped);
        given.rule.output.take(&given.rule.spec, &mut self.registers, mapped, &argument);
        for (accumulator, &number) in self.folded.iter_mut().zip(&given.rule.output.folded) {
            let aggregate: &PatternAggregate = &given.rule.spec.aggregates[number];
            if aggregate.variables.has(mapped.variable) {
                accumulator.take(scope.argument(aggregate, mapped));
            }
        }
    }
}
