//! Tree ensembles: parse a model file, check it, evaluate rows.
//!
//! ```text
//! bytes -> format -> document (serde, JSON or UBJSON) -> checked forest -> Model -> predict
//! ```
//!
//! This crate is pure: bytes and rows come in, numbers and errors go out. It opens no file, reads no clock,
//! draws no randomness, starts no thread and writes no log.
//!
//! A file is not believed until it is checked: every array length, child index, threshold and nesting depth
//! is verified and bounded by [`limits`] before a [`Model`] exists. What the evaluator relies on is written
//! at the head of `forest.rs`.
//!
//! Answers equal XGBoost's bit for bit: thresholds, inputs and sums are `f32`, and leaves are added in tree
//! order to the base margin. `tests/exactness.rs` compares them on adversarial rows.
//!
//! Not here: training, SHAP values, model formats other than XGBoost's. What a file asks for beyond what is
//! supported is refused by name, never approximated.
#![forbid(unsafe_code)]

mod error;
mod forest;
mod format;
pub mod limits;
mod model;
mod objective;
mod ubjson;
mod xgboost;

pub use error::{ModelError, TreeFault};
pub use format::Format;
pub use model::Model;
