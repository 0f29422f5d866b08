//! Partition state and its one transition.
//!
//! Pure: an event arrives with its sequence and tick, the state changes, effects come out. There is no
//! I/O, clock, randomness, thread or log here; whoever wants the time is told it. [`apply`] is where to
//! begin reading.
#![forbid(unsafe_code)]

pub mod alerts;
mod changes;
mod dataflow;
mod decision;
mod event;
mod explained;
pub mod image;
mod look_ahead;
pub mod models;
pub mod plan;
mod producers;
pub mod query;
mod state;

pub use changes::Changes;
pub use dataflow::{NodeCounts, RuleCounts};
pub use event::{Effect, Effects, Event, Raised, Retired};
pub use explained::{ExplainedRows, Missed, MissedEnd};
pub use look_ahead::LookAhead;
pub use producers::{Admission, Producers};
pub use state::{PartitionState, answer, apply, fetch};
pub use vencejo_rules::{MatchedRow, Wait};
pub use vencejo_windows::FETCH_KEYS_MAX;

use vencejo_expr::Value;
use vencejo_types::row::{Row, RowError, RowWriter};
use vencejo_types::schema::{ColumnType, Schema};

/// A column of a row as expressions see it.
fn column_value<'a>(row: Row<'a>, schema: &Schema, column: usize) -> Value<'a> {
    if row.is_null(column) {
        return Value::Null;
    }
    match schema.columns()[column].column_type {
        ColumnType::Boolean => Value::Bool(row.bool(column)),
        ColumnType::Int
        | ColumnType::BigInt
        | ColumnType::Timestamp
        | ColumnType::Date
        | ColumnType::Decimal { .. } => Value::Int(row.i64(column)),
        ColumnType::Double => Value::Double(row.f64(column)),
        ColumnType::String => Value::Str(row.str(column)),
    }
}

/// Appends a row of values. Without values every column is NULL.
///
/// # Errors
/// When it passes the longest row.
fn write_values(
    values: &[Value<'_>],
    schema: &Schema,
    writer: &mut RowWriter,
    out: &mut Vec<u8>,
) -> Result<(), RowError> {
    writer.reset(schema.columns().len());
    for (index, value) in values.iter().enumerate() {
        match *value {
            Value::Null => {}
            Value::Bool(value) => writer.set_bool(index, value),
            Value::Int(value) => writer.set_i64(index, value),
            Value::Double(value) => writer.set_f64(index, value),
            Value::Str(value) => writer.set_str(index, value),
        }
    }
    writer.finish(schema, out)
}
