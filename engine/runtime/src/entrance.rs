//! The way in for one session: what it queues in a turn is served at the end of the turn, where it can be.

use std::sync::Arc;

use vencejo_core::plan::Stream;
use vencejo_types::PartitionId;

use crate::lanes::Lane;
use crate::request::{DecideRequest, IngestRequest, Request};
use crate::resident::{self, Resident};
use crate::router::{Router, Unavailable};

/// Queues requests like [`Router`], but has the partitions of its own thread serve them in place when told
/// to, instead of waking them. It does not leave its thread.
pub struct Entrance {
    router: Arc<Router>,
    /// By partition: the worker of one that lives on this thread.
    residents: Vec<Option<Resident>>,
    /// Residents whose lanes this entrance is to have served.
    due: Vec<usize>,
}

impl Entrance {
    /// An entrance for the calling thread, whose partitions have started.
    pub fn new(router: &Arc<Router>) -> Self {
        let residents = router.partitions.iter().map(|partition| resident::find(&partition.lanes)).collect();
        Self { router: Arc::clone(router), residents, due: Vec::new() }
    }

    /// Queues a request for a decision in the partition's fast lane.
    ///
    /// # Errors
    /// When the partition cannot take it; it is dropped and has had no effect.
    pub fn decide(&mut self, partition: PartitionId, request: DecideRequest) -> Result<(), Unavailable> {
        self.push(partition, Lane::Fast, Request::Decide(request))
    }

    /// Queues events of a stream, which says by which lane they go.
    ///
    /// # Errors
    /// When the partition cannot take them; they are dropped and have had no effect.
    pub fn ingest(
        &mut self,
        partition: PartitionId,
        stream: &Stream,
        request: IngestRequest,
    ) -> Result<(), Unavailable> {
        self.push(partition, Lane::of(stream), Request::Ingest(request))
    }

    fn push(&mut self, id: PartitionId, lane: Lane, request: Request) -> Result<(), Unavailable> {
        let index = id.index as usize;
        let partition = &self.router.partitions[index];
        if self.residents[index].is_none() {
            return partition.push(lane, request).map_err(|(unavailable, _)| unavailable);
        }
        if partition.lanes.push(lane, request).map_err(|_| Unavailable::Overloaded)? {
            self.due.push(index);
        }
        Ok(())
    }

    /// Has what was queued on this thread served: all of it, or so much that others get their turn before
    /// the rest. The session awaits nothing between a request and this.
    pub fn serve(&mut self) {
        for index in self.due.drain(..) {
            let resident = self.residents[index].as_ref().expect("residents alone are due");
            if resident.borrow_mut().drain() {
                // It goes on by itself. A full mailbox holds a nudge already; a closed one ends with the
                // engine.
                let _ = self.router.partitions[index].nudge();
            }
        }
    }
}

impl Drop for Entrance {
    fn drop(&mut self) {
        self.serve();
    }
}
