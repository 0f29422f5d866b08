//! A set of rules over the same rows.

use std::sync::Arc;

use vencejo_expr::{Value, key};
use vencejo_types::limits::{EVENT_TIME_MILLIS_MAX, RULE_KEYS_MAX, RULE_ROWS_PER_KEY_MAX};

use crate::atoms::{Atoms, Truths};
use crate::buffer::Buffer;
use crate::clock::Clock;
use crate::dispatch::{Concerned, Dispatch};
use crate::image::Saving;
use crate::keys::{Held, Keys};
use crate::path::Paths;
use crate::pool::Pool;
use crate::row_log::{Layout, RowId, RowLog};
use crate::rule::Rule;
use crate::runs::RuleRuns;
use crate::scope::{Current, Rows};
use crate::spec::{Order, RuleSetSpec};
use crate::timers::Timers;
use crate::turn::{Room, Turn};
use crate::{RuleCounters, Sink, Taken};

/// The matcher of a set of rules: rows, watermarks and ticks in, matches out.
#[derive(Debug)]
pub struct RuleSet {
    pub(crate) spec: Arc<RuleSetSpec>,
    pub(crate) rules: Vec<Rule>,
    atoms: Atoms,
    pub(crate) dispatch: Dispatch,
    pub(crate) layout: Layout,
    pub(crate) keys: Keys,
    pub(crate) pool: Pool,
    /// Of each rule.
    pub(crate) paths: Vec<Paths>,
    pub(crate) timers: Timers,
    pub(crate) clock: Clock,
    pub(crate) watermark: i64,
    pub(crate) buffer: Buffer,
    pub(crate) counters: Vec<RuleCounters>,
    pub(crate) late: u64,
    pub(crate) refused: u64,
    room: Room,
    truths: Truths,
    concerned: Concerned,
    key: Vec<u8>,
    /// Runs whose WITHIN has run out, to be put in order.
    due: Vec<Due>,
    pub(crate) saving: Option<Box<Saving>>,
    explained: Option<u32>,
}

/// When WITHIN ran out, the places of key and rule, and of the runs. In this order, whatever the timers'
/// history.
type Due = (i64, u32, u32, u32);

/// Below this many looks of timers those that no longer count stay.
const LOOKS_MIN: usize = 64;

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
        let atoms = Atoms::new(&spec);
        let rules = spec.rules.iter();
        let rules = rules.map(|rule| Rule::new(rule, &atoms).expect("the planner has checked the rule"));
        let rules: Vec<Rule> = rules.collect();
        let mut is_read = vec![false; spec.input.len()];
        rules.iter().for_each(|rule| rule.kept_columns(|column| is_read[column] = true));
        Self {
            layout: Layout::new(&spec.input, |column| is_read[column]),
            dispatch: Dispatch::new(&spec, &rules),
            atoms,
            keys: Keys::default(),
            pool: Pool::default(),
            paths: rules.iter().map(|rule| Paths::new(rule.conditions.initial())).collect(),
            timers: Timers::default(),
            clock: Clock::new(),
            watermark: i64::MIN,
            buffer: Buffer::new(&spec.then_by),
            counters: vec![RuleCounters::default(); rules.len()],
            late: 0,
            refused: 0,
            room: Room::default(),
            truths: Truths::default(),
            concerned: Concerned::default(),
            key: Vec::new(),
            due: Vec::new(),
            saving: None,
            explained: None,
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

    /// Engine time at which a tick may change something, in microseconds; nothing where none does.
    pub fn wakes_at_micros(&self) -> Option<i64> {
        match self.spec.order {
            Order::Arrival => self.clock.wakes_at_micros(self.timers.first()?),
            Order::Event => None,
        }
    }

    /// Takes a row into the runs of its key; `false` where a new key is one too many.
    fn take(&mut self, ordered: Ordered<'_>, sink: &mut dyn Sink) -> bool {
        let row = ordered.row;
        self.atoms.compare(row, &mut self.truths);
        let arena = &mut self.room.arena;
        self.dispatch.find(&self.atoms, &mut self.truths, row, arena, &mut self.concerned);
        self.key.clear();
        key::write(self.spec.key.iter().map(|&(column, _)| row[column]), &mut self.key);
        let known = self.keys.find(&self.key);
        if known.is_none() && self.concerned.next(0).is_none() {
            return true;
        }
        if known.is_none() && self.keys.len() >= RULE_KEYS_MAX {
            return false;
        }
        self.before_change(known.unwrap_or_else(|| self.keys.next_place()));
        let place = known.unwrap_or_else(|| self.keys.lend(&self.key));
        self.take_of_key(place, ordered, sink);
        self.keys.settle(place, known.is_some());
        true
    }

    /// What is known of the key at this place is about to change.
    #[inline]
    fn before_change(&mut self, place: usize) {
        if self.saving.is_some() {
            self.save_first(place);
        }
    }

    /// Gives the row to the rules that it concerns, in their order.
    fn take_of_key(&mut self, place: usize, ordered: Ordered<'_>, sink: &mut dyn Sink) {
        let Ordered { row, time, sequence } = ordered;
        let Self { pool, dispatch, concerned, rules, layout, .. } = self;
        let Held { key, log, active, numbers } = self.keys.at_mut(place);
        let current = Current { id: log.end(layout), sequence, time, row };
        let mut turn = Turn {
            rows: Rows { layout, log, current: Some(current) },
            key,
            key_columns: &self.spec.key,
            atoms: &self.atoms,
            truths: &mut self.truths,
            paths: &mut self.paths,
            counters: &mut self.counters,
            timers: &mut self.timers,
            room: &mut self.room,
            sink,
            numbers,
            keeps_row: false,
            explained: self.explained,
        };
        let (mut at, mut from) = (0, 0);
        loop {
            let running = active.get(at).copied();
            let beginning = concerned.next(from);
            let Some(number) = running.map(|(rule, _)| rule).into_iter().chain(beginning).min() else {
                break;
            };
            from = number + 1;
            let runs = running.filter(|&(rule, _)| rule == number).map(|(_, runs)| runs);
            if !dispatch.passes(number, concerned) {
                at += usize::from(runs.is_some());
                continue;
            }
            let lent = runs.unwrap_or_else(|| pool.lend(number, place));
            let taking = pool.at_mut(lent);
            taking.take(&rules[number as usize], beginning == Some(number), &mut turn);
            match (runs.is_some(), taking.is_blank()) {
                (true, false) => at += 1,
                (false, false) => {
                    active.insert(at, (number, lent));
                    at += 1;
                }
                (is_active, true) => {
                    if is_active {
                        active.remove(at);
                    }
                    pool.give_back(lent);
                }
            }
        }
        if turn.keeps_row && !active.is_empty() {
            log.push(layout, sequence, time, row);
        }
        trim(log, active, pool, layout);
        while self.keys.at_mut(place).log.len(&self.layout) > RULE_ROWS_PER_KEY_MAX {
            self.make_room(place, sink);
        }
    }

    /// Looks at the runs for which WITHIN may have run out.
    fn expire(&mut self, now: i64, sink: &mut dyn Sink) {
        while let Some(look) = self.timers.due(now) {
            let runs = self.pool.at_mut(look.runs);
            if runs.awaits(&look) {
                runs.forget_look();
                let rule = &self.rules[runs.rule as usize];
                let deadline = runs.next_deadline(rule);
                if deadline <= now && !runs.is_blank() {
                    self.due.push((deadline, runs.key_place, runs.rule, look.runs));
                } else {
                    runs.ask_again(rule, &mut self.timers);
                }
            }
        }
        if !self.due.is_empty() {
            let mut due = std::mem::take(&mut self.due);
            due.sort_unstable();
            for (_, place, _, runs) in due.drain(..) {
                self.with_runs(runs, sink, |runs, rule, turn| runs.expire(rule, now, turn));
                self.keys.settle(place as usize, true);
            }
            self.due = due;
        }
        if self.timers.len() > 2 * self.pool.len() + LOOKS_MIN {
            let pool = &self.pool;
            self.timers.sweep(|look| pool.at(look.runs).awaits(look));
        }
    }

    /// Does something with the runs at a place while no row is taken.
    fn with_runs(
        &mut self,
        at: u32,
        sink: &mut dyn Sink,
        act: impl FnOnce(&mut RuleRuns, &Rule, &mut Turn<'_>),
    ) {
        self.before_change(self.pool.at(at).key_place as usize);
        let runs = self.pool.at_mut(at);
        let (place, number) = (runs.key_place as usize, runs.rule);
        let Held { key, log, active, numbers } = self.keys.at_mut(place);
        let mut turn = Turn {
            rows: Rows { layout: &self.layout, log, current: None },
            key,
            key_columns: &self.spec.key,
            atoms: &self.atoms,
            truths: &mut self.truths,
            paths: &mut self.paths,
            counters: &mut self.counters,
            timers: &mut self.timers,
            room: &mut self.room,
            sink,
            numbers,
            keeps_row: false,
            explained: self.explained,
        };
        act(runs, &self.rules[number as usize], &mut turn);
        if runs.is_blank() {
            active.retain(|&(_, runs)| runs != at);
            self.pool.give_back(at);
        }
        trim(log, active, &self.pool, &self.layout);
    }

    /// Decides every run that is open.
    fn end(&mut self, sink: &mut dyn Sink) {
        for place in 0..self.keys.places() {
            let is_active = !self.keys.active(place).is_empty();
            while let Some(&(_, runs)) = self.keys.active(place).first() {
                self.with_runs(runs, sink, RuleRuns::end);
            }
            if is_active {
                self.keys.settle(place, true);
            }
        }
    }

    /// Lets the oldest run of a key go, or, where rows are kept for PREV alone, the first of those.
    fn make_room(&mut self, place: usize, sink: &mut dyn Sink) {
        let first_row = |&(_, runs): &(u32, u32)| self.pool.at(runs).first_row();
        let oldest = self.keys.active(place).iter().min_by_key(|runs| first_row(runs).unwrap_or(RowId::MAX));
        if let Some(&(_, runs)) = oldest {
            self.with_runs(runs, sink, RuleRuns::make_room);
        }
    }

    /// Has the misses of a rule told ([`Sink::missed`]), or of none.
    pub fn explain(&mut self, rule: Option<usize>) {
        self.explained = rule.map(|rule| rule as u32);
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
        RuleCounters { rows: self.dispatch.rows(rule), ..self.counters[rule] }
    }

    /// Bytes of memory that the state takes, allocations as they were asked for.
    pub fn bytes(&self) -> usize {
        let paths: usize = self.paths.iter().map(Paths::bytes).sum();
        let state = self.keys.bytes() + self.pool.bytes() + paths + self.timers.bytes();
        state + self.buffer.bytes() + self.dispatch.bytes()
    }
}

/// Lets the rows of a key go that nothing looks at any more.
pub(crate) fn trim(log: &mut RowLog, active: &[(u32, u32)], pool: &Pool, layout: &Layout) {
    if log.len(layout) > 0 {
        let first = active.iter().filter_map(|&(_, runs)| pool.at(runs).first_row()).min();
        log.drop_before(layout, first.unwrap_or(RowId::MAX));
    }
}
