//! Rows: null bitmap, one 8-byte slot per column in schema order, then the strings.
//!
//! The layout is canonical: a row has exactly one byte string, so rows are equal when their bytes are. A
//! `DOUBLE` is its 64 bits and nothing else: 0.0 and -0.0 differ, a NaN equals itself.
//! A row is checked once, where it enters ([`Row::parse`]); behind that, reading a column is an
//! offset into the bytes as they came from the network.

use xxhash_rust::xxh3::xxh3_64;

use crate::limits::ROW_BYTES_MAX;
use crate::schema::{ColumnType, Schema};

mod error;
mod writer;

pub use error::RowError;
pub use writer::RowWriter;

const SLOT_BYTES: usize = 8;

/// Bytes of the null bitmap of a row of `columns` columns.
pub const fn bitmap_bytes(columns: usize) -> usize {
    columns.div_ceil(64) * 8
}

/// Bytes in front of a row's strings.
pub const fn fixed_bytes(columns: usize) -> usize {
    bitmap_bytes(columns) + columns * SLOT_BYTES
}

/// A checked row, read in place.
///
/// Reading never panics. A column past the last is NULL, zero, empty. A reader of another type than the
/// column's gives some value of its own type: whoever plans the reading knows the schema.
#[derive(Clone, Copy, Debug)]
pub struct Row<'a> {
    bytes: &'a [u8],
    columns: usize,
}

impl<'a> Row<'a> {
    /// Checks that `bytes` is exactly one row of `schema`. Cost: linear in columns and string bytes,
    /// no allocation unless it fails.
    ///
    /// # Errors
    /// The first thing in which the bytes differ from the layout.
    pub fn parse(schema: &Schema, bytes: &'a [u8]) -> Result<Self, RowError> {
        let columns = schema.columns().len();
        let needed = fixed_bytes(columns);
        if bytes.len() > ROW_BYTES_MAX {
            return Err(RowError::TooLong { bytes: bytes.len() });
        }
        if bytes.len() < needed {
            return Err(RowError::TooShort { bytes: bytes.len(), needed });
        }
        let row = Self { bytes, columns };
        let (slots, _) = bytes[bitmap_bytes(columns)..needed].as_chunks();
        let mut strings_end = needed;
        // Strings adjoin: all together are checked at once, and that none begins within a character.
        let mut whole = true;
        let mut nulls = 0;
        for (index, (column, slot)) in schema.columns().iter().zip(slots).enumerate() {
            if index.is_multiple_of(64) {
                nulls = row.bitmap_word(index / 64);
            }
            let is_null = nulls & 1 == 1;
            nulls >>= 1;
            let slot = u64::from_le_bytes(*slot);
            let bad = |expected| RowError::BadSlot { column: column.name.clone(), expected };
            if is_null {
                if !column.nullable {
                    return Err(RowError::NullInRequired { column: column.name.clone() });
                }
                if slot != 0 {
                    return Err(bad("zero, as a NULL slot must"));
                }
                continue;
            }
            match column.column_type {
                ColumnType::Boolean if slot > 1 => return Err(bad("0 or 1")),
                ColumnType::Int | ColumnType::Date if i32::try_from(slot.cast_signed()).is_err() => {
                    return Err(bad("a 32-bit integer"));
                }
                ColumnType::Decimal { precision, .. }
                    if slot.cast_signed().unsigned_abs() >= 10_u64.pow(u32::from(precision)) =>
                {
                    return Err(bad("an integer of the type's digits"));
                }
                ColumnType::String => {
                    let (offset, length) = span(slot);
                    if offset != strings_end || length > bytes.len() - offset {
                        return Err(bad("the next string of the variable part"));
                    }
                    strings_end += length;
                    whole &= bytes.get(offset).is_none_or(|&byte| is_first_of_character(byte));
                }
                _ => {}
            }
        }
        if nulls != 0 {
            return Err(RowError::BitmapTail);
        }
        if strings_end != bytes.len() {
            return Err(RowError::TrailingBytes { bytes: bytes.len() - strings_end });
        }
        if !whole || std::str::from_utf8(&bytes[needed..]).is_err() {
            return Err(row.not_utf8(schema));
        }
        Ok(row)
    }

    /// What is wrong with a row of which a string is not UTF-8.
    #[cold]
    fn not_utf8(&self, schema: &Schema) -> RowError {
        let mut columns = schema.columns().iter().enumerate();
        let column = columns.find(|&(index, column)| {
            column.column_type == ColumnType::String && std::str::from_utf8(self.text(index)).is_err()
        });
        RowError::NotUtf8 { column: column.map(|(_, column)| column.name.clone()).unwrap_or_default() }
    }

    /// The view of bytes that [`Row::parse`] has accepted before, with the schema's column count.
    pub fn of_checked(columns: usize, bytes: &'a [u8]) -> Self {
        Self { bytes, columns }
    }

    /// The row's bytes.
    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    fn word_at(&self, offset: usize) -> u64 {
        let word = self.bytes.get(offset..).and_then(|rest| rest.first_chunk());
        word.copied().map_or(0, u64::from_le_bytes)
    }

    fn bitmap_word(&self, word: usize) -> u64 {
        self.word_at(word * 8)
    }

    /// The raw slot of a column; 0 where it is NULL.
    pub fn slot(&self, index: usize) -> u64 {
        if index >= self.columns {
            return 0;
        }
        self.word_at(bitmap_bytes(self.columns) + index * SLOT_BYTES)
    }

    /// Whether a column is NULL.
    pub fn is_null(&self, index: usize) -> bool {
        index >= self.columns || self.bitmap_word(index / 64) >> (index % 64) & 1 == 1
    }

    /// A `BOOLEAN` column.
    pub fn bool(&self, index: usize) -> bool {
        self.slot(index) != 0
    }

    /// An `INT`, `BIGINT`, `TIMESTAMP(3)` or `DATE` column; of a `DECIMAL` its digits as one integer.
    pub fn i64(&self, index: usize) -> i64 {
        self.slot(index).cast_signed()
    }

    /// A `DOUBLE` column.
    pub fn f64(&self, index: usize) -> f64 {
        f64::from_bits(self.slot(index))
    }

    /// Offset and length of a `STRING` column in the row's bytes.
    pub fn span(&self, index: usize) -> (usize, usize) {
        span(self.slot(index))
    }

    /// A `STRING` column's bytes.
    pub fn text(&self, index: usize) -> &'a [u8] {
        let (offset, length) = self.span(index);
        self.bytes.get(offset..offset.saturating_add(length)).unwrap_or_default()
    }

    /// A `STRING` column. Cost: checks the UTF-8 again; [`Row::text`] does not.
    pub fn str(&self, index: usize) -> &'a str {
        std::str::from_utf8(self.text(index)).unwrap_or_default()
    }

    /// Appends the key of this row: for each key column a byte, 0 for NULL or 1 for a value, and for a
    /// value the 8 bytes of its slot, or a string's length in 4 bytes and its bytes. Distinct keys of the
    /// same columns have distinct bytes. `key` is [`Schema::key`] for the row's partition.
    ///
    /// # Panics
    /// When `key` names a column that `schema` does not have.
    pub fn write_key(&self, schema: &Schema, key: &[usize], out: &mut Vec<u8>) {
        for &index in key {
            if self.is_null(index) {
                out.push(0);
                continue;
            }
            out.push(1);
            if schema.columns()[index].column_type == ColumnType::String {
                let (_, length) = self.span(index);
                out.extend_from_slice(&(length as u32).to_le_bytes());
                out.extend_from_slice(self.text(index));
            } else {
                out.extend_from_slice(&self.slot(index).to_le_bytes());
            }
        }
    }
}

/// Offset and length of the string of a slot.
fn span(slot: u64) -> (usize, usize) {
    ((slot & 0xffff_ffff) as usize, (slot >> 32) as usize)
}

/// Whether a character of UTF-8 may begin with this byte, which then is no continuation.
fn is_first_of_character(byte: u8) -> bool {
    byte & 0b1100_0000 != 0b1000_0000
}

/// The hash of a key's bytes: XXH3-64, seed 0.
pub fn key_hash(key: &[u8]) -> u64 {
    xxh3_64(key)
}

/// The partition, of `partitions` (at least 1), that owns the key with this hash.
pub fn partition_of(key_hash: u64, partitions: u32) -> u32 {
    (key_hash % u64::from(partitions.max(1))) as u32
}

#[cfg(test)]
mod tests;
