//! What travels through the lanes, and where the answers go.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::oneshot;
use vencejo_core::alerts::{AlertChange, AlertId, AlertRefusal};
use vencejo_core::models::ModelChange;
use vencejo_core::plan::{Ack, App, Succession};
use vencejo_core::{PartitionState, Retired};
use vencejo_types::{DecisionCode, DecisionId, ModelId, Origin, PartitionId, Sequence, StreamId};

use crate::broadcast::ChangeFault;
use crate::clock::Moment;
use crate::snapshots::CaptureRequest;
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
    /// When their last byte arrived.
    pub arrived: Moment,
    /// How safe they are to be when the answer goes out. An engine in memory knows only [`Ack::Memory`].
    pub ack: Ack,
    /// Of the first row, where their producer numbers them; the others follow it.
    pub origin: Option<Origin>,
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

impl Rows {
    /// The row in this place.
    pub(crate) fn row(&self, place: usize) -> &[u8] {
        &self.bytes[self.ranges[place].clone()]
    }

    /// Bytes of the rows from this place on.
    pub(crate) fn bytes_from(&self, place: usize) -> usize {
        self.ranges[place..].iter().map(Range::len).sum()
    }
}

impl IngestRequest {
    /// The origin of the row in this place.
    pub(crate) fn origin_of(&self, place: usize) -> Option<Origin> {
        self.origin.map(|first| Origin { number: first.number + place as u64, ..first })
    }
}

/// A decision, on its way back.
#[derive(Clone, Copy, Debug)]
pub struct Decided<'a> {
    /// How it was reached.
    pub code: DecisionCode,
    /// The request's place in its partition; 0 where it was answered and, because the disk is full, not
    /// counted.
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
    /// The state of its key lies in a page of the snapshot that is damaged.
    Damaged,
}

/// Takes the answers to decisions. Called on the partition's thread: it must not block.
pub trait DecisionReply: Send + Sync {
    /// The request has its decision.
    fn decided(&self, request: u64, decided: Decided<'_>);
    /// The request has no decision, and had no effect.
    fn failed(&self, request: u64, fault: Fault);
}

/// Takes the answer to a batch's part in one partition. Called on the partition's thread, or the journal's:
/// it must not block.
pub trait BatchReply: Send + Sync + 'static {
    /// The part has been applied, and is as safe as was asked for; this is the sequence of its last event.
    fn absorbed(&self, partition: PartitionId, events: u32, sequence: Sequence);
    /// None of the part's events has been applied.
    fn refused(&self, partition: PartitionId, events: u32, refusal: BatchRefusal);
    /// The part, of so many events, was not applied; none of them is in the state. The core fails on a part
    /// only in an engine in memory: one with a journal lays the event aside, and goes on.
    fn failed(&self, partition: PartitionId, events: u32, fault: Fault);
}

/// Why a partition takes none of a batch's events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BatchRefusal {
    /// The journal does not keep up: try again shortly.
    Overloaded,
    /// The disk is full.
    DiskFull,
    /// Rows of the producer before these are missing.
    Gap {
        /// The number that is due.
        expected: u64,
    },
    /// A later life of the producer has numbered rows since.
    Fenced {
        /// That life's epoch.
        epoch: u32,
    },
}

/// One entry of a lane.
pub(crate) enum Request {
    Decide(DecideRequest),
    Ingest(IngestRequest),
    Tick(Ticked),
    Model(ModelRequest),
    Alert(AlertRequest),
    App(AppRequest),
    Tap(TapRequest),
    Inspect(Inspection),
    Capture(CaptureRequest),
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
    /// What became of it.
    pub(crate) reply: oneshot::Sender<Result<(), ChangeFault>>,
}

/// Something to be done about an alert, for the partition that has it.
pub(crate) struct AlertRequest {
    pub(crate) id: AlertId,
    pub(crate) change: AlertChange,
    /// What became of it.
    pub(crate) reply: oneshot::Sender<Result<(), ChangeFault<AlertRefusal>>>,
}

/// A look at a partition's state, on its thread; it brings its own way back.
pub(crate) type Inspection = Box<dyn FnOnce(&mut PartitionState) + Send>;
