//! Decisions that wait together.

use std::collections::VecDeque;
use std::iter;

use vencejo_core::fetch_requests;
use vencejo_types::limits::DECISIONS_AHEAD_MAX;
use vencejo_types::row::Row;

use super::Worker;
use super::failure::Health;
use crate::request::Request;

/// After so many requests it is looked which of the state has outgrown the processor's caches.
const LOOK_EVERY: u32 = 256;

/// What is taken from the fast lane before its turn: what decisions that wait together look up is fetched at
/// once, so that they wait for memory together.
#[derive(Default)]
pub(super) struct Ahead {
    /// To be served next, in this order.
    requests: VecDeque<Request>,
    /// Tables in which a decision's look-ups wait for memory. Where there is none, requests stay in the lane.
    far: usize,
    /// Requests until that is looked at again.
    until_look: u32,
}

impl Worker {
    /// The next request of the fast lane.
    pub(super) fn next_fast(&mut self) -> Option<Request> {
        if let Some(request) = self.ahead.requests.pop_front() {
            return Some(request);
        }
        let next = self.lanes.pop_fast()?;
        if self.ahead.far > 0 {
            let behind = iter::from_fn(|| self.lanes.pop_fast()).take(DECISIONS_AHEAD_MAX - 1);
            self.ahead.requests.extend(behind);
        }
        let keys = self.ahead.far * (1 + self.ahead.requests.len());
        if keys > 1 || self.ahead.until_look == 0 {
            self.fetch_for(&next);
            self.ahead.until_look = LOOK_EVERY;
        }
        self.ahead.until_look -= 1;
        Some(next)
    }

    /// Has the processor fetch what this request looks up, and those behind it that ask for the same.
    fn fetch_for(&mut self, next: &Request) {
        let Request::Decide(first) = next else { return };
        let app = self.state.app();
        let (Health::Sound, Some(decision)) = (&self.health, app.decision(first.decision)) else { return };
        let columns = app.streams[decision.stream.index()].schema.columns().len();
        let rows = iter::once(next).chain(&self.ahead.requests).filter_map(|request| match request {
            Request::Decide(asked) if asked.decision == first.decision => {
                Some(Row::of_checked(columns, &asked.row))
            }
            _ => None,
        });
        self.ahead.far = fetch_requests(&self.state, first.decision, &rows, &mut self.effects);
    }
}
