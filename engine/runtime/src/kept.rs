//! What an engine keeps on disk, and how its partitions come back from there.

use std::fmt;
use std::sync::mpsc::sync_channel;
use std::sync::{Arc, Mutex, PoisonError};

use vencejo_core::plan::App;
use vencejo_journal::record::write_declaration;
use vencejo_journal::snapshot::SnapshotKey;
use vencejo_journal::{
    Committer, DeadLetters, Journal, OpenError, Opened, Options, Recovered, Storage, Urgency, open,
};

use crate::replay::{Replay, Versions, declaration};
use crate::snapshots::{Faults, Found, OpenedFrom, Opening, Revived, SnapshotPlan};

/// Records after which a recovery says how far it is.
const PROGRESS_RECORDS: u64 = 4_096;

/// Where an engine keeps what it knows, and how.
pub struct Keeping {
    /// The data folder.
    pub storage: Arc<dyn Storage>,
    /// How the journal is kept.
    pub journal: Options,
    /// How snapshots are taken.
    pub snapshots: SnapshotPlan,
    /// Finds versions of models.
    pub versions: Arc<dyn Versions>,
}

/// The journal, and what belongs to it. Shared by the partitions.
pub struct Kept {
    pub(crate) journal: Journal,
    pub(crate) storage: Arc<dyn Storage>,
    /// Opens snapshots that are sealed.
    key: Option<SnapshotKey>,
    letters: DeadLetters,
    versions: Arc<dyn Versions>,
    /// The one that is served.
    app: Mutex<Arc<App>>,
    partitions: u32,
}

/// An engine's partitions as the data folder holds them, ready to go on.
pub struct Recovery {
    pub(crate) kept: Kept,
    pub(crate) revived: Vec<Revived>,
    pub(crate) plan: SnapshotPlan,
    pub(crate) snapshots: Found,
    committer: Committer,
    /// What was found in the journal.
    pub found: Recovered,
    /// The snapshot that it began with, if any.
    pub from: Option<OpenedFrom>,
    /// What is wrong with snapshots that were not used, a sentence each.
    pub notes: Vec<String>,
    /// Events in the journal of what the app does not declare (any more, or with other columns).
    pub passed_over: u64,
}

/// Why an engine cannot begin with what its data folder holds.
#[derive(Debug)]
pub enum RecoverError {
    /// The journal or the snapshots cannot be opened.
    Journal(OpenError),
    /// The journal was cut, and no snapshot can be used, for these reasons.
    NoSnapshot(OpenError, Vec<String>),
    /// The dead letters cannot be read, or no thread be had.
    Disk(std::io::Error),
}

impl fmt::Display for RecoverError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Journal(error) => error.fmt(f),
            Self::NoSnapshot(error, notes) => write!(f, "{error}; {}", notes.join("; ")),
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

/// One partition on its way back.
pub(crate) struct Rebuilding {
    replay: Replay,
    faults: Option<Arc<Faults>>,
    generation: Option<u64>,
}

impl Recovery {
    /// Opens what a data folder keeps of an app with so many partitions: the newest snapshot, whose pages
    /// stay on disk until they are touched, and the journal behind it. `progress` is told now and then how
    /// many events have been applied.
    ///
    /// # Errors
    /// When the journal is damaged, in use, of another app, or was cut and no snapshot reaches it; a snapshot
    /// wants a key; or the disk fails.
    pub fn open(
        app: &Arc<App>,
        partitions: u32,
        keeping: Keeping,
        progress: &mut dyn FnMut(u64),
    ) -> Result<Self, RecoverError> {
        let Keeping { storage, journal: options, snapshots: plan, versions } = keeping;
        let letters = DeadLetters::open(&storage).map_err(RecoverError::Disk)?;
        let opening =
            Opening { storage: &*storage, key: plan.key.as_ref(), app, partitions, versions: &*versions };
        let mut snapshots = opening.open(None, &[]).map_err(RecoverError::Journal)?;
        let revived = std::mem::take(&mut snapshots.revived);
        let origins: Vec<_> =
            revived.iter().map(|(_, revived)| (revived.faults.clone(), revived.generation)).collect();
        let given = revived.into_iter().map(|(index, revived)| (index, revived.state));
        let mut replay = Replay::new(app, partitions, given, Arc::clone(&versions));
        let (mut records, mut events) = (0_u64, 0);
        let opened = open(Arc::clone(&storage), options, snapshots.behind.as_ref(), &mut |record| {
            records += 1;
            events += record.events();
            if records.is_multiple_of(PROGRESS_RECORDS) {
                progress(events);
            }
            replay.record(record)
        });
        let notes = std::mem::take(&mut snapshots.notes);
        let Opened { journal, committer, recovered: found } = match opened {
            Ok(opened) => opened,
            Err(error @ OpenError::Cut { .. }) if !notes.is_empty() => {
                return Err(RecoverError::NoSnapshot(error, notes));
            }
            Err(error) => return Err(RecoverError::Journal(error)),
        };
        let passed_over = replay.passed_over();
        let revived = replay.into_states().into_iter().zip(origins);
        let revived = revived.map(|(state, (faults, generation))| Revived { state, faults, generation });
        let revived = revived.collect();
        let (app_served, key) = (Mutex::new(Arc::clone(app)), plan.key.clone());
        let kept = Kept { journal, storage, key, letters, versions, app: app_served, partitions };
        kept.declare(app);
        let from = snapshots.from.clone();
        Ok(Self { kept, revived, plan, snapshots, committer, found, from, notes, passed_over })
    }

    pub(crate) fn into_parts(self) -> (Kept, Committer, Vec<Revived>, SnapshotPlan, Found) {
        (self.kept, self.committer, self.revived, self.plan, self.snapshots)
    }
}

impl Kept {
    /// The events that the core failed on.
    pub fn dead_letters(&self) -> &DeadLetters {
        &self.letters
    }

    /// The app that is served.
    pub(crate) fn app(&self) -> Arc<App> {
        Arc::clone(&self.app.lock().unwrap_or_else(PoisonError::into_inner))
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
    /// data folder: not for a partition's thread.
    pub(crate) fn rebuild(&self, partition: u32, poison: &Poison) -> Result<Revived, String> {
        if let Err(error) = self.letters.add(&poison.subject, &poison.reason, &poison.record) {
            tracing::error!(partition, %error, "an event that the core failed on cannot be kept");
        }
        self.wait_until_durable()?;
        self.begin_again(partition, &[])?.finish()
    }

    /// Has a partition begin with a snapshot, none of those to `avoid`, and brings it up to what the journal
    /// holds now.
    pub(crate) fn begin_again(&self, partition: u32, avoid: &[u64]) -> Result<Rebuilding, String> {
        let app = self.app();
        let opening = Opening {
            storage: &*self.storage,
            key: self.key.as_ref(),
            app: &app,
            partitions: self.partitions,
            versions: &*self.versions,
        };
        let found = opening.open(Some(partition), avoid).map_err(|error| error.to_string())?;
        let whole = found.behind.is_none();
        let (index, revived) = found.revived.into_iter().next().ok_or("there is no such partition")?;
        let Revived { state, faults, generation } = revived;
        let replay = Replay::new(&app, self.partitions, [(index, state)], Arc::clone(&self.versions));
        let mut rebuilding = Rebuilding { replay, faults, generation };
        if whole {
            let replay = &mut rebuilding.replay;
            let read = self.journal.read(None, &mut |record| replay.record(record));
            read.map_err(|error| error.to_string())?;
        } else {
            self.catch_up(&mut rebuilding)?;
        }
        Ok(rebuilding)
    }

    /// Brings a partition up to what the journal holds now.
    pub(crate) fn catch_up(&self, rebuilding: &mut Rebuilding) -> Result<(), String> {
        let replay = &mut rebuilding.replay;
        let behind = replay.behind();
        let read = self.journal.read(Some(&behind), &mut |record| replay.record(record));
        read.map_err(|error| error.to_string())
    }

    /// Waits until all that has been appended can be read from the journal.
    pub(crate) fn wait_until_durable(&self) -> Result<(), String> {
        let (durable, waited) = sync_channel(1);
        self.journal.when_durable(move || {
            // Nobody waits any more when the engine stops.
            let _ = durable.try_send(());
        });
        waited.recv().map_err(|_| "the journal has stopped".to_owned())
    }
}

impl Rebuilding {
    /// The app that it is rebuilt for.
    pub(crate) fn app(&self) -> &Arc<App> {
        self.replay.app()
    }

    /// Loads every page that is still on disk alone; whether all could be had.
    pub(crate) fn load(&mut self) -> bool {
        const ALL: usize = usize::MAX;
        self.replay.states_mut().all(|state| state.hydrate_some(ALL) == Ok(true))
    }

    pub(crate) fn finish(self) -> Result<Revived, String> {
        let state = self.replay.into_states().pop().ok_or("there is no such partition")?;
        Ok(Revived { state, faults: self.faults, generation: self.generation })
    }
}
