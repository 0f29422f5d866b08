//! Snapshots: the images of all partitions in one file per generation.
//!
//! A snapshot is written under a temporary name, made durable, and only then given its own; its directory
//! comes last. So a file of that name is whole, or was damaged afterwards. Two generations are kept.
//! Opening reads the directory and no page; a page is read when it is asked for and checked before it is
//! given away. FORMAT.md describes every byte. What does not belong here: what is in an image.

mod format;
mod pages;
mod reader;
mod writer;

use std::fmt;
use std::path::{Path, PathBuf};

use crate::error::{Damage, JournalError};
use crate::storage::Storage;

pub use pages::{PartitionPages, Report};
pub use reader::{PartitionAt, Snapshot};
pub use writer::SnapshotWriter;

/// The folder of the snapshots, in the data folder.
const FOLDER: &str = "snapshots";
const SUFFIX: &str = ".snapshot";
const WRITING: &str = ".writing";
/// Generations that are kept.
const GENERATIONS_KEPT: usize = 2;

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
            Self::Damaged(damage) => write!(f, "{damage}; the generation before it may be whole"),
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
    make_folder(storage)?;
    let names = names(storage)?;
    let generation = |name: &String| u64::from_str_radix(name.strip_suffix(SUFFIX)?, 16).ok();
    Ok(names.iter().filter_map(generation).collect())
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
