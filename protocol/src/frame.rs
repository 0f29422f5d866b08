//! Frames: a 16-byte header and a payload, back to back on a long-lived stream.
//!
//! This is the layer below messages: it knows lengths, types and request numbers, not what a payload
//! says. Whatever the chunks in which a stream's bytes come, the frames are the same.

use std::fmt;

use bytes::{Buf, BufMut, Bytes, BytesMut};

use crate::error::ErrorCode;
use crate::limits::FRAME_BYTES_MAX;

/// Bytes of the header, length field included.
pub const HEADER_BYTES: usize = 16;
const LENGTH_BYTES: usize = 4;
/// Where a header's reserved bytes lie.
const RESERVED: std::ops::Range<usize> = 5..8;
/// A body is the header without its length field, then the payload.
pub(crate) const BODY_BYTES_MIN: usize = HEADER_BYTES - LENGTH_BYTES;

/// The type of a frame. The number is its code on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum FrameType {
    /// Client: opens the connection.
    Hello = 0x01,
    /// Engine: answers a hello with what is served.
    Welcome = 0x02,
    /// Client: asks for an echo.
    Ping = 0x03,
    /// Engine: the echo.
    Pong = 0x04,
    /// Client: asks where each partition is served.
    Doors = 0x05,
    /// Engine: where each partition is served.
    DoorMap = 0x06,
    /// Client: asks for a decision.
    Decide = 0x10,
    /// Engine: the decision.
    Decision = 0x11,
    /// Client: hands over a batch of events.
    Ingest = 0x20,
    /// Engine: what was accepted of a batch, and how safely.
    Ack = 0x21,
    /// Client: hands over a batch of events that its producer numbers.
    Produce = 0x22,
    /// Client: bytes for the next command.
    Blob = 0x30,
    /// Client: a command of the administration.
    Control = 0x31,
    /// Engine: what the command answers.
    Controlled = 0x32,
    /// Client: asks for rows from now on.
    Subscribe = 0x40,
    /// Engine: rows come from here on.
    Subscribed = 0x41,
    /// Engine: rows of a subscription.
    Rows = 0x42,
    /// Engine: why a request has no other answer.
    Error = 0x7f,
}

impl FrameType {
    /// Every type, in the order of their codes.
    pub const ALL: [Self; 18] = [
        Self::Hello,
        Self::Welcome,
        Self::Ping,
        Self::Pong,
        Self::Doors,
        Self::DoorMap,
        Self::Decide,
        Self::Decision,
        Self::Ingest,
        Self::Ack,
        Self::Produce,
        Self::Blob,
        Self::Control,
        Self::Controlled,
        Self::Subscribe,
        Self::Subscribed,
        Self::Rows,
        Self::Error,
    ];

    /// The type's wire code.
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// Whether a client sends it. The others are an engine's.
    pub const fn is_request(self) -> bool {
        matches!(
            self,
            Self::Hello
                | Self::Ping
                | Self::Doors
                | Self::Decide
                | Self::Ingest
                | Self::Produce
                | Self::Blob
                | Self::Control
                | Self::Subscribe
        )
    }

    /// The type's name in documents and logs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Hello => "hello",
            Self::Welcome => "welcome",
            Self::Ping => "ping",
            Self::Pong => "pong",
            Self::Doors => "doors",
            Self::DoorMap => "door map",
            Self::Decide => "decide",
            Self::Decision => "decision",
            Self::Ingest => "ingest",
            Self::Ack => "ack",
            Self::Produce => "produce",
            Self::Blob => "blob",
            Self::Control => "control",
            Self::Controlled => "controlled",
            Self::Subscribe => "subscribe",
            Self::Subscribed => "subscribed",
            Self::Rows => "rows",
            Self::Error => "error",
        }
    }

    /// The type with this wire code.
    pub const fn from_code(code: u8) -> Option<Self> {
        Some(match code {
            0x01 => Self::Hello,
            0x02 => Self::Welcome,
            0x03 => Self::Ping,
            0x04 => Self::Pong,
            0x05 => Self::Doors,
            0x06 => Self::DoorMap,
            0x10 => Self::Decide,
            0x11 => Self::Decision,
            0x20 => Self::Ingest,
            0x21 => Self::Ack,
            0x22 => Self::Produce,
            0x30 => Self::Blob,
            0x31 => Self::Control,
            0x32 => Self::Controlled,
            0x40 => Self::Subscribe,
            0x41 => Self::Subscribed,
            0x42 => Self::Rows,
            0x7f => Self::Error,
            _ => return None,
        })
    }
}

/// One frame as it came. The type is still a number: an unknown one is answered, not fatal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// The frame type's wire code.
    pub type_code: u8,
    /// The number by which its sender tells replies apart; a reply carries its request's.
    pub request: u64,
    /// What follows the header, sharing memory with the chunk it arrived in where it can.
    pub payload: Bytes,
}

impl Frame {
    /// The frame's type, if version 1 defines it.
    pub fn frame_type(&self) -> Option<FrameType> {
        FrameType::from_code(self.type_code)
    }
}

/// Why a stream's bytes can no longer be cut into frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameError {
    /// The length field announces more than [`FRAME_BYTES_MAX`].
    TooLarge {
        /// What it announces.
        bytes: usize,
    },
    /// The length field announces less than a header.
    TooShort {
        /// What it announces.
        bytes: usize,
    },
    /// The three reserved header bytes are not zero.
    Reserved,
}

impl FrameError {
    /// The code that the peer is told.
    pub const fn code(self) -> ErrorCode {
        match self {
            Self::TooLarge { .. } => ErrorCode::FrameTooLarge,
            Self::TooShort { .. } | Self::Reserved => ErrorCode::MalformedFrame,
        }
    }
}

impl fmt::Display for FrameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLarge { bytes } => {
                write!(f, "a frame announces {bytes} bytes; at most {FRAME_BYTES_MAX} are taken")
            }
            Self::TooShort { bytes } => {
                write!(f, "a frame announces {bytes} bytes; its header alone has {BODY_BYTES_MIN}")
            }
            Self::Reserved => write!(f, "a frame's reserved header bytes are not zero"),
        }
    }
}

impl std::error::Error for FrameError {}

/// Cuts the chunks of a stream into frames. A frame that lies within one chunk is not copied; at most
/// one frame's bytes are held back. A header is judged as soon as it is there, not when its frame is
/// complete.
#[derive(Debug, Default)]
pub struct FrameReader {
    chunk: Bytes,
    partial: BytesMut,
    failed: Option<FrameError>,
}

impl FrameReader {
    /// Takes the stream's next chunk. Call [`FrameReader::next_frame`] until it gives nothing before
    /// handing over another; what is handed over earlier is copied and waits without bound.
    pub fn push(&mut self, chunk: Bytes) {
        if chunk.is_empty() || self.failed.is_some() {
            return;
        }
        self.partial.extend_from_slice(&self.chunk);
        self.chunk = chunk;
    }

    /// The next complete frame, or nothing until more bytes come.
    ///
    /// # Errors
    /// When the bytes cannot be a frame. The stream is then lost: every further call gives the same
    /// error, and what is pushed is dropped.
    pub fn next_frame(&mut self) -> Result<Option<Frame>, FrameError> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        let next = if self.partial.is_empty() { self.next_in_chunk() } else { self.next_straddling() };
        if let Err(error) = next {
            *self = Self { failed: Some(error), ..Self::default() };
        }
        next
    }

    /// Whether a frame has begun and not ended. Ask when [`FrameReader::next_frame`] has given nothing.
    pub fn is_partial(&self) -> bool {
        !self.partial.is_empty() || !self.chunk.is_empty()
    }

    fn next_in_chunk(&mut self) -> Result<Option<Frame>, FrameError> {
        match frame_bytes(&self.chunk)? {
            Some(bytes) if bytes <= self.chunk.len() => Ok(Some(parse_frame(self.chunk.split_to(bytes)))),
            _ => {
                self.partial.extend_from_slice(&self.chunk);
                self.chunk.clear();
                Ok(None)
            }
        }
    }

    /// A frame whose first bytes came in an earlier chunk: completed in `partial`, and only it.
    fn next_straddling(&mut self) -> Result<Option<Frame>, FrameError> {
        self.fill_partial(HEADER_BYTES);
        let Some(bytes) = frame_bytes(&self.partial)? else { return Ok(None) };
        self.fill_partial(bytes);
        if self.partial.len() < bytes {
            return Ok(None);
        }
        Ok(Some(parse_frame(self.partial.split_to(bytes).freeze())))
    }

    fn fill_partial(&mut self, target: usize) {
        let wanted = target.saturating_sub(self.partial.len()).min(self.chunk.len());
        self.partial.extend_from_slice(&self.chunk[..wanted]);
        self.chunk.advance(wanted);
    }
}

/// Bytes of the frame that begins here, header included, once its length field is complete. Judges the
/// length as soon as it is there, and the reserved bytes likewise.
fn frame_bytes(bytes: &[u8]) -> Result<Option<usize>, FrameError> {
    let Some(length) = bytes.first_chunk::<LENGTH_BYTES>() else { return Ok(None) };
    let length = u32::from_le_bytes(*length) as usize;
    if length > FRAME_BYTES_MAX {
        return Err(FrameError::TooLarge { bytes: length });
    }
    if length < BODY_BYTES_MIN {
        return Err(FrameError::TooShort { bytes: length });
    }
    match bytes.get(RESERVED) {
        Some(reserved) if reserved != [0; 3] => Err(FrameError::Reserved),
        _ => Ok(Some(LENGTH_BYTES + length)),
    }
}

/// A whole frame whose header [`frame_bytes`] has judged.
fn parse_frame(mut bytes: Bytes) -> Frame {
    let type_code = bytes[LENGTH_BYTES];
    bytes.advance(RESERVED.end);
    let request = bytes.get_u64_le();
    Frame { type_code, request, payload: bytes }
}

/// Appends a frame whose payload `write` appends. A payload over the limit is a bug of the caller: it
/// checks what it is about to send. The peer refuses such a frame.
pub fn write_frame(
    out: &mut BytesMut,
    frame_type: FrameType,
    request: u64,
    write: impl FnOnce(&mut BytesMut),
) {
    let start = out.len();
    out.put_u32_le(0);
    out.put_u8(frame_type.code());
    out.put_uint_le(0, 3);
    out.put_u64_le(request);
    write(out);
    let length = out.len() - start - LENGTH_BYTES;
    debug_assert!(length <= FRAME_BYTES_MAX, "a frame of {length} bytes is over the limit");
    out[start..start + LENGTH_BYTES].copy_from_slice(&(length as u32).to_le_bytes());
}

#[cfg(test)]
mod tests;
