//! How much memory the groups of an aggregation take, as far as its plan tells.

use crate::aggregate::Aggregates;
use crate::cell::Cell;
use crate::key::inline_cells;
use crate::running;
use crate::session;
use crate::spec::{AggregateCall, Aggregation, Grouping, Windowing};

/// Slots of 8 bytes, of which 5 in 16 to 5 in 8 are taken.
const INDEX: usize = 17;

/// Bytes that one group takes, in one window (or slice of windows) or session; tests/memory.rs compares them
/// with what is allocated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyBytes {
    /// Its part of the hash index, at mean load.
    pub index: usize,
    /// The key's columns, with strings of up to 19 bytes together.
    pub key: usize,
    /// What tells how long it lives: of a time to live, of a session.
    pub life: usize,
    /// Each aggregate, without what lies aside: sets, sketches and strings.
    pub aggregates: Vec<usize>,
}

impl KeyBytes {
    /// Of an aggregation's groups.
    pub fn of(spec: &Aggregation) -> Self {
        let cell = size_of::<Cell>();
        let life = match spec.grouping {
            Grouping::Running { ttl: Some(_) } => running::TTL_BYTES,
            Grouping::Window { windowing: Windowing::Session { .. }, .. } => session::SESSION_BYTES,
            _ => 0,
        };
        let of_call =
            |call: &AggregateCall| size_of_val(Aggregates::new(std::slice::from_ref(call)).initial());
        Self {
            index: INDEX,
            key: inline_cells(&spec.key) * cell,
            life,
            aggregates: spec.calls.iter().map(of_call).collect(),
        }
    }

    /// All of it.
    pub fn total(&self) -> usize {
        self.index + self.key + self.life + self.aggregates.iter().sum::<usize>()
    }
}
