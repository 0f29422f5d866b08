//! What waits to be written: bounded, in the order in which it came.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use vencejo_types::limits::{JOURNAL_QUEUE_BYTES_MAX, JOURNAL_QUEUE_URGENT_BYTES};

use crate::record::Tally;

/// Most chunks that are kept to be used anew.
const SPENT_MAX: usize = 8;

/// Who may use what is kept in reserve, on the disk and in the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Most events: refused first.
    Telemetry,
    /// Emergencies, and what keeps the engine itself going.
    Urgent,
}

/// Why a record is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// The disk does not keep up: try again shortly.
    Busy,
    /// The disk is full: what is left of it is for emergencies.
    Full,
}

/// Called when what was appended before it is durable, on the journal's thread: it must not block.
pub(crate) type Waiter = Box<dyn FnOnce() + Send>;

/// Records that become one frame.
#[derive(Debug, Default)]
pub(crate) struct Chunk {
    /// Of all records before them.
    pub(crate) before: Tally,
    pub(crate) records: u32,
    pub(crate) bytes: Vec<u8>,
}

/// What is taken off the queue at once.
#[derive(Default)]
pub(crate) struct Batch {
    pub(crate) chunks: Vec<Chunk>,
    pub(crate) waiters: Vec<Waiter>,
}

impl Batch {
    pub(crate) fn is_empty(&self) -> bool {
        self.chunks.is_empty() && self.waiters.is_empty()
    }
}

/// Why the journal's thread goes on.
pub(crate) enum Wake {
    /// There is something to write.
    Batch(Batch),
    /// There was nothing for a while.
    Quiet,
    /// Nothing more is to come; the rest.
    Closing(Batch),
}

pub(crate) struct Queue {
    pending: Mutex<Pending>,
    work: Condvar,
    /// Bytes that were admitted and are not written yet.
    admitted: AtomicUsize,
    /// Bytes that the segments at hand certainly have room for.
    room: AtomicU64,
    full: AtomicBool,
    chunk_bytes_max: usize,
    /// Records so far.
    appended: AtomicU64,
}

#[derive(Default)]
struct Pending {
    batch: Batch,
    /// Of all records so far. Counted as they come, while they are in the processor's cache.
    tally: Tally,
    /// Chunks that have been written, empty: a new one's memory would be zeroed by the system page by page.
    spent: Vec<Chunk>,
    /// Somebody waits for it.
    eager: bool,
    closing: bool,
    /// The thread waits for anything at all, or for something eager.
    sleep: Sleep,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Sleep {
    #[default]
    Awake,
    /// Until something comes.
    Deep,
    /// Until somebody waits for what has come.
    Light,
}

impl Queue {
    /// What is appended follows on the records of this tally.
    pub(crate) fn new(chunk_bytes_max: usize, tally: Tally) -> Self {
        Self {
            pending: Mutex::new(Pending { tally, ..Pending::default() }),
            work: Condvar::new(),
            admitted: AtomicUsize::new(0),
            room: AtomicU64::new(0),
            full: AtomicBool::new(false),
            chunk_bytes_max,
            appended: AtomicU64::new(0),
        }
    }

    fn pending(&self) -> MutexGuard<'_, Pending> {
        // Every change of it is complete before the lock is released.
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether records of so many bytes find room; from then on they count.
    pub(crate) fn admit(&self, bytes: usize, class: Class) -> Result<(), Refused> {
        let full = self.full.load(Ordering::Relaxed);
        let most = match class {
            Class::Telemetry if full => return Err(Refused::Full),
            Class::Telemetry => JOURNAL_QUEUE_BYTES_MAX,
            Class::Urgent => JOURNAL_QUEUE_BYTES_MAX + JOURNAL_QUEUE_URGENT_BYTES,
        };
        let queued = self.admitted.fetch_add(bytes, Ordering::Relaxed) + bytes;
        let refused = if queued > most {
            Refused::Busy
        } else if queued as u64 > self.room.load(Ordering::Relaxed) {
            if full { Refused::Full } else { Refused::Busy }
        } else {
            return Ok(());
        };
        self.release(bytes);
        Err(refused)
    }

    /// These chunks have been written.
    pub(crate) fn written(&self, chunks: Vec<Chunk>) {
        self.release(chunks.iter().map(|chunk| chunk.bytes.len()).sum());
        let mut emptied = chunks.into_iter().map(|mut chunk| {
            chunk.bytes.clear();
            chunk.records = 0;
            chunk
        });
        let mut pending = self.pending();
        let room = SPENT_MAX - pending.spent.len();
        pending.spent.extend(emptied.by_ref().take(room));
        // What is not kept goes back to the system while nobody waits for the lock.
        drop(pending);
    }

    /// So many admitted bytes have been written, or do not come.
    pub(crate) fn release(&self, bytes: usize) {
        self.admitted.fetch_sub(bytes, Ordering::Relaxed);
    }

    /// Appends the record that `write` appends, of which `admitted` bytes were admitted. A chunk that is
    /// full is written at once, whether somebody waits for it or not: what comes finds room the sooner.
    pub(crate) fn append(&self, admitted: usize, eager: bool, write: impl FnOnce(&mut Vec<u8>)) {
        let mut pending = self.pending();
        let room = |chunk: &Chunk| chunk.bytes.len() + admitted <= self.chunk_bytes_max;
        let Pending { batch: Batch { chunks, .. }, spent, tally, .. } = &mut *pending;
        if !chunks.last().is_some_and(room) {
            let mut chunk = spent.pop().unwrap_or_default();
            chunk.before.assign(tally);
            chunks.push(chunk);
        }
        let eager = eager || chunks.len() > 1;
        let chunk = chunks.last_mut().expect("there is one now");
        let before = chunk.bytes.len();
        write(&mut chunk.bytes);
        tally.take(&chunk.bytes[before..]);
        chunk.records += 1;
        let bytes = chunk.bytes.len() - before;
        self.admitted.fetch_add(bytes, Ordering::Relaxed);
        self.admitted.fetch_sub(admitted, Ordering::Relaxed);
        self.appended.fetch_add(1, Ordering::Relaxed);
        self.wake(pending, eager);
    }

    /// Records that have been appended since it was opened.
    pub(crate) fn appended(&self) -> u64 {
        self.appended.load(Ordering::Relaxed)
    }

    /// Has `waiter` called once all that was appended before is durable.
    pub(crate) fn when_durable(&self, waiter: Waiter) {
        let mut pending = self.pending();
        pending.batch.waiters.push(waiter);
        self.wake(pending, true);
    }

    pub(crate) fn close(&self) {
        let mut pending = self.pending();
        pending.closing = true;
        self.wake(pending, true);
    }

    fn wake(&self, mut pending: MutexGuard<'_, Pending>, eager: bool) {
        pending.eager |= eager;
        let wakes = match pending.sleep {
            Sleep::Awake => false,
            Sleep::Deep => true,
            Sleep::Light => eager,
        };
        if wakes {
            pending.sleep = Sleep::Awake;
            drop(pending);
            self.work.notify_one();
        }
    }

    /// What waits now.
    pub(crate) fn take(&self) -> Batch {
        let mut pending = self.pending();
        pending.eager = false;
        std::mem::take(&mut pending.batch)
    }

    pub(crate) fn set_room(&self, bytes: u64, full: bool) {
        self.room.store(bytes, Ordering::Relaxed);
        self.full.store(full, Ordering::Relaxed);
    }

    pub(crate) fn is_full(&self) -> bool {
        self.full.load(Ordering::Relaxed)
    }

    /// Waits for something to do: at once where somebody waits for it; else for `lag`, in which more may
    /// come; where nothing comes for `quiet`, that is a reason to wake as well.
    pub(crate) fn wait(&self, lag: Duration, quiet: Option<Duration>) -> Wake {
        let mut pending = self.pending();
        loop {
            if pending.closing {
                return Wake::Closing(std::mem::take(&mut pending.batch));
            }
            if pending.eager {
                pending.eager = false;
                return Wake::Batch(std::mem::take(&mut pending.batch));
            }
            let (sleep, limit) =
                if pending.batch.is_empty() { (Sleep::Deep, quiet) } else { (Sleep::Light, Some(lag)) };
            pending.sleep = sleep;
            let mut expired = false;
            pending = match limit {
                None => self.work.wait(pending).unwrap_or_else(PoisonError::into_inner),
                Some(limit) => {
                    let waited = self.work.wait_timeout(pending, limit);
                    let (pending, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
                    expired = timeout.timed_out();
                    pending
                }
            };
            pending.sleep = Sleep::Awake;
            if expired && !pending.eager && !pending.closing {
                return match sleep {
                    Sleep::Light => Wake::Batch(std::mem::take(&mut pending.batch)),
                    _ if pending.batch.is_empty() => Wake::Quiet,
                    _ => continue,
                };
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_chunk_waits_for_nobody() {
        let queue = Queue::new(1_000, Tally::default());
        queue.set_room(1 << 20, false);
        let append = || {
            queue.admit(300, Class::Telemetry).expect("there is room");
            queue.append(300, false, |bytes| bytes.extend([7; 300]));
        };
        (0..3).for_each(|_| append());
        assert!(!queue.pending().eager, "one chunk waits for more, as nobody waits for it");
        append();
        assert!(queue.pending().eager, "the first chunk is full");
        let Wake::Batch(batch) = queue.wait(Duration::MAX, None) else { unreachable!("there is a batch") };
        assert_eq!(batch.chunks.iter().map(|chunk| chunk.records).collect::<Vec<_>>(), [3, 1]);
        queue.written(batch.chunks);
        append();
        let bytes = &queue.take().chunks[0].bytes;
        assert!(bytes.len() == 300 && bytes.capacity() >= 300, "a buffer is used anew, from its beginning");
    }
}
