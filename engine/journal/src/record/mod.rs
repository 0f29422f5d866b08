//! Records: what happened to a partition, as it lies in a frame's payload.

use std::fmt;

use vencejo_types::{DecisionId, ModelId, Origin, Sequence, StreamId, Tick};

mod read;
mod tally;
mod write;

use read::Reader;
pub(crate) use tally::Tally;
pub use write::{
    Stamp, alert_bytes, decide_bytes, other_bytes, tick_bytes, write_alert, write_base, write_decide,
    write_declaration, write_model, write_record, write_rows, write_skip, write_tick,
};

/// Bytes in front of a record's body.
pub(crate) const RECORD_HEAD_BYTES: usize = 32;
/// Bytes of an origin.
const ORIGIN_BYTES: usize = 24;
/// Bytes in front of a row.
pub const ROW_LENGTH_BYTES: usize = 4;
/// Bytes in front of a record's rows, at most.
pub const ROWS_HEAD_BYTES_MAX: usize = RECORD_HEAD_BYTES + ORIGIN_BYTES;
/// Bytes of a stream's watermark in a tick.
const WATERMARK_BYTES: usize = 9;

const ROWS: u8 = 1;
const DECIDE: u8 = 2;
const TICK: u8 = 3;
const MODEL: u8 = 4;
const SKIP: u8 = 5;
const ALERT: u8 = 6;
const DECLARE: u8 = 16;
const BASE: u8 = 17;
/// The record has an origin.
const WITH_ORIGIN: u8 = 1;
/// The request's deadline had passed.
const EXPIRED: u8 = 1;

/// One record.
#[derive(Clone, Debug, PartialEq)]
pub struct Record<'a> {
    /// The partition, by its number.
    pub partition: u32,
    /// The place of its first event.
    pub sequence: Sequence,
    /// The engine's time of all its events.
    pub tick: Tick,
    /// What happened.
    pub body: Body<'a>,
}

/// What happened to a partition.
#[derive(Clone, Debug, PartialEq)]
pub enum Body<'a> {
    /// Rows of a stream, each an event.
    Rows {
        /// The stream.
        stream: StreamId,
        /// Of the first row; the others follow it. Nothing where no producer numbers them.
        origin: Option<Origin>,
        /// The rows.
        rows: Rows<'a>,
    },
    /// A request for a decision.
    Decide {
        /// The decision.
        decision: DecisionId,
        /// Whether its deadline had passed.
        expired: bool,
        /// The request's row.
        row: &'a [u8],
    },
    /// Time passed: per stream its watermark, nothing where it was idle.
    Tick(Vec<Option<i64>>),
    /// A change of who answers as a model.
    Model(ModelId, Change<'a>),
    /// An event that the core failed on has this place; it lies among the dead letters.
    Skip(Option<Origin>),
    /// What was done about the alert with this id.
    Alert(u64, Handling),
    /// What the journal's numbers mean from here on. Belongs to no partition.
    Declare(Declaration),
    /// By partition, the last event in the segments before this one. Belongs to no partition.
    Base(Vec<u64>),
}

/// A change of who answers as a model. Versions are named by their content; the store has their files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change<'a> {
    /// A version is there from now on.
    Install {
        /// Its label.
        label: &'a str,
        /// By what its file is found.
        content: u64,
        /// Predictions that it is compared with.
        shadow_rows: u64,
    },
    /// The version with this label answers every decision.
    Activate(&'a str),
    /// The version with this label answers so many percent of the decisions.
    Split(&'a str, u8),
    /// Who answered before answers again.
    Rollback,
}

/// What was done about an alert.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Handling {
    /// Somebody has seen it.
    Acknowledge,
    /// It is done with.
    Resolve,
}

/// What the numbers of streams, decisions and models mean, and how many partitions there are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Declaration {
    /// The app's name.
    pub app: String,
    /// Number of partitions.
    pub partitions: u32,
    /// Names and schema fingerprints.
    pub streams: Vec<(String, u64)>,
    /// Names.
    pub decisions: Vec<String>,
    /// Names.
    pub models: Vec<String>,
}

/// Rows, each behind its length.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Rows<'a> {
    count: u32,
    bytes: &'a [u8],
}

/// Why a record cannot be read: the frame around it is sound, so it was written so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordError {
    /// The part that does not follow the layout.
    pub part: &'static str,
}

impl fmt::Display for RecordError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a record breaks its layout at '{}'", self.part)
    }
}

impl std::error::Error for RecordError {}

impl fmt::Debug for Rows<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl<'a> Rows<'a> {
    /// Number of rows.
    pub fn len(&self) -> usize {
        self.count as usize
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The rows, in order.
    pub fn iter(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let mut rest = Reader(self.bytes);
        std::iter::from_fn(move || {
            let length = rest.u32("row length").ok()?;
            rest.take(length as usize, "row").ok()
        })
    }
}
