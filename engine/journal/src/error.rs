//! Why a journal cannot be opened or written.

use std::path::PathBuf;
use std::{fmt, io};

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
            Self::Storage(error) => error.fmt(f),
            Self::Refused(text) => f.write_str(text),
        }
    }
}

impl std::error::Error for OpenError {}
