//! `vencejo restore`: what a data folder held at an earlier moment, into a fresh one.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use serde_json::json;
use vencejo_runtime::journal::snapshot::SnapshotKey;
use vencejo_runtime::journal::{Disk, Options, RestoreError, Restored, Storage, Target, restore};
use vencejo_types::limits::JOURNAL_SEGMENT_BYTES;

use crate::console::{note, print};
use crate::failure::Failure;
use crate::snapshot::{KeyArgs, time_of};
use crate::text_time::parse_timestamp;

/// What a data folder has beside journal and snapshots goes with it, but for this.
const LEFT_OUT: [&str; 2] = ["journal", "snapshots"];

/// Restores a data folder into a fresh one: as it is, or as it was at an earlier moment.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  vencejo restore --from .vencejo --into restored\n  \
    vencejo restore --from .vencejo --into restored --to-time 2026-11-26T10:00:00Z\n  \
    vencejo restore --from .vencejo --into restored --to-sequence 2:1000")]
pub struct RestoreArgs {
    /// The data folder to restore from; it is not changed, and an engine may be using it.
    #[arg(long, value_name = "DIR")]
    from: PathBuf,
    /// The folder to restore into: it must not be there, or be empty.
    #[arg(long, value_name = "DIR")]
    into: PathBuf,
    /// Up to this event of every partition; or, as PARTITION:N, of one, and the others as they are.
    #[arg(long, value_name = "[PARTITION:]N", value_parser = parse_sequence, conflicts_with = "to_time")]
    to_sequence: Vec<Sequence>,
    /// Up to this moment of the engine's time, as 2026-11-26T10:00:00.250Z.
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    to_time: Option<i64>,
    #[command(flatten)]
    key: KeyArgs,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, Debug)]
enum Sequence {
    All(u64),
    One(u32, u64),
}

fn parse_sequence(text: &str) -> Result<Sequence, String> {
    let number = |text: &str| text.parse().map_err(|_| format!("'{text}' is no event's number"));
    match text.split_once(':') {
        None => number(text).map(Sequence::All),
        Some((partition, sequence)) => {
            let partition =
                partition.parse().map_err(|_| format!("'{partition}' is no partition's number"))?;
            number(sequence).map(|sequence| Sequence::One(partition, sequence))
        }
    }
}

fn parse_time(text: &str) -> Result<i64, String> {
    let millis = parse_timestamp(text).and_then(|millis| millis.checked_mul(1_000));
    millis.ok_or_else(|| "give a time as 2026-11-26T10:00:00.250Z".to_owned())
}

/// Runs the command.
///
/// # Errors
/// When there is nothing to restore from, or nothing to restore into.
pub fn run(args: &RestoreArgs) -> Result<(), Failure> {
    let target = args.target()?;
    let key = args.key.key()?;
    let restored = into_fresh(&args.from, &args.into, key.as_ref(), &target)?;
    let Restored { generation, events, sequences, tick, notes } = restored;
    notes.iter().for_each(|wrong| note(format_args!("a snapshot was passed over: {wrong}")));
    let time = time_of(tick);
    if args.json {
        return print(json!({
            "generation": generation, "events_from_journal": events, "sequences": sequences, "time": time,
        }));
    }
    let from = match generation {
        Some(generation) => format!("snapshot {generation} and {events} events of the journal"),
        None => format!("{events} events of the journal"),
    };
    let into = args.into.display();
    print(format_args!("{into} holds {from}, up to {time}; serve it with --data {into}"))
}

impl RestoreArgs {
    fn target(&self) -> Result<Target, Failure> {
        if let Some(tick) = self.to_time {
            return Ok(Target::Tick(tick));
        }
        let mut named = Vec::new();
        for sequence in &self.to_sequence {
            match *sequence {
                Sequence::All(last) if self.to_sequence.len() == 1 => return Ok(Target::Sequence(last)),
                Sequence::All(_) => {
                    return Err(Failure::config(
                        "give --to-sequence once, or as PARTITION:N for each partition",
                    ));
                }
                Sequence::One(partition, last) => named.push((partition, last)),
            }
        }
        Ok(if named.is_empty() { Target::End } else { Target::Sequences(named) })
    }
}

/// Restores into a folder that is not there or empty; it is there only when all of it is.
///
/// # Errors
/// As [`run`].
pub fn into_fresh(
    from: &Path,
    into: &Path,
    key: Option<&SnapshotKey>,
    target: &Target,
) -> Result<Restored, Failure> {
    if !from.is_dir() {
        return Err(Failure::config(format!("there is no data folder {}", from.display())));
    }
    match fs::read_dir(into).map(|mut entries| entries.next().is_none()) {
        Ok(true) => {}
        Ok(false) => {
            return Err(Failure::config(format!(
                "{} is not empty; restore into a fresh folder",
                into.display()
            )));
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => return Err(Failure::config(format!("{} cannot be used: {error}", into.display()))),
    }
    let mut unfinished = into.as_os_str().to_owned();
    unfinished.push(".unfinished");
    let unfinished = PathBuf::from(unfinished);
    let unwritable = |error: std::io::Error| {
        Failure::runtime(format!("{} cannot be written: {error}", unfinished.display()))
    };
    match fs::remove_dir_all(&unfinished) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(unwritable(error)),
        _ => {}
    }
    fs::create_dir_all(&unfinished).map_err(unwritable)?;
    let restored = fill(from, &unfinished, key, target).and_then(|restored| {
        fs::rename(&unfinished, into).map_err(unwritable)?;
        Ok(restored)
    });
    if restored.is_err() {
        // What is left of it is worthless.
        let _ = fs::remove_dir_all(&unfinished);
    }
    restored
}

fn fill(from: &Path, into: &Path, key: Option<&SnapshotKey>, target: &Target) -> Result<Restored, Failure> {
    let storage: Arc<dyn Storage> = Arc::new(Disk::new(into));
    let options = Options { segment_bytes: JOURNAL_SEGMENT_BYTES, id: 0, inline: true };
    let restored = restore(&Disk::new(from), &storage, options, key, target).map_err(|error| {
        let text = format!("{}: {error}", from.display());
        match error {
            RestoreError::Into(error) => Failure::runtime(error),
            _ => Failure::config(text),
        }
    })?;
    copy_rest(from, into, true)
        .map_err(|error| Failure::runtime(format!("{} cannot be copied: {error}", from.display())))?;
    Ok(restored)
}

/// Copies what there is beside journal and snapshots.
fn copy_rest(from: &Path, into: &Path, is_top: bool) -> std::io::Result<()> {
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (name, kind) = (entry.file_name(), entry.file_type()?);
        if is_top && LEFT_OUT.iter().any(|left_out| *left_out == name) {
            continue;
        }
        let target = into.join(&name);
        if kind.is_dir() {
            fs::create_dir_all(&target)?;
            copy_rest(&entry.path(), &target, false)?;
        } else if kind.is_file() {
            fs::copy(entry.path(), &target)?;
            fs::File::open(&target)?.sync_all()?;
        }
    }
    Ok(())
}
