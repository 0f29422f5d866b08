//! Reading records.

use vencejo_types::limits::PARTITIONS_MAX;
use vencejo_types::{DecisionId, ModelId, Origin, Sequence, StreamId, Tick};

use super::{
    ALERT, BASE, Body, Change, DECIDE, DECLARE, Declaration, EXPIRED, Handling, MODEL, RECORD_HEAD_BYTES,
    ROWS, Record, RecordError, Rows, SKIP, TICK, WITH_ORIGIN,
};

impl<'a> Record<'a> {
    /// Reads the record at the front of a payload; the rest of the payload.
    ///
    /// # Errors
    /// Names the part that does not follow the layout.
    pub fn read(payload: &'a [u8]) -> Result<(Self, &'a [u8]), RecordError> {
        let length = Reader(payload).u32("length")? as usize;
        let whole = payload.split_at_checked(length).filter(|_| length >= RECORD_HEAD_BYTES);
        let (record, rest) = whole.ok_or(RecordError { part: "length" })?;
        let mut reader = Reader(&record[4..]);
        let [kind, flags] = reader.array("kind")?;
        let id = u16::from_le_bytes(reader.array("id")?);
        let (partition, count) = (reader.u32("partition")?, reader.u32("count")?);
        if partition >= PARTITIONS_MAX {
            // Whoever counts by partition would ask for memory without end.
            return Err(RecordError { part: "partition" });
        }
        let sequence = Sequence(reader.u64("sequence")?);
        let tick = Tick(reader.i64("tick")?);
        let body = read_body(kind, flags, id, count, &mut reader)?;
        if !reader.0.is_empty() {
            return Err(RecordError { part: "end of record" });
        }
        Ok((Self { partition, sequence, tick, body }, rest))
    }

    /// How many events it holds.
    pub fn events(&self) -> u64 {
        match &self.body {
            Body::Rows { rows, .. } => u64::from(rows.count),
            Body::Declare(_) | Body::Base(_) => 0,
            _ => 1,
        }
    }
}

fn read_body<'a>(
    kind: u8,
    flags: u8,
    id: u16,
    count: u32,
    reader: &mut Reader<'a>,
) -> Result<Body<'a>, RecordError> {
    let known = if matches!(kind, ROWS | DECIDE | SKIP) { 1 } else { 0 };
    if flags > known {
        return Err(RecordError { part: "flags" });
    }
    Ok(match kind {
        ROWS => {
            let origin = (flags == WITH_ORIGIN).then(|| reader.origin()).transpose()?;
            let bytes = reader.0;
            for _ in 0..count {
                let length = reader.u32("row length")?;
                reader.take(length as usize, "row")?;
            }
            let bytes = &bytes[..bytes.len() - reader.0.len()];
            Body::Rows { stream: StreamId(id), origin, rows: Rows { count, bytes } }
        }
        DECIDE => Body::Decide {
            decision: DecisionId(id),
            expired: flags == EXPIRED,
            row: reader.take(reader.0.len(), "row")?,
        },
        TICK => {
            let watermark = |reader: &mut Reader<'a>| {
                let [present] = reader.array("watermark")?;
                let millis = reader.i64("watermark")?;
                Ok((present == 1).then_some(millis))
            };
            Body::Tick((0..count).map(|_| watermark(reader)).collect::<Result<_, _>>()?)
        }
        MODEL => {
            let [tag, weight] = reader.array("change")?;
            let (content, shadow_rows) = (reader.u64("content")?, reader.u64("shadow rows")?);
            let label = reader.text(reader.0.len(), "label")?;
            let change = match tag {
                1 => Change::Install { label, content, shadow_rows },
                2 => Change::Activate(label),
                3 => Change::Split(label, weight),
                4 => Change::Rollback,
                _ => return Err(RecordError { part: "change" }),
            };
            Body::Model(ModelId(id), change)
        }
        SKIP => Body::Skip((flags == WITH_ORIGIN).then(|| reader.origin()).transpose()?),
        ALERT => {
            let handling = match reader.array("change")? {
                [1] => Handling::Acknowledge,
                [2] => Handling::Resolve,
                _ => return Err(RecordError { part: "change" }),
            };
            Body::Alert(reader.u64("alert")?, handling)
        }
        DECLARE => Body::Declare(reader.declaration()?),
        BASE => Body::Base((0..count).map(|_| reader.u64("base")).collect::<Result<_, _>>()?),
        _ => return Err(RecordError { part: "kind" }),
    })
}

/// Reads parts off the front of a record.
pub(super) struct Reader<'a>(pub(super) &'a [u8]);

impl<'a> Reader<'a> {
    pub(super) fn take(&mut self, count: usize, part: &'static str) -> Result<&'a [u8], RecordError> {
        let (head, rest) = self.0.split_at_checked(count).ok_or(RecordError { part })?;
        self.0 = rest;
        Ok(head)
    }

    fn array<const N: usize>(&mut self, part: &'static str) -> Result<[u8; N], RecordError> {
        Ok(self.take(N, part)?.try_into().expect("the slice has N bytes"))
    }

    pub(super) fn u32(&mut self, part: &'static str) -> Result<u32, RecordError> {
        Ok(u32::from_le_bytes(self.array(part)?))
    }

    fn u64(&mut self, part: &'static str) -> Result<u64, RecordError> {
        Ok(u64::from_le_bytes(self.array(part)?))
    }

    fn i64(&mut self, part: &'static str) -> Result<i64, RecordError> {
        Ok(i64::from_le_bytes(self.array(part)?))
    }

    fn text(&mut self, count: usize, part: &'static str) -> Result<&'a str, RecordError> {
        std::str::from_utf8(self.take(count, part)?).map_err(|_| RecordError { part })
    }

    fn name(&mut self) -> Result<String, RecordError> {
        let length = self.u32("name")?;
        self.text(length as usize, "name").map(str::to_owned)
    }

    fn names(&mut self) -> Result<Vec<String>, RecordError> {
        let count = self.u32("count")?;
        (0..count).map(|_| self.name()).collect()
    }

    fn origin(&mut self) -> Result<Origin, RecordError> {
        let (producer, number) = (self.u64("producer")?, self.u64("number")?);
        let epoch = self.u32("epoch")?;
        self.array::<4>("reserved")?;
        Ok(Origin { producer, epoch, number })
    }

    fn declaration(&mut self) -> Result<Declaration, RecordError> {
        let partitions = self.u32("partitions")?;
        let app = self.name()?;
        let count = self.u32("count")?;
        let streams = (0..count).map(|_| Ok((self.name()?, self.u64("fingerprint")?)));
        let streams = streams.collect::<Result<_, _>>()?;
        Ok(Declaration { app, partitions, streams, decisions: self.names()?, models: self.names()? })
    }
}
