//! Ping and pong.

use bytes::{BufMut, BytesMut};

use super::{Read, require};
use crate::frame::{FrameType, write_frame};
use crate::limits::PING_BYTES_MAX;

/// A request for an echo: keeps the connection alive, measures the way there and back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ping<'a> {
    /// What is to come back; at most [`PING_BYTES_MAX`] bytes.
    pub payload: &'a [u8],
}

impl<'a> Ping<'a> {
    /// Appends the frame.
    pub fn write(&self, request: u64, out: &mut BytesMut) {
        write_frame(out, FrameType::Ping, request, |out| out.put_slice(self.payload));
    }

    /// Reads the payload, in place.
    ///
    /// # Errors
    /// Names the field that does not follow the layout.
    pub fn read(payload: &'a [u8]) -> Read<Self> {
        echo(payload).map(|payload| Self { payload })
    }

    /// The answer.
    pub fn pong(&self) -> Pong<'a> {
        Pong { payload: self.payload }
    }
}

/// The answer to a ping.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pong<'a> {
    /// What the ping carried.
    pub payload: &'a [u8],
}

impl<'a> Pong<'a> {
    /// Appends the frame.
    pub fn write(&self, request: u64, out: &mut BytesMut) {
        write_frame(out, FrameType::Pong, request, |out| out.put_slice(self.payload));
    }

    /// Reads the payload, in place.
    ///
    /// # Errors
    /// Names the field that does not follow the layout.
    pub fn read(payload: &'a [u8]) -> Read<Self> {
        echo(payload).map(|payload| Self { payload })
    }
}

fn echo(payload: &[u8]) -> Read<&[u8]> {
    require(payload.len() <= PING_BYTES_MAX, "echo").map(|()| payload)
}
