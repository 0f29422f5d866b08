//! The handle that partitions append with, and the thread that writes.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::bugs::{self, Bug};
use crate::error::{JournalError, OpenError};
use crate::queue::{Batch, Class, Queue, Refused, Wake};
use crate::record::Record;
use crate::scan::scan;
use crate::segment;
use crate::spare::Spare;
use crate::start::{Beginning, Behind, beginning, is_within, needed, numbers};
use crate::storage::{Access, Storage};
use crate::writer::Writer;

/// How long the journal must be quiet before it says on disk that all of it is durable.
const QUIET: Duration = Duration::from_millis(50);
/// How often it looks whether the spare segment is there.
const SPARE_LOOK: Duration = Duration::from_millis(5);
/// How often a full disk is tried again.
const FULL_LOOK: Duration = Duration::from_millis(250);

/// Whether somebody waits for a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Urgency {
    /// It is written at once: behind the commit that is under way.
    Eager,
    /// It may wait for others ([`Journal::start`]).
    Lazy,
}

/// The journal, to be appended to. Shared by the partitions.
pub struct Journal {
    number: u64,
    queue: Arc<Queue>,
    durable: Arc<AtomicU64>,
    storage: Arc<dyn Storage>,
    /// Held to read segments, and alone to remove some.
    segments: RwLock<()>,
    thread: Mutex<Option<JoinHandle<()>>>,
    _lock: Box<dyn Any + Send + Sync>,
}

impl Journal {
    pub(crate) fn new(
        number: u64,
        queue: Arc<Queue>,
        durable: Arc<AtomicU64>,
        storage: Arc<dyn Storage>,
        lock: Box<dyn Any + Send + Sync>,
    ) -> Self {
        let (segments, thread) = (RwLock::default(), Mutex::default());
        Self { number, queue, durable, storage, segments, thread, _lock: lock }
    }

    /// By what it is told from other journals.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// Asks for room for records of so many bytes, before they are applied. They are to be appended then, or
    /// [`Journal::release`]d. Never blocks.
    ///
    /// # Errors
    /// When the queue or the disk has no room for this class.
    pub fn admit(&self, bytes: usize, class: Class) -> Result<(), Refused> {
        self.queue.admit(bytes, class)
    }

    /// So many admitted bytes do not come.
    pub fn release(&self, bytes: usize) {
        self.queue.release(bytes);
    }

    /// Appends the one record that `write` appends; so many bytes of it were admitted. It is copied; never
    /// blocks.
    pub fn append(&self, admitted: usize, urgency: Urgency, write: impl FnOnce(&mut Vec<u8>)) {
        self.queue.append(admitted, urgency == Urgency::Eager, write);
    }

    /// Has `waiter` called when all that has been appended is durable: on the journal's thread, so it must
    /// not block.
    pub fn when_durable(&self, waiter: impl FnOnce() + Send + 'static) {
        self.queue.when_durable(Box::new(waiter));
    }

    /// Records that have been appended since it was opened.
    pub fn appended(&self) -> u64 {
        self.queue.appended()
    }

    /// Whether the disk is full, so that telemetry is refused.
    pub fn is_full(&self) -> bool {
        self.queue.is_full()
    }

    /// Hands over every record that is durable now, in order; those before where `behind` ends may be left
    /// out. Reads from disk: not for a partition's thread.
    ///
    /// # Errors
    /// When the disk fails, or has lost what was written, the journal was cut behind `behind` (or at all,
    /// without), or `visit` refuses a record.
    pub fn read(
        &self,
        behind: Option<&[u64]>,
        visit: &mut dyn FnMut(&Record<'_>) -> Result<(), String>,
    ) -> Result<(), OpenError> {
        let _here = self.segments.read().unwrap_or_else(PoisonError::into_inner);
        let until = self.durable.load(Ordering::Acquire);
        let behind = behind.map(|behind| Behind { journal: self.number, sequences: behind.to_vec() });
        scan(&*self.storage, behind.as_ref(), Some(until), visit).map(|_| ())
    }

    /// Removes the segments whose events all are among those up to `behind`, by partition; how many. Waits
    /// for the disk: not for a partition's thread.
    ///
    /// # Errors
    /// When the disk fails: some may have been removed.
    pub fn cut(&self, behind: &[u64]) -> Result<usize, OpenError> {
        let _alone = self.segments.write().unwrap_or_else(PoisonError::into_inner);
        let durable = self.durable.load(Ordering::Acquire);
        let numbers = numbers(&*self.storage)?;
        let mut first = numbers.len();
        // A segment may become the first one when it is durable that it says what was before it.
        let may_be_first = |number| {
            let beginning = beginning(&*self.storage, number)?;
            Ok::<_, OpenError>(beginning.is_some_and(|Beginning { head, base }| {
                head.frame_first < durable && base.is_some_and(|base| is_within(&base, behind))
            }))
        };
        while first > 0 && !may_be_first(numbers[first - 1])? {
            first -= 1;
        }
        let stays = usize::from(!bugs::has(Bug::CutTooFar));
        let gone = &numbers[..first.saturating_sub(stays)];
        for &number in gone {
            let path = segment::path(number);
            self.storage.remove(&path).map_err(|error| JournalError::new("removing", path, error))?;
        }
        if !gone.is_empty() {
            let folder = Path::new(segment::FOLDER);
            self.storage.sync_folder(folder).map_err(|error| JournalError::new("syncing", folder, error))?;
        }
        Ok(gone.len())
    }

    /// Bytes of the segments that have to be there behind a snapshot.
    ///
    /// # Errors
    /// As [`Journal::read`].
    pub fn bytes_behind(&self, behind: &[u64]) -> Result<u64, OpenError> {
        let behind = Behind { journal: self.number, sequences: behind.to_vec() };
        self.bytes_of(|storage| needed(storage, Some(&behind)))
    }

    /// Bytes of all segments.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn bytes(&self) -> Result<u64, OpenError> {
        self.bytes_of(numbers)
    }

    fn bytes_of(
        &self,
        which: impl FnOnce(&dyn Storage) -> Result<Vec<u64>, OpenError>,
    ) -> Result<u64, OpenError> {
        let _here = self.segments.read().unwrap_or_else(PoisonError::into_inner);
        let mut bytes = 0;
        for number in which(&*self.storage)? {
            let path = segment::path(number);
            let file = self.storage.open(&path, Access::Buffered).and_then(|file| file.bytes());
            bytes += file.map_err(|error| JournalError::new("reading", path, error))?;
        }
        Ok(bytes)
    }

    /// Starts the thread that writes: at once what somebody waits for, or what is a megabyte; else what has
    /// gathered for `lag`. Where the disk fails on it, the process is aborted: what is durable is
    /// then unknown, and only a restart finds out.
    ///
    /// # Errors
    /// When no thread can be had.
    pub fn start(&self, committer: Committer, lag: Duration) -> std::io::Result<()> {
        let thread = std::thread::Builder::new().name("journal".to_owned());
        let thread = thread.spawn(move || {
            // Whoever waits for an acknowledgement would wait for ever.
            if catch_unwind(AssertUnwindSafe(|| committer.run(lag))).is_err() {
                std::process::abort();
            }
        })?;
        *self.thread.lock().unwrap_or_else(PoisonError::into_inner) = Some(thread);
        Ok(())
    }

    /// Writes what has been appended, says on disk that all of it is durable, and ends the thread. Nothing
    /// may be appended from then on.
    pub fn close(&self) {
        self.queue.close();
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        // Its panic has aborted the process already.
        let _ = thread.map(JoinHandle::join);
    }
}

/// Writes what has been queued. Production lends it a thread ([`Journal::start`]); a simulation steps it.
pub struct Committer {
    queue: Arc<Queue>,
    durable: Arc<AtomicU64>,
    writer: Writer,
}

impl Committer {
    pub(crate) fn new(queue: Arc<Queue>, durable: Arc<AtomicU64>, writer: Writer) -> Self {
        let committer = Self { queue, durable, writer };
        committer.publish();
        committer
    }

    /// Writes all that is queued, makes it durable, then calls those that waited for it. Whether there was
    /// anything.
    ///
    /// # Errors
    /// When the disk fails: nobody was called, and the journal cannot go on.
    pub fn step(&mut self) -> Result<bool, JournalError> {
        let batch = self.queue.take();
        if batch.is_empty() {
            return Ok(false);
        }
        self.commit(batch)?;
        Ok(true)
    }

    /// What is done when nothing comes for a while: it is said on disk that all is durable, and a full disk
    /// is tried again.
    ///
    /// # Errors
    /// As [`Committer::step`].
    pub fn rest(&mut self) -> Result<(), JournalError> {
        self.writer.mark()?;
        self.writer.see_to_spare(true)?;
        self.publish();
        Ok(())
    }

    fn commit(&mut self, mut batch: Batch) -> Result<(), JournalError> {
        if bugs::has(Bug::AckBeforeWrite) {
            batch.waiters.drain(..).for_each(|waiter| waiter());
        }
        if !batch.chunks.is_empty() {
            let written = self.writer.commit(&batch.chunks);
            if bugs::has(Bug::AckBeforeSync) {
                batch.waiters.drain(..).for_each(|waiter| waiter());
            }
            written?;
            self.queue.written(batch.chunks);
        }
        self.writer.see_to_spare(false)?;
        self.publish();
        batch.waiters.into_iter().for_each(|waiter| waiter());
        Ok(())
    }

    fn publish(&self) {
        self.durable.store(self.writer.durable(), Ordering::Release);
        self.queue.set_room(self.writer.room(), matches!(self.writer.spare(), Spare::NoRoom));
    }

    fn quiet(&self) -> Option<Duration> {
        match self.writer.spare() {
            Spare::UnderWay(_) => Some(SPARE_LOOK),
            Spare::NoRoom => Some(FULL_LOOK),
            _ => self.writer.is_unmarked().then_some(QUIET),
        }
    }

    fn run(mut self, lag: Duration) {
        loop {
            let done = match self.queue.wait(lag, self.quiet()) {
                Wake::Batch(batch) => self.commit(batch),
                Wake::Quiet => self.rest(),
                Wake::Closing(batch) => {
                    let closed = self.commit(batch).and_then(|()| self.writer.mark());
                    return closed.unwrap_or_else(|error| die(&error));
                }
            };
            done.unwrap_or_else(|error| die(&error));
        }
    }
}

/// After a failed sync nobody knows what is on disk, and asking again does not tell: the kernel may have
/// dropped the pages. So no retry.
fn die(error: &JournalError) -> ! {
    eprintln!(
        "vencejo: the journal cannot be written: {error}; what is on disk is now unknown, so the engine ends at \
         once; see to the disk, then start it again: acknowledged events are safe"
    );
    std::process::abort()
}
