//! An app as the core runs it: every name resolved to a number, every expression to a program.
//!
//! engine/sql makes these from app.sql; nothing here is looked up by name while events flow.

pub mod flow;
pub mod query;
pub(crate) mod succession;

use std::sync::Arc;

use vencejo_expr::Program;
use vencejo_types::row::Row;
use vencejo_types::schema::{Column, Schema};
use vencejo_types::{DecisionId, ModelId, StreamId, ViewId};

use crate::models::{ModelVersion, Weight};
pub use succession::{Succession, TooManyNumbers};

/// A validated app.
#[derive(Debug)]
pub struct App {
    /// The app's name.
    pub name: String,
    /// Declared event tables; [`StreamId`] is the place in this list.
    pub streams: Vec<Stream>,
    /// Tree ensembles; [`ModelId`] is the place in this list.
    pub models: Vec<ModelSlot>,
    /// Decisions; their id is the place in this list.
    pub decisions: Vec<Decision>,
    /// Queries and windowed views.
    pub flow: flow::Flow,
}

impl App {
    /// The stream of this number, unless there is none or it is retired.
    pub fn stream(&self, id: StreamId) -> Option<&Stream> {
        self.streams.get(id.index()).filter(|stream| !stream.is_retired())
    }

    /// The decision of this number, unless there is none or it is retired.
    pub fn decision(&self, id: DecisionId) -> Option<&Decision> {
        self.decisions.get(id.index()).filter(|decision| !decision.is_retired())
    }
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
    /// What WITH says.
    pub options: StreamOptions,
}

impl Stream {
    /// In place of a stream that a deploy took away or changed: its number stays taken, so that whoever still
    /// uses it is told and not misunderstood.
    fn retired() -> Self {
        let (schema, options) = (Arc::new(Schema::default()), StreamOptions::default());
        Self { name: String::new(), schema, watermark: None, options }
    }

    /// Whether it only keeps its number taken; then it has no name.
    pub const fn is_retired(&self) -> bool {
        self.name.is_empty()
    }

    /// The event time of a row, in milliseconds; nothing where it or the stream has none.
    pub fn event_time(&self, row: Row<'_>) -> Option<i64> {
        let of = self.watermark?;
        (!row.is_null(of.column)).then(|| row.i64(of.column))
    }
}

/// The engine's own options of a stream; nothing where the app says nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StreamOptions {
    /// `'retention'`: how long the stream's events are kept, in milliseconds.
    pub retention_millis: Option<i64>,
    /// `'ack'`: what an event's acknowledgement means.
    pub ack: Option<Ack>,
    /// `'lane'`: the way of the stream's events.
    pub lane: Option<Lane>,
    /// `'allowed_lateness'`: how long behind its end a window takes the stream's late events, in
    /// milliseconds, unless the view says otherwise.
    pub allowed_lateness_millis: Option<i64>,
}

/// How safe an event is when it is acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ack {
    /// In memory.
    Memory,
    /// On disk.
    Journaled,
}

/// Whether events overtake others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lane {
    /// Before all that waits in the normal lane.
    Fast,
    /// In turn.
    Normal,
}

/// `WATERMARK FOR column AS column - INTERVAL delay`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Watermark {
    /// The event-time column.
    pub column: usize,
    /// How far behind the latest event time the watermark stays, in milliseconds.
    pub delay_millis: i64,
    /// After this long without an event the stream holds no other back, in milliseconds of engine time.
    pub idle_millis: Option<i64>,
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

impl Decision {
    /// In place of a decision that a deploy took away or changed.
    fn retired() -> Self {
        Self {
            name: String::new(),
            stream: StreamId(0),
            deadline_micros: 0,
            split_by: Vec::new(),
            answer: Arc::new(Schema::default()),
            lookups: Vec::new(),
            functions: Vec::new(),
            program: Program::default(),
            condition: None,
            code: None,
            fallback: Program::default(),
            required: Vec::new(),
        }
    }

    /// Whether it only keeps its number taken; then it has no name.
    pub const fn is_retired(&self) -> bool {
        self.name.is_empty()
    }
}

/// A look-up of a table by key: `LEFT JOIN view ON view.key = stream.column`.
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
