//! Defensive readers of JSON values, for senders that mix up types: a number as a string, a string as a
//! number, `1` or `"true"` for a flag, null or blank for "absent". A reader answers `None` instead of
//! failing; the mapping decides what that means.
//!
//! Of a key that an object repeats, the first value counts.

use std::borrow::Cow;

use simd_json::ValueType;
use simd_json::prelude::{TypedScalarValue, TypedValue, ValueAsScalar, ValueIntoString};

use super::limits::{FOUND_BYTES_MAX, NUMBER_BYTES_MAX};

pub(super) type Json<'tape, 'line> = simd_json::tape::Value<'tape, 'line>;

/// The value at the end of `path`; `None` if a step is missing, is not an object, or the value is null or a
/// blank string: senders use both for "absent".
pub(super) fn at<'tape, 'line>(value: Json<'tape, 'line>, path: &[&str]) -> Option<Json<'tape, 'line>> {
    let found = path.iter().try_fold(value, |value, step| value.get(*step))?;
    let is_absent = found.is_null() || found.as_str().is_some_and(|text| text.trim().is_empty());
    (!is_absent).then_some(found)
}

/// The object at the end of `path`.
pub(super) fn object_at<'tape, 'line>(
    value: Json<'tape, 'line>,
    path: &[&str],
) -> Option<Json<'tape, 'line>> {
    at(value, path).filter(Json::is_object)
}

/// The text at the end of `path`, trimmed, never blank, not cut. A number counts as text: ids are often sent
/// so.
pub(super) fn text_at<'line>(value: Json<'_, 'line>, path: &[&str]) -> Option<Cow<'line, str>> {
    text(at(value, path)?)
}

/// The field `id` as text. Unlike other texts it is not trimmed: the sender looks for its answer under
/// exactly this.
pub(super) fn id_of<'line>(value: Json<'_, 'line>) -> Option<Cow<'line, str>> {
    let id = at(value, &["id"])?;
    id.into_string().map(Cow::Borrowed).or_else(|| text(id))
}

/// As [`text_at`], and cut to `bytes_max`.
pub(super) fn text_cut_at(value: Json<'_, '_>, path: &[&str], bytes_max: usize) -> Option<String> {
    text_at(value, path).map(|text| cut(&text, bytes_max).to_owned())
}

/// The number at the end of `path` if it lies in `range`; so never NaN or infinite for a finite range.
pub(super) fn number_at(
    value: Json<'_, '_>,
    path: &[&str],
    range: std::ops::RangeInclusive<f64>,
) -> Option<f64> {
    number(at(value, path)?).filter(|number| range.contains(number))
}

/// The whole number at the end of `path` if it lies in `range`.
pub(super) fn integer_at(
    value: Json<'_, '_>,
    path: &[&str],
    range: std::ops::RangeInclusive<i32>,
) -> Option<i32> {
    let number = number(at(value, path)?).filter(|number| number.fract() == 0.0)?;
    if !(f64::from(*range.start())..=f64::from(*range.end())).contains(&number) {
        return None;
    }
    #[expect(clippy::cast_possible_truncation, reason = "whole, and inside a range of i32")]
    Some(number as i32)
}

/// Whether the flag at the end of `path` is set: `1`, `true`, `"1"` or `"true"`.
pub(super) fn flag_at(value: Json<'_, '_>, path: &[&str]) -> bool {
    at(value, path).is_some_and(|found| match found.as_str() {
        Some(text) => matches!(text.trim(), "1" | "true"),
        None => found.as_bool() == Some(true) || number(found) == Some(1.0),
    })
}

/// The value as text, trimmed. `None` for a flag, an array or an object.
pub(super) fn text<'line>(value: Json<'_, 'line>) -> Option<Cow<'line, str>> {
    match value.into_string() {
        Some(text) => Some(Cow::Borrowed(text.trim())),
        None => match (value.as_i64(), value.as_u64(), value.as_f64()) {
            (Some(number), _, _) => Some(Cow::Owned(number.to_string())),
            (None, Some(number), _) => Some(Cow::Owned(number.to_string())),
            (None, None, Some(number)) => Some(Cow::Owned(number.to_string())),
            (None, None, None) => None,
        },
    }
}

/// The value as a number, also out of a string. NaN and infinite are possible: a string may say so.
pub(super) fn number(value: Json<'_, '_>) -> Option<f64> {
    match value.as_str().map(str::trim) {
        Some(text) if text.len() <= NUMBER_BYTES_MAX => text.parse().ok(),
        Some(_) => None,
        None => value.cast_f64(),
    }
}

/// The longest start of `text` that has at most `bytes_max` bytes and ends between two characters.
pub(super) fn cut(text: &str, bytes_max: usize) -> &str {
    &text[..text.floor_char_boundary(bytes_max)]
}

/// What a faulty value is, for a message: `"1,50"`, `an array`.
pub(super) fn describe(value: Json<'_, '_>) -> String {
    match text(value) {
        Some(text) => format!("{:?}", cut(&text, FOUND_BYTES_MAX)),
        None => kind(value).to_owned(),
    }
}

/// The JSON type of a value, for a message.
pub(super) fn kind(value: Json<'_, '_>) -> &'static str {
    match value.value_type() {
        ValueType::Null => "null",
        ValueType::Bool => "true or false",
        ValueType::String => "a string",
        ValueType::Array => "an array",
        ValueType::Object => "an object",
        _ => "a number",
    }
}
