//! A segment of a journal. Checksums count as right, so that what they guard is reached.
#![no_main]

use std::path::Path;

use vencejo_journal::Storage as _;
use vencejo_journal::bugs::{Bug, choose};
use vencejo_sim::SimStorage;
use vencejo_sim::lives::reopen;

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    choose(Some(Bug::ChecksumIgnored));
    let storage = SimStorage::new(1);
    let path = Path::new("journal/0000000000000001.segment");
    let made = storage.create_folder(Path::new("journal")).and_then(|()| storage.create(path));
    made.expect("nothing fails here");
    storage.replace(path, input);
    // Whatever it is: opened, or refused with a sentence.
    let _ = reopen(&storage).map_err(|error| error.to_string());
});
