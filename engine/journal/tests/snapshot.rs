//! Snapshots on a real folder: what is written comes back, what is damaged is told, whatever the bit.
#![allow(clippy::unwrap_used, reason = "a test may fail loudly")]

use std::collections::BTreeMap;
use std::path::PathBuf;

use tempfile::TempDir;
use vencejo_journal::Disk;
use vencejo_journal::snapshot::{PagePlace, Snapshot, SnapshotWriter, generations};

/// Two partitions with a few pages each, one of them empty, one without pages at all.
fn pages() -> BTreeMap<PagePlace, Vec<u8>> {
    let page = |partition, owner, container, page| PagePlace { partition, owner, container, page };
    let places = [page(0, 1, 0, 0), page(0, 1, 0, 1), page(0, 9, 2, 0), page(1, 1, 0, 0), page(1, 1, 0, 1)];
    let bytes = |at: usize| (0..at * 20).map(|byte| u8::try_from(byte % 251).unwrap()).collect();
    places.into_iter().enumerate().map(|(at, place)| (place, bytes(at))).collect()
}

fn heads() -> [(u32, u64, &'static [u8]); 3] {
    [(0, 77, b"a head"), (1, 5, b"another"), (4, 0, b"")]
}

fn write(disk: &Disk) -> (u64, Vec<u64>) {
    let mut writer = SnapshotWriter::create(disk).unwrap();
    let generation = writer.generation();
    // Pages come as they were saved, in no order.
    for (place, bytes) in pages().iter().rev() {
        writer.page(*place, bytes).unwrap();
    }
    for (partition, sequence, head) in heads() {
        writer.head(partition, sequence, head).unwrap();
    }
    (generation, writer.finish().unwrap())
}

struct Folder {
    folder: TempDir,
    disk: Disk,
}

impl Folder {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let disk = Disk::new(folder.path());
        Self { folder, disk }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join("snapshots").join(name)
    }
}

/// Reads everything; whether all of it could be had. What is given is never another than what was written.
fn read(disk: &Disk) -> bool {
    let Ok(snapshot) = Snapshot::open(disk, 1) else { return false };
    let mut is_whole = true;
    for (partition, sequence, expected) in heads() {
        match snapshot.head(partition) {
            Ok(head) => {
                assert_eq!(head.as_deref(), Some(expected));
                assert!(snapshot.partitions().any(|at| (at.partition, at.sequence) == (partition, sequence)));
            }
            Err(_) => is_whole = false,
        }
    }
    for (place, expected) in pages() {
        let mut bytes = b"before".to_vec();
        match snapshot.page(place, &mut bytes) {
            Ok(found) => assert!(found && bytes[6..] == expected, "{place:?}"),
            Err(_) => {
                assert_eq!(bytes, b"before");
                is_whole = false;
            }
        }
    }
    is_whole
}

#[test]
fn what_is_written_comes_back() {
    let folder = Folder::new();
    assert!(generations(&folder.disk).unwrap().is_empty());
    assert_eq!(write(&folder.disk), (1, vec![1]));
    assert!(read(&folder.disk));
    let snapshot = Snapshot::open(&folder.disk, 1).unwrap();
    assert_eq!(snapshot.verify().unwrap(), pages().len());
    let nowhere = PagePlace { partition: 0, owner: 1, container: 0, page: 2 };
    assert!(!snapshot.page(nowhere, &mut Vec::new()).unwrap());
    assert!(!snapshot.page(PagePlace { partition: 3, ..nowhere }, &mut Vec::new()).unwrap());
    assert_eq!(snapshot.head(3).unwrap(), None);
    let counts: Vec<_> = snapshot.partitions().map(|at| (at.partition, at.sequence, at.pages)).collect();
    assert_eq!(counts, [(0, 77, 3), (1, 5, 2), (4, 0, 0)]);
}

#[test]
fn every_flipped_bit_and_every_cut_is_detected() {
    let folder = Folder::new();
    write(&folder.disk);
    let path = folder.file("0000000000000001.snapshot");
    let whole = std::fs::read(&path).unwrap();
    let detected = |bytes: &[u8]| {
        std::fs::write(&path, bytes).unwrap();
        read(&folder.disk);
        Snapshot::open(&folder.disk, 1).and_then(|snapshot| snapshot.verify()).is_err()
    };
    assert!(!detected(&whole));
    for bit in 0..whole.len() * 8 {
        let mut flipped = whole.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        assert!(detected(&flipped), "bit {bit}");
    }
    for length in 0..whole.len() {
        assert!(detected(&whole[..length]), "{length} bytes");
    }
    assert!(detected(&[&*whole, &[0]].concat()));
    // Another generation's file under this name.
    let (second, _) = write(&folder.disk);
    let other = std::fs::read(folder.file(&format!("{second:016x}.snapshot"))).unwrap();
    assert!(detected(&other));
}

#[test]
fn two_generations_are_kept_and_what_was_not_finished_is_none() {
    let folder = Folder::new();
    for (generation, kept) in [(1, vec![1]), (2, vec![1, 2]), (3, vec![2, 3])] {
        assert_eq!(write(&folder.disk), (generation, kept));
    }
    let mut unfinished = SnapshotWriter::create(&folder.disk).unwrap();
    unfinished.head(0, 1, b"head").unwrap();
    drop(unfinished);
    assert_eq!(generations(&folder.disk).unwrap(), [2, 3]);
    assert!(folder.file("0000000000000004.writing").exists());
    assert_eq!(write(&folder.disk), (4, vec![3, 4]));
    assert!(!folder.file("0000000000000004.writing").exists());
}
