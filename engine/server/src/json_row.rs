//! Rows as JSON objects: one rendering for files, queries and taps.

use vencejo_types::decimal::Decimal;
use vencejo_types::row::Row;
use vencejo_types::schema::{ColumnType, Schema};

use crate::text_time::{write_date, write_timestamp};

/// Writes the rows of a schema.
pub struct JsonRow {
    /// `"column":`, per column.
    columns: Vec<Vec<u8>>,
    types: Vec<ColumnType>,
}

impl JsonRow {
    /// A writer of such rows.
    pub fn new(schema: &Schema) -> Self {
        let columns = schema.columns().iter().map(|column| {
            let mut text = Vec::new();
            write_text(&column.name, &mut text);
            text.push(b':');
            text
        });
        let types = schema.columns().iter().map(|column| column.column_type).collect();
        Self { columns: columns.collect(), types }
    }

    /// Appends a row, which has been checked against the schema.
    pub fn write(&self, row: &[u8], line: &mut Vec<u8>) {
        let row = Row::of_checked(self.types.len(), row);
        line.push(b'{');
        for (index, (head, &column_type)) in self.columns.iter().zip(&self.types).enumerate() {
            if index > 0 {
                line.push(b',');
            }
            line.extend_from_slice(head);
            write_value(row, index, column_type, line);
        }
        line.push(b'}');
    }
}

fn write_value(row: Row<'_>, index: usize, column_type: ColumnType, line: &mut Vec<u8>) {
    if row.is_null(index) {
        return line.extend_from_slice(b"null");
    }
    match column_type {
        ColumnType::Boolean => line.extend_from_slice(if row.bool(index) { b"true" } else { b"false" }),
        ColumnType::Int | ColumnType::BigInt => write_number(row.i64(index), line),
        // The shortest text that reads back to the same double; NaN and infinities are null.
        ColumnType::Double => write_number(row.f64(index), line),
        ColumnType::String => write_text(row.str(index), line),
        ColumnType::Decimal { scale, .. } => {
            line.extend_from_slice(Decimal { unscaled: row.i64(index), scale }.to_string().as_bytes());
        }
        ColumnType::Timestamp => {
            line.push(b'"');
            write_timestamp(row.i64(index), line);
            line.push(b'"');
        }
        ColumnType::Date => {
            line.push(b'"');
            write_date(row.i64(index), line);
            line.push(b'"');
        }
    }
}

pub fn write_number(number: impl serde::Serialize, line: &mut Vec<u8>) {
    serde_json::to_writer(line, &number).expect("a number can be written to memory");
}

/// Appends a text in quotes.
pub fn write_text(text: &str, line: &mut Vec<u8>) {
    serde_json::to_writer(line, text).expect("a text can be written to memory");
}
