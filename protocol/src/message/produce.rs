//! Ingest by a producer that numbers its rows, so that each counts once however often it is sent.

use bytes::{BufMut, BytesMut};

use super::{AckLevel, Fields, Ingest, MessageError, Read};
use crate::error::ErrorCode;
use crate::frame::{BODY_BYTES_MIN, FrameType, write_frame};
use crate::limits::FRAME_BYTES_MAX;

/// A batch of events of one stream for one partition, which their producer has numbered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Produce<'a> {
    /// The producer: a number that no other producer uses.
    pub producer: u64,
    /// Which of its lives; a later one fences the earlier ones.
    pub epoch: u32,
    /// The number of the first row among the producer's rows of this epoch in this partition, from 1; the
    /// others follow it.
    pub sequence: u64,
    /// The events.
    pub batch: Ingest<'a>,
}

impl<'a> Produce<'a> {
    /// Bytes in front of the rows.
    pub const HEAD_BYTES: usize = Ingest::HEAD_BYTES + 20;
    /// Most bytes of rows, their lengths included, that fit one frame.
    pub const ROWS_BYTES_MAX: usize = FRAME_BYTES_MAX - BODY_BYTES_MIN - Self::HEAD_BYTES;

    /// Appends the frame.
    pub fn write(&self, request: u64, out: &mut BytesMut) {
        write_frame(out, FrameType::Produce, request, |out| {
            out.put_u16_le(self.batch.stream);
            out.put_u8(self.batch.ack.map_or(0, |level: AckLevel| level as u8));
            out.put_u8(0);
            out.put_u32_le(self.batch.count);
            out.put_u64_le(self.producer);
            out.put_u64_le(self.sequence);
            out.put_u32_le(self.epoch);
            out.put_slice(self.batch.rows);
        });
    }

    /// Reads the payload's head, in place. The rows are cut by [`Ingest::split_rows`].
    ///
    /// # Errors
    /// As [`Ingest::read`]; a sequence of 0, or one that leaves no numbers for the rows, is `batch_invalid`.
    pub fn read(payload: &'a [u8]) -> Read<Self> {
        let head = Ingest::read(payload)?;
        let mut fields = Fields { rest: head.rows };
        let (producer, sequence) = (fields.u64("producer")?, fields.u64("sequence")?);
        let epoch = fields.u32("epoch")?;
        if sequence == 0 || sequence.checked_add(u64::from(head.count)).is_none() {
            return Err(MessageError::with("sequence", ErrorCode::BatchInvalid));
        }
        Ok(Self { producer, epoch, sequence, batch: Ingest { rows: fields.rest, ..head } })
    }
}
