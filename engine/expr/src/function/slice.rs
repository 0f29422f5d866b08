//! Functions of strings whose results are parts of their arguments: they copy nothing.

use vencejo_types::limits::CHARACTER_PATTERN_BYTES_MAX;

use super::Invocation;
use super::text::{count, offset};
use crate::value::Value;

/// A number of characters; none when it is negative.
pub(super) fn size(n: i64) -> usize {
    usize::try_from(n.max(0)).unwrap_or(usize::MAX)
}

pub(super) fn substring<'a>(c: &Invocation<'_, 'a>) -> Value<'a> {
    let (text, start) = (c.text(0), c.int(1));
    let length = c.optional_int(2).unwrap_or(i64::MAX);
    if length < 0 {
        return Value::Null;
    }
    let skipped = if start > 0 {
        size(start - 1)
    } else if start == 0 {
        0
    } else {
        match text.chars().count().checked_sub(usize::try_from(start.unsigned_abs()).unwrap_or(usize::MAX)) {
            Some(skipped) => skipped,
            None => return Value::Str(""),
        }
    };
    let rest = &text[offset(text, skipped)..];
    Value::Str(&rest[..offset(rest, size(length))])
}

pub(super) fn right<'a>(c: &Invocation<'_, 'a>) -> Value<'a> {
    let text = c.text(0);
    let skipped = text.chars().count().saturating_sub(size(c.int(1)));
    Value::Str(&text[offset(text, skipped)..])
}

/// The place of a part at `start` or behind it; 0 where there is none.
pub(super) fn located(part: &str, text: &str, start: i64) -> i64 {
    if part.is_empty() {
        return 1;
    }
    let start = start.max(1);
    let from = offset(text, size(start - 1));
    match text[from..].find(part) {
        Some(found) => start.saturating_add(count(text[from..from + found].chars().count())),
        None => 0,
    }
}

pub(super) fn instr<'a>(c: &Invocation<'_, 'a>) -> Value<'a> {
    let (text, part) = (c.text(0), c.text(1));
    let (start, mut occurrence) = (c.optional_int(2).unwrap_or(1), c.optional_int(3).unwrap_or(1));
    if start == 0 || occurrence < 1 {
        return Value::Null;
    }
    if part.is_empty() {
        return Value::Int(1);
    }
    // Occurrences may overlap, as in Flink.
    let mut begins = |rest: &str| {
        occurrence -= i64::from(rest.starts_with(part));
        occurrence == 0
    };
    if start > 0 {
        let from = offset(text, size(start - 1));
        let found = text[from..].char_indices().position(|(at, _)| begins(&text[from + at..]));
        return Value::Int(found.map_or(0, |found| start.saturating_add(count(found))));
    }
    let skipped = usize::try_from(start.unsigned_abs() - 1).unwrap_or(usize::MAX);
    let found = text.char_indices().rev().skip(skipped).find(|&(at, _)| begins(&text[at..]));
    Value::Int(found.map_or(0, |(at, _)| count(text[..at].chars().count()) + 1))
}

/// What BTRIM and its kin give: nothing where there are too many characters to cut.
pub(super) fn trimmed<'a>(c: &Invocation<'_, 'a>, trim: impl Fn(&'a str) -> &'a str) -> Value<'a> {
    if c.text(1).len() > CHARACTER_PATTERN_BYTES_MAX { Value::Null } else { Value::Str(trim(c.text(0))) }
}

/// Whether BTRIM and its kin cut this character: of the second argument, or a space.
pub(super) fn trims(c: &Invocation<'_, '_>, x: char) -> bool {
    if c.arguments.len() < 2 { x == ' ' } else { c.text(1).contains(x) }
}

pub(super) fn split_index<'a>(c: &Invocation<'_, 'a>) -> Value<'a> {
    let (text, separator) = (c.text(0), c.text(1));
    let Ok(index) = usize::try_from(c.int(2)) else { return Value::Null };
    if text.is_empty() {
        return Value::Null;
    }
    let part = if separator.is_empty() {
        text.split_ascii_whitespace().nth(index)
    } else {
        text.split(separator).nth(index)
    };
    part.map_or(Value::Null, Value::Str)
}

pub(super) fn elt<'a>(c: &Invocation<'_, 'a>) -> Value<'a> {
    match (c.arguments.first(), c.optional_int(0).and_then(|n| usize::try_from(n).ok())) {
        (Some(_), Some(n)) if n > 0 => c.arguments.get(n).copied().unwrap_or(Value::Null),
        _ => Value::Null,
    }
}
