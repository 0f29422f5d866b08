//! Decide and decision.

use bytes::{BufMut, BytesMut};

use super::{Fields, MessageError, Read, require};
use crate::frame::{FrameType, write_frame};

/// A request for a decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decide<'a> {
    /// The decision asked for.
    pub decision: u16,
    /// How long the answer may take from the arrival of the request's last byte at the engine, in
    /// microseconds; 0 takes the decision's own.
    pub deadline_micros: u32,
    /// The request: a row of the decision's stream, not yet checked.
    pub row: &'a [u8],
}

impl<'a> Decide<'a> {
    /// Bytes in front of the row.
    pub const HEAD_BYTES: usize = 8;

    /// Appends the frame.
    pub fn write(&self, request: u64, out: &mut BytesMut) {
        write_frame(out, FrameType::Decide, request, |out| {
            out.put_u16_le(self.decision);
            out.put_u16_le(0);
            out.put_u32_le(self.deadline_micros);
            out.put_slice(self.row);
        });
    }

    /// Reads the payload, in place.
    ///
    /// # Errors
    /// Names the field that does not follow the layout.
    pub fn read(payload: &'a [u8]) -> Read<Self> {
        let mut fields = Fields { rest: payload };
        let decision = fields.u16("decision")?;
        require(fields.u16("flags")? == 0, "flags")?;
        Ok(Self { decision, deadline_micros: fields.u32("deadline_micros")?, row: fields.rest })
    }
}

/// How a decision was reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum DecisionCode {
    /// Answered from model and state.
    Floored = 1,
    /// The decision's WHERE did not hold for this request; there is no row.
    NoMatch = 2,
    /// The app chose not to decide.
    Skipped = 3,
    /// Answered, from little data.
    LowConfidence = 4,
    /// The deadline had passed or the model had no answer: the app's fallback.
    Fallback = 5,
}

impl DecisionCode {
    /// Every code, in numeric order.
    pub const ALL: [Self; 5] =
        [Self::Floored, Self::NoMatch, Self::Skipped, Self::LowConfidence, Self::Fallback];

    /// The name in SQL, JSON and documents.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Floored => "floored",
            Self::NoMatch => "no_match",
            Self::Skipped => "skipped",
            Self::LowConfidence => "low_confidence",
            Self::Fallback => "fallback",
        }
    }

    /// The code of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|code| code.name() == name)
    }

    /// The code with this wire number.
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|&code| code as u8 == number)
    }
}

/// A decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decision<'a> {
    /// How it was reached.
    pub code: DecisionCode,
    /// From the arrival of the request's last byte to the writing of this reply, in nanoseconds; the
    /// largest value stands for 4.29 s and more.
    pub server_nanos: u32,
    /// The request's place in its partition's order.
    pub sequence: u64,
    /// A row of the decision's answer, not yet checked; empty for `no_match`.
    pub row: &'a [u8],
}

impl<'a> Decision<'a> {
    /// Bytes in front of the row.
    pub const HEAD_BYTES: usize = 16;

    /// Appends the frame.
    pub fn write(&self, request: u64, out: &mut BytesMut) {
        write_frame(out, FrameType::Decision, request, |out| {
            out.put_u8(self.code as u8);
            out.put_uint_le(0, 3);
            out.put_u32_le(self.server_nanos);
            out.put_u64_le(self.sequence);
            out.put_slice(self.row);
        });
    }

    /// Reads the payload, in place.
    ///
    /// # Errors
    /// Names the field that does not follow the layout.
    pub fn read(payload: &'a [u8]) -> Read<Self> {
        let mut fields = Fields { rest: payload };
        let code = DecisionCode::from_number(fields.u8("code")?).ok_or(MessageError::new("code"))?;
        fields.bytes(3, "reserved")?;
        let server_nanos = fields.u32("server_nanos")?;
        let sequence = fields.u64("sequence")?;
        require(code != DecisionCode::NoMatch || fields.rest.is_empty(), "row")?;
        Ok(Self { code, server_nanos, sequence, row: fields.rest })
    }
}
