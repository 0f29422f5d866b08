//! A simulated disk, and the randomness that drives it: everything follows from one seed.
//!
//! The engine's rooms take [`vencejo_journal::Storage`] in production construction; here it is a disk in
//! memory that can lose what was not synced, tear writes, fill up, fail and rot.
#![forbid(unsafe_code)]

pub mod lives;
mod random;
pub mod shrink;
pub mod snapshots;
mod storage;

pub use random::Random;
pub use storage::{Faults, SimStorage};

/// How much to do: `quick` in an ordinary run, `VENCEJO_SLOW` times `slow` where that is set (1 in CI).
pub fn rounds(quick: u64, slow: u64) -> u64 {
    match std::env::var("VENCEJO_SLOW").ok().map(|text| text.parse().unwrap_or(1)) {
        None | Some(0) => quick,
        Some(times) => slow.saturating_mul(times),
    }
}

/// The seeds to run: one alone where `VENCEJO_SEED` names it, else `count` from 1.
pub fn seeds(count: u64) -> impl Iterator<Item = u64> {
    let one: Option<u64> = std::env::var("VENCEJO_SEED").ok().and_then(|text| text.parse().ok());
    one.map_or(1..=count, |seed| seed..=seed)
}
