//! Values and their static types.

use std::fmt;

use vencejo_types::schema::ColumnType;

/// The static type of an expression.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Type {
    /// Three-valued truth.
    Boolean,
    /// Any integer; columns of type `INT` load as this.
    BigInt,
    /// IEEE 754 binary64.
    Double,
    /// UTF-8.
    String,
    /// Milliseconds since 1970-01-01T00:00:00Z.
    Timestamp,
    /// Days since 1970-01-01.
    Date,
    /// `DECIMAL(precision,scale)`: the digits as one integer, as in rows.
    Decimal {
        /// Digits, 1 to 18.
        precision: u8,
        /// Digits behind the point.
        scale: u8,
    },
    /// A day-time interval, in milliseconds. No column has this type.
    Interval,
    /// A year-month interval, in months. No column has this type.
    Months,
}

impl Type {
    /// The type that a column of this type loads as.
    pub const fn of(column: ColumnType) -> Self {
        match column {
            ColumnType::Boolean => Self::Boolean,
            ColumnType::Int | ColumnType::BigInt => Self::BigInt,
            ColumnType::Double => Self::Double,
            ColumnType::String => Self::String,
            ColumnType::Timestamp => Self::Timestamp,
            ColumnType::Date => Self::Date,
            ColumnType::Decimal { precision, scale } => Self::Decimal { precision, scale },
        }
    }

    /// The type of a column that can hold every value of this type. An interval is no column
    /// ([`Type::is_interval`] tells): its number alone would be a `BIGINT`.
    pub const fn column_type(self) -> ColumnType {
        match self {
            Self::Boolean => ColumnType::Boolean,
            Self::BigInt | Self::Interval | Self::Months => ColumnType::BigInt,
            Self::Double => ColumnType::Double,
            Self::String => ColumnType::String,
            Self::Timestamp => ColumnType::Timestamp,
            Self::Date => ColumnType::Date,
            Self::Decimal { precision, scale } => ColumnType::Decimal { precision, scale },
        }
    }

    /// Whether arithmetic takes it.
    pub const fn is_number(self) -> bool {
        matches!(self, Self::BigInt | Self::Double | Self::Decimal { .. })
    }

    /// Whether it is an interval.
    pub const fn is_interval(self) -> bool {
        matches!(self, Self::Interval | Self::Months)
    }

    /// Whether it is a timestamp or a date.
    pub const fn is_time(self) -> bool {
        matches!(self, Self::Timestamp | Self::Date)
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Interval => f.write_str("INTERVAL DAY TO SECOND"),
            Self::Months => f.write_str("INTERVAL YEAR TO MONTH"),
            other => other.column_type().fmt(f),
        }
    }
}

/// A value while a program runs: borrowed from the event, the state, the program or the arena.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value<'a> {
    /// No value.
    Null,
    /// A truth value.
    Bool(bool),
    /// An integer, a timestamp, a date, an interval, or the digits of a decimal.
    Int(i64),
    /// A double.
    Double(f64),
    /// A string.
    Str(&'a str),
}

impl Value<'_> {
    /// The value, or NULL in place of a double that is NaN or infinite.
    #[must_use]
    pub fn finite(self) -> Self {
        match self {
            Self::Double(x) if !x.is_finite() => Self::Null,
            value => value,
        }
    }
}
