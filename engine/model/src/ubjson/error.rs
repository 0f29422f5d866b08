//! Why bytes could not be read as UBJSON.

use std::fmt;

use crate::error::quotable;
use crate::limits::NESTING_MAX;

/// An error and its place.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Error {
    pub(crate) kind: Fault,
    /// Offset in bytes from the start of the file. `None` until the deserializer fills it in.
    pub(crate) offset: Option<usize>,
}

/// What is wrong.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Fault {
    /// The bytes end before the value does.
    Truncated,
    /// A byte that is no known type marker.
    Marker(u8),
    /// A length that is not an integer, or is negative.
    Length,
    /// A type marker without a count.
    Uncounted,
    /// A container of elements without bytes, which would bound nothing.
    WidthlessElements,
    /// Nesting beyond [`NESTING_MAX`].
    TooDeep,
    /// Text that is not UTF-8.
    Utf8,
    /// Bytes after the value.
    Trailing,
    /// Sound UBJSON of another shape than expected, in serde's words.
    Shape(String),
}

impl Error {
    pub(super) fn at(offset: usize, kind: Fault) -> Self {
        Self { kind, offset: Some(offset) }
    }
}

impl serde::de::Error for Error {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self { kind: Fault::Shape(quotable(&message.to_string())), offset: None }
    }
}

impl std::error::Error for Error {}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            Fault::Truncated => {}
            Fault::Marker(marker) => write!(f, "unknown type marker 0x{marker:02x} ")?,
            Fault::Length => write!(f, "a length that is no whole number ")?,
            Fault::Uncounted => write!(f, "a typed container without a length ")?,
            Fault::WidthlessElements => write!(f, "a container of elements without bytes ")?,
            Fault::TooDeep => write!(f, "more than {NESTING_MAX} containers inside one another ")?,
            Fault::Utf8 => write!(f, "text that is not UTF-8 ")?,
            Fault::Trailing => write!(f, "more bytes after the model's end ")?,
            Fault::Shape(message) => write!(f, "{message} ")?,
        }
        write!(f, "at byte {}", self.offset.unwrap_or(0))
    }
}
