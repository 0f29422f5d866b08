//! What streams are turned into: windows, aggregates, joins and ranks, kept current row by row.
//!
//! Pure: rows and watermarks come in, rows go out; no I/O, clock, randomness or thread. A row is a slice of
//! values; columns are numbers, and every operator is built from a specification that the planner made
//! ([`spec`]). Excluded: names and SQL text (engine/sql), expressions (engine/expr), what feeds what
//! (engine/core).
//!
//! # Order and time
//!
//! A watermark W says that no row with a time up to W is to come; a window that ends at `end` closes when the
//! watermark reaches `end - 1` ms. What comes out, comes out in an order that follows from the rows alone;
//! each operator's file says which. Only sums and means of doubles depend on the order of arrival, by
//! rounding.
//!
//! # State
//!
//! It lies in pages ([`paged`]), which are captured while rows come in and opened lazily from an image.
//!
//! # Cost
//!
//! `cargo bench -p bench-micro --bench windows`: processor time per event of a batch, BIGINT keys at random,
//! closing of windows included, on one core of a shared Intel Xeon.
//!
//! | ns per event | 1,000 keys | 1 M keys |
//! |---|---|---|
//! | TUMBLE, COUNT and SUM | 46 | 146 |
//! | HOP of 5 slices, COUNT(DISTINCT) of values that are all distinct | 384 | |
//! | SESSION, COUNT and SUM, half of the sessions of one row | 188 | 1,260 |
//! | running COUNT and SUM | 44 | 125 |
//! | look-up and reading of a running group's row, hot | 54 | 69 |
//!
//! At 1 M keys a single event waits for memory: for a slot of the index, then for a run of cells, each a page
//! that the processor has no translation of (415 ns). Events of a batch wait together ([`Fetch`]).
#![forbid(unsafe_code)]
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "places and counts are bounded in limits.rs and asserted there to fit 32 bits; the rest is cut on purpose"
)]

mod aggregate;
mod assign;
mod cell;
mod far;
mod given;
mod group_by;
mod groups;
mod index;
mod interval_join;
mod kept;
pub mod key;
mod key_bytes;
mod merged;
pub mod operator;
pub mod order;
mod over;
mod packed;
pub mod paged;
mod pair;
mod retired;
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
pub use far::{FETCH_KEYS_MAX, Far, Fetch};
pub use group_by::{GroupBy, Place};
pub use index::Damaged;
pub use interval_join::Join;
pub use kept::Kept;
pub use key_bytes::KeyBytes;
pub use merged::Merged;
pub use operator::{Downstream, Operator, Taken};
pub use over::Over;
pub use sliced::ClosedWalk;
pub use top_n::Ranks;
pub use window_join::WindowedJoin;
