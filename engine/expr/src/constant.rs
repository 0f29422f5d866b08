//! Constants: values that an expression owns.

use crate::registers::{Index, Registers};
use crate::value::Value;

/// A constant. Doubles are held by their bits, so that constants compare and order exactly.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Constant {
    /// NULL.
    Null,
    /// A truth value.
    Bool(bool),
    /// An integer, a timestamp, a date, an interval, or the digits of a decimal.
    Int(i64),
    /// The bits of a finite double.
    Double(u64),
    /// A string.
    Text(Box<str>),
}

impl Constant {
    /// The constant as a value.
    pub fn value(&self) -> Value<'_> {
        match self {
            Self::Null => Value::Null,
            Self::Bool(x) => Value::Bool(*x),
            Self::Int(x) => Value::Int(*x),
            Self::Double(bits) => Value::Double(f64::from_bits(*bits)),
            Self::Text(text) => Value::Str(text),
        }
    }
}

impl From<Value<'_>> for Constant {
    fn from(value: Value<'_>) -> Self {
        match value.finite() {
            Value::Null => Self::Null,
            Value::Bool(x) => Self::Bool(x),
            Value::Int(x) => Self::Int(x),
            Value::Double(x) => Self::Double(x.to_bits()),
            Value::Str(text) => Self::Text(text.into()),
        }
    }
}

/// The constants of an IN list, none of them NULL, all of one type.
#[derive(Clone, Debug)]
pub(crate) enum Set {
    Bools(Vec<bool>),
    Ints(Vec<i64>),
    Doubles(Vec<f64>),
    Texts(Vec<Box<str>>),
}

impl Set {
    /// A set of these constants; those of another kind than the first are left out.
    pub(crate) fn new(list: &[Constant]) -> Self {
        match list.first() {
            Some(Constant::Bool(_)) => Self::Bools(collect(list, |value| match value {
                Value::Bool(x) => Some(x),
                _ => None,
            })),
            Some(Constant::Double(_)) => Self::Doubles(collect(list, |value| match value {
                Value::Double(x) => Some(x),
                _ => None,
            })),
            Some(Constant::Text(_)) => Self::Texts(collect(list, |value| match value {
                Value::Str(x) => Some(x.into()),
                _ => None,
            })),
            _ => Self::Ints(collect(list, |value| match value {
                Value::Int(x) => Some(x),
                _ => None,
            })),
        }
    }

    /// Whether the value of a register of the set's shape is in the set; None for NULL. Cost: linear in the
    /// set.
    pub(crate) fn holds(&self, index: Index, registers: &Registers<'_, '_>) -> Option<bool> {
        match self {
            Self::Bools(list) => registers.bool(index).map(|x| list.contains(&x)),
            Self::Ints(list) => registers.int(index).map(|x| list.contains(&x)),
            Self::Doubles(list) => registers.double(index).map(|x| list.contains(&x)),
            Self::Texts(list) => registers.text(index).map(|x| list.iter().any(|text| **text == *x)),
        }
    }
}

fn collect<'a, T>(list: &'a [Constant], pick: impl Fn(Value<'a>) -> Option<T>) -> Vec<T> {
    list.iter().filter_map(|constant| pick(constant.value())).collect()
}
