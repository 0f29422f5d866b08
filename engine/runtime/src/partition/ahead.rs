//! Decisions that wait together.

use std::collections::VecDeque;
use std::iter;

use vencejo_core::LookAhead;
use vencejo_types::limits::DECISIONS_AHEAD_MAX;
use vencejo_types::row::Row;

use super::Worker;
use super::failure::Health;
use crate::request::Request;

/// What is taken from the fast lane before its turn: what decisions that wait together look up is fetched at
/// once, so that they wait for memory together.
#[derive(Default)]
pub(super) struct Ahead {
    /// To be served next, in this order. Where look-ups do not wait for memory, requests stay in the lane.
    requests: VecDeque<Request>,
    look: LookAhead,
}

impl Worker {
    /// The next request of the fast lane.
    pub(super) fn next_fast(&mut self) -> Option<Request> {
        if let Some(request) = self.ahead.requests.pop_front() {
            return Some(request);
        }
        let next = self.lanes.pop_fast()?;
        if self.ahead.look.gathers() {
            let behind = iter::from_fn(|| self.lanes.pop_fast()).take(DECISIONS_AHEAD_MAX - 1);
            self.ahead.requests.extend(behind);
        }
        if self.ahead.look.is_due(1 + self.ahead.requests.len()) {
            self.fetch_for(&next);
        }
        Some(next)
    }

    /// Has the processor fetch what this request looks up, and those behind it that ask for the same.
    fn fetch_for(&mut self, next: &Request) {
        let Request::Decide(first) = next else { return };
        let app = self.state.app();
        let (Health::Sound, Some(decision)) = (&self.health, app.decision(first.decision)) else { return };
        let columns = app.streams[decision.stream.index()].schema.columns().len();
        let Ahead { requests, look } = &mut self.ahead;
        let rows = iter::once(next).chain(&*requests).filter_map(|request| match request {
            Request::Decide(asked) if asked.decision == first.decision => {
                Some(Row::of_checked(columns, &asked.row))
            }
            _ => None,
        });
        look.fetch(&self.state, first.decision, &rows, &mut self.effects);
    }
}
