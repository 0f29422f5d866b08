//! Opening a journal: recovery, then a place to append.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use crate::bugs::{self, Bug};
use crate::error::{JournalError, OpenError};
use crate::journal::{Committer, Journal};
use crate::queue::Queue;
use crate::record::Record;
use crate::scan::{End, scan};
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
            renew(&*storage, end)?;
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
        unsure: None,
        segment_last: 1,
    })
}

/// Writes again what may not be on disk although it can be read, and leaves nothing behind the journal's end:
/// no later segments, which hold nothing, and nothing of a commit that was cut short, which could be taken
/// for something that follows a later frame.
///
/// A process before this one may have been killed between write and sync; or its sync may have failed, and
/// then the system holds in its cache what no later sync writes.
fn renew(storage: &dyn Storage, end: End) -> Result<(), JournalError> {
    for number in (end.segment + 1..=end.segment_last).rev() {
        let path = segment::path(number);
        storage.remove(&path).map_err(|error| JournalError::new("removing", path, error))?;
    }
    // The names, too, may be there for this process alone.
    let folder = Path::new(segment::FOLDER);
    if !bugs::has(Bug::FoundNamesNotSynced) {
        storage.sync_folder(folder).map_err(|error| JournalError::new("syncing", folder, error))?;
    }
    let from = match end.unsure {
        Some(unsure) => Some(unsure),
        None => (end.offset > 0).then_some((end.segment, end.offset)),
    };
    let Some((number, from)) = from else { return Ok(()) };
    let path = segment::path(number);
    let failed = |doing| {
        let path = path.clone();
        move |error| JournalError::new(doing, path, error)
    };
    let file = storage.open(&path, Access::Buffered).map_err(failed("opening"))?;
    let mut head = vec![0; BLOCK_BYTES];
    read_full_at(&*file, 0, &mut head).map_err(failed("reading"))?;
    let start = from - from % BLOCK_BYTES as u64;
    let length = file.bytes().map_err(failed("reading"))?.saturating_sub(start);
    let mut rest = vec![0; usize::try_from(length).unwrap_or(usize::MAX)];
    read_full_at(&*file, start, &mut rest).map_err(failed("reading"))?;
    if number == end.segment && !bugs::has(Bug::TornTailLeft) {
        rest[usize::try_from(end.offset - start).unwrap_or(usize::MAX)..].fill(0);
    }
    if bugs::has(Bug::FoundNotRewritten) {
        return file.sync().map_err(failed("syncing"));
    }
    for (offset, bytes) in [(0, &head), (start, &rest)] {
        write_all_at(&*file, offset, bytes).map_err(failed("writing"))?;
    }
    file.sync().map_err(failed("syncing"))
}
