//! A serde deserializer for Universal Binary JSON, as XGBoost writes it.
//!
//! Format: <https://ubjson.org> draft 12. A value is a marker byte and its payload, numbers big-endian:
//!
//! | marker | value |
//! |---|---|
//! | `Z` `T` `F` | null, true, false |
//! | `i` `U` `I` `l` `L` | i8, u8, i16, i32, i64 |
//! | `d` `D` | f32, f64 |
//! | `S` | string: an integer with marker, then that many bytes of UTF-8 |
//! | `[` ... `]`, `{` ... `}` | array, object; keys are strings without the `S` |
//! | `[#n`, `[$t#n` | n elements, n elements of type t without markers; no closing bracket. Same for `{` |
//! | `N` | nothing; skipped |
//!
//! XGBoost itself uses `L` for every length, `[$d#L` for arrays of numbers and no closing-bracket arrays.
//!
//! The input is hostile until read: a claimed length is compared with the bytes left before it is used,
//! nesting is bounded, and containers whose elements occupy no bytes are refused. Characters (`C`) and
//! high-precision numbers (`H`) are refused; XGBoost writes neither.

mod de;
mod error;
mod reader;
#[cfg(test)]
mod tests;

pub(crate) use de::from_slice;
pub(crate) use error::Fault;
