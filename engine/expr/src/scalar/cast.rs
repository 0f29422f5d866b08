//! Conversions between numbers, truth values and text. What cannot be converted is NULL.

use std::fmt::Write as _;

use bumpalo::Bump;

use super::text::{TextBuffer, formatted};

/// 2^63, the first double past the integers.
const INT_END: f64 = 9_223_372_036_854_775_808.0;

/// The integer part.
#[allow(clippy::cast_possible_truncation, reason = "the range is checked, and the fraction is to be cut off")]
pub(super) fn double_to_int(x: f64) -> Option<i64> {
    (-INT_END..INT_END).contains(&x).then_some(x as i64)
}

/// As Java's `Double.toString`: plain from 10^-3 to 10^7, else with an exponent; always one digit
/// after the point.
pub(crate) fn double_to_text(x: f64, arena: &Bump) -> Option<&str> {
    if x == 0.0 || (1e-3..1e7).contains(&x.abs()) {
        return formatted(format_args!("{x:?}"), arena);
    }
    let mut text = TextBuffer::default();
    write!(text, "{x:e}").ok()?;
    let (mantissa, exponent) = text.as_str().split_once('e')?;
    let fraction = if mantissa.contains('.') { "" } else { ".0" };
    formatted(format_args!("{mantissa}{fraction}E{exponent}"), arena)
}

/// The words that Flink takes, in any case.
pub(super) fn text_to_bool(text: &str) -> Option<bool> {
    let text = text.trim_matches(' ');
    let is = |words: [&str; 5]| words.iter().any(|word| text.eq_ignore_ascii_case(word));
    if is(["true", "t", "yes", "y", "1"]) {
        Some(true)
    } else if is(["false", "f", "no", "n", "0"]) {
        Some(false)
    } else {
        None
    }
}

/// Digits with an optional sign; a decimal fraction is cut off.
pub(super) fn text_to_int(text: &str) -> Option<i64> {
    let text = text.trim_matches(' ');
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    if !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    whole.parse().ok()
}

/// Decimal or scientific notation; NaN and infinity are NULL once in a register.
pub(super) fn text_to_double(text: &str) -> Option<f64> {
    text.trim_matches(' ').parse().ok()
}
