//! Opening a journal: recovery, then a place to append.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use crate::error::{JournalError, OpenError};
use crate::journal::{Committer, Journal};
use crate::queue::Queue;
use crate::record::Record;
use crate::scan::{End, is_zero, scan};
use crate::segment;
use crate::spare::{self, SEGMENT_BYTES_MIN};
use crate::storage::{Access, BLOCK_BYTES, Storage, read_full_at, write_all_at};
use crate::writer::{Writer, chunk_bytes_max};

/// How a journal is kept.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Length of a segment that is made from now on, a multiple of a block. A record must be shorter than a
    /// tenth of it.
    pub segment_bytes: u64,
    /// By what a new journal is told from others.
    pub id: u64,
    /// Make segments on the committer's own thread: for simulations.
    pub inline: bool,
}

/// A journal that is open.
pub struct Opened {
    /// To append to.
    pub journal: Journal,
    /// To be started ([`Journal::start`]) or stepped.
    pub committer: Committer,
    /// What was found.
    pub recovered: Recovered,
}

/// What recovery has found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Recovered {
    /// Records that were handed over.
    pub records: u64,
    /// Events in them.
    pub events: u64,
    /// Whether a commit that was cut short has been removed.
    pub torn: bool,
}

/// Opens the journal of a data folder, a new one where there is none; hands every record to `visit`, in
/// order. A commit that was cut short at the end is removed, where nothing says that it was durable.
///
/// # Errors
/// When another process has it, it is damaged, the disk fails, or `visit` refuses a record. Nothing was
/// changed then, but for a failing disk.
///
/// # Panics
/// When the options' segments are no whole blocks or too short.
pub fn open(
    storage: Arc<dyn Storage>,
    options: Options,
    visit: &mut dyn FnMut(&Record<'_>) -> Result<(), String>,
) -> Result<Opened, OpenError> {
    let Options { segment_bytes, id, inline } = options;
    assert!(segment_bytes >= SEGMENT_BYTES_MIN && segment_bytes.is_multiple_of(BLOCK_BYTES as u64));
    let folder = Path::new(segment::FOLDER);
    let failed = |error| JournalError::new("making", folder, error);
    storage.create_folder(folder).map_err(failed)?;
    storage.sync_folder(Path::new("")).map_err(failed)?;
    let lock = storage.lock(&folder.join("lock")).map_err(|error| match error.kind() {
        io::ErrorKind::WouldBlock => OpenError::Locked,
        _ => OpenError::Storage(JournalError::new("locking", folder, error)),
    })?;
    let mut recovered = Recovered::default();
    let ended = scan(&*storage, None, &mut |record| {
        recovered.records += 1;
        recovered.events += record.events();
        visit(record)
    })?;
    let end = match ended {
        Some(end) => {
            recovered.torn = end.torn;
            clear_behind(&*storage, end)?;
            End { segment_last: end.segment, ..end }
        }
        None => first_segment(&*storage, segment_bytes)?,
    };
    let journal = end.journal.unwrap_or(id);
    let writer = Writer::open(Arc::clone(&storage), end, journal, segment_bytes, inline)?;
    let queue = Arc::new(Queue::new(chunk_bytes_max(segment_bytes.min(end.segment_bytes))));
    let durable = Arc::new(AtomicU64::new(0));
    let committer = Committer::new(Arc::clone(&queue), Arc::clone(&durable), writer);
    Ok(Opened { journal: Journal::new(queue, durable, storage, lock), committer, recovered })
}

fn first_segment(storage: &dyn Storage, bytes: u64) -> Result<End, JournalError> {
    spare::make(storage, 1, bytes).map_err(|error| JournalError::new("making", segment::path(1), error))?;
    Ok(End {
        journal: None,
        segment: 1,
        offset: 0,
        frame_next: 1,
        segment_bytes: bytes,
        torn: false,
        segment_first: 1,
        segment_last: 1,
    })
}

/// Leaves nothing behind the journal's end: later segments, which hold nothing, and what a commit that was
/// cut short has left. Otherwise it could be taken for something that follows a later frame.
fn clear_behind(storage: &dyn Storage, end: End) -> Result<(), JournalError> {
    for number in (end.segment + 1..=end.segment_last).rev() {
        let path = segment::path(number);
        storage.remove(&path).map_err(|error| JournalError::new("removing", path, error))?;
    }
    if end.segment_last > end.segment {
        let folder = Path::new(segment::FOLDER);
        storage.sync_folder(folder).map_err(|error| JournalError::new("syncing", folder, error))?;
    }
    if !end.torn {
        return Ok(());
    }
    let path = segment::path(end.segment);
    let failed = |doing| {
        let path = path.clone();
        move |error| JournalError::new(doing, path, error)
    };
    let file = storage.open(&path, Access::Buffered).map_err(failed("opening"))?;
    let mut block = vec![0; BLOCK_BYTES];
    let within = usize::try_from(end.offset).unwrap_or(usize::MAX) % BLOCK_BYTES;
    let mut kept = within;
    let mut at = end.offset - within as u64;
    while at < end.segment_bytes {
        let read = read_full_at(&*file, at, &mut block).map_err(failed("reading"))?;
        if !is_zero(&block[kept..read]) {
            block[kept..].fill(0);
            write_all_at(&*file, at, &block).map_err(failed("writing"))?;
        }
        kept = 0;
        at += BLOCK_BYTES as u64;
    }
    file.sync().map_err(failed("syncing"))
}
