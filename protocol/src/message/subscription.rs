//! Following the rows of a stream or an output as they come.

use bytes::{BufMut, BytesMut};

use super::handshake::{read_schema, write_schema};
use super::{Fields, MessageError, Read, put_name, require};
use crate::frame::{FrameType, write_frame};
use crate::limits::ROW_BYTES_MAX;
use crate::schema::Schema;

/// Asks for the rows of a stream, view or query from now on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscribe {
    /// Its name.
    pub name: String,
}

impl Subscribe {
    /// Appends the frame.
    pub fn write(&self, request: u64, out: &mut BytesMut) {
        write_frame(out, FrameType::Subscribe, request, |out| {
            put_name(out, &self.name);
            out.put_u16_le(0);
        });
    }

    /// Reads the payload.
    ///
    /// # Errors
    /// Names the field that does not follow the layout.
    pub fn read(payload: &[u8]) -> Read<Self> {
        let mut fields = Fields { rest: payload };
        let name = fields.name("name")?;
        require(fields.u16("flags")? == 0, "flags")?;
        fields.end().map(|()| Self { name })
    }
}

/// What is followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Followed {
    /// Events of a stream.
    Stream,
    /// Rows that a view or query gives.
    Output,
}

/// From here on rows come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscribed {
    /// What is followed; nothing for what a later engine has.
    pub followed: Option<Followed>,
    /// Whether each partition gives rows of its own part, which belong together.
    pub in_parts: bool,
    /// The rows' columns.
    pub schema: Schema,
}

impl Subscribed {
    /// Appends the frame.
    pub fn write(&self, request: u64, out: &mut BytesMut) {
        write_frame(out, FrameType::Subscribed, request, |out| {
            out.put_u8(match self.followed {
                None => 0,
                Some(Followed::Stream) => 1,
                Some(Followed::Output) => 2,
            });
            out.put_u8(u8::from(self.in_parts));
            out.put_u16_le(0);
            write_schema(&self.schema, out);
        });
    }

    /// Reads the payload.
    ///
    /// # Errors
    /// Names the field that does not follow the layout.
    pub fn read(payload: &[u8]) -> Read<Self> {
        let mut fields = Fields { rest: payload };
        let followed = match fields.u8("followed")? {
            1 => Some(Followed::Stream),
            2 => Some(Followed::Output),
            _ => None,
        };
        let in_parts = fields.bool("in_parts")?;
        fields.u16("reserved")?;
        let schema = read_schema(&mut fields)?;
        fields.end().map(|()| Self { followed, in_parts, schema })
    }
}

/// Rows of a subscription.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rows<'a> {
    /// Rows that came behind these and were dropped, because the client did not read fast enough.
    pub missed: u64,
    /// Number of rows.
    pub count: u32,
    /// The rows, each as [`Rows::push`] appends it.
    pub entries: &'a [u8],
}

/// One row of a subscription.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RowEntry<'a> {
    /// The row, not yet checked against the schema.
    pub row: &'a [u8],
    /// What the engine says of it besides: of a row of a rule an [`AlertNote`].
    pub extra: &'a [u8],
}

/// What is said of a row that is an alert.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AlertNote {
    /// The alert's id.
    pub id: u64,
    /// 1 info, 2 warning, 3 critical; others are a later engine's.
    pub severity: u8,
    /// Sequences of the rows that matched, in order.
    pub sequences: Vec<u64>,
}

impl AlertNote {
    /// Appends it.
    pub fn write(&self, out: &mut Vec<u8>) {
        out.put_u64_le(self.id);
        out.put_slice(&[self.severity, 0, 0, 0]);
        out.put_u32_le(u32::try_from(self.sequences.len()).unwrap_or(u32::MAX));
        self.sequences.iter().for_each(|&sequence| out.put_u64_le(sequence));
    }

    /// Reads the extra of a rule's row. Bytes behind it are a later engine's.
    ///
    /// # Errors
    /// Names the field that does not follow the layout.
    pub fn read(extra: &[u8]) -> Read<Self> {
        let mut fields = Fields { rest: extra };
        let (id, severity) = (fields.u64("alert")?, fields.u8("severity")?);
        fields.bytes(3, "reserved")?;
        let count = fields.u32("sequence count")? as usize;
        let bytes = fields.bytes(count.saturating_mul(8), "sequences")?;
        let (sequences, _) = bytes.as_chunks::<8>();
        Ok(Self { id, severity, sequences: sequences.iter().map(|word| u64::from_le_bytes(*word)).collect() })
    }
}

impl<'a> Rows<'a> {
    /// Bytes of an entry beside its row and its extra.
    pub const ENTRY_HEAD_BYTES: usize = 8;

    /// Appends the frame.
    pub fn write(&self, request: u64, out: &mut BytesMut) {
        write_frame(out, FrameType::Rows, request, |out| {
            out.put_u64_le(self.missed);
            out.put_u32_le(self.count);
            out.put_slice(self.entries);
        });
    }

    /// Appends one row to the entries.
    pub fn push(entries: &mut Vec<u8>, entry: RowEntry<'_>) {
        for bytes in [entry.row, entry.extra] {
            entries.extend_from_slice(&u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_le_bytes());
        }
        entries.extend_from_slice(entry.row);
        entries.extend_from_slice(entry.extra);
    }

    /// Reads the payload, in place.
    ///
    /// # Errors
    /// Names the field that does not follow the layout.
    pub fn read(payload: &'a [u8]) -> Read<Self> {
        let mut fields = Fields { rest: payload };
        let (missed, count) = (fields.u64("missed")?, fields.u32("count")?);
        let rows = Self { missed, count, entries: fields.rest };
        for _ in 0..count {
            read_entry(&mut fields)?;
        }
        fields.end().map(|()| rows)
    }

    /// The rows, of a message that was read or rightly written.
    pub fn rows(&self) -> impl Iterator<Item = RowEntry<'a>> + use<'a> {
        let mut fields = Fields { rest: self.entries };
        (0..self.count).map_while(move |_| read_entry(&mut fields).ok())
    }
}

fn read_entry<'a>(fields: &mut Fields<'a>) -> Read<RowEntry<'a>> {
    let row_bytes = fields.u32("row length")? as usize;
    let extra_bytes = fields.u32("extra length")? as usize;
    if row_bytes > ROW_BYTES_MAX {
        return Err(MessageError::new("row length"));
    }
    Ok(RowEntry { row: fields.bytes(row_bytes, "row")?, extra: fields.bytes(extra_bytes, "extra")? })
}
