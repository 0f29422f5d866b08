//! Rows as JSON and back from named values.

use serde_json::{Map, Value};
use vencejo_client::protocol::decimal::{self, Decimal};
use vencejo_client::protocol::schema::{ColumnType, Schema};
use vencejo_client::{DecisionInfo, Row, RowWriter, Welcome};
use vencejo_gateway::openrtb;

use crate::failure::Failure;

/// A decision with the stream of its requests, as the engine declared them.
#[derive(Clone, Debug)]
pub struct DecisionTarget {
    /// The decision.
    pub decision: DecisionInfo,
    /// The stream's schema.
    pub requests: Schema,
}

impl DecisionTarget {
    /// Finds a decision by name.
    ///
    /// # Errors
    /// When the engine serves no decision of this name.
    pub fn find(welcome: &Welcome, name: &str) -> Result<Self, Failure> {
        let decision = welcome.decisions.iter().find(|decision| decision.name == name);
        let Some(decision) = decision else {
            let names: Vec<_> = welcome.decisions.iter().map(|decision| decision.name.as_str()).collect();
            let (app, names) = (&welcome.app, names.join(", "));
            return Err(Failure::runtime(format!("app '{app}' has no decision '{name}'; it has: {names}")));
        };
        let stream = welcome.streams.iter().find(|stream| stream.id == decision.stream);
        let stream = stream.ok_or_else(|| Failure::runtime("the engine's welcome lacks a stream"))?;
        Ok(Self { decision: decision.clone(), requests: stream.schema.clone() })
    }

    /// Encodes an impression as a request row: each column takes the value of its name.
    ///
    /// # Errors
    /// When the impression has no value for a column that must have one.
    pub fn encode(
        &self,
        impression: &openrtb::Impression,
        writer: &mut RowWriter,
    ) -> Result<Vec<u8>, Failure> {
        writer.reset(self.requests.columns().len());
        for (index, column) in self.requests.columns().iter().enumerate() {
            use openrtb::Value as V;
            match (impression.value(&column.name), column.column_type) {
                (Some(V::Text(value)), ColumnType::String) => writer.set_str(index, value),
                (Some(V::Int(value)), ColumnType::Int | ColumnType::BigInt) => writer.set_i64(index, value),
                #[expect(clippy::cast_precision_loss, reason = "the app chose DOUBLE for an integer")]
                (Some(V::Int(value)), ColumnType::Double) => writer.set_f64(index, value as f64),
                (Some(V::Double(value)), ColumnType::Double) => writer.set_f64(index, value),
                (Some(V::TimestampMillis(value)), ColumnType::Timestamp | ColumnType::BigInt) => {
                    writer.set_i64(index, value);
                }
                (Some(V::Int(value)), ColumnType::Decimal { precision, scale }) => {
                    set_decimal(writer, index, &value.to_string(), precision, scale);
                }
                (Some(V::Double(value)), ColumnType::Decimal { precision, scale }) => {
                    set_decimal(writer, index, &value.to_string(), precision, scale);
                }
                (Some(V::Bool(value)), ColumnType::Boolean) => writer.set_bool(index, value),
                _ => {}
            }
        }
        let mut bytes = Vec::new();
        writer.finish(&self.requests, &mut bytes).map_err(|error| {
            Failure::runtime(format!("the stream asks for what OpenRTB does not carry: {error}"))
        })?;
        Ok(bytes)
    }
}

/// Sets a number from OpenRTB as a `DECIMAL`; one with too many digits stays NULL.
fn set_decimal(writer: &mut RowWriter, index: usize, number: &str, precision: u8, scale: u8) {
    if let Some(unscaled) = decimal::parse(number, precision, scale) {
        writer.set_i64(index, unscaled);
    }
}

/// Adds an answer's columns to a JSON object, under their names.
pub fn answer_into(object: &mut Map<String, Value>, schema: &Schema, bytes: &[u8]) {
    // `no_match` has no row: every column is null.
    let row = Row::parse(schema, bytes).ok();
    for (index, column) in schema.columns().iter().enumerate() {
        let value = match (row, column.column_type) {
            (None, _) => Value::Null,
            (Some(row), _) if row.is_null(index) => Value::Null,
            (Some(row), ColumnType::Boolean) => row.bool(index).into(),
            (Some(row), ColumnType::Int | ColumnType::BigInt | ColumnType::Timestamp | ColumnType::Date) => {
                row.i64(index).into()
            }
            (Some(row), ColumnType::Double) => row.f64(index).into(),
            // As text: a JSON number is a binary64 to most readers, which has not these digits.
            (Some(row), ColumnType::Decimal { scale, .. }) => {
                Decimal { unscaled: row.i64(index), scale }.to_string().into()
            }
            (Some(row), ColumnType::String) => row.str(index).into(),
        };
        object.insert(column.name.clone(), value);
    }
}
