//! What travels through the lanes, and where the answers go.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::oneshot;
use vencejo_core::models::{ModelChange, ModelRefusal};
use vencejo_core::plan::{App, Succession};
use vencejo_core::{PartitionState, Retired};
use vencejo_types::{DecisionCode, DecisionId, ModelId, PartitionId, Sequence, StreamId};

use crate::clock::Moment;
use crate::tap::Tap;

/// A request for a decision. Its row has been checked.
pub struct DecideRequest {
    /// The decision.
    pub decision: DecisionId,
    /// A row of the decision's stream.
    pub row: Bytes,
    /// When its last byte arrived.
    pub arrived: Moment,
    /// How long the answer may take from then, in microseconds.
    pub deadline_micros: u32,
    /// The number by which the asker knows it.
    pub request: u64,
    /// Where the answer goes.
    pub reply: Arc<dyn DecisionReply>,
}

/// Events of one stream for one partition. Their rows have been checked.
pub struct IngestRequest {
    /// The stream.
    pub stream: StreamId,
    /// The rows, in order.
    pub rows: Rows,
    /// Where the answer goes.
    pub reply: Arc<dyn BatchReply>,
}

/// Rows that share one buffer.
#[derive(Clone, Debug, Default)]
pub struct Rows {
    /// The buffer.
    pub bytes: Bytes,
    /// Where in it each row lies.
    pub ranges: Vec<Range<usize>>,
}

/// A decision, on its way back.
#[derive(Clone, Copy, Debug)]
pub struct Decided<'a> {
    /// How it was reached.
    pub code: DecisionCode,
    /// The request's place in its partition.
    pub sequence: Sequence,
    /// From the arrival of the request to now, in nanoseconds.
    pub server_nanos: u64,
    /// The answer's row.
    pub row: &'a [u8],
}

/// Why a partition does not serve a request that it took.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The core panicked on it.
    Panicked,
    /// The app was replaced, and what the request names is not in it any more.
    AppChanged,
}

/// Takes the answers to decisions. Called on the partition's thread: it must not block.
pub trait DecisionReply: Send + Sync {
    /// The request has its decision.
    fn decided(&self, request: u64, decided: Decided<'_>);
    /// The request has no decision, and had no effect.
    fn failed(&self, request: u64, fault: Fault);
}

/// Takes the answer to a batch's part in one partition. Called on the partition's thread: it must not
/// block.
pub trait BatchReply: Send + Sync {
    /// The part has been applied; this is the sequence of its last event.
    fn absorbed(&self, partition: PartitionId, events: u32, sequence: Sequence);
    /// The part, of so many events, was not applied; none of them is in the state.
    fn failed(&self, partition: PartitionId, events: u32, fault: Fault);
}

/// One entry of a lane.
pub(crate) enum Request {
    Decide(DecideRequest),
    Ingest(IngestRequest),
    Tick(Ticked),
    Model(ModelRequest),
    App(AppRequest),
    Tap(TapRequest),
    Inspect(Inspection),
}

/// What the engine knows of event time.
pub(crate) struct Ticked {
    /// The app whose streams these are.
    pub(crate) app: Arc<App>,
    /// Per stream its watermark; nothing where it is idle.
    pub(crate) watermarks: Arc<[Option<i64>]>,
}

/// Another app, for one partition.
pub(crate) struct AppRequest {
    pub(crate) succession: Arc<Succession>,
    pub(crate) reply: oneshot::Sender<Replaced>,
}

/// What became of it.
pub(crate) struct Replaced {
    /// How long the partition served nothing else.
    pub(crate) took: Duration,
    /// To be dropped where nobody waits.
    pub(crate) retired: Option<Retired>,
}

/// A subscription, for one partition.
pub(crate) struct TapRequest {
    pub(crate) tap: Tap,
    /// It has it.
    pub(crate) reply: oneshot::Sender<()>,
}

/// A change of who answers as a model, for one partition.
pub(crate) struct ModelRequest {
    pub(crate) model: ModelId,
    pub(crate) change: Arc<ModelChange>,
    /// What became of it; nothing when the core panicked on it.
    pub(crate) reply: oneshot::Sender<Option<Result<(), ModelRefusal>>>,
}

/// A look at a partition's state, on its thread; it brings its own way back.
pub(crate) type Inspection = Box<dyn FnOnce(&PartitionState) + Send>;
