//! What can be wrong with a row.

use std::fmt;

use crate::limits::ROW_BYTES_MAX;

/// Why bytes are not a row of a schema.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RowError {
    /// The row is longer than `ROW_BYTES_MAX`.
    TooLong {
        /// Bytes of the row.
        bytes: usize,
    },
    /// The row ends inside its bitmap or slots.
    TooShort {
        /// Bytes of the row.
        bytes: usize,
        /// Bytes that bitmap and slots of the schema take.
        needed: usize,
    },
    /// A column that is declared NOT NULL is NULL.
    NullInRequired {
        /// The column's name.
        column: String,
    },
    /// A slot holds something that its type does not allow.
    BadSlot {
        /// The column's name.
        column: String,
        /// What the slot should hold.
        expected: &'static str,
    },
    /// A string is not valid UTF-8.
    NotUtf8 {
        /// The column's name.
        column: String,
    },
    /// A bitmap bit past the last column is set.
    BitmapTail,
    /// Bytes follow the last string.
    TrailingBytes {
        /// How many.
        bytes: usize,
    },
}

impl fmt::Display for RowError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong { bytes } => {
                write!(f, "the row has {bytes} bytes; at most {ROW_BYTES_MAX} are taken")
            }
            Self::TooShort { bytes, needed } => {
                write!(f, "the row has {bytes} bytes; its schema needs {needed} before the strings")
            }
            Self::NullInRequired { column } => {
                write!(f, "column '{column}' is NULL but declared NOT NULL")
            }
            Self::BadSlot { column, expected } => {
                write!(f, "column '{column}' does not hold {expected}")
            }
            Self::NotUtf8 { column } => write!(f, "column '{column}' is not valid UTF-8"),
            Self::BitmapTail => write!(f, "the null bitmap has bits set past the last column"),
            Self::TrailingBytes { bytes } => write!(f, "{bytes} bytes follow the last string of the row"),
        }
    }
}

impl std::error::Error for RowError {}
