//! `vencejo drill`: whether a data folder would come back, and how long it takes.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use serde_json::{Value, json};
use vencejo_core::plan::App;
use vencejo_runtime::journal::{Disk, OpenError, Restored, Storage, Target};
use vencejo_runtime::{Clock, Folder, Offline, RecoverError};
use vencejo_types::row::key_hash;

use crate::app::{AppSource, archive};
use crate::console::{note, print};
use crate::failure::Failure;
use crate::recover::StoredVersions;
use crate::restore::into_fresh;
use crate::snapshot::KeyArgs;

/// Restores the newest snapshot and the journal behind it into a scratch folder and checks what comes of it.
#[derive(Args, Debug)]
#[command(
    after_help = "Every page is loaded, and the state's digest is compared with what the snapshot before it \
    and the journal give, where there is one. The data folder is not changed.\n\n\
    Example:\n  vencejo drill --data .vencejo --app apps/ads\n\n\
    Exit codes: 0 it would come back, 5 it would not, or not as it was, 78 the folder cannot be used."
)]
pub struct DrillArgs {
    /// The data folder; an engine may be using it.
    #[arg(long, value_name = "DIR", default_value = ".vencejo")]
    data: PathBuf,
    /// The app that is served from it; the one that was deployed last, where the folder remembers it.
    #[arg(long, value_name = "DIR")]
    app: Option<PathBuf>,
    /// Where to restore to; it must not be there, and is removed afterwards. Else beside the data folder.
    #[arg(long, value_name = "DIR")]
    scratch: Option<PathBuf>,
    #[command(flatten)]
    key: KeyArgs,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

/// By partition, the last event and the digest.
type Digests = Vec<(u64, u64)>;

/// Removes the scratch folder at the end, whatever that is.
struct Scratch(PathBuf);

impl Drop for Scratch {
    fn drop(&mut self) {
        // It may not have come to be.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Runs the command.
///
/// # Errors
/// When the folder would not come back.
pub fn run(args: &DrillArgs) -> Result<(), Failure> {
    let key = args.key.key()?;
    let app = app(args)?;
    let scratch = Scratch(args.scratch.clone().unwrap_or_else(|| {
        let mut name = args.data.as_os_str().to_owned();
        name.push(format!(".drill-{}", std::process::id()));
        PathBuf::from(name)
    }));
    let clock = Clock::start();
    let began = clock.now();
    let restored = into_fresh(&args.data, &scratch.0, key.as_ref(), &Target::End)?;
    let restore_time = clock.now().since(began);
    let Restored { generation, events, sequences, notes, .. } = restored;
    notes.iter().for_each(|wrong| note(format_args!("a snapshot was passed over: {wrong}")));
    let partitions = u32::try_from(sequences.len()).unwrap_or(0);

    let copy: Arc<dyn Storage> = Arc::new(Disk::new(&scratch.0));
    let versions = || -> Result<Arc<StoredVersions>, Failure> {
        StoredVersions::open(Arc::clone(&copy)).map(Arc::new).map_err(Failure::runtime)
    };
    let began = clock.now();
    let folder = Folder { storage: &*copy, key: key.as_ref(), versions: versions()? };
    let mut state = Offline::open(&app, partitions, &folder, &[], None).map_err(unusable)?;
    let open_time = clock.now().since(began);
    if !state.load() {
        return Err(Failure::data("pages of the snapshot are damaged"));
    }
    let load_time = clock.now().since(began);
    let digests = state.digests().ok_or_else(|| Failure::data("pages of the snapshot are damaged"))?;
    let reached: Vec<u64> = digests.iter().map(|&(sequence, _)| sequence).collect();
    if reached != sequences {
        return Err(Failure::data(format!(
            "the state ends at events {reached:?}, the journal at {sequences:?}"
        )));
    }
    let source = Disk::new(&args.data);
    let folder = Folder { storage: &source, key: key.as_ref(), versions: versions()? };
    let second = second_way(&app, partitions, &folder, generation, &sequences)?;
    if let Some((from, other)) = &second
        && *other != digests
    {
        return Err(Failure::data(format!(
            "snapshot {} and {from} do not give the same state",
            generation.unwrap_or_default()
        )));
    }
    let all: Vec<u8> = digests.iter().flat_map(|(_, digest)| digest.to_le_bytes()).collect();
    let report = json!({
        "generation": generation, "events_from_journal": events, "sequences": sequences,
        "restore_ms": millis(restore_time), "open_ms": millis(open_time), "load_ms": millis(load_time),
        "digest": format!("{:016x}", key_hash(&all)),
        "compared_with": second.map(|(from, _)| from),
    });
    if args.json { print(report) } else { print(as_text(&report)) }
}

/// The same moment from the snapshot before, where there is one of the same app.
fn second_way(
    app: &Arc<App>,
    partitions: u32,
    folder: &Folder<'_>,
    generation: Option<u64>,
    sequences: &[u64],
) -> Result<Option<(String, Digests)>, Failure> {
    let Some(generation) = generation else { return Ok(None) };
    let opened = Offline::open(app, partitions, folder, &[generation], Some(sequences));
    let mut other = match opened {
        Ok(other) => other,
        Err(error) => {
            note(format_args!("there is no second way to the same state to compare with: {error}"));
            return Ok(None);
        }
    };
    match &other.from {
        // The journal alone gives what the app makes of all of it; a deploy since would show.
        None => Ok(None),
        Some(from) if !from.anew.is_empty() || !from.models_anew.is_empty() => Ok(None),
        Some(from) => {
            let name = format!("snapshot {}", from.generation);
            let Some(digests) = other.digests() else {
                note(format_args!("{name} is damaged, so there is nothing to compare with"));
                return Ok(None);
            };
            Ok(Some((format!("{name} and the journal behind it"), digests)))
        }
    }
}

fn app(args: &DrillArgs) -> Result<Arc<App>, Failure> {
    if let Some(folder) = &args.app {
        return AppSource::at(folder).load();
    }
    match archive::remembered(&args.data)? {
        Some(deployed) => AppSource::Archive(deployed).load(),
        None => Err(Failure::config(format!(
            "{} does not remember an app; name the one that is served with --app",
            args.data.display()
        ))),
    }
}

fn unusable(error: RecoverError) -> Failure {
    match error {
        RecoverError::Journal(OpenError::Storage(error)) => Failure::runtime(error),
        error => Failure::data(error),
    }
}

fn millis(time: Duration) -> f64 {
    (time.as_secs_f64() * 1e6).round() / 1e3
}

fn as_text(report: &Value) -> String {
    let from = match report["generation"].as_u64() {
        Some(generation) => {
            format!("snapshot {generation} and {} events of the journal", report["events_from_journal"])
        }
        None => format!("{} events of the journal", report["events_from_journal"]),
    };
    let compared = match report["compared_with"].as_str() {
        Some(other) => format!("the same state as from {other}"),
        None => "checked by its checksums; there is no second way to compare with".to_owned(),
    };
    format!(
        "it would come back: {from}\ncopied and checked in {} ms, open in {} ms, all loaded in {} ms\ndigest {}: {compared}",
        report["restore_ms"],
        report["open_ms"],
        report["load_ms"],
        report["digest"].as_str().unwrap_or_default()
    )
}
