//! Loads of the systems that the apps carry, each with the numbers that it must keep to.

mod bid;
mod fleet;
mod fraud;
mod load;
mod verdict;
mod watch;

pub(super) use bid::{BidArgs, run_bid};
pub(super) use fleet::{FleetArgs, run_fleet};
pub(super) use fraud::{FraudArgs, run_fraud};
pub(super) use load::{PhaseArgs, run_phase};

/// Least share of what is due that must be served for a load to have been carried.
const CARRIED_SHARE_MIN: f64 = 0.99;
