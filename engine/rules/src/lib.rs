//! Row patterns over streams (`MATCH_RECOGNIZE`): an automaton per rule, matched row by row, per key.
//!
//! Pure: rows, watermarks and time come in, matches go out; no I/O, clock, randomness or thread. Columns are
//! numbers; every matcher is built from a specification that the planner made ([`spec`]). Excluded: names and
//! SQL text (engine/sql), expressions (engine/expr), what feeds what and what becomes of alerts
//! (engine/core). What a pattern means, and where Flink differs, stands in SEMANTICS.md.
//!
//! # How a row is matched
//!
//! | module | does |
//! |---|---|
//! | `atoms` | comparisons of single columns, shared by all rules, become bits: a binary search per column |
//! | `dispatch` | the bits name the rules in which a match may begin, the key names those with open runs; no other rule is looked at |
//! | `runs` | each open run of those rules moves on: a run is what may come of one first row, as a list of threads, the preferred one first, each in a state of the rule's `automaton` |
//! | `output` | what is decided is given out, in order of first rows; the skip leaves runs out |
//! | `row_log` | keeps the row if a run holds it, and lets rows go that no run holds |
//! | `timers` | say when WITHIN may have run out |
//! | `succession` | another set over the same rows goes on: unchanged rules keep what they remember |
//! | `runs::miss` | says of a rule that is to be explained how far runs came that led to nothing |
//! | `image` | the state as pages of keys: saved before they change while a capture is under way, and read again |
//!
//! What conditions read of the rows taken before lies in a few words beside a thread's path (`registers`): a
//! condition costs the same however long the match is, and threads with equal words are one. Nothing is
//! allocated per row once the memory is there: runs, keys and paths are used again.
//!
//! # Cost
//!
//! `cargo bench -p bench-micro --bench rules`: processor time per event, matches and timers included, on one
//! core of a Zen 3. All rules are of three steps with thresholds of their own; with one kind of event every
//! rule may begin at every event, and 100 rules find a match in every fifth.
//!
//! | ns per event | 1 rule | 10 | 100 | 500 |
//! |---|---|---|---|---|
//! | one kind, 1,000 keys | 141 | 262 | 1,140 | 12,950 |
//! | eight kinds, 1,000 keys | 122 | | 382 | 990 |
//! | one kind, 100,000 keys | 210 | | 5,180 | |
//! | one kind, 1 M keys | 233 | | 6,150 | |
//! | a condition on the row before, 1,000 keys | 213 | | 2,660 | |
//!
//! An open run takes 447 bytes with its key (2.4 M of them on 633,000 keys).
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
mod image;
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
mod succession;
mod timers;
mod turn;

pub use image::{Malformed, RulePage};
pub use matched::{Match, MatchedRow, Miss, MissEnd, RuleCounters, Sink, Taken, Wait};
pub use set::RuleSet;
