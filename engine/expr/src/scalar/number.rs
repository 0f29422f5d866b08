//! Arithmetic.

use crate::value::Value;

/// The nearest double.
#[allow(clippy::cast_precision_loss, reason = "BIGINT widens to the nearest double, as the crate documents")]
pub(super) fn widened(x: i64) -> f64 {
    x as f64
}

/// The remainder of the division that truncates towards zero; the least integer modulo -1 is 0.
pub(super) fn remainder(x: i64, y: i64) -> Option<i64> {
    (y != 0).then(|| x.wrapping_rem(y))
}

pub(super) fn int<'a>(a: Value<'a>, b: Value<'a>, op: impl Fn(i64, i64) -> Option<i64>) -> Value<'a> {
    match (a, b) {
        (Value::Int(x), Value::Int(y)) => op(x, y).map_or(Value::Null, Value::Int),
        _ => Value::Null,
    }
}

pub(super) fn double<'a>(a: Value<'a>, b: Value<'a>, op: impl Fn(f64, f64) -> f64) -> Value<'a> {
    match (a, b) {
        (Value::Double(x), Value::Double(y)) => Value::Double(op(x, y)).finite(),
        _ => Value::Null,
    }
}

/// The lesser of two values of one type; of equals the first.
pub(super) fn least<'a>(a: Value<'a>, b: Value<'a>) -> Value<'a> {
    match less(b, a) {
        Some(true) => b,
        Some(false) => a,
        None => Value::Null,
    }
}

/// The greater of two values of one type; of equals the first.
pub(super) fn greatest<'a>(a: Value<'a>, b: Value<'a>) -> Value<'a> {
    match less(a, b) {
        Some(true) => b,
        Some(false) => a,
        None => Value::Null,
    }
}

fn less(a: Value<'_>, b: Value<'_>) -> Option<bool> {
    match (a, b) {
        (Value::Bool(x), Value::Bool(y)) => Some(!x & y),
        (Value::Int(x), Value::Int(y)) => Some(x < y),
        (Value::Double(x), Value::Double(y)) => Some(x < y),
        (Value::Str(x), Value::Str(y)) => Some(x < y),
        _ => None,
    }
}
