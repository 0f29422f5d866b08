//! What an engine keeps on disk, and how its partitions come back from there.

use std::fmt;
use std::sync::mpsc::sync_channel;
use std::sync::{Arc, Mutex, PoisonError};

use vencejo_core::PartitionState;
use vencejo_core::plan::App;
use vencejo_journal::record::write_declaration;
use vencejo_journal::{
    Committer, DeadLetters, Journal, OpenError, Opened, Options, Recovered, Storage, Urgency, open,
};

use crate::replay::{Replay, Versions, declaration};

/// Records after which a recovery says how far it is.
const PROGRESS_RECORDS: u64 = 4_096;

/// The journal, and what belongs to it. Shared by the partitions.
pub struct Kept {
    pub(crate) journal: Journal,
    letters: DeadLetters,
    versions: Arc<dyn Versions>,
    /// The one that is served.
    app: Mutex<Arc<App>>,
    partitions: u32,
}

/// An engine's partitions as the data folder holds them, ready to go on.
pub struct Recovery {
    pub(crate) kept: Kept,
    pub(crate) states: Vec<PartitionState>,
    committer: Committer,
    /// What was found.
    pub found: Recovered,
    /// Events in it of what the app does not declare (any more, or with other columns).
    pub passed_over: u64,
}

/// Why an engine cannot begin with what its data folder holds.
#[derive(Debug)]
pub enum RecoverError {
    /// The journal cannot be opened.
    Journal(OpenError),
    /// The dead letters cannot be read, or no thread be had.
    Disk(std::io::Error),
}

impl fmt::Display for RecoverError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Journal(error) => error.fmt(f),
            Self::Disk(error) => write!(f, "the data folder cannot be used: {error}"),
        }
    }
}

impl std::error::Error for RecoverError {}

/// An event that the core failed on.
pub(crate) struct Poison {
    /// What it was for, by name.
    pub(crate) subject: String,
    /// What the core said.
    pub(crate) reason: String,
    /// The event, as a record.
    pub(crate) record: Vec<u8>,
}

impl Recovery {
    /// Opens what a data folder keeps of an app with so many partitions, and rebuilds their states.
    /// `progress` is told now and then how many events have been applied.
    ///
    /// # Errors
    /// When the journal is damaged, in use, or of another app; or the disk fails.
    pub fn open(
        app: &Arc<App>,
        partitions: u32,
        storage: Arc<dyn Storage>,
        options: Options,
        versions: Arc<dyn Versions>,
        progress: &mut dyn FnMut(u64),
    ) -> Result<Self, RecoverError> {
        let letters = DeadLetters::open(&storage).map_err(RecoverError::Disk)?;
        let mut replay = Replay::new(app, partitions, None, &*versions);
        let (mut records, mut events) = (0_u64, 0);
        let opened = open(storage, options, &mut |record| {
            records += 1;
            events += record.events();
            if records.is_multiple_of(PROGRESS_RECORDS) {
                progress(events);
            }
            replay.record(record)
        });
        let Opened { journal, committer, recovered: found } = opened.map_err(RecoverError::Journal)?;
        let (passed_over, states) = (replay.passed_over(), replay.into_states());
        let kept = Kept { journal, letters, versions, app: Mutex::new(Arc::clone(app)), partitions };
        kept.declare(app);
        Ok(Self { kept, states, committer, found, passed_over })
    }

    pub(crate) fn into_parts(self) -> (Kept, Committer, Vec<PartitionState>) {
        (self.kept, self.committer, self.states)
    }
}

impl Kept {
    /// The events that the core failed on.
    pub fn dead_letters(&self) -> &DeadLetters {
        &self.letters
    }

    /// Another app is served from now on; what partitions write down from here on is in its numbers.
    pub(crate) fn succeed(&self, app: &Arc<App>) {
        self.declare(app);
        *self.app.lock().unwrap_or_else(PoisonError::into_inner) = Arc::clone(app);
    }

    fn declare(&self, app: &App) {
        let declared = declaration(app, self.partitions);
        self.journal.append(0, Urgency::Eager, |out| write_declaration(&declared, out));
    }

    /// Makes all of the journal durable and ends its thread. The partitions must have stopped.
    pub fn close(&self) {
        self.journal.close();
    }

    /// Keeps an event that the core failed on, and gives back the partition as it was before it. Reads the
    /// journal: not for a partition's thread.
    pub(crate) fn rebuild(&self, partition: u32, poison: &Poison) -> Result<PartitionState, String> {
        if let Err(error) = self.letters.add(&poison.subject, &poison.reason, &poison.record) {
            tracing::error!(partition, %error, "an event that the core failed on cannot be kept");
        }
        let (durable, waited) = sync_channel(1);
        self.journal.when_durable(move || {
            // Nobody waits any more when the engine stops.
            let _ = durable.try_send(());
        });
        waited.recv().map_err(|_| "the journal has stopped".to_owned())?;
        let app = Arc::clone(&self.app.lock().unwrap_or_else(PoisonError::into_inner));
        let mut replay = Replay::new(&app, self.partitions, Some(partition), &*self.versions);
        self.journal.read(&mut |record| replay.record(record)).map_err(|error| error.to_string())?;
        replay.into_states().pop().ok_or_else(|| "there is no such partition".to_owned())
    }
}
