//! Bugs that are put in on purpose are found: what shows that the simulator works.
//!
//! `cargo test -p vencejo-sim --features bugs --test bugs`

use std::panic::{AssertUnwindSafe, catch_unwind};

use vencejo_journal::bugs::{Bug, choose};
use vencejo_sim::Faults;
use vencejo_sim::lives::{Step, crashes, crashes_with, killed_while_opening, rot, torn_tail};
use vencejo_sim::shrink::Failure;
use vencejo_sim::snapshots::{self, snapshots};

/// Seeds to try before a bug counts as not found.
const SEEDS: u64 = 3_000;

/// Runs a scenario over seeds until it finds something; which seed that was.
fn found(scenario: impl Fn(u64) -> Result<(), String>) -> Option<(u64, String)> {
    (1..=SEEDS).find_map(|seed| scenario(seed).err().map(|what| (seed, what)))
}

/// What was found, as text.
fn told(crashed: Result<u64, Failure<Step>>) -> Result<(), String> {
    crashed.map(drop).map_err(|failure| failure.to_string())
}

fn is_found(name: &str, scenario: impl Fn(u64) -> Result<(), String>) {
    let found = catch_unwind(AssertUnwindSafe(|| found(scenario)));
    match found {
        Ok(None) => unreachable!("{name} is not found in {SEEDS} seeds"),
        Ok(Some((seed, what))) => println!("{name}: seed {seed}: {what}"),
        Err(_) => println!("{name}: the journal panics"),
    }
}

#[test]
fn bugs_of_the_journal_are_found_by_crashes() {
    for bug in [
        Bug::AckBeforeWrite,
        Bug::AckBeforeSync,
        Bug::SyncAgain,
        Bug::WatermarkAhead,
        Bug::ChecksumIgnored,
        Bug::FoundNotRewritten,
        Bug::HeadNotSynced,
        Bug::TailBlockEmptied,
        Bug::SpareRenamedEarly,
    ] {
        choose(Some(bug));
        is_found(&format!("{bug:?}"), |seed| told(crashes(seed, 12)));
        choose(None);
    }
}

#[test]
fn bugs_of_recovery_are_found_by_rot() {
    for bug in [Bug::CutPastWatermark, Bug::ChecksumIgnored] {
        choose(Some(bug));
        is_found(&format!("{bug:?}"), rot);
        choose(None);
    }
}

#[test]
fn what_a_cut_commit_leaves_is_found_by_a_commit_over_it() {
    choose(Some(Bug::TornTailLeft));
    is_found("TornTailLeft", torn_tail);
    choose(None);
}

#[test]
fn names_that_only_a_killed_process_knew_are_found() {
    choose(Some(Bug::FoundNamesNotSynced));
    is_found("FoundNamesNotSynced", killed_while_opening);
    choose(None);
}

#[test]
fn bugs_of_snapshots_are_found() {
    for bug in [
        Bug::SnapshotNamedEarly,
        Bug::SnapshotNotSynced,
        Bug::SnapshotNameNotSynced,
        Bug::SnapshotNumberTaken,
    ] {
        choose(Some(bug));
        is_found(&format!("{bug:?}"), |seed| snapshots(seed, 10).map(|_| ()));
        choose(None);
    }
    choose(Some(Bug::SnapshotChecksumIgnored));
    is_found("SnapshotChecksumIgnored", snapshots::rot);
    choose(Some(Bug::CutTooFar));
    is_found("CutTooFar", snapshots::cut);
    choose(None);
}

#[test]
fn syncs_that_are_forgotten_are_found() {
    let forgets = |faults: Faults| move |seed| told(crashes_with(seed, 12, faults));
    is_found("no sync of files", forgets(Faults { forget_syncs: true, ..Faults::default() }));
    is_found("no sync of folders", forgets(Faults { forget_folder_syncs: true, ..Faults::default() }));
}

#[test]
fn without_a_bug_the_same_seeds_find_nothing() {
    choose(None);
    for seed in 1..=100 {
        assert_eq!(crashes(seed, 12).err(), None);
        assert_eq!(rot(seed), Ok(()));
        assert_eq!(torn_tail(seed), Ok(()));
        assert_eq!(killed_while_opening(seed), Ok(()));
        assert_eq!(snapshots(seed, 10).err(), None);
        assert_eq!((snapshots::rot(seed), snapshots::cut(seed)), (Ok(()), Ok(())));
    }
}
