//! Dataflows built by hand: events in, rows out, as text.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod bench;
mod build;
mod images;
mod joins;
mod lookups;
mod rules;
mod windows;
