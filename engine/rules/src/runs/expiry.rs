//! Runs whose time is over, and runs that a limit lets go.

use super::miss::Ended;
use super::{Outcome, RuleRuns, Run, Thread};
use crate::automaton::Takes;
use crate::rule::Rule;
use crate::timers::NEVER;
use crate::turn::Turn;

impl RuleRuns {
    /// Lets the oldest run go because of a limit, and gives out what waited for it; or where older rows are
    /// kept for PREV, the first of those.
    pub fn make_room(&mut self, rule: &Rule, turn: &mut Turn<'_>) {
        if self.runs.front().map(|run| run.start) == self.first_row() {
            self.drop_oldest(rule, turn);
            self.settle(rule, turn);
            self.trim_history(rule);
        } else {
            self.history.pop_front();
        }
    }

    /// Decides all runs: nothing is to come.
    pub fn end(&mut self, rule: &Rule, turn: &mut Turn<'_>) {
        self.expire(rule, NEVER, turn);
        self.history.clear();
    }

    /// Decides the runs for which WITHIN has run out by `now`; at `i64::MAX`, the end of the input, all.
    pub fn expire(&mut self, rule: &Rule, now: i64, turn: &mut Turn<'_>) {
        let is_over = |run: &Run| match rule.spec.within {
            _ if now == NEVER => true,
            Some(within) => run.time.saturating_add(within) <= now,
            None => false,
        };
        let mut first = 0;
        for at in 0..self.runs.len() {
            let mut run = self.runs[at];
            let count = run.threads as usize;
            if run.outcome == Outcome::Open && is_over(&run) {
                self.time_out(rule, &mut run, first, turn);
                if run.outcome == Outcome::Failed {
                    let ended = if now == NEVER { Ended::Input } else { Ended::Time };
                    let farthest = self.farthest(rule, &self.threads[first..first + count], turn);
                    farthest.into_iter().for_each(|farthest| farthest.tell(self.rule, ended, turn));
                }
                self.drop_threads(first..first + count, turn);
                run.threads = 0;
                self.runs[at] = run;
            } else {
                first += count;
            }
        }
        self.forget_failed(turn);
        self.settle(rule, turn);
        self.trim_history(rule);
        let next = self.next_deadline(rule);
        self.ask(next, turn);
    }

    /// The earliest time at which WITHIN runs out for a run.
    pub fn next_deadline(&self, rule: &Rule) -> i64 {
        let Some(within) = rule.spec.within else { return NEVER };
        let open = self.runs.iter().filter(|run| run.outcome == Outcome::Open);
        open.map(|run| run.time.saturating_add(within)).min().unwrap_or(NEVER)
    }

    /// What becomes of a run that can take no more rows: its threads begin at `first`.
    fn time_out(&self, rule: &Rule, run: &mut Run, first: usize, turn: &mut Turn<'_>) {
        let threads = &self.threads[first..first + run.threads as usize];
        let is_silent = |thread: &&Thread| matches!(rule.takes(thread.state), Takes::Silence(_));
        let mut way = threads.iter().find(is_silent);
        run.outcome = if way.is_some() || run.candidate.is_some() {
            Outcome::Matched
        } else if rule.spec.within.is_some() {
            turn.counters[self.rule as usize].timeouts += 1;
            way = threads.first().filter(|_| rule.spec.show_timeouts);
            if way.is_some() { Outcome::TimedOut } else { Outcome::Failed }
        } else {
            Outcome::Failed
        };
        if let Some(thread) = way {
            turn.paths[self.rule as usize].hold(thread.path);
            let candidate = run.candidate.replace(thread.path);
            turn.release(self.rule as usize, candidate);
        }
    }
}
