//! The network between producers and the engine: batches arrive in any order, late, twice or never, and so do
//! acknowledgements.

use std::sync::{Arc, Mutex};

use vencejo_runtime::{BatchRefusal, BatchReply, Decided, DecisionReply, Fault};
use vencejo_types::row::Row;
use vencejo_types::{PartitionId, Sequence};

/// A batch, by the number of its first row.
#[derive(Clone)]
pub(crate) struct Batch {
    pub(crate) partition: usize,
    pub(crate) first: u64,
    /// Keys and numbers.
    pub(crate) rows: Vec<(i64, i64)>,
}

/// What came back.
#[derive(Default)]
pub(crate) struct Replies {
    /// Partition, number of the first row, rows.
    pub(crate) absorbed: Mutex<Vec<(usize, u64, u32)>>,
    pub(crate) refused: Mutex<Vec<BatchRefusal>>,
    /// Counts and sums.
    pub(crate) answered: Mutex<Vec<(i64, i64)>>,
    /// What must not come back.
    pub(crate) failed: Mutex<Vec<String>>,
}

/// What is on its way.
#[derive(Default)]
pub(crate) struct Wire {
    pub(crate) batches: Vec<Batch>,
    pub(crate) replies: Arc<Replies>,
}

impl Wire {
    /// Takes a batch out, by its place modulo how many there are.
    pub(crate) fn take(&mut self, place: usize) -> Option<Batch> {
        let place = place.checked_rem(self.batches.len())?;
        Some(self.batches.remove(place))
    }
}

/// Where the answer to one batch goes.
pub(crate) struct BatchOf {
    pub(crate) first: u64,
    pub(crate) replies: Arc<Replies>,
}

impl BatchReply for BatchOf {
    fn absorbed(&self, partition: PartitionId, events: u32, _sequence: Sequence) {
        self.replies.absorbed.lock().unwrap().push((partition.index as usize, self.first, events));
    }

    fn refused(&self, _partition: PartitionId, _events: u32, refusal: BatchRefusal) {
        self.replies.refused.lock().unwrap().push(refusal);
    }

    fn failed(&self, partition: PartitionId, events: u32, fault: Fault) {
        let what = format!("{events} events of partition {partition}: {fault:?}");
        self.replies.failed.lock().unwrap().push(what);
    }
}

impl DecisionReply for Replies {
    fn decided(&self, _request: u64, decided: Decided<'_>) {
        let row = Row::of_checked(2, decided.row);
        self.answered.lock().unwrap().push((row.i64(0), row.i64(1)));
    }

    fn failed(&self, request: u64, fault: Fault) {
        self.failed.lock().unwrap().push(format!("request {request}: {fault:?}"));
    }
}
