//! The error frame.

use bytes::{BufMut, BytesMut};

use super::{Fields, Read, cut};
use crate::error::ErrorCode;
use crate::frame::{FrameType, write_frame};
use crate::limits::ERROR_TEXT_BYTES_MAX;

/// Why a request has no other answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ErrorFrame {
    /// The code, as a number: a later engine may know more of them.
    pub code: u16,
    /// When to try again, in microseconds; 0 where that makes no sense.
    pub retry_after_micros: u32,
    /// One sentence: what, where, what to do. Writing and reading cut it to [`ERROR_TEXT_BYTES_MAX`].
    pub text: String,
}

impl ErrorFrame {
    /// An error that repeating the request does not mend.
    pub fn new(code: ErrorCode, text: impl Into<String>) -> Self {
        Self { code: code.number(), retry_after_micros: 0, text: text.into() }
    }

    /// Appends the frame. `request` is that of the request it answers, or 0 where none can be told.
    pub fn write(&self, request: u64, out: &mut BytesMut) {
        write_frame(out, FrameType::Error, request, |out| {
            out.put_u16_le(self.code);
            out.put_u16_le(0);
            out.put_u32_le(self.retry_after_micros);
            out.put_slice(cut(&self.text, ERROR_TEXT_BYTES_MAX).as_bytes());
        });
    }

    /// Reads the payload. A text that is not UTF-8 is mended, not refused: an error should be seen.
    ///
    /// # Errors
    /// Names the field that does not follow the layout.
    pub fn read(payload: &[u8]) -> Read<Self> {
        let mut fields = Fields { rest: payload };
        let code = fields.u16("code")?;
        fields.u16("reserved")?;
        let retry_after_micros = fields.u32("retry_after_micros")?;
        let bytes = fields.rest.len().min(ERROR_TEXT_BYTES_MAX);
        // What replaces a bad byte is longer than it: cut once more.
        let text = String::from_utf8_lossy(&fields.rest[..bytes]);
        Ok(Self { code, retry_after_micros, text: cut(&text, ERROR_TEXT_BYTES_MAX).to_owned() })
    }
}
