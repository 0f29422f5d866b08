//! When it is worth to fetch what requests look up.

use vencejo_types::DecisionId;
use vencejo_types::row::Row;

use crate::event::Effects;
use crate::state::PartitionState;

/// After so many requests it is looked which of the state has outgrown the processor's caches.
const LOOK_EVERY: u32 = 256;

/// Has the processor fetch what requests look up, where they would wait for memory. Nothing that can be seen
/// changes.
#[derive(Clone, Copy, Debug, Default)]
pub struct LookAhead {
    /// Tables in which the look-ups of the last decision that was looked at wait for memory.
    far: usize,
    /// Requests until that is looked at again.
    until_look: u32,
}

impl LookAhead {
    /// Whether requests that wait together are better told of together.
    pub fn gathers(&self) -> bool {
        self.far > 0
    }

    /// Whether it is worth to fetch for so many requests: a key alone has no other to wait beside. Asked once
    /// per time that it could be done.
    #[inline]
    pub fn is_due(&mut self, requests: usize) -> bool {
        let is_due = self.far * requests > 1 || self.until_look == 0;
        if is_due {
            self.until_look = LOOK_EVERY;
        }
        self.until_look -= 1;
        is_due
    }

    /// Fetches what the next requests for a decision look up in tables that do not fit the caches: all of it
    /// is waited for together. Of more than [`vencejo_types::limits::DECISIONS_AHEAD_MAX`] the first.
    pub fn fetch<'r>(
        &mut self,
        state: &PartitionState,
        decision: DecisionId,
        rows: &(impl Iterator<Item = Row<'r>> + Clone),
        effects: &mut Effects,
    ) {
        if let Some(decision) = state.app.decision(decision) {
            let key = &mut effects.scratch.key;
            self.far = state.dataflow.fetch_requests(&state.app, decision, rows, key);
        }
    }
}
