//! Payloads of each frame type: plain structs that write themselves and read themselves back.
//!
//! A reader checks the whole layout, so that what it returns can be believed; whether ids exist here
//! and rows fit their schema is for its caller. Fields called `flags` must be zero. Fields called
//! `reserved` are the engine's: written as zero, ignored when read.

use std::fmt;

use bytes::{BufMut, BytesMut};

use crate::error::ErrorCode;
use crate::limits::NAME_BYTES_MAX;
use crate::schema::is_label;

mod control;
mod decision;
mod doors;
mod failure;
mod handshake;
mod ingest;
mod ping;
mod produce;
mod subscription;
#[cfg(test)]
mod tests;

pub use control::{Blob, Control, Controlled};
pub use decision::{Decide, Decision, DecisionCode};
pub use doors::{DoorMap, Doors};
pub use failure::ErrorFrame;
pub use handshake::{DecisionInfo, Hello, StreamInfo, Welcome};
pub use ingest::{Ack, AckEntry, AckLevel, Ingest};
pub use ping::{Ping, Pong};
pub use produce::Produce;
pub use subscription::{AlertNote, Followed, RowEntry, Rows, Subscribe, Subscribed};

/// The protocol version this crate speaks.
pub const VERSION: u16 = 1;
/// The ALPN token of version 1.
pub const ALPN: &[u8] = b"vencejo/1";

/// Why a payload does not follow its layout: the field that was being read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MessageError {
    /// The field, as SPEC.md names it.
    pub field: &'static str,
    code: ErrorCode,
}

impl MessageError {
    const fn new(field: &'static str) -> Self {
        Self { field, code: ErrorCode::MalformedFrame }
    }

    const fn with(field: &'static str, code: ErrorCode) -> Self {
        Self { field, code }
    }

    /// The code that the peer is told.
    pub const fn code(&self) -> ErrorCode {
        self.code
    }
}

impl fmt::Display for MessageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the payload breaks its layout or a limit at field '{}'", self.field)
    }
}

impl std::error::Error for MessageError {}

type Read<T> = Result<T, MessageError>;

/// Reads fields off the front of a payload.
struct Fields<'a> {
    rest: &'a [u8],
}

impl<'a> Fields<'a> {
    fn bytes(&mut self, count: usize, field: &'static str) -> Read<&'a [u8]> {
        let (head, rest) = self.rest.split_at_checked(count).ok_or(MessageError::new(field))?;
        self.rest = rest;
        Ok(head)
    }

    fn array<const N: usize>(&mut self, field: &'static str) -> Read<[u8; N]> {
        Ok(self.bytes(N, field)?.try_into().expect("the slice has N bytes"))
    }

    fn u8(&mut self, field: &'static str) -> Read<u8> {
        Ok(self.array::<1>(field)?[0])
    }

    fn u16(&mut self, field: &'static str) -> Read<u16> {
        Ok(u16::from_le_bytes(self.array(field)?))
    }

    fn u32(&mut self, field: &'static str) -> Read<u32> {
        Ok(u32::from_le_bytes(self.array(field)?))
    }

    fn u64(&mut self, field: &'static str) -> Read<u64> {
        Ok(u64::from_le_bytes(self.array(field)?))
    }

    /// A byte that is 0 or 1.
    fn bool(&mut self, field: &'static str) -> Read<bool> {
        let byte = self.u8(field)?;
        require(byte <= 1, field).map(|()| byte == 1)
    }

    /// A name, or nothing, or a text for logs.
    fn label(&mut self, field: &'static str) -> Read<String> {
        let length = usize::from(self.u16(field)?);
        let label = std::str::from_utf8(self.bytes(length, field)?).map_err(|_| MessageError::new(field))?;
        require(is_label(label), field).map(|()| label.to_owned())
    }

    fn name(&mut self, field: &'static str) -> Read<String> {
        let name = self.label(field)?;
        require(!name.is_empty(), field).map(|()| name)
    }

    fn count(&mut self, max: usize, field: &'static str) -> Read<usize> {
        let count = usize::from(self.u16(field)?);
        require(count <= max, field).map(|()| count)
    }

    fn end(&self) -> Read<()> {
        require(self.rest.is_empty(), "end of payload")
    }
}

fn require(holds: bool, field: &'static str) -> Read<()> {
    if holds { Ok(()) } else { Err(MessageError::new(field)) }
}

fn distinct<T: Ord>(items: impl Iterator<Item = T>) -> bool {
    let mut items: Vec<T> = items.collect();
    items.sort_unstable();
    items.windows(2).all(|pair| pair[0] != pair[1])
}

/// Writes a name as it is: one over the limit is refused by the reader, never taken for another.
fn put_name(out: &mut BytesMut, name: &str) {
    put_text(out, cut(name, usize::from(u16::MAX)));
}

/// Writes a text for logs, cut to the limit.
fn put_label(out: &mut BytesMut, label: &str) {
    put_text(out, cut(label, NAME_BYTES_MAX));
}

fn put_text(out: &mut BytesMut, text: &str) {
    put_count(out, text.len());
    out.put_slice(text.as_bytes());
}

/// Writes a count. One that does not fit becomes the largest, which every reader refuses.
fn put_count(out: &mut BytesMut, count: usize) {
    out.put_u16_le(u16::try_from(count).unwrap_or(u16::MAX));
}

/// The longest prefix of `text` within `bytes_max` that ends between characters.
fn cut(text: &str, bytes_max: usize) -> &str {
    &text[..text.floor_char_boundary(bytes_max)]
}
