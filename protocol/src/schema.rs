//! Schemas: the columns of a stream or of a decision's answer, and their fingerprint.

use std::fmt;

use xxhash_rust::xxh3::xxh3_64;

use crate::limits::{DECIMAL_PRECISION_MAX, NAME_BYTES_MAX};

/// Whether this may name an app, a stream, a column or a decision: 1 to [`NAME_BYTES_MAX`] bytes, no
/// control character. A tab or a line feed in a column's name would make fingerprints ambiguous.
pub fn is_name(name: &str) -> bool {
    !name.is_empty() && is_label(name)
}

/// Whether this may stand where the wire carries a name or a text for logs: as a name, or empty.
pub(crate) fn is_label(label: &str) -> bool {
    label.len() <= NAME_BYTES_MAX && !label.chars().any(char::is_control)
}

/// The type of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ColumnType {
    /// `BOOLEAN`: slot 0 or 1.
    Boolean,
    /// `INT`: a signed 32-bit integer, sign-extended to the slot.
    Int,
    /// `BIGINT`: a signed 64-bit integer.
    BigInt,
    /// `DOUBLE`: IEEE 754 binary64.
    Double,
    /// `STRING`: UTF-8 in the variable part; the slot holds offset and length.
    String,
    /// `TIMESTAMP(3)`: signed milliseconds since 1970-01-01T00:00:00Z.
    Timestamp,
    /// `DATE`: signed days since 1970-01-01, in the range of `INT`.
    Date,
    /// `DECIMAL(precision,scale)`: a signed integer of at most so many digits, the last `scale` of them
    /// behind the point. [`ColumnType::decimal`] makes one that exists.
    Decimal {
        /// Digits, 1 to [`DECIMAL_PRECISION_MAX`].
        precision: u8,
        /// Digits behind the point, at most `precision`.
        scale: u8,
    },
}

impl ColumnType {
    /// The wire code of `DECIMAL`, which precision and scale follow.
    pub const DECIMAL_CODE: u8 = 8;

    /// The type with this wire code, if the code alone says it: all but `DECIMAL`.
    pub const fn from_code(code: u8) -> Option<Self> {
        Some(match code {
            1 => Self::Boolean,
            2 => Self::Int,
            3 => Self::BigInt,
            4 => Self::Double,
            5 => Self::String,
            6 => Self::Timestamp,
            7 => Self::Date,
            _ => return None,
        })
    }

    /// `DECIMAL(precision,scale)`, if there is such a type.
    pub const fn decimal(precision: u8, scale: u8) -> Option<Self> {
        if precision == 0 || precision > DECIMAL_PRECISION_MAX || scale > precision {
            return None;
        }
        Some(Self::Decimal { precision, scale })
    }

    /// The type's wire code.
    pub const fn code(self) -> u8 {
        match self {
            Self::Boolean => 1,
            Self::Int => 2,
            Self::BigInt => 3,
            Self::Double => 4,
            Self::String => 5,
            Self::Timestamp => 6,
            Self::Date => 7,
            Self::Decimal { .. } => Self::DECIMAL_CODE,
        }
    }
}

impl fmt::Display for ColumnType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Boolean => "BOOLEAN",
            Self::Int => "INT",
            Self::BigInt => "BIGINT",
            Self::Double => "DOUBLE",
            Self::String => "STRING",
            Self::Timestamp => "TIMESTAMP(3)",
            Self::Date => "DATE",
            Self::Decimal { precision, scale } => return write!(f, "DECIMAL({precision},{scale})"),
        })
    }
}

/// A column of a schema.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// The column's name, as declared.
    pub name: String,
    /// The column's type.
    pub column_type: ColumnType,
    /// Whether a row may leave it NULL.
    pub nullable: bool,
}

impl Column {
    /// A column that may be NULL.
    pub fn nullable(name: impl Into<String>, column_type: ColumnType) -> Self {
        Self { name: name.into(), column_type, nullable: true }
    }

    /// A column that may not be NULL.
    pub fn required(name: impl Into<String>, column_type: ColumnType) -> Self {
        Self { name: name.into(), column_type, nullable: false }
    }
}

/// Columns in slot order, and which of them make the key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schema {
    columns: Vec<Column>,
    key: Vec<usize>,
    fingerprint: u64,
}

impl Default for Schema {
    fn default() -> Self {
        Self::new(Vec::new(), Vec::new())
    }
}

impl Schema {
    /// A schema of these columns; `key` lists the indices of the key columns, in key order (empty: the
    /// rows have no key). The caller sees to it that column names are distinct and that [`is_name`]
    /// holds for each; a reader of the wire refuses others.
    ///
    /// # Panics
    /// When `key` names a column that is not there: the caller resolved it from these columns.
    pub fn new(columns: Vec<Column>, key: Vec<usize>) -> Self {
        assert!(key.iter().all(|&index| index < columns.len()), "a key column is one of the columns");
        let fingerprint = xxh3_64(canonical_text(&columns, &key).as_bytes());
        Self { columns, key, fingerprint }
    }

    /// The columns, in slot order.
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// Indices of the key columns, in key order.
    pub fn key(&self) -> &[usize] {
        &self.key
    }

    /// The index of the column of this name (names compare exactly).
    pub fn position(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column.name == name)
    }

    /// XXH3-64, seed 0, of the canonical text: equal when both ends read a row alike, and as good as
    /// never otherwise.
    pub fn fingerprint(&self) -> u64 {
        self.fingerprint
    }
}

/// One line per column, `name TAB type TAB NULL|NOT NULL`, then `KEY TAB names...`; each line ends in
/// a line feed. Specified in SPEC.md, section "Schema fingerprint".
fn canonical_text(columns: &[Column], key: &[usize]) -> String {
    let mut text = String::new();
    for column in columns {
        let null = if column.nullable { "NULL" } else { "NOT NULL" };
        text.push_str(&format!("{}\t{}\t{null}\n", column.name, column.column_type));
    }
    text.push_str("KEY");
    for &index in key {
        text.push('\t');
        text.push_str(&columns[index].name);
    }
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn type_codes_read_back() {
        for code in 0..=u8::MAX {
            let back = ColumnType::from_code(code).map(ColumnType::code);
            assert_eq!(back, (1..=7).contains(&code).then_some(code), "{code}");
        }
    }

    #[test]
    fn decimals_have_1_to_18_digits_and_no_more_behind_the_point() {
        for (precision, scale, name) in [
            (1, 0, Some("DECIMAL(1,0)")),
            (18, 18, Some("DECIMAL(18,18)")),
            (0, 0, None),
            (19, 0, None),
            (4, 5, None),
            (255, 255, None),
        ] {
            let found = ColumnType::decimal(precision, scale).map(|found| found.to_string());
            assert_eq!(found.as_deref(), name, "{precision} {scale}");
        }
    }

    #[test]
    fn the_default_schema_is_the_one_without_columns() {
        assert_eq!(Schema::default(), Schema::new(Vec::new(), Vec::new()));
        assert_eq!(Schema::default().fingerprint(), xxh3_64(b"KEY\n"));
    }

    #[test]
    fn a_column_is_found_by_its_exact_name() {
        let columns = ["a", "A", "b"].map(|name| Column::required(name, ColumnType::Int));
        let schema = Schema::new(columns.to_vec(), vec![]);
        for (name, expected) in [("a", Some(0)), ("A", Some(1)), ("b", Some(2)), ("B", None), ("", None)] {
            assert_eq!(schema.position(name), expected, "{name}");
        }
    }

    #[test]
    fn every_difference_shows_in_the_fingerprint() {
        use ColumnType::{BigInt, Int};
        let column = Column::required;
        let variants = [
            Schema::new(vec![column("a", Int), column("b", Int)], vec![]),
            Schema::new(vec![column("a", Int), column("b", Int)], vec![0]),
            Schema::new(vec![column("a", Int), column("b", Int)], vec![0, 1]),
            Schema::new(vec![column("a", Int), column("b", Int)], vec![1, 0]),
            Schema::new(vec![column("b", Int), column("a", Int)], vec![]),
            Schema::new(vec![column("a", Int), column("b", BigInt)], vec![]),
            Schema::new(vec![column("a", Int), Column::nullable("b", Int)], vec![]),
            Schema::new(vec![column("a", Int), column("B", Int)], vec![]),
            Schema::new(vec![column("a", Int)], vec![]),
            Schema::new(vec![column("a", ColumnType::Decimal { precision: 9, scale: 2 })], vec![]),
            Schema::new(vec![column("a", ColumnType::Decimal { precision: 9, scale: 3 })], vec![]),
        ];
        for (index, one) in variants.iter().enumerate() {
            for other in &variants[..index] {
                assert_ne!(one.fingerprint(), other.fingerprint(), "{one:?} and {other:?}");
            }
        }
    }

    #[test]
    fn names_that_would_blur_a_fingerprint_are_no_names() {
        let longest = "ñ".repeat(NAME_BYTES_MAX / 2);
        for (name, expected) in [
            ("a", true),
            ("largest bid €", true),
            (longest.as_str(), true),
            (&format!("{longest}x"), false),
            ("", false),
            ("a\tINT", false),
            ("a\n", false),
            ("\0", false),
            ("\u{7f}", false),
            ("\u{85}", false),
        ] {
            assert_eq!(is_name(name), expected, "{name:?}");
        }
        assert!(is_label(""));
    }
}
