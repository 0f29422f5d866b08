//! The snapshots of a data folder, looked at.

use comfy_table::{CellAlignment, Table, presets};
use serde_json::{Value, json};
use vencejo_runtime::journal::snapshot::{PartitionAt, Snapshot, SnapshotError, generations};
use vencejo_runtime::journal::{Disk, JournalError};

use super::FolderArgs;
use crate::console::print;
use crate::failure::Failure;
use crate::text_time::write_timestamp;

/// A snapshot, or why it cannot be opened.
struct Looked {
    generation: u64,
    opened: Result<Snapshot, SnapshotError>,
}

/// Lists them.
pub fn list(args: &FolderArgs) -> Result<(), Failure> {
    let looked = look(args)?;
    if args.json {
        return looked.iter().try_for_each(|looked| print(summary(looked)));
    }
    if looked.is_empty() {
        return print(format_args!("{} has no snapshots", args.data.display()));
    }
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(["generation", "time", "events", "bytes", "encrypted", "app", "trouble"]);
    for looked in &looked {
        let summary = summary(looked);
        let text = |field: &str| match &summary[field] {
            Value::String(text) => text.clone(),
            Value::Null => String::new(),
            Value::Bool(yes) => if *yes { "yes" } else { "no" }.to_owned(),
            other => other.to_string(),
        };
        table.add_row(["generation", "time", "events", "bytes", "encrypted", "app", "trouble"].map(text));
    }
    for column in [0, 2, 3] {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    print(table)
}

/// Checks every byte of them.
pub fn verify(args: &FolderArgs) -> Result<(), Failure> {
    let mut damaged = 0;
    for Looked { generation, opened } in look(args)? {
        let verified = opened.and_then(|snapshot| snapshot.verify());
        let line = match (&verified, args.json) {
            (Ok(pages), true) => json!({"generation": generation, "whole": true, "pages": pages}).to_string(),
            (Err(error), true) => {
                json!({"generation": generation, "whole": false, "trouble": error.to_string()}).to_string()
            }
            (Ok(pages), false) => format!("snapshot {generation}: whole, {pages} pages"),
            (Err(error), false) => format!("snapshot {generation}: {error}"),
        };
        print(line)?;
        match verified {
            Ok(_) => {}
            Err(error @ (SnapshotError::KeyMissing(_) | SnapshotError::KeyWrong(_))) => {
                return Err(Failure::config(error));
            }
            Err(_) => damaged += 1,
        }
    }
    match damaged {
        0 => Ok(()),
        1 => Err(Failure::data("1 snapshot is not whole")),
        count => Err(Failure::data(format!("{count} snapshots are not whole"))),
    }
}

/// Shows what they hold.
pub fn inspect(args: &FolderArgs) -> Result<(), Failure> {
    let looked = look(args)?;
    for looked in &looked {
        let snapshot = match &looked.opened {
            Ok(snapshot) => snapshot,
            Err(error) if args.generation.is_some() => return Err(Failure::data(error)),
            Err(_) => {
                print(summary(looked))?;
                continue;
            }
        };
        let mut summary = summary(looked);
        let partitions = snapshot.partitions().map(|at| {
            let PartitionAt { partition, sequence, tick, pages, bytes } = at;
            json!({"partition": partition, "sequence": sequence, "time": time_of(tick), "pages": pages, "bytes": bytes})
        });
        if args.json {
            summary["partitions"] = partitions.collect();
            print(summary)?;
            continue;
        }
        print(format_args!(
            "snapshot {} of app '{}': {} events, {} bytes, journal {}{}",
            looked.generation,
            snapshot.app(),
            summary["events"],
            snapshot.bytes(),
            summary["journal"].as_str().unwrap_or_default(),
            if snapshot.is_sealed() { ", encrypted" } else { "" }
        ))?;
        for at in snapshot.partitions() {
            let PartitionAt { partition, sequence, tick, pages, bytes } = at;
            let time = time_of(tick);
            print(format_args!(
                "  partition {partition}: event {sequence} of {time}, {pages} pages, {bytes} bytes"
            ))?;
        }
    }
    Ok(())
}

fn look(args: &FolderArgs) -> Result<Vec<Looked>, Failure> {
    let disk = Disk::new(&args.data);
    let unreadable = |error: JournalError| {
        Failure::config(format!("the data folder {} cannot be read: {error}", args.data.display()))
    };
    if !args.data.is_dir() {
        return Err(Failure::config(format!("there is no data folder {}", args.data.display())));
    }
    let key = args.key.key()?;
    let mut numbers = generations(&disk).map_err(unreadable)?;
    if let Some(wanted) = args.generation {
        numbers.retain(|&number| number == wanted);
        if numbers.is_empty() {
            let text = format!("{} has no snapshot {wanted}; look with 'snapshot list'", args.data.display());
            return Err(Failure::config(text));
        }
    }
    let open = |generation| Looked { generation, opened: Snapshot::open(&disk, generation, key.as_ref()) };
    Ok(numbers.into_iter().map(open).collect())
}

fn summary(looked: &Looked) -> Value {
    let generation = looked.generation;
    let snapshot = match &looked.opened {
        Ok(snapshot) => snapshot,
        Err(SnapshotError::KeyMissing(_)) => {
            return json!({"generation": generation, "encrypted": true, "trouble": "its key is not given"});
        }
        Err(SnapshotError::KeyWrong(_)) => {
            return json!({"generation": generation, "encrypted": true, "trouble": "another key than the one given"});
        }
        Err(error) => return json!({"generation": generation, "trouble": error.to_string()}),
    };
    let events: u64 = snapshot.partitions().map(|at| at.sequence).sum();
    let tick = snapshot.partitions().map(|at| at.tick).max().unwrap_or(0);
    json!({
        "generation": generation, "time": time_of(tick), "events": events, "bytes": snapshot.bytes(),
        "encrypted": snapshot.is_sealed(), "app": snapshot.app(), "journal": format!("{:016x}", snapshot.journal()),
    })
}

/// The engine's time as text, to the next millisecond: what has happened until then includes the moment.
pub fn time_of(tick: i64) -> String {
    let mut text = Vec::new();
    write_timestamp(tick.saturating_add(999).div_euclid(1_000), &mut text);
    text.push(b'Z');
    String::from_utf8(text).unwrap_or_default()
}
