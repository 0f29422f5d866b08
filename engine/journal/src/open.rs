//! Opening a journal: recovery, then a place to append.

use std::any::Any;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use vencejo_types::Tick;

use crate::bugs::{self, Bug};
use crate::error::{JournalError, OpenError};
use crate::journal::{Committer, Journal};
use crate::queue::Queue;
use crate::record::{Declaration, Record, Tally, write_base, write_declaration};
use crate::scan::{End, scan};
use crate::segment;
use crate::spare::{self, SEGMENT_BYTES_MIN};
use crate::start::{Behind, numbers};
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
    /// Events in them that no snapshot has.
    pub events: u64,
    /// Whether a commit that was cut short has been removed.
    pub torn: bool,
}

/// Opens the journal of a data folder, a new one where there is none; hands every record to `visit`, in
/// order. Where a snapshot has what happened up to `behind`, those records may be passed over that are in
/// segments before. A commit that was cut short at the end is removed, where nothing says that it was
/// durable.
///
/// # Errors
/// When another process has it, it is damaged, does not reach back to `behind` (or to its beginning), is not
/// the one that goes on there, the disk fails, or `visit` refuses a record. Nothing was changed then, but for
/// a failing disk.
///
/// # Panics
/// When the options' segments are no whole blocks or too short.
pub fn open(
    storage: Arc<dyn Storage>,
    options: Options,
    behind: Option<&Behind>,
    visit: &mut dyn FnMut(&Record<'_>) -> Result<(), String>,
) -> Result<Opened, OpenError> {
    let Options { segment_bytes, id, inline } = options;
    assert!(segment_bytes >= SEGMENT_BYTES_MIN && segment_bytes.is_multiple_of(BLOCK_BYTES as u64));
    let lock = take(&*storage)?;
    let mut recovered = Recovered::default();
    let ended = scan(&*storage, behind, None, &mut |record| {
        recovered.records += 1;
        recovered.events += events_after(record, behind);
        visit(record)
    })?;
    let (end, tally) = match ended {
        Some((end, tally)) => {
            check_reaches(&tally, behind)?;
            recovered.torn = end.torn;
            renew(&*storage, end)?;
            (End { segment_last: end.segment, ..end }, tally)
        }
        None => {
            check_reaches(&Tally::default(), behind)?;
            (first_segment(&*storage, 1, segment_bytes)?, Tally::default())
        }
    };
    let journal = end.journal.unwrap_or(id);
    let writer = Writer::open(Arc::clone(&storage), (end, &tally), journal, segment_bytes, inline)?;
    let queue = Arc::new(Queue::new(chunk_bytes_max(segment_bytes.min(end.segment_bytes)), tally));
    let durable = Arc::new(AtomicU64::new(0));
    let committer = Committer::new(Arc::clone(&queue), Arc::clone(&durable), writer);
    let journal = Journal::new(journal, queue, durable, storage, lock);
    Ok(Opened { journal, committer, recovered })
}

/// Begins a journal in an empty folder that goes on behind a snapshot; its first record is this declaration.
///
/// # Errors
/// When there is a journal, or the disk fails.
pub fn create(
    storage: Arc<dyn Storage>,
    options: Options,
    (behind, tick): (&[u64], Tick),
    declaration: &Declaration,
) -> Result<Opened, OpenError> {
    let Options { segment_bytes, id, inline } = options;
    let lock = take(&*storage)?;
    if !numbers(&*storage)?.is_empty() {
        return Err(OpenError::Refused("there is a journal already".to_owned()));
    }
    let mut records = Vec::new();
    write_base(behind, tick, &mut records);
    write_declaration(declaration, &mut records);
    let mut tally = Tally::default();
    tally.take(&records);
    // The first segment of all holds everything; behind a snapshot, another one is the first.
    let end = first_segment(&*storage, 2, segment_bytes)?;
    let mut writer = Writer::open(Arc::clone(&storage), (end, &tally), id, segment_bytes, inline)?;
    writer.commit(&[])?;
    let queue = Arc::new(Queue::new(chunk_bytes_max(segment_bytes), tally));
    let durable = Arc::new(AtomicU64::new(0));
    let committer = Committer::new(Arc::clone(&queue), Arc::clone(&durable), writer);
    let journal = Journal::new(id, queue, durable, storage, lock);
    Ok(Opened { journal, committer, recovered: Recovered::default() })
}

/// Hands over the records of a journal that another process may have open, in order, from where `behind` ends
/// (the beginning without). Nothing is changed.
///
/// # Errors
/// As [`open`].
pub fn read(
    storage: &dyn Storage,
    behind: Option<&Behind>,
    visit: &mut dyn FnMut(&Record<'_>) -> Result<(), String>,
) -> Result<(), OpenError> {
    scan(storage, behind, None, visit).map(|_| ())
}

/// Takes the journal's folder for this process.
fn take(storage: &dyn Storage) -> Result<Box<dyn Any + Send + Sync>, OpenError> {
    let folder = Path::new(segment::FOLDER);
    let failed = |error| JournalError::new("making", folder, error);
    storage.create_folder(folder).map_err(failed)?;
    storage.sync_folder(Path::new("")).map_err(failed)?;
    storage.lock(&folder.join("lock")).map_err(|error| match error.kind() {
        io::ErrorKind::WouldBlock => OpenError::Locked,
        _ => OpenError::Storage(JournalError::new("locking", folder, error)),
    })
}

/// How many of a record's events lie behind what is had already.
fn events_after(record: &Record<'_>, behind: Option<&Behind>) -> u64 {
    let had = behind.and_then(|behind| behind.sequences.get(record.partition as usize)).copied().unwrap_or(0);
    let last = record.sequence.0.saturating_add(record.events()).saturating_sub(1);
    record.events().min(last.saturating_sub(had))
}

/// A snapshot is finished when the journal is durable up to where it ends.
fn check_reaches(tally: &Tally, behind: Option<&Behind>) -> Result<(), OpenError> {
    for (partition, &behind) in behind.iter().flat_map(|behind| behind.sequences.iter().enumerate()) {
        let last = tally.sequences.get(partition).copied().unwrap_or(0);
        if last < behind {
            return Err(OpenError::Short { partition, last, behind });
        }
    }
    Ok(())
}

fn first_segment(storage: &dyn Storage, number: u64, bytes: u64) -> Result<End, JournalError> {
    spare::make(storage, number, bytes)
        .map_err(|error| JournalError::new("making", segment::path(number), error))?;
    Ok(End {
        journal: None,
        segment: number,
        offset: 0,
        frame_next: 1,
        segment_bytes: bytes,
        torn: false,
        unsure: None,
        segment_last: number,
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
