//! Bugs that are put in on purpose, in this room and the runtime, to prove that the simulator finds them.
//! Without the feature `bugs`, which only tests/sim asks for, there are none; asking for one costs nothing.

/// A bug, and what it breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bug {
    /// Acknowledges before the write.
    AckBeforeWrite,
    /// Acknowledges between write and sync.
    AckBeforeSync,
    /// Tries a failed sync again.
    SyncAgain,
    /// Says on disk that a frame is durable before it is.
    WatermarkAhead,
    /// Cuts the journal where a frame is broken, though it was durable.
    CutPastWatermark,
    /// Takes a frame whose checksum does not hold.
    ChecksumIgnored,
    /// Leaves behind the end what a commit that was cut short has written.
    TornTailLeft,
    /// Believes that a sync makes durable what it has read.
    FoundNotRewritten,
    /// Believes the names that it has read to be durable.
    FoundNamesNotSynced,
    /// Writes frames behind a head that is not durable.
    HeadNotSynced,
    /// Writes the last block again without what was in it.
    TailBlockEmptied,
    /// Gives a spare segment its name before it has its zeros.
    SpareRenamedEarly,
    /// Gives a snapshot its name, and syncs its file then.
    SnapshotNamedEarly,
    /// Syncs no snapshot.
    SnapshotNotSynced,
    /// Does not sync the folder of the snapshots.
    SnapshotNameNotSynced,
    /// Gives a snapshot the number of the one before.
    SnapshotNumberTaken,
    /// Takes a page of a snapshot whose checksum does not hold.
    SnapshotChecksumIgnored,
    /// Cuts a segment more than a snapshot has.
    CutTooFar,
    /// Applies a batch again that came before.
    DedupeSkipped,
    /// Writes down no producer's numbers.
    OriginNotKept,
    /// Acknowledges what was applied, and not what is on disk.
    AckFromMemory,
    /// Writes down no ticks.
    TickNotKept,
    /// Gives a snapshot its name while the journal is behind it.
    SnapshotAheadOfJournal,
}

#[cfg(feature = "bugs")]
mod chosen {
    use std::cell::Cell;

    use super::Bug;

    thread_local! {
        static BUG: Cell<Option<Bug>> = const { Cell::new(None) };
    }

    /// Has this thread's journals have a bug, or none.
    pub fn choose(bug: Option<Bug>) {
        BUG.set(bug);
    }

    /// Whether this bug is put in.
    pub fn has(bug: Bug) -> bool {
        BUG.get() == Some(bug)
    }

    /// Gives this thread's bug to the thread that calls what is returned.
    pub fn inheritance() -> impl FnOnce() + Send {
        let bug = BUG.get();
        move || choose(bug)
    }
}

#[cfg(feature = "bugs")]
pub use chosen::{choose, has, inheritance};

/// Whether this bug is put in.
#[cfg(not(feature = "bugs"))]
pub const fn has(_bug: Bug) -> bool {
    false
}

/// Gives this thread's bug to the thread that calls what is returned.
#[cfg(not(feature = "bugs"))]
pub const fn inheritance() -> impl FnOnce() + Send {
    || ()
}
