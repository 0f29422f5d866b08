//! What streams are turned into: windows, aggregates, joins and ranks, kept current row by row.
//!
//! Pure: rows and watermarks come in, rows go out; no I/O, clock, randomness or thread. A row is a slice of
//! values; columns are numbers, and every operator is built from a specification that the planner made
//! ([`spec`]). Excluded: names and SQL text (engine/sql), expressions (engine/expr), what feeds what
//! (engine/core).
#![forbid(unsafe_code)]
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "places and counts are bounded in limits.rs and asserted there to fit 32 bits; the rest is cut on purpose"
)]

mod aggregate;
mod assign;
mod cell;
mod given;
mod group_by;
mod groups;
mod index;
mod interval_join;
mod kept;
pub mod key;
pub mod operator;
mod order;
mod over;
mod packed;
mod pair;
mod running;
mod session;
mod session_groups;
mod sliced;
pub mod spec;
mod table;
mod top_n;
pub mod watermark;
mod window;
mod window_join;

pub use aggregate::Texts;
pub use assign::Assigner;
pub use group_by::{GroupBy, Place, bytes_per_key};
pub use interval_join::Join;
pub use kept::Kept;
pub use operator::{Downstream, Operator, Taken};
pub use over::Over;
pub use top_n::Ranks;
pub use window_join::WindowedJoin;
