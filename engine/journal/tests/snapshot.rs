//! Snapshots on a real folder: what is written comes back, what is damaged is told, whatever the bit.
#![allow(clippy::unwrap_used, reason = "a test may fail loudly")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;
use vencejo_journal::Disk;
use vencejo_journal::snapshot::{
    PagePlace, Snapshot, SnapshotError, SnapshotKey, SnapshotOptions, SnapshotWriter, generations, remove,
};

const JOURNAL: u64 = 0x0123_4567_89ab_cdef;
/// How a snapshot is written: plain, packed, sealed, both.
const FORMS: [(&str, bool, bool); 4] =
    [("plain", false, false), ("packed", true, false), ("sealed", false, true), ("both", true, true)];

/// Two partitions with a few pages each, one of them empty, one without pages at all.
fn pages() -> BTreeMap<PagePlace, Vec<u8>> {
    let page = |partition, owner, container, page| PagePlace { partition, owner, container, page };
    let places = [page(0, 1, 0, 0), page(0, 1, 0, 1), page(0, 9, 2, 0), page(1, 1, 0, 0), page(1, 1, 0, 1)];
    let bytes = |at: usize| (0..at * 40).map(|byte| u8::try_from(byte % 7).unwrap()).collect();
    places.into_iter().enumerate().map(|(at, place)| (place, bytes(at))).collect()
}

fn heads() -> [(u32, u64, &'static [u8]); 3] {
    [(0, 77, b"a head"), (1, 5, b"another"), (4, 0, b"")]
}

fn key() -> SnapshotKey {
    SnapshotKey::new([7; 32])
}

fn options(packed: bool, sealed: bool) -> SnapshotOptions {
    SnapshotOptions {
        journal: JOURNAL,
        app: "counts".to_owned(),
        compression: packed.then_some(1),
        seal: sealed.then(|| (key(), [9; 32])),
    }
}

fn write(disk: &Disk, options: &SnapshotOptions) -> u64 {
    let mut writer = SnapshotWriter::create(disk, options).unwrap();
    let generation = writer.generation();
    // Pages come as they were saved, in no order.
    for (place, bytes) in pages().iter().rev() {
        writer.page(*place, bytes).unwrap();
    }
    for (partition, sequence, head) in heads() {
        writer.head(partition, sequence, 1_000 + i64::from(partition), head).unwrap();
    }
    let expected = writer.bytes();
    assert!(writer.finish().unwrap() > expected);
    generation
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
    let Ok(snapshot) = Snapshot::open(disk, 1, Some(&key())) else { return false };
    assert_eq!((snapshot.journal(), snapshot.app()), (JOURNAL, "counts"));
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
    for (name, packed, sealed) in FORMS {
        let folder = Folder::new();
        assert!(generations(&folder.disk).unwrap().is_empty());
        assert_eq!(write(&folder.disk, &options(packed, sealed)), 1);
        assert!(read(&folder.disk), "{name}");
        let snapshot = Snapshot::open(&folder.disk, 1, Some(&key())).unwrap();
        assert_eq!(snapshot.is_sealed(), sealed);
        assert_eq!(snapshot.verify().unwrap(), pages().len());
        let nowhere = PagePlace { partition: 0, owner: 1, container: 0, page: 2 };
        assert!(!snapshot.page(nowhere, &mut Vec::new()).unwrap());
        assert!(!snapshot.page(PagePlace { partition: 3, ..nowhere }, &mut Vec::new()).unwrap());
        assert_eq!(snapshot.head(3).unwrap(), None);
        let shown: Vec<_> =
            snapshot.partitions().map(|at| (at.partition, at.sequence, at.tick, at.pages)).collect();
        assert_eq!(shown, [(0, 77, 1_000, 3), (1, 5, 1_001, 2), (4, 0, 1_004, 0)]);
        let bytes = fs::read(folder.file("0000000000000001.snapshot")).unwrap();
        assert_eq!(snapshot.bytes(), bytes.len() as u64);
        let shows = bytes.windows(6).any(|window| window == b"a head");
        assert_eq!(shows, !sealed, "{name}");
    }
}

#[test]
fn every_flipped_bit_and_every_cut_is_detected() {
    for (name, packed, sealed) in FORMS {
        let folder = Folder::new();
        write(&folder.disk, &options(packed, sealed));
        let path = folder.file("0000000000000001.snapshot");
        let whole = fs::read(&path).unwrap();
        let detected = |bytes: &[u8]| {
            fs::write(&path, bytes).unwrap();
            let opened = Snapshot::open(&folder.disk, 1, Some(&key()));
            let detected = opened.and_then(|snapshot| snapshot.verify()).is_err();
            assert!(read(&folder.disk) != detected);
            detected
        };
        assert!(!detected(&whole));
        for bit in 0..whole.len() * 8 {
            let mut flipped = whole.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(detected(&flipped), "{name}: bit {bit}");
        }
        for length in 0..whole.len() {
            assert!(detected(&whole[..length]), "{name}: {length} bytes");
        }
        assert!(detected(&[&*whole, &[0]].concat()));
        // Another generation's file under this name.
        let second = write(&folder.disk, &options(packed, sealed));
        let other = fs::read(folder.file(&format!("{second:016x}.snapshot"))).unwrap();
        assert!(detected(&other));
    }
}

#[test]
fn a_sealed_snapshot_wants_its_key_and_says_so() {
    let folder = Folder::new();
    write(&folder.disk, &options(true, true));
    let open = |key: Option<&SnapshotKey>| Snapshot::open(&folder.disk, 1, key);
    assert!(matches!(open(None), Err(SnapshotError::KeyMissing(_))));
    let other = open(Some(&SnapshotKey::new([8; 32]))).unwrap_err();
    assert_eq!(
        other.to_string(),
        "snapshots/0000000000000001.snapshot is encrypted with another key than the one given"
    );
    assert!(open(Some(&key())).is_ok());
    // Another file has another key, so the same page at the same place has other bytes.
    let (first, second) = (Folder::new(), Folder::new());
    write(&first.disk, &options(false, true));
    let drawn = SnapshotOptions { seal: Some((key(), [10; 32])), ..options(false, true) };
    write(&second.disk, &drawn);
    let bytes = |folder: &Folder| fs::read(folder.file("0000000000000001.snapshot")).unwrap();
    let (first, second) = (bytes(&first), bytes(&second));
    let equal = first.iter().zip(&second).skip(68).filter(|(a, b)| a == b).count();
    assert!(equal < first.len() / 20, "{equal} of {}", first.len());
}

#[test]
fn what_was_not_finished_is_none_and_generations_count_up() {
    let folder = Folder::new();
    for generation in 1..=3 {
        assert_eq!(write(&folder.disk, &options(false, false)), generation);
    }
    remove(&folder.disk, 1).unwrap();
    let mut unfinished = SnapshotWriter::create(&folder.disk, &options(false, false)).unwrap();
    unfinished.head(0, 1, 1, b"head").unwrap();
    drop(unfinished);
    assert_eq!(generations(&folder.disk).unwrap(), [2, 3]);
    assert!(folder.file("0000000000000004.writing").exists());
    assert_eq!(write(&folder.disk, &options(false, false)), 4);
    assert!(!folder.file("0000000000000004.writing").exists());
}

/// Files of this version stay readable, and come out byte for byte; `VENCEJO_WRITE_GOLDEN=1` writes them.
/// Packed ones are read alone: another zstd may pack otherwise.
#[test]
fn golden_files_are_read_and_written_again() {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/snapshots");
    for (name, packed, sealed) in FORMS {
        let folder = Folder::new();
        write(&folder.disk, &options(packed, sealed));
        let (file, golden) =
            (folder.file("0000000000000001.snapshot"), golden.join(format!("{name}.snapshot")));
        if std::env::var_os("VENCEJO_WRITE_GOLDEN").is_some() {
            fs::create_dir_all(golden.parent().unwrap()).unwrap();
            fs::copy(&file, &golden).unwrap();
        }
        assert!(packed || fs::read(&file).unwrap() == fs::read(&golden).unwrap(), "{name}");
        fs::copy(&golden, &file).unwrap();
        assert!(read(&folder.disk), "{name}");
    }
}
