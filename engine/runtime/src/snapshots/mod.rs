//! Snapshots of the partitions: taken while they serve, and opened when an engine starts.
//!
//! A thread of its own ([`keeper`]) asks every partition for a capture and writes what comes. A partition
//! begins its capture between two requests and then gives pages in small slices, decisions first; how fast,
//! the keeper decides by the bytes that it lets be on their way ([`credit`]). When all is written and the
//! journal is durable as far, the snapshot gets its name, older ones go, and the journal is cut behind the
//! oldest that is kept.

mod credit;
mod generations;
mod keeper;
mod opening;
mod pages;
mod priority;
mod steps;

use std::fmt;
use std::io;
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::oneshot;
use vencejo_core::image::StatePage;
use vencejo_journal::snapshot::SnapshotKey;

pub(crate) use credit::Credit;
pub use generations::Keep;
pub(crate) use keeper::{Inbox, Keeper, Told};
pub use opening::OpenedFrom;
pub(crate) use opening::{Found, Opening, Revived};
pub(crate) use pages::Faults;
pub use steps::SnapshotSteps;
pub(crate) use steps::steps;

/// How snapshots are taken.
#[derive(Clone, Debug, Default)]
pub struct SnapshotPlan {
    /// How often; nothing where they are taken on demand alone.
    pub interval: Option<Duration>,
    /// Bytes per second at which one is written at most; nothing where the disk decides.
    pub bytes_per_second: Option<u64>,
    /// Where pages are to be packed: zstd's level.
    pub compression: Option<i32>,
    /// Where snapshots are to be sealed: the key. It opens sealed ones as well.
    pub key: Option<SnapshotKey>,
    /// How far back one can restore, beyond the older of two snapshots.
    pub keep: Keep,
}

/// A snapshot that was taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taken {
    /// Its number.
    pub generation: u64,
    /// Length of its file.
    pub bytes: u64,
    /// From the request to the snapshot's name.
    pub took: Duration,
    /// By partition, the last event in it.
    pub sequences: Vec<u64>,
    /// Segments of the journal that were removed behind it.
    pub segments_removed: usize,
}

/// Why there is no snapshot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SnapshotFault {
    /// A partition gave up: its state was replaced or cannot be had.
    GivenUp(String),
    /// The disk failed.
    Disk(String),
    /// The engine stops.
    Stopping,
}

impl fmt::Display for SnapshotFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::GivenUp(reason) => write!(f, "the snapshot was given up: {reason}"),
            Self::Disk(reason) => write!(f, "the snapshot cannot be written: {reason}"),
            Self::Stopping => f.write_str("the engine stops"),
        }
    }
}

impl std::error::Error for SnapshotFault {}

/// The thread that takes snapshots.
#[derive(Debug)]
pub struct Snapshots {
    tell: Sender<Told>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Snapshots {
    /// Starts the thread, which is to have the keeper run.
    pub(crate) fn start(keeper: Keeper, run: impl FnOnce(Keeper) + Send + 'static) -> io::Result<Self> {
        let tell = keeper.tell.clone();
        let thread = std::thread::Builder::new().name("snapshots".to_owned()).spawn(move || run(keeper))?;
        Ok(Self { tell, thread: Mutex::new(Some(thread)) })
    }

    /// Gives up what is under way and ends the thread.
    pub fn stop(&self) {
        // It may have ended.
        let _ = self.tell.send(Told::Stop);
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if thread.is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the thread that takes snapshots panicked");
        }
    }

    /// Takes a snapshot of what is applied now or later.
    ///
    /// # Errors
    /// When there is none afterwards.
    pub async fn take(&self) -> Result<Taken, SnapshotFault> {
        let (reply, answer) = oneshot::channel();
        self.tell.send(Told::Take(reply)).map_err(|_| SnapshotFault::Stopping)?;
        answer.await.unwrap_or(Err(SnapshotFault::Stopping))
    }
}

/// A partition's part in a capture: where what it gives goes.
#[derive(Clone, Debug)]
pub(crate) struct CaptureRequest {
    pub(crate) capture: u64,
    pub(crate) credit: Arc<Credit>,
    pub(crate) told: Sender<Told>,
}

/// What a partition gives to a capture.
#[derive(Debug)]
pub(crate) enum Piece {
    /// The first: its state at this moment.
    Head { sequence: u64, tick: i64, bytes: Vec<u8> },
    /// Some pages.
    Pages(Vec<StatePage>),
    /// There are no more.
    Done,
    /// There will be no more, for this reason.
    GivenUp(String),
}
