//! A journal that is cut behind a snapshot: what has to be there, and what is said where it is not.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tempfile::TempDir;
use vencejo_journal::record::{write_decide, write_declaration};
use vencejo_journal::{
    Behind, Body, Declaration, Disk, OpenError, Opened, Options, Stamp, Urgency, create, open,
};
use vencejo_types::{DecisionId, Sequence, Tick};

const JOURNAL: u64 = 7;
const OPTIONS: Options = Options { segment_bytes: 32 << 10, id: JOURNAL, inline: true };
/// Events of each of two partitions; a segment has room for five or six of them all.
const EVENTS: u64 = 40;

fn declaration(app: &str) -> Declaration {
    Declaration { app: app.to_owned(), partitions: 2, ..Declaration::default() }
}

fn behind(sequences: [u64; 2]) -> Behind {
    Behind { journal: JOURNAL, sequences: sequences.to_vec() }
}

/// Partition and sequence of each event, and the apps that were declared between.
type Found = (Vec<(u32, u64)>, Vec<String>);

fn reopen(folder: &Path, behind: Option<&Behind>) -> Result<(Opened, Found), OpenError> {
    let mut found = Found::default();
    let opened = open(Arc::new(Disk::new(folder)), OPTIONS, behind, &mut |record| {
        match &record.body {
            Body::Declare(declared) => found.1.push(declared.app.clone()),
            Body::Base(_) => {}
            _ => found.0.push((record.partition, record.sequence.0)),
        }
        Ok(())
    })?;
    Ok((opened, found))
}

fn append(opened: &mut Opened, sequences: impl Iterator<Item = u64>) {
    for sequence in sequences {
        for partition in 0..2 {
            let stamp = Stamp { partition, sequence: Sequence(sequence), tick: Tick(sequence.cast_signed()) };
            let row = [0x5a; 2_500];
            opened
                .journal
                .append(0, Urgency::Eager, |out| write_decide(stamp, DecisionId(0), false, &row, out));
            opened.committer.step().unwrap();
        }
    }
}

fn declare(opened: &mut Opened, app: &str) {
    opened.journal.append(0, Urgency::Eager, |out| write_declaration(&declaration(app), out));
    opened.committer.step().unwrap();
}

fn segments(folder: &Path) -> Vec<PathBuf> {
    let files = fs::read_dir(folder.join("journal")).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = files.filter(|path| path.extension().is_some_and(|it| it == "segment")).collect();
    files.sort();
    files
}

/// A journal whose app was declared twice.
fn written() -> TempDir {
    let folder = TempDir::new().unwrap();
    let (mut opened, _) = reopen(folder.path(), None).unwrap();
    declare(&mut opened, "first");
    append(&mut opened, 1..=EVENTS / 2);
    declare(&mut opened, "second");
    append(&mut opened, EVENTS / 2 + 1..=EVENTS);
    folder
}

/// The events behind these.
fn after(sequences: [u64; 2]) -> Vec<(u32, u64)> {
    let all = (1..=EVENTS).flat_map(|sequence| [(0, sequence), (1, sequence)]);
    all.filter(|&(partition, sequence)| sequence > sequences[partition as usize]).collect()
}

#[test]
fn what_is_behind_a_snapshot_is_removed_and_the_rest_comes_back() {
    for cut in [[0, 0], [7, 7], [30, 12], [12, 40], [40, 40]] {
        let folder = written();
        let (opened, _) = reopen(folder.path(), None).unwrap();
        let before = segments(folder.path()).len();
        let removed = opened.journal.cut(&cut).unwrap();
        assert_eq!(segments(folder.path()).len(), before - removed);
        let least = cut[0].min(cut[1]);
        assert!(removed as u64 >= (least / 6).saturating_sub(2), "{removed} at {cut:?}");
        assert_eq!(opened.journal.cut(&cut).unwrap(), 0);
        drop(opened);
        let (_, (found, declared)) = reopen(folder.path(), Some(&behind(cut))).unwrap();
        let is_new = |&&(partition, sequence): &&(u32, u64)| sequence > cut[partition as usize];
        let wanted: Vec<_> = found.iter().filter(is_new).copied().collect();
        assert_eq!(wanted, after(cut));
        let passed_over = found.len() - wanted.len();
        assert!(passed_over < 60, "{passed_over} at {cut:?}");
        let first = declared.first().unwrap();
        assert_eq!(first, if found[0].1 > EVENTS / 2 { "second" } else { "first" });
        // A later snapshot does as well; none, or an earlier one, does not where something is gone.
        assert!(reopen(folder.path(), Some(&behind([40, 40]))).is_ok());
        if removed > 0 {
            for (less, what) in
                [(None, "there is no snapshot"), (Some(behind([1, 1])), "the snapshot ends at event 1")]
            {
                let error = reopen(folder.path(), less.as_ref()).err().unwrap();
                assert!(error.to_string().contains(what), "{error}");
            }
        }
    }
}

#[test]
fn a_crash_between_removals_leaves_a_journal_that_goes_on() {
    let folder = written();
    let files = segments(folder.path());
    assert!(files.len() > 7, "{}", files.len());
    // The names of these two were gone on disk when the power failed, those before and between were not.
    fs::remove_file(&files[1]).unwrap();
    fs::remove_file(&files[3]).unwrap();
    let error = reopen(folder.path(), None).err().unwrap();
    assert!(matches!(error, OpenError::Damaged(_)), "{error}");
    let error = reopen(folder.path(), Some(&behind([5, 5]))).err().unwrap();
    assert!(error.to_string().contains("0000000000000004.segment is damaged"), "{error}");
    let (opened, (found, _)) = reopen(folder.path(), Some(&behind([30, 30]))).unwrap();
    assert!(found.ends_with(&after([30, 30])));
    assert!(opened.journal.cut(&[30, 30]).unwrap() >= 3);
    drop(opened);
    assert!(reopen(folder.path(), Some(&behind([30, 30]))).is_ok());
}

#[test]
fn a_journal_goes_on_where_it_was_cut() {
    let folder = written();
    for turn in 0..4 {
        let done = EVENTS + turn * 20;
        let (mut opened, (found, _)) = reopen(folder.path(), Some(&behind([done, done]))).unwrap();
        assert!(found.iter().all(|&(_, sequence)| sequence <= done));
        append(&mut opened, done + 1..=done + 20);
        opened.journal.cut(&[done, done]).unwrap();
        let mut last = 0;
        let read = opened.journal.read(Some(&[done, done]), &mut |record| {
            last = last.max(record.sequence.0);
            Ok(())
        });
        read.unwrap();
        assert_eq!(last, done + 20);
    }
    assert!(segments(folder.path()).len() < 10);
}

#[test]
fn the_journal_is_the_one_that_goes_on_behind_the_snapshot() {
    let folder = written();
    let other = Behind { journal: 8, sequences: vec![5, 5] };
    assert!(matches!(reopen(folder.path(), Some(&other)), Err(OpenError::Another { journal: 7, behind: 8 })));
    let error = reopen(folder.path(), Some(&behind([40, 41]))).err().unwrap();
    assert!(matches!(error, OpenError::Short { partition: 1, last: 40, behind: 41 }), "{error}");
    let empty = TempDir::new().unwrap();
    assert!(matches!(reopen(empty.path(), Some(&behind([1, 0]))), Err(OpenError::Short { .. })));
}

#[test]
fn a_journal_can_begin_behind_a_snapshot() {
    let folder = TempDir::new().unwrap();
    let at = (&[9, 4][..], Tick(99));
    let mut opened = create(Arc::new(Disk::new(folder.path())), OPTIONS, at, &declaration("first")).unwrap();
    append(&mut opened, 10..=12);
    drop(opened);
    let (_, (found, declared)) = reopen(folder.path(), Some(&behind([9, 4]))).unwrap();
    assert_eq!((found.len(), found[0], declared), (6, (0, 10), vec!["first".to_owned()]));
    assert!(matches!(reopen(folder.path(), None), Err(OpenError::Cut { .. })));
    let again = create(Arc::new(Disk::new(folder.path())), OPTIONS, at, &declaration("first"));
    assert!(again.is_err());
}
