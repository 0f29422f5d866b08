//! The partial matches of one rule for one key.
//!
//! A run is what may come of one first row. Its threads are the ways in which it may still match, the
//! preferred one first; its candidate is a way that has matched already and would be taken if every thread
//! failed. Runs go on side by side; they are settled in the order of their first rows, because only when all
//! before a run are decided is it known whether a skip leaves it out.

mod expiry;
mod image;
mod miss;

use std::collections::VecDeque;
use std::ops::Range;

use vencejo_types::limits::{
    RULE_PATH_WORDS_MAX, RULE_RUNS_MAX, RULE_RUNS_PER_KEY_MAX, RULE_THREADS_PER_RUN_MAX,
};

use self::miss::Ended;
use crate::automaton::Takes;
use crate::output::Decided;
use crate::path::{Mapped, PathId, Step};
use crate::row_log::RowId;
use crate::rule::Rule;
use crate::spec::{Skip, VariableSet};
use crate::timers::{Look, NEVER, Timers};
use crate::turn::Turn;

/// A way in which a run may still match: it waits in a state for the next row.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Thread {
    pub state: u16,
    pub path: PathId,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Open,
    Matched,
    TimedOut,
    Failed,
}

#[derive(Clone, Copy, Debug)]
struct Run {
    start: RowId,
    /// Time of the first row, in milliseconds.
    time: i64,
    /// How many of the rule's threads are its own.
    threads: u32,
    outcome: Outcome,
    /// The way that has matched; once it has timed out, the preferred of those that had not.
    candidate: Option<PathId>,
}

/// What a rule remembers of a key.
#[derive(Debug)]
pub(crate) struct RuleRuns {
    pub rule: u32,
    /// The place of the key.
    pub key_place: u32,
    /// Its own place in the pool.
    place: u32,
    /// By first row.
    runs: VecDeque<Run>,
    /// Of all runs, one run's behind the other's.
    threads: Vec<Thread>,
    /// The rows that PREV may look at; empty where the rule has no PREV.
    history: VecDeque<RowId>,
    /// When a timer looks at it, and the ticket for that.
    deadline: i64,
    ticket: u64,
}

impl RuleRuns {
    pub fn new(place: u32) -> Self {
        Self {
            rule: 0,
            key_place: 0,
            place,
            runs: VecDeque::new(),
            threads: Vec::new(),
            history: VecDeque::new(),
            deadline: NEVER,
            ticket: 0,
        }
    }

    /// Whether there is nothing to remember.
    pub fn is_blank(&self) -> bool {
        self.runs.is_empty() && self.history.is_empty()
    }

    /// Forgets everything: the rule is gone, and its paths and counters with it.
    pub fn forget(&mut self) {
        self.runs.clear();
        self.threads.clear();
        self.history.clear();
        self.rule = 0;
        self.forget_look();
    }

    /// The first row that a run or PREV may still look at.
    pub fn first_row(&self) -> Option<RowId> {
        let run = self.runs.front().map(|run| run.start);
        self.history.front().copied().into_iter().chain(run).min()
    }

    /// Asks for a look at a deadline, unless there is one before it.
    fn ask(&mut self, deadline: i64, turn: &mut Turn<'_>) {
        if deadline < self.deadline {
            self.deadline = deadline;
            self.ticket = turn.timers.ask(deadline, self.place);
        }
    }

    /// Asks for the look that its runs need.
    pub fn ask_again(&mut self, rule: &Rule, timers: &mut Timers) {
        let deadline = self.next_deadline(rule);
        if deadline < self.deadline {
            self.deadline = deadline;
            self.ticket = timers.ask(deadline, self.place);
        }
    }

    /// Whether a look is the one that was asked for last.
    pub fn awaits(&self, look: &Look) -> bool {
        self.deadline != NEVER && self.ticket == look.ticket
    }

    /// Says that the look it awaits has come.
    pub fn forget_look(&mut self) {
        self.deadline = NEVER;
    }

    /// Takes a row that the rule sees: the turn's current one. A match may begin with it only if `may_begin`.
    pub fn take(&mut self, rule: &Rule, may_begin: bool, turn: &mut Turn<'_>) {
        let id = turn.current().id;
        if rule.steps_max > 0 {
            self.history.push_back(id);
            turn.keeps_row = true;
        }
        let mut next_start = 0;
        if !self.runs.is_empty() {
            self.advance(rule, turn);
            next_start = self.settle(rule, turn);
        }
        if may_begin && next_start <= id {
            self.begin(rule, turn);
            self.settle(rule, turn);
        }
        self.trim_history(rule);
    }

    /// Moves every run on by the current row.
    fn advance(&mut self, rule: &Rule, turn: &mut Turn<'_>) {
        let mut old = std::mem::take(&mut turn.room.threads);
        std::mem::swap(&mut old, &mut self.threads);
        let mut rest = old.as_slice();
        for at in 0..self.runs.len() {
            let (threads, others) = rest.split_at(self.runs[at].threads as usize);
            rest = others;
            if self.runs[at].outcome == Outcome::Open {
                let mut run = self.runs[at];
                let farthest = self.farthest(rule, threads, turn);
                self.step(rule, turn, &mut run, threads);
                self.runs[at] = run;
                if run.outcome == Outcome::Failed {
                    farthest.into_iter().for_each(|farthest| farthest.tell(self.rule, Ended::Row, turn));
                }
            }
        }
        old.clear();
        turn.room.threads = old;
        self.forget_failed(turn);
    }

    /// Begins a run at the current row.
    fn begin(&mut self, rule: &Rule, turn: &mut Turn<'_>) {
        let initial = &rule.automaton.initial;
        let states = rule.automaton.next(initial).iter();
        let mut threads = std::mem::take(&mut turn.room.threads);
        threads.extend(states.map(|&state| Thread { state, path: PathId::EMPTY }));
        let mut run = Run {
            start: turn.current().id,
            time: turn.current().time,
            threads: 0,
            outcome: Outcome::Open,
            candidate: initial.accepts.then_some(PathId::EMPTY),
        };
        self.step(rule, turn, &mut run, &threads);
        threads.clear();
        turn.room.threads = threads;
        if run.outcome == Outcome::Failed {
            return;
        }
        turn.counters[self.rule as usize].open += 1;
        if self.runs.capacity() == 0 {
            // Most keys have one run of a rule, with one thread.
            self.runs.reserve_exact(1);
            self.threads.shrink_to_fit();
        }
        self.runs.push_back(run);
        turn.keeps_row = true;
        if run.outcome == Outcome::Open {
            if let Some(within) = rule.spec.within {
                self.ask(run.time.saturating_add(within), turn);
            }
            while self.runs.len() > RULE_RUNS_PER_KEY_MAX
                || turn.counters[self.rule as usize].open > RULE_RUNS_MAX as u64
            {
                self.drop_oldest(rule, turn);
            }
        }
    }

    /// Moves a run's threads on by the current row, and says what is known of the run then. New threads go
    /// behind those that the rule has; the old ones no longer hold their paths.
    fn step(&mut self, rule: &Rule, turn: &mut Turn<'_>, run: &mut Run, old: &[Thread]) {
        let start = self.threads.len();
        let number = self.rule as usize;
        let mut threads = old.iter();
        turn.room.reached.next_round();
        for thread in threads.by_ref() {
            let state = &rule.automaton.states[usize::from(thread.state)];
            let variable = state.takes.variable();
            let holds = turn.satisfies(rule, self.rule, &self.history, thread.path, variable);
            let path = match state.takes {
                Takes::Row { excluded, .. } if holds => {
                    turn.keeps_row = true;
                    let mapped = Mapped { row: turn.current().id, variable };
                    let path = turn.push(number, thread.path, Step { mapped, excluded });
                    turn.paths[number].release(thread.path);
                    path
                }
                Takes::Other(_) if !holds => thread.path,
                Takes::Silence(_) if !holds => {
                    self.add(rule, turn, *thread, start);
                    turn.paths[number].release(thread.path);
                    continue;
                }
                _ => {
                    turn.paths[number].release(thread.path);
                    continue;
                }
            };
            for &state in rule.automaton.next(&state.next) {
                self.add(rule, turn, Thread { state, path }, start);
            }
            if state.next.accepts {
                let candidate = run.candidate.replace(path);
                turn.release(number, candidate);
                break;
            }
            turn.paths[number].release(path);
        }
        threads.for_each(|thread| turn.paths[number].release(thread.path));
        let is_over = self.threads.len() - start > RULE_THREADS_PER_RUN_MAX
            || turn.paths[number].words() > RULE_PATH_WORDS_MAX;
        if is_over {
            self.drop_threads(start..self.threads.len(), turn);
            turn.release(number, run.candidate.take());
            turn.counters[number].dropped += 1;
        }
        run.threads = (self.threads.len() - start) as u32;
        if run.threads == 0 {
            run.outcome = if run.candidate.is_some() { Outcome::Matched } else { Outcome::Failed };
        }
    }

    /// Adds a thread of a run whose threads begin at `first`, unless a preferred one of them is in the same
    /// state and has the same registers: it would give nothing new.
    fn add(&mut self, rule: &Rule, turn: &mut Turn<'_>, thread: Thread, first: usize) {
        let paths = &mut turn.paths[self.rule as usize];
        let differs = |other: &Thread| {
            other.state != thread.state || paths.registers(other.path) != paths.registers(thread.path)
        };
        let is_new = !rule.conditions.is_complete
            || turn.room.reached.is_new(thread.state)
            || paths.has_registers() && self.threads[first..].iter().all(differs);
        if is_new {
            paths.hold(thread.path);
            self.threads.push(thread);
        }
    }

    /// Gives out what is decided, in order of first rows; the first row at which a match may begin now.
    fn settle(&mut self, rule: &Rule, turn: &mut Turn<'_>) -> RowId {
        let (mut next_start, mut gone) = (0, 0);
        while let Some(&run) = self.runs.front() {
            if run.start >= next_start {
                if run.outcome == Outcome::Open {
                    break;
                }
                let is_timed_out = run.outcome == Outcome::TimedOut;
                let path = run.candidate.unwrap_or(PathId::EMPTY);
                let decided = Decided { rule: self.rule, start: run.start, path, is_timed_out };
                turn.emit(rule, &self.history, decided);
                if !is_timed_out {
                    next_start = next_after(rule.spec.skip, run.start, &turn.room.steps);
                }
            }
            self.runs.pop_front();
            turn.release(self.rule as usize, run.candidate);
            turn.counters[self.rule as usize].open -= 1;
            gone += run.threads as usize;
        }
        self.drop_threads(0..gone, turn);
        next_start
    }

    /// Lets threads go.
    fn drop_threads(&mut self, which: Range<usize>, turn: &mut Turn<'_>) {
        let paths = &mut turn.paths[self.rule as usize];
        self.threads.drain(which).for_each(|thread| paths.release(thread.path));
    }

    /// Lets the oldest run go because of a limit.
    fn drop_oldest(&mut self, rule: &Rule, turn: &mut Turn<'_>) {
        if let Some(run) = self.runs.pop_front() {
            let farthest = self.farthest(rule, &self.threads[..run.threads as usize], turn);
            farthest.into_iter().for_each(|farthest| farthest.tell(self.rule, Ended::LetGo, turn));
            self.drop_threads(0..run.threads as usize, turn);
            turn.release(self.rule as usize, run.candidate);
            let counters = &mut turn.counters[self.rule as usize];
            counters.open -= 1;
            counters.dropped += 1;
        }
    }

    /// Takes failed runs out; they have no threads.
    fn forget_failed(&mut self, turn: &mut Turn<'_>) {
        if self.runs.iter().all(|run| run.outcome != Outcome::Failed) {
            return;
        }
        let before = self.runs.len();
        self.runs.retain(|run| run.outcome != Outcome::Failed);
        turn.counters[self.rule as usize].open -= (before - self.runs.len()) as u64;
    }

    /// Bytes that it holds besides itself.
    pub fn bytes(&self) -> usize {
        self.runs.capacity() * size_of::<Run>()
            + self.threads.capacity() * size_of::<Thread>()
            + self.history.capacity() * size_of::<RowId>()
    }

    /// Lets rows go that PREV reaches neither from a run nor from the next row.
    fn trim_history(&mut self, rule: &Rule) {
        if rule.steps_max == 0 {
            return;
        }
        let first = self
            .runs
            .front()
            .map_or(self.history.len(), |run| self.history.partition_point(|&row| row < run.start));
        self.history.drain(..first.saturating_sub(rule.steps_max));
    }
}

/// The first row at which the next match may begin.
fn next_after(skip: Skip, start: RowId, steps: &[Step]) -> RowId {
    let past_last = steps.last().map_or(start, |step| step.mapped.row) + 1;
    let of = |variables: VariableSet| {
        let steps = steps.iter().map(|step| step.mapped);
        steps.filter(move |mapped| variables.has(mapped.variable)).map(|mapped| mapped.row)
    };
    let next = match skip {
        Skip::PastLastRow => past_last,
        Skip::ToNextRow => start + 1,
        Skip::ToFirst(variables) => of(variables).next().unwrap_or(past_last),
        Skip::ToLast(variables) => of(variables).next_back().unwrap_or(past_last),
    };
    next.max(start + 1)
}
