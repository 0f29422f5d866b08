//! A set of rules over the same rows.

use std::sync::Arc;

use vencejo_expr::{Value, key};
use vencejo_types::limits::{EVENT_TIME_MILLIS_MAX, RULE_KEYS_MAX, RULE_ROWS_PER_KEY_MAX};

use crate::atoms::{Atoms, Truths};
use crate::buffer::Buffer;
use crate::clock::Clock;
use crate::keys::{KeyState, Keys};
use crate::path::Paths;
use crate::row_log::{Layout, RowId};
use crate::rule::Rule;
use crate::runs::RuleRuns;
use crate::scope::{Current, Rows};
use crate::spec::{Order, RuleSetSpec};
use crate::timers::{NEVER, Timers};
use crate::turn::{Room, Turn};
use crate::{RuleCounters, Sink, Taken};

/// The matcher of a set of rules: rows, watermarks and ticks in, matches out.
#[derive(Debug)]
pub struct RuleSet {
    spec: Arc<RuleSetSpec>,
    rules: Vec<Rule>,
    atoms: Atoms,
    layout: Layout,
    keys: Keys,
    /// What a key without state begins with, so that a row that begins nothing adds no key.
    blank: KeyState,
    paths: Paths,
    timers: Timers,
    clock: Clock,
    watermark: i64,
    buffer: Buffer,
    counters: Vec<RuleCounters>,
    late: u64,
    refused: u64,
    room: Room,
    truths: Truths,
    key: Vec<u8>,
}

/// A row, ordered.
#[derive(Clone, Copy)]
struct Ordered<'a> {
    row: &'a [Value<'a>],
    time: i64,
    sequence: u64,
}

impl RuleSet {
    /// A matcher that has seen nothing. Cost: linear in the states and transitions of all patterns.
    ///
    /// # Panics
    /// If a rule does not pass [`crate::spec::RuleSpec::check`].
    pub fn new(spec: Arc<RuleSetSpec>) -> Self {
        let rules = spec.rules.iter().map(|rule| Rule::new(rule).expect("the planner has checked the rule"));
        let rules: Vec<Rule> = rules.collect();
        let mut is_read = vec![false; spec.input.len()];
        rules.iter().for_each(|rule| rule.kept_columns(|column| is_read[column] = true));
        Self {
            layout: Layout::new(&spec.input, |column| is_read[column]),
            atoms: Atoms::new(&spec),
            keys: Keys::default(),
            blank: KeyState::default(),
            paths: Paths::new(),
            timers: Timers::default(),
            clock: Clock::new(),
            watermark: i64::MIN,
            buffer: Buffer::new(&spec.then_by),
            counters: vec![RuleCounters::default(); rules.len()],
            late: 0,
            refused: 0,
            room: Room::default(),
            truths: Truths::default(),
            key: Vec::new(),
            rules,
            spec,
        }
    }

    /// Takes a row. `sequence` is its place in its partition, which grows from row to row. Late is a row
    /// without an event time, after the end of the input, or, in the order of event time, at or behind the
    /// watermark.
    pub fn row(&mut self, row: &[Value<'_>], sequence: u64, sink: &mut dyn Sink) -> Taken {
        let time = match row[self.spec.time] {
            Value::Int(time) if time.abs_diff(0) <= EVENT_TIME_MILLIS_MAX.unsigned_abs() => time,
            _ => i64::MIN,
        };
        let behind = match self.spec.order {
            Order::Arrival if self.watermark < i64::MAX => i64::MIN,
            _ => self.watermark,
        };
        if time <= behind {
            self.late += 1;
            return Taken::Late;
        }
        let is_in = match self.spec.order {
            Order::Event => self.buffer.push(time, sequence, row),
            Order::Arrival => {
                let now = self.clock.see(time);
                self.expire(now, sink);
                let is_in = self.take(Ordered { row, time, sequence }, sink);
                // A row behind the others may have begun what is over already.
                self.expire(now, sink);
                is_in
            }
        };
        if is_in {
            return Taken::Yes;
        }
        self.refused += 1;
        Taken::Refused
    }

    /// Takes the watermark, in milliseconds of event time: no row with a time up to it is to come. At
    /// `i64::MAX`, the end of the input, every open run is decided. One that goes back is ignored.
    pub fn watermark(&mut self, watermark_millis: i64, sink: &mut dyn Sink) {
        if watermark_millis <= self.watermark {
            return;
        }
        self.watermark = watermark_millis;
        while let Some(waiting) = self.buffer.pop(watermark_millis) {
            let row: Vec<Value<'_>> = waiting.values().collect();
            self.expire(waiting.time, sink);
            if !self.take(Ordered { row: &row, time: waiting.time, sequence: waiting.sequence }, sink) {
                self.refused += 1;
            }
        }
        let now = self.clock.pass(watermark_millis);
        self.expire(now, sink);
        if watermark_millis == i64::MAX {
            self.end(sink);
        }
    }

    /// Takes engine time, in microseconds. In the order of arrival WITHIN runs out by it while no row comes.
    pub fn tick(&mut self, now_micros: i64, sink: &mut dyn Sink) {
        if self.spec.order == Order::Arrival
            && let Some(now) = self.clock.tick(now_micros)
        {
            self.expire(now, sink);
        }
    }

    /// Takes a row into the runs of its key; `false` where a new key is one too many.
    fn take(&mut self, ordered: Ordered<'_>, sink: &mut dyn Sink) -> bool {
        self.key.clear();
        key::write(self.spec.key.iter().map(|&(column, _)| ordered.row[column]), &mut self.key);
        let place = self.keys.find(&self.key);
        if place.is_none() && self.keys.len() >= RULE_KEYS_MAX {
            return false;
        }
        self.atoms.evaluate(ordered.row, &mut self.room.arena, &mut self.truths);
        let mut state = match place {
            Some(place) => std::mem::take(self.keys.at_mut(place).1),
            None => std::mem::take(&mut self.blank),
        };
        self.take_of_key(&mut state, ordered, sink);
        let place = match place {
            Some(place) => {
                *self.keys.at_mut(place).1 = state;
                place
            }
            None if state.rules.is_empty() => {
                self.blank = state;
                return true;
            }
            None => self.keys.insert(&self.key, state),
        };
        self.after(place, sink);
        true
    }

    /// Gives the row to the rules that see it.
    fn take_of_key(&mut self, state: &mut KeyState, ordered: Ordered<'_>, sink: &mut dyn Sink) {
        let Ordered { row, time, sequence } = ordered;
        let current = Current { id: state.log.end(&self.layout), sequence, time, row };
        let mut turn = Turn {
            rows: Rows { layout: &self.layout, log: &state.log, current: Some(current) },
            key: &self.key,
            key_columns: &self.spec.key,
            truths: &self.truths,
            paths: &mut self.paths,
            room: &mut self.room,
            counters: &mut self.counters,
            sink,
            keeps_row: false,
        };
        for (number, rule) in self.rules.iter().enumerate() {
            if !rule.filter.holds(&self.truths) {
                continue;
            }
            turn.counters[number].rows += 1;
            let number = number as u32;
            let at = state.rules.binary_search_by_key(&number, |runs| runs.rule);
            if let Ok(at) = at {
                state.rules[at].take(rule, &mut turn);
            } else if rule.steps_max > 0 || rule.may_begin(&self.truths) {
                let mut runs = RuleRuns::new(number);
                runs.take(rule, &mut turn);
                if !runs.is_blank() {
                    state.rules.insert(at.unwrap_or_else(|at| at), runs);
                }
            }
        }
        if turn.keeps_row {
            state.log.push(&self.layout, sequence, time, row);
        }
    }

    /// What follows every change of a key: limits, rows that nothing reads any more, timers; a key of which
    /// nothing is left goes.
    fn after(&mut self, place: usize, sink: &mut dyn Sink) {
        while self.keys.at(place).1.log.len(&self.layout) > RULE_ROWS_PER_KEY_MAX {
            self.make_room(place, sink);
        }
        let Self { keys, rules, timers, layout, .. } = self;
        let (_, state) = keys.at_mut(place);
        state.rules.retain_mut(|runs| {
            let deadline = runs.next_deadline(&rules[runs.rule as usize]);
            if runs.is_blank() || deadline == NEVER {
                if runs.deadline != NEVER {
                    timers.forget();
                    runs.deadline = NEVER;
                }
            } else if deadline < runs.deadline {
                runs.ticket = timers.ask(deadline, place as u32, runs.rule, runs.deadline != NEVER);
                runs.deadline = deadline;
            }
            !runs.is_blank()
        });
        let first = state.rules.iter().filter_map(RuleRuns::first_row).min();
        state.log.drop_before(layout, first.unwrap_or(RowId::MAX));
        if state.rules.is_empty() {
            keys.remove(place);
        }
        if timers.is_stale() {
            timers.sweep(|look| {
                let state = keys.at(look.place as usize).1;
                let runs = state.find(look.rule).map(|at| &state.rules[at]);
                runs.is_ok_and(|runs| runs.deadline != NEVER && runs.ticket == look.ticket)
            });
        }
    }

    /// Looks at the runs for which WITHIN may have run out.
    fn expire(&mut self, now: i64, sink: &mut dyn Sink) {
        while let Some(look) = self.timers.due(now) {
            let place = look.place as usize;
            let state = self.keys.at_mut(place).1;
            let Ok(at) = state.find(look.rule) else { continue };
            let runs = &mut state.rules[at];
            if runs.deadline == NEVER || runs.ticket != look.ticket {
                continue;
            }
            runs.deadline = NEVER;
            self.timers.forget();
            self.with_runs(place, at, sink, |runs, rule, turn| runs.expire(rule, now, turn));
            self.after(place, sink);
        }
    }

    /// Does something with a rule's runs of a key while no row is taken.
    fn with_runs(
        &mut self,
        place: usize,
        at: usize,
        sink: &mut dyn Sink,
        act: impl FnOnce(&mut RuleRuns, &Rule, &mut Turn<'_>),
    ) {
        let (key, state) = self.keys.at_mut(place);
        let runs = &mut state.rules[at];
        let mut turn = Turn {
            rows: Rows { layout: &self.layout, log: &state.log, current: None },
            key,
            key_columns: &self.spec.key,
            truths: &self.truths,
            paths: &mut self.paths,
            room: &mut self.room,
            counters: &mut self.counters,
            sink,
            keeps_row: false,
        };
        let rule = &self.rules[runs.rule as usize];
        act(runs, rule, &mut turn);
    }

    /// Decides every run that is open.
    fn end(&mut self, sink: &mut dyn Sink) {
        for place in 0..self.keys.places() {
            for at in 0..self.keys.at(place).1.rules.len() {
                self.with_runs(place, at, sink, |runs, rule, turn| runs.expire(rule, NEVER, turn));
            }
            if !self.keys.at(place).1.rules.is_empty() {
                self.after(place, sink);
            }
        }
    }

    /// Lets the oldest run of a key go, or, where rows are kept for PREV alone, the first of those.
    fn make_room(&mut self, place: usize, sink: &mut dyn Sink) {
        let state = self.keys.at_mut(place).1;
        let first =
            (0..state.rules.len()).min_by_key(|&at| state.rules[at].first_row().unwrap_or(RowId::MAX));
        let Some(at) = first else { return };
        let runs = &mut state.rules[at];
        if runs.oldest_run() == runs.first_row() {
            self.with_runs(place, at, sink, RuleRuns::give_up_oldest);
        } else {
            runs.forget_first();
        }
        let state = self.keys.at_mut(place).1;
        let first = state.rules.iter().filter_map(RuleRuns::first_row).min();
        state.log.drop_before(&self.layout, first.unwrap_or(RowId::MAX));
    }

    /// How many keys are remembered.
    pub fn key_count(&self) -> usize {
        self.keys.len()
    }

    /// Rows that came too late, or without an event time.
    pub fn late(&self) -> u64 {
        self.late
    }

    /// Rows that a limit refused.
    pub fn refused(&self) -> u64 {
        self.refused
    }

    /// What a rule has done so far, by its place in the set.
    pub fn counters(&self, rule: usize) -> RuleCounters {
        self.counters[rule]
    }

    /// Bytes of memory that the state takes, allocations as they were asked for.
    pub fn bytes(&self) -> usize {
        self.keys.bytes() + self.paths.bytes() + self.timers.bytes() + self.buffer.bytes()
    }
}
