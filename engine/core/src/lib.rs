//! Partition state and its one transition.
//!
//! Pure: an event arrives with its sequence and tick, the state changes, effects come out. There is no
//! I/O, clock, randomness, thread or log here; whoever wants the time is told it. [`apply`] is where to
//! begin reading.
#![forbid(unsafe_code)]

mod decision;
mod event;
mod keyed;
pub mod models;
pub mod plan;
mod state;

pub use event::{Effect, Effects, Event};
pub use keyed::KeyedTable;
pub use state::{PartitionState, apply};

use vencejo_expr::Value;
use vencejo_types::row::Row;
use vencejo_types::schema::{ColumnType, Schema};

/// A column of a row as expressions see it.
fn column_value<'a>(row: Row<'a>, schema: &Schema, column: usize) -> Value<'a> {
    if row.is_null(column) {
        return Value::Null;
    }
    match schema.columns()[column].column_type {
        ColumnType::Boolean => Value::Bool(row.bool(column)),
        ColumnType::Int | ColumnType::BigInt | ColumnType::Timestamp | ColumnType::Date => {
            Value::Int(row.i64(column))
        }
        ColumnType::Double => Value::Double(row.f64(column)),
        ColumnType::String => Value::Str(row.str(column)),
    }
}
