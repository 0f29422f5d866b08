//! The partitions of a data folder without an engine: to check what a restart would give.

use std::sync::Arc;

use vencejo_core::Effects;
use vencejo_core::plan::App;
use vencejo_journal::snapshot::{Snapshot, SnapshotKey, generations};
use vencejo_journal::{Body, OpenError, Record, Storage, is_whole, read};

use crate::kept::RecoverError;
use crate::replay::{Replay, Versions, Watch};
use crate::snapshots::{OpenedFrom, Opening};

/// The partitions of a data folder, which stays as it is.
pub struct Offline {
    replay: Replay,
    /// The snapshot that they began with, if any.
    pub from: Option<OpenedFrom>,
    /// What is wrong with snapshots that were not used, a sentence each.
    pub notes: Vec<String>,
}

/// Where the partitions are looked for.
pub struct Folder<'f> {
    /// The data folder; an engine may be using it.
    pub storage: &'f dyn Storage,
    /// Opens snapshots that are sealed.
    pub key: Option<&'f SnapshotKey>,
    /// Finds versions of models.
    pub versions: Arc<dyn Versions>,
}

impl Offline {
    /// Opens the newest snapshot, of those that are not to be avoided, and takes the journal's events behind
    /// it: of each partition up to the one with the sequence in `until`, or all.
    ///
    /// # Errors
    /// As [`crate::Recovery::open`].
    pub fn open(
        app: &Arc<App>,
        partitions: u32,
        folder: &Folder<'_>,
        avoid: &[u64],
        until: Option<&[u64]>,
    ) -> Result<Self, RecoverError> {
        Self::watched(app, partitions, folder, avoid, until, None)
    }

    /// The same, over all of the history that the folder has: from the journal's beginning, or, where that is
    /// cut, from the oldest snapshot. `watch` sees the effects of each event.
    ///
    /// # Errors
    /// As [`Offline::open`].
    pub fn history(
        app: &Arc<App>,
        folder: &Folder<'_>,
        watch: impl FnMut(&Effects) + Send + 'static,
    ) -> Result<Self, RecoverError> {
        let storage = folder.storage;
        let disk = |error| RecoverError::Journal(OpenError::Storage(error));
        let mut newer = generations(storage).map_err(disk)?;
        let partitions = partitions(folder, &newer)?;
        if !is_whole(storage).map_err(RecoverError::Journal)? && !newer.is_empty() {
            newer.remove(0);
        }
        Self::watched(app, partitions, folder, &newer, None, Some(Box::new(watch)))
    }

    fn watched(
        app: &Arc<App>,
        partitions: u32,
        folder: &Folder<'_>,
        avoid: &[u64],
        until: Option<&[u64]>,
        watch: Option<Watch>,
    ) -> Result<Self, RecoverError> {
        let Folder { storage, key, versions } = folder;
        let opening = Opening { storage: *storage, key: *key, app, partitions, versions: &**versions };
        let found = opening.open(None, avoid).map_err(RecoverError::Journal)?;
        let given = found.revived.into_iter().map(|(index, revived)| (index, revived.state));
        let mut replay = Replay::new(app, partitions, given, Arc::clone(versions));
        replay.stop_at(until.map(<[u64]>::to_vec));
        replay.watch(watch);
        let replayed = read(*storage, found.behind.as_ref(), &mut |record| replay.record(record));
        match replayed {
            Ok(()) => Ok(Self { replay, from: found.from, notes: found.notes }),
            Err(error @ OpenError::Cut { .. }) if !found.notes.is_empty() => {
                Err(RecoverError::NoSnapshot(error, found.notes))
            }
            Err(error) => Err(RecoverError::Journal(error)),
        }
    }

    /// By partition, the last event, and how many were of streams that the app does not have, or with other
    /// columns.
    pub fn reached(&self) -> (Vec<u64>, u64) {
        (self.replay.behind(), self.replay.passed_over())
    }

    /// Loads every page that is still on disk alone; false where one cannot be had.
    pub fn load(&mut self) -> bool {
        self.replay.states_mut().all(|state| state.hydrate_some(usize::MAX) == Ok(true))
    }

    /// By partition, the last event and the digest of the state; nothing where a page cannot be had.
    pub fn digests(&mut self) -> Option<Vec<(u64, u64)>> {
        self.replay.states_mut().map(|state| Some((state.sequence().0, state.digest().ok()?))).collect()
    }
}

/// How many partitions a folder's engine has: as a snapshot has, or the journal declares.
fn partitions(folder: &Folder<'_>, generations: &[u64]) -> Result<u32, RecoverError> {
    for &generation in generations.iter().rev() {
        if let Ok(snapshot) = Snapshot::open(folder.storage, generation, folder.key) {
            return Ok(u32::try_from(snapshot.partitions().count()).unwrap_or(u32::MAX));
        }
    }
    let mut declared = None;
    let mut look = |record: &Record<'_>| match &record.body {
        Body::Declare(declaration) => {
            declared = Some(declaration.partitions);
            // The first one says it.
            Err(String::new())
        }
        _ => Ok(()),
    };
    let read = read(folder.storage, None, &mut look);
    match declared {
        Some(partitions) => Ok(partitions),
        // A journal without a record declares nothing.
        None => read.map(|()| 1).map_err(RecoverError::Journal),
    }
}
