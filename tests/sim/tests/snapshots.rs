//! Snapshots on a simulated disk: crashes anywhere while they are written, rot, the journal cut behind them.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use vencejo_sim::snapshots::{cut, rot, snapshots};
use vencejo_sim::{rounds, seeds};

#[test]
fn what_was_finished_survives_crashes_and_nothing_else_is_taken_for_a_snapshot() {
    let crashed: u64 = seeds(rounds(100, 3_000)).map(|seed| snapshots(seed, 10).unwrap()).sum();
    assert!(crashed > 0);
    println!("{crashed} crashes");
}

#[test]
fn a_flipped_bit_is_told_or_harmless() {
    seeds(rounds(200, 5_000)).for_each(|seed| rot(seed).unwrap());
}

#[test]
fn a_journal_that_was_cut_has_all_that_is_behind() {
    seeds(rounds(100, 2_000)).for_each(|seed| cut(seed).unwrap());
}
