//! The next segment, made before it is needed: zeros on disk, so that filling it writes data alone.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;

use crate::blocks::Blocks;
use crate::bugs::{self, Bug};
use crate::segment;
use crate::storage::{Access, BLOCK_BYTES, Storage, write_all_at};

/// Zeros that are written, and synced, at a time: a long burst would make the journal's own syncs wait.
const PIECE_BYTES: usize = 1 << 20;
const UNFINISHED: &str = "spare.unfinished";

/// Makes the segment with this number, without a head, and its name durable. One that was not finished before
/// is begun anew.
pub(crate) fn make(storage: &dyn Storage, number: u64, bytes: u64) -> io::Result<()> {
    let folder = Path::new(segment::FOLDER);
    let unfinished = folder.join(UNFINISHED);
    let made = fill(storage, &unfinished, number, bytes).and_then(|()| {
        if bugs::has(Bug::SpareRenamedEarly) {
            return Ok(());
        }
        storage.rename(&unfinished, &segment::path(number))?;
        storage.sync_folder(folder)
    });
    if made.is_err() {
        // Whatever it takes of the disk may be what others lack. It may not be there at all.
        let _ = storage.remove(&unfinished);
    }
    made
}

fn fill(storage: &dyn Storage, path: &Path, number: u64, bytes: u64) -> io::Result<()> {
    storage.create(path)?;
    // Past the system's cache: pages of zeros there would be copied in, written, and thrown out again.
    let file = storage.open(path, Access::Direct)?;
    if bugs::has(Bug::SpareRenamedEarly) {
        storage.rename(path, &segment::path(number))?;
        storage.sync_folder(Path::new(segment::FOLDER))?;
    }
    file.preallocate(bytes)?;
    let mut zeros = Blocks::new();
    zeros.push_zeros(PIECE_BYTES.min(usize::try_from(bytes).unwrap_or(PIECE_BYTES)));
    let zeros = zeros.bytes();
    let mut offset = 0;
    while offset < bytes {
        let piece = zeros.len().min(usize::try_from(bytes - offset).unwrap_or(zeros.len()));
        write_all_at(&*file, offset, &zeros[..piece])?;
        file.sync()?;
        offset += piece as u64;
    }
    Ok(())
}

/// The spare segment behind the one that is being filled.
pub(crate) enum Spare {
    /// There is none.
    Absent,
    /// A thread makes it.
    UnderWay(JoinHandle<io::Result<()>>),
    /// It is there.
    Ready,
    /// The disk has no room for it.
    NoRoom,
}

impl Spare {
    /// Begins to make the segment with this number; on this thread, if asked to.
    pub(crate) fn begin(
        storage: &Arc<dyn Storage>,
        number: u64,
        bytes: u64,
        inline: bool,
    ) -> io::Result<Self> {
        if inline {
            return Self::made(make(&**storage, number, bytes));
        }
        let storage = Arc::clone(storage);
        let thread = std::thread::Builder::new().name("journal-spare".to_owned());
        thread.spawn(move || make(&*storage, number, bytes)).map(Self::UnderWay)
    }

    /// What has become of it; waits for it, if asked to.
    pub(crate) fn look(&mut self, wait: bool) -> io::Result<()> {
        let Self::UnderWay(thread) = self else { return Ok(()) };
        if !wait && !thread.is_finished() {
            return Ok(());
        }
        let Self::UnderWay(thread) = std::mem::replace(self, Self::Absent) else { return Ok(()) };
        let made =
            thread.join().unwrap_or_else(|_| Err(io::Error::other("the thread that makes it panicked")));
        *self = Self::made(made)?;
        Ok(())
    }

    fn made(made: io::Result<()>) -> io::Result<Self> {
        match made {
            Ok(()) => Ok(Self::Ready),
            Err(error)
                if matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded) =>
            {
                Ok(Self::NoRoom)
            }
            Err(error) => Err(error),
        }
    }
}

/// A segment is at least so long: its head, and something to hold.
pub(crate) const SEGMENT_BYTES_MIN: u64 = 4 * BLOCK_BYTES as u64;
