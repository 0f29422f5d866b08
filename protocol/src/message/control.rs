//! Administration: blobs, a command that consumes them, its answer.

use bytes::{BufMut, BytesMut};

use super::{Fields, MessageError, Read, put_name};
use crate::error::ErrorCode;
use crate::frame::{BODY_BYTES_MIN, FrameType, write_frame};
use crate::limits::{CONTROL_ARGUMENTS_BYTES_MAX, FRAME_BYTES_MAX};

/// Bytes for the next command of the same stream. Frames of one name are one blob, in their order. No frame
/// answers a blob: what is wrong with it is the answer of the command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blob<'a> {
    /// The blob's name.
    pub name: String,
    /// What to append to it.
    pub bytes: &'a [u8],
}

impl<'a> Blob<'a> {
    /// Appends the frame.
    pub fn write(&self, request: u64, out: &mut BytesMut) {
        write_frame(out, FrameType::Blob, request, |out| {
            put_name(out, &self.name);
            out.put_slice(self.bytes);
        });
    }

    /// Reads the payload; the bytes in place.
    ///
    /// # Errors
    /// Names the field that does not follow the layout.
    pub fn read(payload: &'a [u8]) -> Read<Self> {
        let mut fields = Fields { rest: payload };
        Ok(Self { name: fields.name("name")?, bytes: fields.rest })
    }
}

/// A command, with the blobs that its stream has gathered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Control<'a> {
    /// The command's name.
    pub command: String,
    /// Its arguments as JSON text; whether it is JSON is for the command to see.
    pub arguments: &'a str,
}

impl<'a> Control<'a> {
    /// Appends the frame.
    pub fn write(&self, request: u64, out: &mut BytesMut) {
        write_frame(out, FrameType::Control, request, |out| {
            put_name(out, &self.command);
            out.put_slice(self.arguments.as_bytes());
        });
    }

    /// Reads the payload; the arguments in place.
    ///
    /// # Errors
    /// Names the field that does not follow the layout. Arguments over [`CONTROL_ARGUMENTS_BYTES_MAX`]
    /// are `control_refused`: only this command is.
    pub fn read(payload: &'a [u8]) -> Read<Self> {
        let mut fields = Fields { rest: payload };
        let command = fields.name("command")?;
        if fields.rest.len() > CONTROL_ARGUMENTS_BYTES_MAX {
            return Err(MessageError::with("arguments", ErrorCode::ControlRefused));
        }
        Ok(Self { command, arguments: text(fields.rest, "arguments")? })
    }
}

/// The answer to a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Controlled<'a> {
    /// JSON text; at most [`Controlled::TEXT_BYTES_MAX`].
    pub text: &'a str,
}

impl<'a> Controlled<'a> {
    /// Longest text that fits a frame.
    pub const TEXT_BYTES_MAX: usize = FRAME_BYTES_MAX - BODY_BYTES_MIN;

    /// Appends the frame.
    pub fn write(&self, request: u64, out: &mut BytesMut) {
        write_frame(out, FrameType::Controlled, request, |out| out.put_slice(self.text.as_bytes()));
    }

    /// Reads the payload, in place.
    ///
    /// # Errors
    /// When the text is not UTF-8.
    pub fn read(payload: &'a [u8]) -> Read<Self> {
        Ok(Self { text: text(payload, "text")? })
    }
}

fn text<'a>(bytes: &'a [u8], field: &'static str) -> Read<&'a str> {
    std::str::from_utf8(bytes).map_err(|_| MessageError::new(field))
}
