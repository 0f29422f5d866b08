//! From the snapshots of a data folder to the partitions' states.

use std::collections::HashMap;
use std::fmt::Display;
use std::sync::Arc;

use vencejo_core::PartitionState;
use vencejo_core::image::{PageSource, Restored};
use vencejo_core::models::ModelVersion;
use vencejo_core::plan::App;
use vencejo_journal::snapshot::{Snapshot, SnapshotError, SnapshotKey, generations};
use vencejo_journal::{Behind, OpenError, Storage, is_whole};
use vencejo_types::ModelId;

use super::Faults;
use super::generations::Generation;
use super::pages::PartitionPages;
use crate::replay::Versions;

/// A partition as a snapshot has it, or as it was before its first event.
#[derive(Debug)]
pub(crate) struct Revived {
    pub(crate) state: PartitionState,
    /// Pages of the snapshot that cannot be had; nothing where it came from none.
    pub(crate) faults: Option<Arc<Faults>>,
    /// The snapshot's number.
    pub(crate) generation: Option<u64>,
}

impl Revived {
    /// A partition of an engine in memory.
    pub(crate) fn new(app: &Arc<App>) -> Self {
        Self { state: PartitionState::new(Arc::clone(app)), faults: None, generation: None }
    }
}

/// The snapshot that an engine began with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OpenedFrom {
    /// Its number.
    pub generation: u64,
    /// Events that it has, over all partitions.
    pub events: u64,
    /// Views and queries that the app before did not have so: they are empty but for what the journal has
    /// behind the snapshot.
    pub anew: Vec<String>,
    /// Models whose versions are those that the app declares, for the same reason.
    pub models_anew: Vec<String>,
}

/// What is to be opened.
pub(crate) struct Opening<'o> {
    pub(crate) storage: &'o dyn Storage,
    pub(crate) key: Option<&'o SnapshotKey>,
    pub(crate) app: &'o Arc<App>,
    pub(crate) partitions: u32,
    pub(crate) versions: &'o dyn Versions,
}

/// What was found.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// By partition, of those that were asked for.
    pub(crate) revived: Vec<(u32, Revived)>,
    /// Where the journal goes on; nothing where there is no snapshot to begin with.
    pub(crate) behind: Option<Behind>,
    pub(crate) from: Option<OpenedFrom>,
    /// Snapshots that can be opened, ascending.
    pub(crate) usable: Vec<Generation>,
    /// Numbers of those that cannot.
    pub(crate) unusable: Vec<u64>,
    /// What is wrong with snapshots, a sentence each.
    pub(crate) notes: Vec<String>,
}

/// Why one snapshot does not serve.
enum Unfit {
    /// It is damaged, or of another version: another one may do.
    This(String),
    /// None will do.
    All(OpenError),
}

impl Opening<'_> {
    /// Opens the newest snapshot that can be opened, of those that are not to be avoided. `only` names the
    /// one partition that is wanted. Where the app has changed since and the journal reaches back to its
    /// beginning, none is: all of it is replayed then.
    ///
    /// # Errors
    /// When they are of another app or number of partitions, or want another key.
    pub(crate) fn open(&self, only: Option<u32>, avoid: &[u64]) -> Result<Found, OpenError> {
        let mut found = Found::default();
        let mut numbers = generations(self.storage)?;
        numbers.reverse();
        for number in numbers {
            let snapshot = match Snapshot::open(self.storage, number, self.key) {
                Ok(snapshot) => Arc::new(snapshot),
                Err(SnapshotError::Storage(error)) => return Err(error.into()),
                Err(error @ (SnapshotError::KeyMissing(_) | SnapshotError::KeyWrong(_))) => {
                    return Err(OpenError::Refused(error.to_string()));
                }
                Err(error) => {
                    found.notes.push(error.to_string());
                    found.unusable.push(number);
                    continue;
                }
            };
            self.check(&snapshot)?;
            found.usable.insert(0, Generation::of(&snapshot));
            if found.behind.is_some() || avoid.contains(&number) {
                continue;
            }
            match self.revive(&snapshot, only) {
                Ok((revived, from)) => {
                    found.behind = Some(behind(&snapshot));
                    (found.revived, found.from) = (revived, Some(from));
                }
                Err(Unfit::This(why)) => {
                    found.notes.push(format!("{}: {why}", snapshot.path().display()));
                    found.usable.remove(0);
                    found.unusable.push(number);
                }
                Err(Unfit::All(error)) => return Err(error),
            }
        }
        if self.is_better_replayed(&found)? {
            (found.behind, found.from) = (None, None);
        }
        if found.behind.is_none() {
            found.revived = self.asked_for(only).map(|index| (index, Revived::new(self.app))).collect();
        }
        Ok(found)
    }

    fn asked_for(&self, only: Option<u32>) -> impl Iterator<Item = u32> {
        (0..self.partitions).filter(move |&index| only.is_none_or(|only| only == index))
    }

    /// Whether something begins anew in the snapshot that the whole journal would give.
    fn is_better_replayed(&self, found: &Found) -> Result<bool, OpenError> {
        let begins_anew =
            found.from.as_ref().is_some_and(|from| !from.anew.is_empty() || !from.models_anew.is_empty());
        Ok(begins_anew && is_whole(self.storage)?)
    }

    /// The sentences are those of the journal's declarations.
    fn check(&self, snapshot: &Snapshot) -> Result<(), OpenError> {
        let partitions = snapshot.partitions().count();
        crate::replay::check_app(self.app, snapshot.app(), self.partitions, partitions)
            .map_err(OpenError::Refused)
    }

    fn revive(
        &self,
        snapshot: &Arc<Snapshot>,
        only: Option<u32>,
    ) -> Result<(Vec<(u32, Revived)>, OpenedFrom), Unfit> {
        let mut from = OpenedFrom { generation: snapshot.generation(), ..OpenedFrom::default() };
        from.events = snapshot.partitions().map(|at| at.sequence).sum();
        let mut known = Known { opening: self, loaded: HashMap::new() };
        let mut revived = Vec::new();
        for index in self.asked_for(only) {
            let head = match snapshot.head(index) {
                Ok(Some(head)) => head,
                Ok(None) => return Err(Unfit::This(format!("it has no partition {index}"))),
                Err(SnapshotError::Storage(error)) => return Err(Unfit::All(error.into())),
                Err(error) => return Err(Unfit::This(error.to_string())),
            };
            let faults = Arc::<Faults>::default();
            let pages = PartitionPages::new(Arc::clone(snapshot), index, Arc::clone(&faults));
            let source: Arc<dyn PageSource> = Arc::new(pages);
            let mut versions = |model: &str, label: &str, content| known.version(model, label, content);
            let opened = PartitionState::open(self.app, &head, &source, &mut versions);
            let Restored { state, anew, models_anew } = opened.map_err(unfit)?;
            // Every partition says the same.
            (from.anew, from.models_anew) = (anew, models_anew);
            revived.push((index, Revived { state, faults: Some(faults), generation: Some(from.generation) }));
        }
        Ok((revived, from))
    }
}

fn unfit(error: impl Display) -> Unfit {
    Unfit::This(error.to_string())
}

fn behind(snapshot: &Snapshot) -> Behind {
    Behind { journal: snapshot.journal(), sequences: snapshot.partitions().map(|at| at.sequence).collect() }
}

/// Versions of models: those that the app declares, and those that were loaded, once for all partitions.
struct Known<'k> {
    opening: &'k Opening<'k>,
    loaded: HashMap<(String, String, u64), Option<Arc<ModelVersion>>>,
}

impl Known<'_> {
    fn version(&mut self, model: &str, label: &str, content: u64) -> Option<Arc<ModelVersion>> {
        let models = &self.opening.app.models;
        let place = models.iter().position(|slot| slot.name == model)?;
        let slot = &models[place];
        let challenger = slot.challenger.as_ref().map(|(version, _)| version);
        let is_it = |version: &&Arc<ModelVersion>| version.label == label && version.content == content;
        if let Some(declared) = [&slot.champion].into_iter().chain(challenger).find(is_it) {
            return Some(Arc::clone(declared));
        }
        let id = ModelId(u16::try_from(place).ok()?);
        let versions = self.opening.versions;
        let load = || match versions.load(id, label, content) {
            Ok(version) => Some(version),
            Err(reason) => {
                tracing::warn!(
                    model,
                    label,
                    reason,
                    "a version of a model that the snapshot names is not there"
                );
                None
            }
        };
        let key = (model.to_owned(), label.to_owned(), content);
        self.loaded.entry(key).or_insert_with(load).clone()
    }
}
