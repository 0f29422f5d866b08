//! Row patterns over streams (`MATCH_RECOGNIZE`): an automaton per rule, matched row by row, per key.
//!
//! Pure: rows, watermarks and time come in, matches go out; no I/O, clock, randomness or thread. Columns are
//! numbers; every matcher is built from a specification that the planner made ([`spec`]). Excluded: names and
//! SQL text (engine/sql), expressions (engine/expr), what feeds what and what becomes of alerts
//! (engine/core).
#![forbid(unsafe_code)]
#![allow(
    clippy::cast_possible_truncation,
    reason = "places and counts are bounded in limits.rs and asserted there to fit 32 bits"
)]

mod aggregate;
mod atoms;
mod automaton;
mod buffer;
mod clock;
mod dispatch;
mod keys;
mod matched;
mod output;
mod path;
mod pool;
mod registers;
mod row_log;
mod rule;
mod runs;
mod scope;
mod set;
pub mod spec;
mod timers;
mod turn;

pub use matched::{Match, MatchedRow, RuleCounters, Sink, Taken};
pub use set::RuleSet;
