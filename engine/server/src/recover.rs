//! The engine's state from its data folder.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use vencejo_core::models::ModelVersion;
use vencejo_core::plan::App;
use vencejo_model::Model;
use vencejo_runtime::journal::{ContentStore, Disk, OpenError, Options, Storage};
use vencejo_runtime::{Clock, Keeping, OpenedFrom, RecoverError, Recovery, SnapshotPlan, Versions};
use vencejo_types::ModelId;
use vencejo_types::limits::JOURNAL_SEGMENT_BYTES;
use vencejo_types::row::key_hash;

use crate::console::note;
use crate::failure::Failure;
use crate::model::compile;

/// How often a long recovery says how far it is.
const SAY: Duration = Duration::from_secs(2);

/// What a data folder held, and where the files of pushed models go.
pub struct FromDisk {
    /// The partitions.
    pub recovery: Recovery,
    /// The files.
    pub models: ContentStore,
    /// How long what nobody waits for may gather before it is written.
    pub journal_lag: Duration,
}

/// Rebuilds the partitions of an app from a data folder; says how long it took.
///
/// # Errors
/// When the folder cannot be used, what it holds is damaged, or it is of another app.
pub fn recover(
    app: &Arc<App>,
    partitions: u32,
    data: &Path,
    snapshots: SnapshotPlan,
    journal_lag: Duration,
) -> Result<FromDisk, Failure> {
    let unusable = |error: &dyn std::fmt::Display| {
        Failure::config(format!("the data folder {} cannot be used: {error}", data.display()))
    };
    let storage: Arc<dyn Storage> = Arc::new(Disk::new(data));
    let models = ContentStore::open(Arc::clone(&storage)).map_err(|error| unusable(&error))?;
    let clock = Clock::start();
    let began = clock.now();
    let id = key_hash(format!("{}/{}", clock.tick(began).0, std::process::id()).as_bytes());
    let keeping = Keeping {
        storage,
        journal: Options { segment_bytes: JOURNAL_SEGMENT_BYTES, id, inline: false },
        snapshots,
        versions: Arc::new(StoredVersions { models: models.clone() }),
    };
    let mut said = began;
    let mut progress = |events: u64| {
        let now = clock.now();
        if now.since(said) >= SAY {
            said = now;
            note(format_args!("recovering: {events} events from the journal so far"));
        }
    };
    let recovery = Recovery::open(app, partitions, keeping, &mut progress);
    let recovery = recovery.map_err(|error| match error {
        RecoverError::Journal(OpenError::Storage(error)) => Failure::runtime(error),
        RecoverError::Journal(_) | RecoverError::NoSnapshot(..) => {
            Failure::config(format!("{}: {error}", data.display()))
        }
        RecoverError::Disk(error) => unusable(&error),
    })?;
    say_snapshot(&recovery);
    let found = recovery.found;
    if found.torn {
        note(
            "the last write before the engine ended was cut short; it held nothing that was acknowledged as journaled",
        );
    }
    let millis = clock.now().since(began).as_millis();
    note(format_args!("recovered {} events from the journal in {millis} ms", found.events));
    if recovery.passed_over > 0 {
        note(format_args!(
            "{} of them were passed over: the app does not declare their stream, decision or model (any more, or \
             with other columns); they stay in the journal",
            recovery.passed_over
        ));
    }
    Ok(FromDisk { recovery, models, journal_lag })
}

/// Says which snapshot an engine began with, and what is not in it.
fn say_snapshot(recovery: &Recovery) {
    recovery.notes.iter().for_each(|wrong| note(format_args!("a snapshot cannot be used: {wrong}")));
    let Some(OpenedFrom { generation, events, anew, models_anew }) = &recovery.from else { return };
    note(format_args!(
        "began with snapshot {generation}, of {events} events; its pages are loaded as they are needed"
    ));
    let list = |names: &[String]| names.join(", ");
    if !anew.is_empty() {
        note(format_args!(
            "the app has changed since the snapshot, and the journal does not reach back to its beginning: {} began empty",
            list(anew)
        ));
    }
    if !models_anew.is_empty() {
        note(format_args!(
            "models that begin with the versions that the app declares: {}",
            list(models_anew)
        ));
    }
}

/// Versions of models whose files the data folder keeps.
pub struct StoredVersions {
    models: ContentStore,
}

impl StoredVersions {
    /// Those of a data folder.
    ///
    /// # Errors
    /// When it cannot be used.
    pub fn open(storage: Arc<dyn Storage>) -> std::io::Result<Self> {
        ContentStore::open(storage).map(|models| Self { models })
    }
}

impl Versions for StoredVersions {
    fn load(&self, _model: ModelId, label: &str, content: u64) -> Result<Arc<ModelVersion>, String> {
        let gone = |error: std::io::Error| {
            format!("the file of model version '{label}' in the data folder cannot be used: {error}")
        };
        // The trees up to the best iteration have the complement of their file's hash.
        let (bytes, best_iteration) = match self.models.get(content) {
            Ok(bytes) => (bytes, false),
            Err(error) => (self.models.get(!content).map_err(|_| gone(error))?, true),
        };
        let mut model = Model::parse(&bytes)
            .map_err(|error| format!("model version '{label}' is not usable any more: {error}"))?;
        if best_iteration {
            model = model.with_best_iteration();
        }
        Ok(Arc::new(ModelVersion { label: label.to_owned(), content, model: compile(model) }))
    }
}
