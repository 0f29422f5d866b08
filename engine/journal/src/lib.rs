//! The journal: what the partitions have applied, in their order, on disk.
//!
//! One per engine. Partitions append records to a bounded queue; one thread writes all that is queued and
//! makes it durable with one sync, again and again, without a timer. At start the journal is scanned and its
//! records are handed to whoever rebuilds the state. FORMAT.md describes every byte.
//!
//! Between this room and the disk stands [`Storage`], so that a simulated one can lose, tear and damage what
//! was written. What does not belong here: what a record does to a state.
#![forbid(unsafe_code)]

mod blocks;
pub mod bugs;
mod content;
mod dead_letter;
mod disk;
mod error;
mod frame;
mod journal;
mod open;
mod queue;
pub mod record;
mod restore;
mod scan;
mod segment;
pub mod snapshot;
mod spare;
mod start;
mod storage;
mod writer;

pub use content::ContentStore;
pub use dead_letter::{DeadLetter, DeadLetters};
pub use disk::Disk;
pub use error::{Damage, JournalError, OpenError};
pub use journal::{Committer, Journal, Urgency};
pub use open::{Opened, Options, Recovered, create, open, read};
pub use queue::{Class, Refused};
pub use record::{Body, Change, Declaration, Handling, Record, RecordError, Rows, Stamp};
pub use restore::{RestoreError, Restored, Target, restore};
pub use start::{Behind, is_whole};
pub use storage::{Access, BLOCK_BYTES, File, Storage};
