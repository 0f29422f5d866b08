//! Operations on values, as the module head of the crate defines them. Nothing here allocates on the heap.

mod cast;
mod number;
mod round;
mod text;
mod time;

use bumpalo::Bump;

use crate::op::{Binary, Test, Unary};
use crate::value::Value;
use number::{double, greatest, int, least};

pub(crate) use round::{round_double, round_int};

/// A strict operation on one value; a value of another type than the operation's gives NULL.
pub(crate) fn unary<'a>(op: Unary, value: Value<'a>, arena: &'a Bump) -> Value<'a> {
    match value {
        Value::Null => Value::Null,
        Value::Bool(x) => match op {
            Unary::Not => Value::Bool(!x),
            Unary::BoolToInt => Value::Int(i64::from(x)),
            Unary::BoolToText => Value::Str(if x { "TRUE" } else { "FALSE" }),
            _ => Value::Null,
        },
        Value::Int(x) => unary_int(op, x, arena),
        Value::Double(x) => match op {
            Unary::NegateDouble => Value::Double(-x),
            Unary::AbsDouble => Value::Double(x.abs()),
            Unary::Floor => Value::Double(x.floor()),
            Unary::Ceil => Value::Double(x.ceil()),
            Unary::DoubleToBool => Value::Bool(x != 0.0),
            Unary::DoubleToInt => cast::double_to_int(x),
            Unary::DoubleToText => cast::double_to_text(x, arena),
            _ => Value::Null,
        },
        Value::Str(x) => match op {
            Unary::TextToBool => cast::text_to_bool(x),
            Unary::TextToInt => cast::text_to_int(x),
            Unary::TextToDouble => cast::text_to_double(x),
            Unary::TextToTimestamp => time::parse_timestamp(x),
            Unary::TextToDate => time::parse_date(x),
            Unary::Upper => text::mapped(x, char::to_uppercase, arena),
            Unary::Lower => text::mapped(x, char::to_lowercase, arena),
            Unary::Trim => Value::Str(x.trim_matches(' ')),
            Unary::CharLength => Value::Int(i64::try_from(x.chars().count()).unwrap_or(i64::MAX)),
            _ => Value::Null,
        },
    }
}

fn unary_int(op: Unary, x: i64, arena: &Bump) -> Value<'_> {
    match op {
        Unary::NegateInt => x.checked_neg().map_or(Value::Null, Value::Int),
        Unary::AbsInt => x.checked_abs().map_or(Value::Null, Value::Int),
        Unary::NarrowInt => i32::try_from(x).map_or(Value::Null, |_| Value::Int(x)),
        Unary::IntToBool => Value::Bool(x != 0),
        Unary::IntToDouble => Value::Double(number::widened(x)),
        Unary::IntToText => text::formatted(format_args!("{x}"), arena),
        Unary::TimestampToText => time::timestamp_text(x, arena),
        Unary::TimestampToDate => Value::Int(x.div_euclid(time::DAY_MILLIS)),
        Unary::DateToText => time::date_text(x, arena),
        Unary::DateToTimestamp => x.checked_mul(time::DAY_MILLIS).map_or(Value::Null, Value::Int),
        _ => Value::Null,
    }
}

/// An operation on two values; values of other types than the operation's give NULL.
pub(crate) fn binary<'a>(op: Binary, a: Value<'a>, b: Value<'a>, arena: &'a Bump) -> Value<'a> {
    use Binary as B;
    match op {
        B::AddInt => int(a, b, i64::checked_add),
        B::SubtractInt => int(a, b, i64::checked_sub),
        B::MultiplyInt => int(a, b, i64::checked_mul),
        B::DivideInt => int(a, b, i64::checked_div),
        B::RemainderInt => int(a, b, number::remainder),
        B::AddDouble => double(a, b, |x, y| x + y),
        B::SubtractDouble => double(a, b, |x, y| x - y),
        B::MultiplyDouble => double(a, b, |x, y| x * y),
        B::DivideDouble => double(a, b, |x, y| x / y),
        B::RemainderDouble => double(a, b, |x, y| x % y),
        B::EqualBool => bools(a, b, |x, y| x == y),
        B::NotEqualBool => bools(a, b, |x, y| x != y),
        B::LessBool => bools(a, b, |x, y| !x & y),
        B::LessEqualBool => bools(a, b, |x, y| x <= y),
        B::EqualInt => ints(a, b, |x, y| x == y),
        B::NotEqualInt => ints(a, b, |x, y| x != y),
        B::LessInt => ints(a, b, |x, y| x < y),
        B::LessEqualInt => ints(a, b, |x, y| x <= y),
        B::EqualDouble => doubles(a, b, |x, y| x == y),
        B::NotEqualDouble => doubles(a, b, |x, y| x != y),
        B::LessDouble => doubles(a, b, |x, y| x < y),
        B::LessEqualDouble => doubles(a, b, |x, y| x <= y),
        B::EqualText => texts(a, b, |x, y| x == y),
        B::NotEqualText => texts(a, b, |x, y| x != y),
        B::LessText => texts(a, b, |x, y| x < y),
        B::LessEqualText => texts(a, b, |x, y| x <= y),
        B::LeastBool | B::LeastInt | B::LeastDouble | B::LeastText => least(a, b),
        B::GreatestBool | B::GreatestInt | B::GreatestDouble | B::GreatestText => greatest(a, b),
        B::Concat => text::joined(a, b, arena),
        B::And => and(a, b),
        B::Or => or(a, b),
    }
}

/// The answer of an IS test.
pub(crate) fn test(test: Test, value: Value<'_>) -> bool {
    match test {
        Test::True => matches!(value, Value::Bool(true)),
        Test::NotTrue => !matches!(value, Value::Bool(true)),
        Test::False => matches!(value, Value::Bool(false)),
        Test::NotFalse => !matches!(value, Value::Bool(false)),
        Test::Null => matches!(value, Value::Null),
        Test::NotNull => !matches!(value, Value::Null),
    }
}

fn and<'a>(a: Value<'a>, b: Value<'a>) -> Value<'a> {
    match (a, b) {
        (Value::Bool(false), _) | (_, Value::Bool(false)) => Value::Bool(false),
        (Value::Bool(true), Value::Bool(true)) => Value::Bool(true),
        _ => Value::Null,
    }
}

fn or<'a>(a: Value<'a>, b: Value<'a>) -> Value<'a> {
    match (a, b) {
        (Value::Bool(true), _) | (_, Value::Bool(true)) => Value::Bool(true),
        (Value::Bool(false), Value::Bool(false)) => Value::Bool(false),
        _ => Value::Null,
    }
}

fn bools<'a>(a: Value<'a>, b: Value<'a>, compare: impl Fn(bool, bool) -> bool) -> Value<'a> {
    match (a, b) {
        (Value::Bool(x), Value::Bool(y)) => Value::Bool(compare(x, y)),
        _ => Value::Null,
    }
}

fn ints<'a>(a: Value<'a>, b: Value<'a>, compare: impl Fn(i64, i64) -> bool) -> Value<'a> {
    match (a, b) {
        (Value::Int(x), Value::Int(y)) => Value::Bool(compare(x, y)),
        _ => Value::Null,
    }
}

fn doubles<'a>(a: Value<'a>, b: Value<'a>, compare: impl Fn(f64, f64) -> bool) -> Value<'a> {
    match (a, b) {
        (Value::Double(x), Value::Double(y)) => Value::Bool(compare(x, y)),
        _ => Value::Null,
    }
}

fn texts<'a>(a: Value<'a>, b: Value<'a>, compare: impl Fn(&str, &str) -> bool) -> Value<'a> {
    match (a, b) {
        (Value::Str(x), Value::Str(y)) => Value::Bool(compare(x, y)),
        _ => Value::Null,
    }
}
