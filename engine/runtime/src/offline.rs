//! The partitions of a data folder without an engine: to check what a restart would give.

use std::sync::Arc;

use vencejo_core::plan::App;
use vencejo_journal::snapshot::SnapshotKey;
use vencejo_journal::{OpenError, Storage, read};

use crate::kept::RecoverError;
use crate::replay::{Replay, Versions};
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
        let Folder { storage, key, versions } = folder;
        let opening = Opening { storage: *storage, key: *key, app, partitions, versions: &**versions };
        let found = opening.open(None, avoid).map_err(RecoverError::Journal)?;
        let given = found.revived.into_iter().map(|(index, revived)| (index, revived.state));
        let mut replay = Replay::new(app, partitions, given, Arc::clone(versions));
        replay.stop_at(until.map(<[u64]>::to_vec));
        let replayed = read(*storage, found.behind.as_ref(), &mut |record| replay.record(record));
        match replayed {
            Ok(()) => Ok(Self { replay, from: found.from, notes: found.notes }),
            Err(error @ OpenError::Cut { .. }) if !found.notes.is_empty() => {
                Err(RecoverError::NoSnapshot(error, found.notes))
            }
            Err(error) => Err(RecoverError::Journal(error)),
        }
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
