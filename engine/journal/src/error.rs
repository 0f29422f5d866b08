//! Why a journal cannot be opened or written.

use std::path::PathBuf;
use std::{fmt, io};

use crate::start::Behind;

/// Why the journal cannot go on. What is durable is unknown, so the process ends.
#[derive(Debug)]
pub struct JournalError {
    /// What was done.
    pub(crate) doing: &'static str,
    pub(crate) path: PathBuf,
    pub(crate) error: io::Error,
}

impl JournalError {
    pub(crate) fn new(doing: &'static str, path: impl Into<PathBuf>, error: io::Error) -> Self {
        Self { doing, path: path.into(), error }
    }
}

impl fmt::Display for JournalError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} failed: {}", self.doing, self.path.display(), self.error)
    }
}

impl std::error::Error for JournalError {}

/// Where what was durable is not what it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    /// The segment's file, relative to the data folder.
    pub path: PathBuf,
    /// Where in it, in bytes.
    pub offset: u64,
    /// What is wrong there.
    pub what: String,
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { path, offset, what } = self;
        write!(f, "{} is damaged at offset {offset}: {what}", path.display())
    }
}

/// Why a journal is not opened. Nothing was changed.
#[derive(Debug)]
pub enum OpenError {
    /// Another process has it open.
    Locked,
    /// It was durable there and is not what it was.
    Damaged(Damage),
    /// A segment is of another version of the format.
    Version {
        /// The segment's file.
        path: PathBuf,
        /// Its version.
        version: u32,
    },
    /// Its first segments were removed behind a snapshot, and nothing has the events that were in them.
    Cut {
        /// By partition, the last event that was in them.
        base: Vec<u64>,
        /// What there is instead.
        behind: Option<Behind>,
    },
    /// It is not the journal that the snapshot belongs to.
    Another {
        /// Its number.
        journal: u64,
        /// The number that was expected.
        behind: u64,
    },
    /// It ends before the snapshot does.
    Short {
        /// The partition.
        partition: usize,
        /// The last event that it has.
        last: u64,
        /// The last event that the snapshot has.
        behind: u64,
    },
    /// The disk failed.
    Storage(JournalError),
    /// Whoever takes the records does not take one of them.
    Refused(String),
}

impl From<JournalError> for OpenError {
    fn from(error: JournalError) -> Self {
        Self::Storage(error)
    }
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Locked => {
                write!(f, "the journal is in use by another process; end it, or take another data folder")
            }
            Self::Damaged(damage) => {
                write!(
                    f,
                    "{damage}; events that were acknowledged lie there, so nothing was started: restore the \
                     file from a copy"
                )
            }
            Self::Version { path, version } => {
                let path = path.display();
                write!(f, "{path} is of format version {version}; this engine reads version 1")
            }
            Self::Cut { base, behind } => {
                let has = |partition: usize| match behind {
                    None => 0,
                    Some(behind) => behind.sequences.get(partition).copied().unwrap_or(0),
                };
                let missing = base.iter().enumerate().find(|(partition, last)| has(*partition) < **last);
                let (partition, last) = missing.unwrap_or((0, &0));
                let has = match behind {
                    None => "there is no snapshot that can be used".to_owned(),
                    Some(_) => format!("the snapshot ends at event {}", has(partition)),
                };
                write!(
                    f,
                    "the journal begins behind event {last} of partition {partition}, as it was cut behind \
                     snapshots, and {has}; nothing was started: restore the folder 'snapshots' from a copy"
                )
            }
            Self::Another { journal, behind } => write!(
                f,
                "the snapshots belong to journal {behind:016x}, and the journal is {journal:016x}; nothing was \
                 started: bring back the folder 'journal' that belongs to them, or move the folder 'snapshots' away"
            ),
            Self::Short { partition, last, behind } => write!(
                f,
                "the journal ends at event {last} of partition {partition}, and the snapshot at event {behind}: \
                 the journal's end is missing, so nothing was started; restore the folder 'journal' from a copy"
            ),
            Self::Storage(error) => error.fmt(f),
            Self::Refused(text) => f.write_str(text),
        }
    }
}

impl std::error::Error for OpenError {}
