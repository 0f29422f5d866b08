//! Strings, built in the arena.

use std::fmt::{self, Write as _};

use bumpalo::Bump;
use vencejo_types::limits::EXPRESSION_STRING_BYTES_MAX;

use crate::value::Value;

/// The two strings, one after the other.
pub(super) fn joined<'a>(x: &str, y: &str, arena: &'a Bump) -> Option<&'a str> {
    let length = x.len() + y.len();
    if length > EXPRESSION_STRING_BYTES_MAX {
        return None;
    }
    let bytes = arena.alloc_slice_fill_copy(length, 0_u8);
    bytes[..x.len()].copy_from_slice(x.as_bytes());
    bytes[x.len()..].copy_from_slice(y.as_bytes());
    checked(bytes)
}

/// The string with every character replaced.
pub(super) fn mapped<'a, I>(text: &str, map: impl Fn(char) -> I, arena: &'a Bump) -> Option<&'a str>
where
    I: Iterator<Item = char>,
{
    let length = text.chars().flat_map(&map).map(char::len_utf8).sum();
    if length > EXPRESSION_STRING_BYTES_MAX {
        return None;
    }
    let bytes = arena.alloc_slice_fill_copy(length, 0_u8);
    let mut end = 0;
    for c in text.chars().flat_map(&map) {
        end += c.encode_utf8(&mut bytes[end..]).len();
    }
    checked(bytes)
}

fn checked(bytes: &[u8]) -> Option<&str> {
    std::str::from_utf8(bytes).ok()
}

/// The text of a number or a time, copied into the arena.
pub(crate) fn formatted<'a>(text: fmt::Arguments<'_>, arena: &'a Bump) -> Option<&'a str> {
    let mut buffer = TextBuffer::default();
    buffer.write_fmt(text).ok()?;
    Some(arena.alloc_str(buffer.as_str()))
}

/// Short text on the stack.
#[derive(Default)]
pub(crate) struct TextBuffer {
    bytes: [u8; 32],
    length: usize,
}

impl TextBuffer {
    pub(crate) fn as_str(&self) -> &str {
        std::str::from_utf8(&self.bytes[..self.length]).unwrap_or_default()
    }
}

impl fmt::Write for TextBuffer {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let end = self.length + text.len();
        self.bytes.get_mut(self.length..end).ok_or(fmt::Error)?.copy_from_slice(text.as_bytes());
        self.length = end;
        Ok(())
    }
}

/// Digits of a number as a value; 64 binary ones fit.
pub(crate) fn formatted_value<'a>(text: fmt::Arguments<'_>, arena: &'a Bump) -> Value<'a> {
    let mut digits = bumpalo::collections::String::with_capacity_in(64, arena);
    match digits.write_fmt(text) {
        Ok(()) => Value::Str(digits.into_bump_str()),
        Err(_) => Value::Null,
    }
}
