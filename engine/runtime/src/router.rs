//! Finds the partition of a key and queues requests in front of it.

use std::sync::Arc;

use actix::Addr;
use actix::prelude::SendError;
use actix_rt::ArbiterHandle;
use vencejo_core::plan::{App, Stream};
use vencejo_types::row::{Row, key_hash, partition_of};
use vencejo_types::{PartitionId, StreamId, TenantId};

use crate::clock::{Clock, Moment};
use crate::figures::{AlertTimes, Figures};
use crate::kept::Kept;
use crate::lanes::{Lane, Lanes};
use crate::partition::{Nudge, PartitionActor};
use crate::request::{DecideRequest, IngestRequest, Request};
use crate::serving::{Following, Served, Serving};
use crate::snapshots::Snapshots;

/// Why a partition did not take a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unavailable {
    /// Its lane is full: try again shortly.
    Overloaded,
    /// The disk is full, and what it was to do must be kept.
    DiskFull,
    /// It has stopped.
    Stopped,
}

/// The way in: one per engine, shared by every session.
pub struct Router {
    clock: Clock,
    pub(crate) partitions: Arc<[Partition]>,
    threads: Vec<ArbiterHandle>,
    pub(crate) serving: Arc<Serving>,
    kept: Option<Arc<Kept>>,
    pub(crate) snapshots: Option<Snapshots>,
}

pub(crate) struct Partition {
    pub(crate) lanes: Arc<Lanes>,
    pub(crate) address: Addr<PartitionActor>,
    pub(crate) figures: Arc<Figures>,
}

/// Partitions take turns over the threads.
pub(crate) fn thread_of(partition: u32, threads: usize) -> usize {
    partition as usize % threads
}

impl Partition {
    /// Queues a request; one that the lane has no room for comes back.
    #[expect(clippy::result_large_err, reason = "a request that finds no room comes back whole, and rarely")]
    pub(crate) fn push(&self, lane: Lane, request: Request) -> Result<(), (Unavailable, Option<Request>)> {
        let queued = self.lanes.push(lane, request);
        if !queued.map_err(|request| (Unavailable::Overloaded, Some(request)))? {
            return Ok(());
        }
        self.nudge().map_err(|unavailable| (unavailable, None))
    }

    /// Tells the partition that its lanes hold something.
    pub(crate) fn nudge(&self) -> Result<(), Unavailable> {
        match self.address.try_send(Nudge) {
            // A full mailbox holds a nudge already.
            Ok(()) | Err(SendError::Full(_)) => Ok(()),
            Err(SendError::Closed(_)) => Err(Unavailable::Stopped),
        }
    }
}

impl Router {
    pub(crate) fn new(
        clock: Clock,
        partitions: Arc<[Partition]>,
        threads: Vec<ArbiterHandle>,
        serving: Arc<Serving>,
        kept: Option<Arc<Kept>>,
    ) -> Self {
        Self { clock, partitions, threads, serving, kept, snapshots: None }
    }

    /// The app that is served now.
    pub fn app(&self) -> Arc<App> {
        Arc::clone(&self.serving.current().app)
    }

    /// The app that is served now, to be followed.
    pub fn follow(&self) -> Following {
        Following::new(Arc::clone(&self.serving))
    }

    /// The engine's clock.
    pub fn clock(&self) -> Clock {
        self.clock
    }

    /// Number of partitions.
    pub fn partitions(&self) -> u32 {
        u32::try_from(self.partitions.len()).expect("PARTITIONS_MAX fits 32 bits")
    }

    /// The partition that owns the key of a row of `stream`. `key` is left holding the key's bytes.
    pub fn partition_of(&self, stream: &Stream, row: Row<'_>, key: &mut Vec<u8>) -> PartitionId {
        key.clear();
        row.write_key(&stream.schema, stream.schema.key(), key);
        self.partition_of_key(key)
    }

    /// The partition that owns a key, by its bytes.
    pub fn partition_of_key(&self, key: &[u8]) -> PartitionId {
        let index = partition_of(key_hash(key), self.partitions());
        PartitionId { tenant: TenantId::DEFAULT, index }
    }

    /// Number of threads that the partitions are on.
    pub fn threads(&self) -> usize {
        self.threads.len()
    }

    /// The thread on which a partition is, counted from 0.
    pub fn thread_of(&self, partition: PartitionId) -> usize {
        thread_of(partition.index, self.threads.len())
    }

    /// Calls this on a thread, behind the start of its partitions. Local tasks may be spawned there. False
    /// when the thread has ended.
    pub fn run_on(&self, thread: usize, call: impl FnOnce() + Send + 'static) -> bool {
        self.threads[thread].spawn_fn(call)
    }

    /// All partitions, counting up.
    pub fn partition_ids(&self) -> impl Iterator<Item = PartitionId> + use<> {
        (0..self.partitions()).map(|index| PartitionId { tenant: TenantId::DEFAULT, index })
    }

    /// Queues a request for a decision in the partition's fast lane.
    ///
    /// # Errors
    /// When the partition cannot take it; it is dropped and has had no effect.
    pub fn decide(&self, partition: PartitionId, request: DecideRequest) -> Result<(), Unavailable> {
        self.push(partition, Lane::Fast, Request::Decide(request))
    }

    /// Queues events of a stream, which says by which lane they go.
    ///
    /// # Errors
    /// When the partition cannot take them; they are dropped and have had no effect.
    pub fn ingest(
        &self,
        partition: PartitionId,
        stream: &Stream,
        request: IngestRequest,
    ) -> Result<(), Unavailable> {
        self.push(partition, Lane::of(stream), Request::Ingest(request))
    }

    fn push(&self, id: PartitionId, lane: Lane, request: Request) -> Result<(), Unavailable> {
        self.partitions[id.index as usize].push(lane, request).map_err(|(unavailable, _)| unavailable)
    }

    /// What the engine keeps on disk; nothing for one in memory.
    pub fn kept(&self) -> Option<&Arc<Kept>> {
        self.kept.as_ref()
    }

    /// Takes snapshots; nothing for an engine that keeps nothing on disk.
    pub fn snapshots(&self) -> Option<&Snapshots> {
        self.snapshots.as_ref()
    }

    /// Notes the greatest event time of rows that have all been queued: from it the partitions learn the
    /// stream's watermark. Noted earlier, it could overtake rows that still have to be queued. `served` is
    /// the app against which the rows were checked, `now` about the present.
    pub fn note_event_time(&self, served: &Served, stream: StreamId, millis: i64, now: Moment) {
        served.times.note(stream, millis, self.clock.tick(now));
    }

    /// Rows that the app's outputs have given, over all partitions.
    pub fn emitted(&self) -> u64 {
        self.partitions.iter().map(|partition| partition.figures.emitted()).sum()
    }

    /// How long alerts have taken since the engine started, over all partitions.
    pub fn alert_times(&self) -> AlertTimes {
        Figures::alert_times(self.partitions.iter().map(|partition| &*partition.figures))
    }

    /// Whether every lane is empty and every partition at rest.
    pub fn is_idle(&self) -> bool {
        self.partitions.iter().all(|partition| partition.lanes.is_idle())
    }
}
