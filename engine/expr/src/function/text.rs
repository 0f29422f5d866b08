//! Strings built in the arena, no longer than they may be.

use std::fmt;

use bumpalo::Bump;
use bumpalo::collections::String as ArenaString;
use vencejo_types::limits::EXPRESSION_STRING_BYTES_MAX;

use crate::value::Value;

/// A string that grows. Once it would pass the limit, it is NULL.
pub(super) struct Builder<'a> {
    text: ArenaString<'a>,
    over: bool,
}

impl<'a> Builder<'a> {
    /// An empty one, with room for `bytes` or for the longest string.
    pub(super) fn new(arena: &'a Bump, bytes: usize) -> Self {
        let bytes = bytes.min(EXPRESSION_STRING_BYTES_MAX);
        Self { text: ArenaString::with_capacity_in(bytes, arena), over: false }
    }

    pub(super) fn push(&mut self, text: &str) {
        if self.over || self.text.len() + text.len() > EXPRESSION_STRING_BYTES_MAX {
            self.over = true;
        } else {
            self.text.push_str(text);
        }
    }

    pub(super) fn push_char(&mut self, c: char) {
        self.push(c.encode_utf8(&mut [0; 4]));
    }

    /// Whether more would be in vain.
    pub(super) fn is_over(&self) -> bool {
        self.over
    }

    pub(super) fn finish(self) -> Value<'a> {
        if self.over { Value::Null } else { Value::Str(self.text.into_bump_str()) }
    }
}

impl fmt::Write for Builder<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.push(text);
        Ok(())
    }
}

/// A length as `BIGINT`.
pub(super) fn count(length: usize) -> i64 {
    i64::try_from(length).unwrap_or(i64::MAX)
}

/// Where the n-th character begins; the end of the text when there are fewer.
pub(super) fn offset(text: &str, characters: usize) -> usize {
    if text.is_ascii() {
        return characters.min(text.len());
    }
    text.char_indices().nth(characters).map_or(text.len(), |(offset, _)| offset)
}
