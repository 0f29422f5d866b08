//! A data folder goes back to a moment: a snapshot from before it, and the journal's records up to it.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::fs;
use std::sync::Arc;

use tempfile::TempDir;
use vencejo_journal::record::{write_declaration, write_rows};
use vencejo_journal::snapshot::{Snapshot, SnapshotOptions, SnapshotWriter, generations};
use vencejo_journal::{
    Behind, Body, Declaration, Disk, Opened, Options, RestoreError, Restored, Stamp, Storage, Target,
    Urgency, open, read, restore,
};
use vencejo_types::{Sequence, StreamId, Tick};

const OPTIONS: Options = Options { segment_bytes: 32 << 10, id: 7, inline: true };

fn disk(folder: &TempDir) -> Arc<dyn Storage> {
    Arc::new(Disk::new(folder.path()))
}

/// Ten records of ten rows for each of two partitions. Row n has n as its content, record n the tick 1,000 n.
/// Snapshots at the events 30 and 60 of both; cut behind the first, if asked for.
fn written(cut: bool) -> TempDir {
    let folder = TempDir::new().unwrap();
    let Opened { journal, mut committer, .. } = open(disk(&folder), OPTIONS, None, &mut |_| Ok(())).unwrap();
    let declared = Declaration { app: "counts".to_owned(), partitions: 2, ..Declaration::default() };
    journal.append(0, Urgency::Eager, |out| write_declaration(&declared, out));
    for number in 0..10_u64 {
        for partition in 0..2 {
            let (first, tick) = (number * 10 + 1, Tick((number.cast_signed() + 1) * 1_000));
            let rows: Vec<_> = (first..first + 10).map(|row| row.to_le_bytes().repeat(60)).collect();
            let stamp = Stamp { partition, sequence: Sequence(first), tick };
            let rows = rows.iter().map(Vec::as_slice);
            journal.append(0, Urgency::Eager, |out| write_rows(stamp, StreamId(0), None, rows, out));
            committer.step().unwrap();
        }
        if [2, 5].contains(&number) {
            let last = (number + 1) * 10;
            let storage = disk(&folder);
            let options =
                SnapshotOptions { journal: 7, app: "counts".to_owned(), ..SnapshotOptions::default() };
            let mut writer = SnapshotWriter::create(&*storage, &options).unwrap();
            for partition in 0..2 {
                writer.head(partition, last, (number.cast_signed() + 1) * 1_000, b"head").unwrap();
            }
            writer.finish().unwrap();
        }
    }
    committer.rest().unwrap();
    if cut {
        assert!(journal.cut(&[30, 30]).unwrap() > 0);
    }
    folder
}

/// Restores; the last events of both partitions by what is in the folder then.
fn restored(from: &TempDir, target: &Target) -> Result<(Restored, [u64; 2]), RestoreError> {
    let into = TempDir::new().unwrap();
    let restored = restore(&*disk(from), &disk(&into), OPTIONS, None, target)?;
    let snapshot = restored.generation.map(|generation| {
        let snapshot = Snapshot::open(&*disk(&into), generation, None).unwrap();
        snapshot.verify().unwrap();
        snapshot
    });
    let behind = snapshot.map(|snapshot| Behind {
        journal: snapshot.journal(),
        sequences: snapshot.partitions().map(|at| at.sequence).collect(),
    });
    let mut last = behind.as_ref().map_or([0, 0], |behind| [behind.sequences[0], behind.sequences[1]]);
    let opened = open(disk(&into), OPTIONS, behind.as_ref(), &mut |record| {
        let Body::Rows { rows, .. } = &record.body else { return Ok(()) };
        let had = &mut last[record.partition as usize];
        for (row, sequence) in rows.iter().zip(record.sequence.0..) {
            assert_eq!(row, sequence.to_le_bytes().repeat(60));
            if sequence > *had {
                assert_eq!(sequence, *had + 1);
                *had = sequence;
            }
        }
        Ok(())
    });
    opened.unwrap();
    assert_eq!(restored.sequences, last);
    Ok((restored, last))
}

#[test]
fn a_folder_goes_back_to_a_sequence_or_a_moment() {
    for cut in [false, true] {
        let from = written(cut);
        let cases = [
            (Target::End, Some(2), [100, 100]),
            (Target::Sequence(100), Some(2), [100, 100]),
            (Target::Sequence(77), Some(2), [77, 77]),
            (Target::Sequence(60), Some(2), [60, 60]),
            (Target::Sequence(59), Some(1), [59, 59]),
            (Target::Sequence(30), Some(1), [30, 30]),
            (Target::Sequences(vec![(1, 45)]), Some(1), [100, 45]),
            (Target::Tick(7_999), Some(2), [70, 70]),
            (Target::Tick(8_000), Some(2), [80, 80]),
            (Target::Tick(5_500), Some(1), [50, 50]),
            (Target::Tick(99_000), Some(2), [100, 100]),
        ];
        for (target, generation, last) in cases {
            let (found, found_last) = restored(&from, &target).unwrap();
            assert_eq!((found.generation, found_last), (generation, last), "{target:?}");
            let base: u64 = generation.map_or(0, |generation| generation * 60);
            assert_eq!(found.events, last[0] + last[1] - base, "{target:?}");
        }
        for target in [Target::Sequence(29), Target::Sequences(vec![(0, 29)]), Target::Tick(2_999)] {
            match restored(&from, &target) {
                Err(RestoreError::TooEarly(_)) => assert!(cut, "{target:?}"),
                found => {
                    let (found, last) = found.unwrap();
                    let expected = if matches!(target, Target::Tick(_)) { 20 } else { 29 };
                    assert!(!cut && found.generation.is_none() && last[0] == expected, "{target:?}");
                }
            }
        }
        let late = restored(&from, &Target::Sequence(101)).unwrap_err();
        assert!(matches!(late, RestoreError::TooLate { partition: 0, last: 100 }), "{late}");
        let late = restored(&from, &Target::Sequences(vec![(1, 101)])).unwrap_err();
        assert!(matches!(late, RestoreError::TooLate { partition: 1, last: 100 }), "{late}");
    }
}

#[test]
fn a_damaged_snapshot_is_passed_over_and_nothing_is_changed() {
    let from = written(true);
    let path = from.path().join("snapshots/0000000000000002.snapshot");
    let mut bytes = fs::read(&path).unwrap();
    bytes[70] ^= 1;
    fs::write(&path, &bytes).unwrap();
    let (found, last) = restored(&from, &Target::End).unwrap();
    assert_eq!((found.generation, last), (Some(1), [100, 100]));
    assert!(found.notes[0].contains("0000000000000002.snapshot is damaged"), "{:?}", found.notes);
    assert_eq!(generations(&*disk(&from)).unwrap(), [1, 2]);
    fs::remove_file(from.path().join("snapshots/0000000000000001.snapshot")).unwrap();
    assert!(matches!(restored(&from, &Target::End), Err(RestoreError::TooEarly(notes)) if notes.len() == 1));
    let empty = TempDir::new().unwrap();
    assert!(restored(&empty, &Target::End).is_err());
}

#[test]
fn a_folder_in_use_can_be_restored_from() {
    let from = written(false);
    let behind = Behind { journal: 7, sequences: vec![60, 60] };
    let _open = open(disk(&from), OPTIONS, Some(&behind), &mut |_| Ok(())).unwrap();
    assert_eq!(restored(&from, &Target::End).unwrap().1, [100, 100]);
    let mut records = 0;
    read(&*disk(&from), None, &mut |_| {
        records += 1;
        Ok(())
    })
    .unwrap();
    assert!(records > 20);
}
