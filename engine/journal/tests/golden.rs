//! The golden files of testdata/: always readable, and written again byte for byte.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tempfile::TempDir;
use vencejo_journal::record::{
    alert_bytes, write_alert, write_decide, write_declaration, write_model, write_rows, write_skip,
    write_tick,
};
use vencejo_journal::{
    Body, Change, Declaration, Disk, Handling, Opened, Options, Record, RecordError, Stamp, Urgency, open,
};
use vencejo_types::limits::PARTITIONS_MAX;
use vencejo_types::{DecisionId, ModelId, Origin, Sequence, StreamId, Tick};

const OPTIONS: Options = Options { segment_bytes: 32 << 10, id: 0x0123_4567_89ab_cdef, inline: true };
const SEGMENTS: [&str; 2] = ["0000000000000001.segment", "0000000000000002.segment"];

fn testdata() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata")
}

/// Opens the journal in a folder; its records, one per line.
fn read(folder: &Path) -> (Opened, String) {
    let mut text = String::new();
    let opened = open(Arc::new(Disk::new(folder)), OPTIONS, None, &mut |record| {
        let shown = format!("{record:?}").replace(&"165, ".repeat(3_499), "3499 x 165, ");
        writeln!(text, "{shown}").unwrap();
        Ok(())
    });
    (opened.unwrap(), text)
}

/// Every kind of record that version 0.1.0 began with, and enough of them for a second segment.
fn write(folder: &Path) {
    let (Opened { journal, mut committer, .. }, _) = read(folder);
    let append = |write: &dyn Fn(&mut Vec<u8>)| journal.append(0, Urgency::Eager, |out| write(out));
    let declared = Declaration {
        app: "counts".to_owned(),
        partitions: 4,
        streams: vec![("events".to_owned(), 0xfeed), ("questions".to_owned(), 0xbeef)],
        decisions: vec!["counted".to_owned()],
        models: vec!["yield".to_owned()],
    };
    append(&|out| write_declaration(&declared, out));
    committer.step().unwrap();
    let stamp = |sequence: u64| Stamp {
        partition: 3,
        sequence: Sequence(sequence),
        tick: Tick(1_700_000_000_000_000 + sequence.cast_signed()),
    };
    let origin = Some(Origin { producer: 7, epoch: 2, number: 41 });
    let rows = [&b"first"[..], b"", b"third"];
    append(&|out| write_rows(stamp(1), StreamId(0), None, rows.into_iter(), out));
    append(&|out| write_rows(stamp(4), StreamId(0), origin, rows.into_iter(), out));
    append(&|out| write_decide(stamp(7), DecisionId(0), true, b"request", out));
    committer.step().unwrap();
    append(&|out| write_tick(stamp(8), &[Some(-5), None], out));
    let install = Change::Install { label: "yield-2", content: 0xc0de, shadow_rows: 200 };
    let changes = [install, Change::Activate("yield-2"), Change::Split("yield-1", 20), Change::Rollback];
    for (change, sequence) in changes.into_iter().zip(9..) {
        append(&|out| write_model(stamp(sequence), ModelId(0), change, out));
    }
    append(&|out| write_skip(stamp(13), origin, out));
    append(&|out| write_skip(stamp(14), None, out));
    committer.step().unwrap();
    committer.rest().unwrap();
    let long = vec![0xa5; 3_500];
    for sequence in 15..25 {
        append(&|out| write_decide(stamp(sequence), DecisionId(0), false, &long, out));
        committer.step().unwrap();
    }
}

#[test]
fn files_of_version_1_are_read() {
    let folder = TempDir::new().unwrap();
    fs::create_dir(folder.path().join("journal")).unwrap();
    for name in SEGMENTS {
        fs::copy(testdata().join("v1").join(name), folder.path().join("journal").join(name)).unwrap();
    }
    let (opened, text) = read(folder.path());
    assert_eq!(text, fs::read_to_string(testdata().join("v1.txt")).unwrap());
    assert!(opened.recovered.torn, "the last commit is cut short");
    assert_eq!(opened.recovered.events, 23);
}

#[test]
fn the_same_records_give_the_same_files() {
    let folder = TempDir::new().unwrap();
    write(folder.path());
    for name in SEGMENTS {
        let path = folder.path().join("journal").join(name);
        let mut bytes = fs::read(&path).unwrap();
        cut_last_frame(name, &mut bytes);
        if std::env::var_os("VENCEJO_WRITE_GOLDEN").is_some() {
            fs::create_dir_all(testdata().join("v1")).unwrap();
            fs::write(testdata().join("v1").join(name), &bytes).unwrap();
            fs::write(&path, &bytes).unwrap();
            continue;
        }
        assert!(bytes == fs::read(testdata().join("v1").join(name)).unwrap(), "{name}");
    }
    if std::env::var_os("VENCEJO_WRITE_GOLDEN").is_some() {
        fs::write(testdata().join("v1.txt"), read(folder.path()).1).unwrap();
    }
}

#[test]
fn what_is_done_about_an_alert_has_these_bytes() {
    let stamp = Stamp { partition: 3, sequence: Sequence(7), tick: Tick(9) };
    for (handling, change) in [(Handling::Acknowledge, 1), (Handling::Resolve, 2)] {
        let mut bytes = Vec::new();
        write_alert(stamp, 0x0123_4567_89ab_cdef, handling, &mut bytes);
        let mut expected = vec![41, 0, 0, 0, 6, 0, 0, 0, 3, 0, 0, 0, 1, 0, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0];
        expected.extend_from_slice(&[
            9, 0, 0, 0, 0, 0, 0, 0, change, 0xef, 0xcd, 0xab, 0x89, 0x67, 0x45, 0x23, 1,
        ]);
        assert_eq!(bytes, expected);
        assert_eq!(bytes.len(), alert_bytes());
        let (record, rest) = Record::read(&bytes).unwrap();
        assert_eq!(
            (record.body, record.partition, rest),
            (Body::Alert(0x0123_4567_89ab_cdef, handling), 3, &[][..])
        );
        bytes[32] = 3;
        assert_eq!(Record::read(&bytes), Err(RecordError { part: "change" }));
    }
}

/// Half of the last frame of the second segment did not reach the disk.
fn cut_last_frame(name: &str, bytes: &mut [u8]) {
    if name == SEGMENTS[1] {
        let end = bytes.iter().rposition(|&byte| byte != 0).unwrap() + 1;
        bytes[end - 1_700..end].fill(0);
    }
}

#[test]
fn a_partition_that_no_engine_has_makes_no_record() {
    let written = |partition| {
        let mut bytes = Vec::new();
        let stamp = Stamp { partition, sequence: Sequence(1), tick: Tick(1) };
        write_tick(stamp, &[], &mut bytes);
        Record::read(&bytes).err()
    };
    assert_eq!(written(PARTITIONS_MAX - 1), None);
    assert_eq!(written(PARTITIONS_MAX), Some(RecordError { part: "partition" }));
    assert_eq!(written(u32::MAX), Some(RecordError { part: "partition" }));
}
