//! An app as the core runs it: every name resolved to a number, every expression to a program.
//!
//! engine/sql makes these from app.sql; nothing here is looked up by name while events flow.

use std::sync::Arc;

use vencejo_expr::Program;
use vencejo_types::schema::{Column, Schema};
use vencejo_types::{ModelId, StreamId, ViewId};

use crate::models::{ModelVersion, Weight};

/// A validated app.
#[derive(Debug)]
pub struct App {
    /// The app's name.
    pub name: String,
    /// Declared event tables; [`StreamId`] is the place in this list.
    pub streams: Vec<Stream>,
    /// Maintained aggregates; [`ViewId`] is the place in this list.
    pub views: Vec<View>,
    /// Tree ensembles; [`ModelId`] is the place in this list.
    pub models: Vec<ModelSlot>,
    /// Decisions; their id is the place in this list.
    pub decisions: Vec<Decision>,
}

/// `CREATE TABLE`.
#[derive(Debug)]
pub struct Stream {
    /// Its name.
    pub name: String,
    /// Its columns; the key is PARTITIONED BY.
    pub schema: Arc<Schema>,
    /// The event-time column and its bounded delay, if declared.
    pub watermark: Option<Watermark>,
}

/// `WATERMARK FOR column AS column - INTERVAL delay`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Watermark {
    /// The event-time column.
    pub column: usize,
    /// How far behind the latest event time the watermark stays, in milliseconds.
    pub delay_millis: i64,
}

/// `CREATE MATERIALIZED VIEW ... GROUP BY`: one row of aggregates per key, kept current per event.
#[derive(Debug)]
pub struct View {
    /// Its name.
    pub name: String,
    /// Its columns: first the key columns (they are also the schema's key), then the aggregates.
    pub schema: Arc<Schema>,
    /// One per column after the key.
    pub aggregates: Vec<Aggregate>,
    /// The streams that feed it; each branch of a UNION ALL is one.
    pub feeds: Vec<Feed>,
}

impl View {
    /// Number of key columns.
    pub fn key_columns(&self) -> usize {
        self.schema.key().len()
    }
}

/// An aggregate function of a view.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Aggregate {
    /// `COUNT(*)`: events.
    Count,
    /// `COUNT(x)`: events in which x is not NULL; x is output `argument` of the feed's program.
    CountOf {
        /// Place among the feed's outputs.
        argument: usize,
    },
}

/// One stream's way into a view.
#[derive(Debug)]
pub struct Feed {
    /// The stream.
    pub stream: StreamId,
    /// The stream's columns that make the view's key, in key order.
    pub key: Vec<usize>,
    /// Output 0 is the WHERE condition when `filtered`; the aggregates' arguments follow.
    pub program: Program,
    /// Whether there is a WHERE condition.
    pub filtered: bool,
}

/// `CREATE MODEL`.
#[derive(Debug)]
pub struct ModelSlot {
    /// Its name.
    pub name: String,
    /// Names of the inputs, in the order of the model's features.
    pub inputs: Vec<String>,
    /// Name and type of the output.
    pub output: Column,
    /// The version that answers to begin with.
    pub champion: Arc<ModelVersion>,
    /// The version that answers a share of the decisions to begin with.
    pub challenger: Option<(Arc<ModelVersion>, Weight)>,
}

/// `CREATE DECISION`.
#[derive(Debug)]
pub struct Decision {
    /// Its name.
    pub name: String,
    /// The stream whose rows are its requests.
    pub stream: StreamId,
    /// The deadline when a request names none, in microseconds.
    pub deadline_micros: u32,
    /// The stream's columns by which decisions fall to champion or challenger.
    pub split_by: Vec<usize>,
    /// The columns of its answer.
    pub answer: Arc<Schema>,
    /// Key look-ups; look-up n is input n + 1 of the programs.
    pub lookups: Vec<Lookup>,
    /// Functions that the programs call, by the number the programs use.
    pub functions: Vec<Function>,
    /// One output per answer column; then, where present, the condition and the code.
    pub program: Program,
    /// Output of `program` that holds the WHERE condition.
    pub condition: Option<usize>,
    /// Output of `program` that holds the decision code's name.
    pub code: Option<usize>,
    /// One output per answer column.
    pub fallback: Program,
    /// Answer columns that FALLBACK supplies: when the SELECT leaves one NULL, the fallback answers.
    pub required: Vec<usize>,
}

/// A look-up of a view by key: `LEFT JOIN view ON view.key = stream.column`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lookup {
    /// The view.
    pub view: ViewId,
    /// The stream's columns that make the view's key, in key order.
    pub key: Vec<usize>,
}

/// A function that only the engine can answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Function {
    /// `PREDICT(model)`: the arguments are the model's inputs, in order, as DOUBLE; NULL is missing. NULL
    /// where the prediction is not finite.
    Predict(ModelId),
    /// `MODEL_VERSION(model)`: the label of the version that answers this decision.
    ModelVersion(ModelId),
    /// `MODEL_VARIANT(model)`: whether that is the champion or the challenger.
    ModelVariant(ModelId),
}
