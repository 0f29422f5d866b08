//! A snapshot. Checksums of pieces count as right, so that what they guard is reached.
#![no_main]

use std::path::Path;

use vencejo_journal::Storage as _;
use vencejo_journal::bugs::{Bug, choose};
use vencejo_journal::snapshot::{Snapshot, SnapshotKey};
use vencejo_sim::SimStorage;

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    choose(Some(Bug::SnapshotChecksumIgnored));
    let storage = SimStorage::new(1);
    let path = Path::new("snapshots/0000000000000001.snapshot");
    let made = storage.create_folder(Path::new("snapshots")).and_then(|()| storage.create(path));
    made.expect("nothing fails here");
    storage.replace(path, input);
    // Whatever it is: read, or refused with a sentence.
    let opened = Snapshot::open(&storage, 1, Some(&SnapshotKey::new([7; 32])));
    let _ = opened.and_then(|snapshot| snapshot.verify()).map_err(|error| error.to_string());
});
