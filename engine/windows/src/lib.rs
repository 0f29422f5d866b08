//! What streams are turned into: windows, aggregates, joins and ranks, kept current row by row.
//!
//! Pure: rows and watermarks come in, rows go out; no I/O, clock, randomness or thread. A row is a slice of
//! values; columns are numbers, and every operator is built from a specification that the planner made
//! ([`spec`]). Excluded: names and SQL text (engine/sql), expressions (engine/expr), what feeds what
//! (engine/core).
#![forbid(unsafe_code)]

pub mod operator;
pub mod spec;

pub use operator::{Downstream, Operator, Taken};
