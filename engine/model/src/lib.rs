//! Tree ensembles: parse a model file, check it, evaluate rows.
//!
//! ```text
//! bytes -> format -> one of four loaders -> checked forest -> Model -> margins -> predictions
//! ```
//!
//! This crate is pure: bytes and rows come in, numbers and errors go out. It opens no file, reads no clock,
//! draws no randomness, starts no thread and writes no log.
//!
//! A file is not believed until it is checked: every array length, child index, threshold and nesting depth
//! is verified and bounded by [`limits`] before a [`Model`] exists. What the evaluators rely on is written
//! at the head of `forest/mod.rs`.
//!
//! Margins equal the library's own bit for bit: each library keeps its comparison, its precision of inputs
//! and sums, its order of addition and its rules for missing values and categories. README.md has the table
//! of what is read, and `tests/formats.rs` proves it.
//!
//! Not here: training. What a file asks for beyond what is supported is refused by name, never approximated.
#![deny(unsafe_code)]

mod catboost;
mod compiled;
mod error;
mod explain;
mod features;
mod forest;
mod format;
mod json;
mod lightgbm;
pub mod limits;
mod model;
mod onnx;
mod output;
mod ubjson;
mod workspace;
mod xgboost;

pub use compiled::{Layout, LayoutFigures};
pub use error::{ModelError, TreeFault};
pub use explain::{ExplainError, Explainer};
pub use forest::Feature;
pub use format::{Format, Library};
pub use model::Model;
pub use workspace::Workspace;
