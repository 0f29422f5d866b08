//! Snapshots: the images of all partitions in one file per generation.
//!
//! A snapshot is written under a temporary name, made durable, and only then given its own; its directory
//! comes last. So a file of that name is whole, or was damaged afterwards. Opening reads the directory and
//! no page; a page is read when it is asked for and checked before it is given away. Pages may be packed
//! (zstd) and sealed. FORMAT.md describes every byte. What does not belong here: what is in an image, and
//! which generations are kept.

mod format;
mod reader;
mod seal;
mod writer;

use std::path::{Path, PathBuf};
use std::{fmt, io};

use crate::error::{Damage, JournalError};
use crate::storage::{Access, Storage, read_full_at};

pub use reader::{PartitionAt, Snapshot};
pub use seal::SnapshotKey;
pub use writer::{SnapshotOptions, SnapshotWriter};

/// The folder of the snapshots, in the data folder.
const FOLDER: &str = "snapshots";
const SUFFIX: &str = ".snapshot";
const WRITING: &str = ".writing";
/// A file is copied in pieces of so many bytes.
const COPIED_BYTES: usize = 1 << 20;
/// A head or page has at most so many bytes.
const PIECE_BYTES_MAX: usize = 1 << 30;

/// Where a page belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PagePlace {
    /// The partition.
    pub partition: u32,
    /// The node, as the partition's image numbers it.
    pub owner: u32,
    /// The node's container.
    pub container: u32,
    /// The container's page.
    pub page: u32,
}

/// Why a snapshot cannot be written or read.
#[derive(Debug)]
pub enum SnapshotError {
    /// The disk failed.
    Storage(JournalError),
    /// It is not what was written.
    Damaged(Damage),
    /// It is of another version of the format.
    Version {
        /// The file.
        path: PathBuf,
        /// Its version.
        version: u32,
    },
    /// It is sealed, and there is no key.
    KeyMissing(PathBuf),
    /// It is sealed with another key.
    KeyWrong(PathBuf),
}

impl From<JournalError> for SnapshotError {
    fn from(error: JournalError) -> Self {
        Self::Storage(error)
    }
}

impl fmt::Display for SnapshotError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Storage(error) => error.fmt(f),
            Self::Damaged(damage) => damage.fmt(f),
            Self::KeyMissing(path) => write!(
                f,
                "{} is encrypted; give its key with --snapshot-key-file or in VENCEJO_SNAPSHOT_KEY",
                path.display()
            ),
            Self::KeyWrong(path) => {
                write!(f, "{} is encrypted with another key than the one given", path.display())
            }
            Self::Version { path, version } => {
                let path = path.display();
                write!(
                    f,
                    "{path} is of format version {version}; this engine reads version {}",
                    format::VERSION
                )
            }
        }
    }
}

impl std::error::Error for SnapshotError {}

/// The generations that there are, ascending.
///
/// # Errors
/// When the folder cannot be read.
pub fn generations(storage: &dyn Storage) -> Result<Vec<u64>, JournalError> {
    let names = match names(storage) {
        Err(error) if error.error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        names => names?,
    };
    let generation = |name: &String| u64::from_str_radix(name.strip_suffix(SUFFIX)?, 16).ok();
    Ok(names.iter().filter_map(generation).collect())
}

/// Removes a generation.
///
/// # Errors
/// When the disk fails.
pub fn remove(storage: &dyn Storage, generation: u64) -> Result<(), JournalError> {
    let path = path_of(generation, SUFFIX);
    storage.remove(&path).map_err(|error| JournalError::new("removing", path, error))
}

fn make_folder(storage: &dyn Storage) -> Result<(), JournalError> {
    storage.create_folder(Path::new(FOLDER)).map_err(|error| JournalError::new("making", FOLDER, error))
}

fn names(storage: &dyn Storage) -> Result<Vec<String>, JournalError> {
    storage.list(Path::new(FOLDER)).map_err(|error| JournalError::new("listing", FOLDER, error))
}

fn path_of(generation: u64, suffix: &str) -> PathBuf {
    Path::new(FOLDER).join(format!("{generation:016x}{suffix}"))
}

/// Shows the bytes of a file, a piece at a time.
pub(crate) fn pieces(
    storage: &dyn Storage,
    path: &Path,
    show: &mut dyn FnMut(u64, &[u8]) -> io::Result<()>,
) -> io::Result<()> {
    let file = storage.open(path, Access::Buffered)?;
    let (mut bytes, mut offset) = (vec![0; COPIED_BYTES], 0);
    loop {
        let read = read_full_at(&*file, offset, &mut bytes)?;
        if read == 0 {
            return Ok(());
        }
        show(offset, &bytes[..read])?;
        offset += read as u64;
    }
}
