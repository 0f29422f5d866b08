//! Row patterns over streams (`MATCH_RECOGNIZE`): an automaton per rule, matched row by row, per key.
//!
//! Pure: rows, watermarks and time come in, matches go out; no I/O, clock, randomness or thread. Columns are
//! numbers; every matcher is built from a specification that the planner made ([`spec`]). Excluded: names and
//! SQL text (engine/sql), expressions (engine/expr), what feeds what and what becomes of alerts (engine/core).
#![forbid(unsafe_code)]

pub mod spec;
