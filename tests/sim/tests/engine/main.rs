//! The engine's partitions in production construction, on a simulated disk, clock and network: producers
//! send, snapshots are taken, the power fails anywhere, the engine comes back, and every row counts once.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod app;
mod schedule;
mod wire;
mod world;

use std::panic::{AssertUnwindSafe, catch_unwind};

use schedule::Action;
use vencejo_sim::shrink::{self, Failure};
use vencejo_sim::{rounds, seeds};
use world::{Outcome, World};

fn go_through(seed: u64, actions: &[Action]) -> Result<Outcome, String> {
    let ran = catch_unwind(AssertUnwindSafe(|| World::new(seed).run(actions)));
    ran.unwrap_or_else(|_| Err("it panics".to_owned()))
}

fn run(seed: u64, lives: u64) -> Result<Outcome, Failure<Action>> {
    let actions = schedule::of(seed, lives);
    let mut outcome = None;
    shrink::run(seed, &actions, |actions| {
        outcome = Some(go_through(seed, actions)?);
        Ok(())
    })?;
    Ok(outcome.unwrap())
}

#[test]
fn every_row_counts_once_over_crashes_anywhere() {
    let (mut rows, mut snapshots) = (0, 0);
    for seed in seeds(rounds(20, 500)) {
        let outcome = run(seed, 8).unwrap_or_else(|failure| panic!("{failure}"));
        rows += outcome.rows;
        snapshots += outcome.snapshots;
    }
    println!("{rows} rows, {snapshots} snapshots");
    assert!(rows > 0 && snapshots > 0);
}

#[test]
fn a_seed_gives_the_same_twice() {
    assert_eq!(run(5, 6).unwrap(), run(5, 6).unwrap());
}

#[cfg(feature = "bugs")]
#[test]
fn bugs_of_the_partitions_are_found() {
    use vencejo_journal::bugs::{Bug, choose};
    for bug in [
        Bug::DedupeSkipped,
        Bug::OriginNotKept,
        Bug::AckFromMemory,
        Bug::TickNotKept,
        Bug::SnapshotAheadOfJournal,
    ] {
        choose(Some(bug));
        let failure = (1..=300).find_map(|seed| run(seed, 8).err());
        choose(None);
        println!("{bug:?}: {}", failure.unwrap_or_else(|| panic!("{bug:?} is not found")));
    }
}
