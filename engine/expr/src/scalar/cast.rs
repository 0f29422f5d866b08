//! Conversions between numbers, truth values and text. What cannot be converted is NULL.

use std::fmt::Write as _;

use bumpalo::Bump;

use super::text::{TextBuffer, formatted};
use crate::value::Value;

/// 2^63, the first double past the integers.
const INT_END: f64 = 9_223_372_036_854_775_808.0;

/// The integer part.
#[allow(clippy::cast_possible_truncation, reason = "the range is checked, and the fraction is to be cut off")]
pub(super) fn double_to_int<'a>(x: f64) -> Value<'a> {
    if (-INT_END..INT_END).contains(&x) { Value::Int(x as i64) } else { Value::Null }
}

/// As Java's `Double.toString`: plain from 10^-3 to 10^7, else with an exponent; always one digit
/// after the point.
pub(super) fn double_to_text(x: f64, arena: &Bump) -> Value<'_> {
    if x == 0.0 || (1e-3..1e7).contains(&x.abs()) {
        return formatted(format_args!("{x:?}"), arena);
    }
    let mut text = TextBuffer::default();
    if write!(text, "{x:e}").is_err() {
        return Value::Null;
    }
    let Some((mantissa, exponent)) = text.as_str().split_once('e') else { return Value::Null };
    let fraction = if mantissa.contains('.') { "" } else { ".0" };
    formatted(format_args!("{mantissa}{fraction}E{exponent}"), arena)
}

/// The words that Flink takes, in any case.
pub(super) fn text_to_bool<'a>(text: &str) -> Value<'a> {
    let text = text.trim_matches(' ');
    let is = |words: [&str; 5]| words.iter().any(|word| text.eq_ignore_ascii_case(word));
    if is(["true", "t", "yes", "y", "1"]) {
        Value::Bool(true)
    } else if is(["false", "f", "no", "n", "0"]) {
        Value::Bool(false)
    } else {
        Value::Null
    }
}

/// Digits with an optional sign; a decimal fraction is cut off.
pub(super) fn text_to_int<'a>(text: &str) -> Value<'a> {
    let text = text.trim_matches(' ');
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    if !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return Value::Null;
    }
    whole.parse().map_or(Value::Null, Value::Int)
}

/// Decimal or scientific notation; the words for NaN and infinity are not numbers here.
pub(super) fn text_to_double<'a>(text: &str) -> Value<'a> {
    text.trim_matches(' ').parse().map_or(Value::Null, Value::Double).finite()
}
