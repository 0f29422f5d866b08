//! Writing rows.

use super::{Row, RowError, fixed_bytes};
use crate::schema::{Column, ColumnType, Schema};

/// What was set in a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cell {
    Null,
    Boolean(bool),
    Integer(i64),
    /// The bits of the number.
    Double(u64),
    /// A part of the writer's strings.
    Text {
        offset: usize,
        length: usize,
    },
}

/// Writes rows. Columns may be set in any order; what is not set is NULL; what is set again is replaced.
/// Does not allocate once its buffers have grown to the rows' size.
#[derive(Debug, Default)]
pub struct RowWriter {
    cells: Vec<Cell>,
    strings: Vec<u8>,
}

impl RowWriter {
    /// A writer for rows of `columns` columns; reuse it for many rows.
    pub fn new(columns: usize) -> Self {
        Self { cells: vec![Cell::Null; columns], strings: Vec::new() }
    }

    /// Forgets what was set.
    pub fn clear(&mut self) {
        self.reset(self.cells.len());
    }

    /// Forgets what was set; the next row has `columns` columns.
    pub fn reset(&mut self, columns: usize) {
        self.cells.clear();
        self.cells.resize(columns, Cell::Null);
        self.strings.clear();
    }

    /// Sets a column of type `BOOLEAN`.
    ///
    /// # Panics
    /// When the row has no such column; so do the other setters.
    pub fn set_bool(&mut self, index: usize, value: bool) {
        self.cells[index] = Cell::Boolean(value);
    }

    /// Sets a column of type `INT`, `BIGINT`, `TIMESTAMP(3)` (milliseconds), `DATE` (days) or `DECIMAL`
    /// (its digits as one integer: 1.50 in `DECIMAL(9,2)` is 150).
    pub fn set_i64(&mut self, index: usize, value: i64) {
        self.cells[index] = Cell::Integer(value);
    }

    /// Sets a column of type `DOUBLE`.
    pub fn set_f64(&mut self, index: usize, value: f64) {
        self.cells[index] = Cell::Double(value.to_bits());
    }

    /// Sets a column of type `STRING`.
    pub fn set_str(&mut self, index: usize, value: &str) {
        self.cells[index] = Cell::Text { offset: self.strings.len(), length: value.len() };
        self.strings.extend_from_slice(value.as_bytes());
    }

    /// Appends the row to `out`, checked against `schema`, and clears the writer. Cost: linear in the
    /// row's bytes, checking included.
    ///
    /// # Errors
    /// As [`Row::parse`], and where what was set is not of its column's type; `out` is then as before.
    ///
    /// # Panics
    /// When `schema` has another number of columns than the writer.
    pub fn finish(&mut self, schema: &Schema, out: &mut Vec<u8>) -> Result<(), RowError> {
        let start = out.len();
        let written = self.append(schema, out).and_then(|()| Row::parse(schema, &out[start..]).map(|_| ()));
        if written.is_err() {
            out.truncate(start);
        }
        self.clear();
        written
    }

    fn append(&self, schema: &Schema, out: &mut Vec<u8>) -> Result<(), RowError> {
        assert_eq!(self.cells.len(), schema.columns().len(), "writer and schema have the same columns");
        for cells in self.cells.chunks(64) {
            let nulls = cells.iter().enumerate().filter(|&(_, cell)| *cell == Cell::Null);
            let word = nulls.fold(0_u64, |word, (bit, _)| word | 1 << bit);
            out.extend_from_slice(&word.to_le_bytes());
        }
        let mut strings_end = fixed_bytes(self.cells.len());
        for (cell, column) in self.cells.iter().zip(schema.columns()) {
            out.extend_from_slice(&slot(*cell, column, &mut strings_end)?.to_le_bytes());
        }
        for cell in &self.cells {
            if let Cell::Text { offset, length } = *cell {
                out.extend_from_slice(&self.strings[offset..offset + length]);
            }
        }
        Ok(())
    }
}

/// The slot of a column; a string moves the strings' end. What does not fit 32 bits is far over the
/// longest row, which the check behind it finds.
fn slot(cell: Cell, column: &Column, strings_end: &mut usize) -> Result<u64, RowError> {
    use ColumnType::{BigInt, Boolean, Date, Decimal, Double, Int, String, Timestamp};
    Ok(match (cell, column.column_type) {
        (Cell::Null, _) => 0,
        (Cell::Boolean(value), Boolean) => u64::from(value),
        (Cell::Integer(value), Int | BigInt | Timestamp | Date | Decimal { .. }) => value.cast_unsigned(),
        (Cell::Double(bits), Double) => bits,
        (Cell::Text { length, .. }, String) => {
            let offset = *strings_end as u64 & 0xffff_ffff;
            *strings_end += length;
            offset | (length as u64) << 32
        }
        _ => {
            let expected = "a value of the column's type";
            return Err(RowError::BadSlot { column: column.name.clone(), expected });
        }
    })
}
