//! Ingest and acknowledgement.

use bytes::{BufMut, BytesMut};

use super::{Fields, MessageError, Read, require};
use crate::error::ErrorCode;
use crate::frame::{BODY_BYTES_MIN, FrameType, write_frame};
use crate::limits::{BATCH_ROWS_MAX, FRAME_BYTES_MAX, ROW_BYTES_MAX};

/// How safe an acknowledged event is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum AckLevel {
    /// Applied to the partition's state in memory.
    Memory = 1,
    /// On disk as well. An engine without a journal refuses it with `ack_level_unavailable`.
    Journaled = 2,
}

impl AckLevel {
    /// The level with this wire code.
    pub const fn from_code(code: u8) -> Option<Self> {
        match code {
            1 => Some(Self::Memory),
            2 => Some(Self::Journaled),
            _ => None,
        }
    }
}

/// A batch of events of one stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ingest<'a> {
    /// The stream.
    pub stream: u16,
    /// The level at which to acknowledge; nothing takes the stream's own.
    pub ack: Option<AckLevel>,
    /// Number of rows.
    pub count: u32,
    /// The rows, each behind its length in 4 bytes.
    pub rows: &'a [u8],
}

impl<'a> Ingest<'a> {
    /// Bytes in front of the rows.
    pub const HEAD_BYTES: usize = 8;
    /// Most bytes of rows, their lengths included, that fit one frame.
    pub const ROWS_BYTES_MAX: usize = FRAME_BYTES_MAX - BODY_BYTES_MIN - Self::HEAD_BYTES;
    /// Bytes in front of each row.
    pub const ROW_LENGTH_BYTES: usize = 4;

    /// Appends the frame.
    pub fn write(&self, request: u64, out: &mut BytesMut) {
        write_frame(out, FrameType::Ingest, request, |out| {
            out.put_u16_le(self.stream);
            out.put_u8(self.ack.map_or(0, |level| level as u8));
            out.put_u8(0);
            out.put_u32_le(self.count);
            out.put_slice(self.rows);
        });
    }

    /// Reads the payload's head, in place. The rows are cut by [`Ingest::split_rows`].
    ///
    /// # Errors
    /// Names the field that does not follow the layout. A level that is not known is
    /// `ack_level_unavailable`, a count out of range `batch_invalid`: only this request is refused.
    pub fn read(payload: &'a [u8]) -> Read<Self> {
        let mut fields = Fields { rest: payload };
        let stream = fields.u16("stream")?;
        let ack = match fields.u8("ack")? {
            0 => None,
            code => {
                let unavailable = MessageError::with("ack", ErrorCode::AckLevelUnavailable);
                Some(AckLevel::from_code(code).ok_or(unavailable)?)
            }
        };
        require(fields.u8("flags")? == 0, "flags")?;
        let count = fields.u32("count")?;
        if !(1..=BATCH_ROWS_MAX).contains(&(count as usize)) {
            return Err(MessageError::with("count", ErrorCode::BatchInvalid));
        }
        Ok(Self { stream, ack, count, rows: fields.rest })
    }

    /// The rows' bytes, one by one, not yet checked. Where they do not fill the batch exactly the last
    /// item is an error (`batch_invalid`; `row_invalid` for a row over the limit): a caller that acts on
    /// whole batches looks at every item first.
    pub fn split_rows(&self) -> impl Iterator<Item = Read<&'a [u8]>> + use<'a> {
        let mut fields = Fields { rest: self.rows };
        let mut left = self.count;
        std::iter::from_fn(move || {
            let item = if left > 0 { Some(split_row(&mut fields)) } else { fields.end().err().map(Err) };
            left = left.saturating_sub(1);
            item.map(|row| {
                row.map_err(|error| {
                    (left, fields.rest) = (0, &[]);
                    match error.code() {
                        ErrorCode::RowInvalid => error,
                        _ => MessageError::with(error.field, ErrorCode::BatchInvalid),
                    }
                })
            })
        })
    }

    /// Appends one row to the rows of a batch.
    pub fn push_row(rows: &mut Vec<u8>, row: &[u8]) {
        rows.extend_from_slice(&(row.len() as u32).to_le_bytes());
        rows.extend_from_slice(row);
    }
}

fn split_row<'a>(fields: &mut Fields<'a>) -> Read<&'a [u8]> {
    let length = fields.u32("row length")? as usize;
    if length > ROW_BYTES_MAX {
        return Err(MessageError::with("row length", ErrorCode::RowInvalid));
    }
    fields.bytes(length, "row")
}

/// What became of a batch's events in one partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AckEntry {
    /// The partition.
    pub partition: u32,
    /// Why its events were refused, all of them; nothing when they were accepted. A code that a later
    /// engine adds reads as the one that stands for its hundred ([`ErrorCode::nearest`]).
    pub refused: Option<ErrorCode>,
    /// How many of the batch's events belong to it.
    pub events: u32,
    /// When to try a refused part again, in microseconds; 0 where that makes no sense.
    pub retry_after_micros: u32,
    /// The sequence of the last accepted event; 0 when they were refused.
    pub sequence: u64,
}

/// The answer to a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ack {
    /// The level reached by the accepted events.
    pub level: AckLevel,
    /// One entry per partition that the batch touches, by ascending partition.
    pub entries: Vec<AckEntry>,
}

impl Ack {
    /// Appends the frame.
    pub fn write(&self, request: u64, out: &mut BytesMut) {
        write_frame(out, FrameType::Ack, request, |out| {
            out.put_u8(self.level as u8);
            out.put_uint_le(0, 3);
            out.put_u32_le(self.entries.len() as u32);
            for entry in &self.entries {
                out.put_u32_le(entry.partition);
                out.put_u16_le(entry.refused.map_or(0, ErrorCode::number));
                out.put_u16_le(0);
                out.put_u32_le(entry.events);
                out.put_u32_le(entry.retry_after_micros);
                out.put_u64_le(entry.sequence);
            }
        });
    }

    /// Reads the payload.
    ///
    /// # Errors
    /// Names the field that does not follow the layout.
    pub fn read(payload: &[u8]) -> Read<Self> {
        let mut fields = Fields { rest: payload };
        let level = AckLevel::from_code(fields.u8("level")?).ok_or(MessageError::new("level"))?;
        fields.bytes(3, "reserved")?;
        let count = fields.u32("entries")?;
        let mut entries: Vec<AckEntry> = Vec::new();
        for _ in 0..count {
            let partition = fields.u32("partition")?;
            require(entries.last().is_none_or(|last| last.partition < partition), "partition")?;
            let refused = match fields.u16("refused")? {
                0 => None,
                code => Some(ErrorCode::nearest(code)),
            };
            fields.u16("reserved")?;
            entries.push(AckEntry {
                partition,
                refused,
                events: fields.u32("events")?,
                retry_after_micros: fields.u32("retry_after_micros")?,
                sequence: fields.u64("sequence")?,
            });
        }
        fields.end()?;
        Ok(Self { level, entries })
    }

    /// How many events were accepted.
    pub fn accepted(&self) -> u64 {
        self.entries.iter().filter(|entry| entry.refused.is_none()).map(|entry| u64::from(entry.events)).sum()
    }
}
