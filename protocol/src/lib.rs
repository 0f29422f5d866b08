//! The `vencejo/1` protocol: frames, rows, schemas, error codes.
//!
//! Pure: bytes in, values out; no I/O, no clock. SPEC.md beside this crate describes the same bytes
//! for clients in other languages, and testdata/ holds golden vectors of both. The engine reads rows
//! in place in this layout, so that an event is decoded where it lies.
#![forbid(unsafe_code)]
#![allow(
    clippy::cast_possible_truncation,
    reason = "lengths are capped by limits.rs, where they are written or by what reads them"
)]

pub mod decimal;
pub mod error;
pub mod frame;
pub mod limits;
pub mod message;
pub mod row;
pub mod schema;
