//! Writing records.

use vencejo_types::{DecisionId, ModelId, Origin, Sequence, StreamId, Tick};

use super::{
    ALERT, BASE, Body, Change, DECIDE, DECLARE, Declaration, EXPIRED, Handling, MODEL, ORIGIN_BYTES,
    RECORD_HEAD_BYTES, ROWS, Record, SKIP, TICK, WATERMARK_BYTES, WITH_ORIGIN,
};

/// Bytes of a record of a decision's request.
pub fn decide_bytes(row: usize) -> usize {
    RECORD_HEAD_BYTES + row
}

/// Bytes of a record of a tick.
pub fn tick_bytes(streams: usize) -> usize {
    RECORD_HEAD_BYTES + streams * WATERMARK_BYTES
}

/// Bytes of a record of what was done about an alert.
pub fn alert_bytes() -> usize {
    RECORD_HEAD_BYTES + 1 + size_of::<u64>()
}

/// Bytes that any other record of an event has at most.
pub fn other_bytes(label: usize) -> usize {
    RECORD_HEAD_BYTES + ORIGIN_BYTES + 2 + label
}

/// What every record of an event has.
#[derive(Clone, Copy, Debug)]
pub struct Stamp {
    /// The partition, by its number.
    pub partition: u32,
    /// The place of the first event.
    pub sequence: Sequence,
    /// The engine's time.
    pub tick: Tick,
}

struct Head {
    kind: u8,
    flags: u8,
    id: u16,
    count: u32,
}

/// Appends a record of rows of one stream.
pub fn write_rows<'r>(
    stamp: Stamp,
    stream: StreamId,
    origin: Option<Origin>,
    rows: impl ExactSizeIterator<Item = &'r [u8]>,
    out: &mut Vec<u8>,
) {
    let flags = if origin.is_some() { WITH_ORIGIN } else { 0 };
    let head = Head { kind: ROWS, flags, id: stream.0, count: count(rows.len()) };
    record(stamp, &head, out, |out| {
        origin.iter().for_each(|origin| put_origin(origin, out));
        for row in rows {
            out.extend_from_slice(&count(row.len()).to_le_bytes());
            out.extend_from_slice(row);
        }
    });
}

/// Appends a record of a request.
pub fn write_decide(stamp: Stamp, decision: DecisionId, expired: bool, row: &[u8], out: &mut Vec<u8>) {
    let head = Head { kind: DECIDE, flags: if expired { EXPIRED } else { 0 }, id: decision.0, count: 1 };
    record(stamp, &head, out, |out| out.extend_from_slice(row));
}

/// Appends a record of a tick.
pub fn write_tick(stamp: Stamp, watermarks: &[Option<i64>], out: &mut Vec<u8>) {
    let head = Head { kind: TICK, flags: 0, id: 0, count: count(watermarks.len()) };
    record(stamp, &head, out, |out| {
        for watermark in watermarks {
            out.push(u8::from(watermark.is_some()));
            out.extend_from_slice(&watermark.unwrap_or_default().to_le_bytes());
        }
    });
}

/// Appends a record of a change of a model.
pub fn write_model(stamp: Stamp, model: ModelId, change: Change<'_>, out: &mut Vec<u8>) {
    let head = Head { kind: MODEL, flags: 0, id: model.0, count: 1 };
    record(stamp, &head, out, |out| {
        let (tag, weight, numbers, label) = match change {
            Change::Install { label, content, shadow_rows } => (1, 0, [content, shadow_rows], label),
            Change::Activate(label) => (2, 0, [0, 0], label),
            Change::Split(label, weight) => (3, weight, [0, 0], label),
            Change::Rollback => (4, 0, [0, 0], ""),
        };
        out.extend_from_slice(&[tag, weight]);
        numbers.iter().for_each(|number| out.extend_from_slice(&number.to_le_bytes()));
        out.extend_from_slice(label.as_bytes());
    });
}

/// Appends a record of what was done about an alert.
pub fn write_alert(stamp: Stamp, id: u64, handling: Handling, out: &mut Vec<u8>) {
    record(stamp, &Head { kind: ALERT, flags: 0, id: 0, count: 1 }, out, |out| {
        out.push(match handling {
            Handling::Acknowledge => 1,
            Handling::Resolve => 2,
        });
        out.extend_from_slice(&id.to_le_bytes());
    });
}

/// Appends a record of an event that the core failed on.
pub fn write_skip(stamp: Stamp, origin: Option<Origin>, out: &mut Vec<u8>) {
    let flags = if origin.is_some() { WITH_ORIGIN } else { 0 };
    record(stamp, &Head { kind: SKIP, flags, id: 0, count: 1 }, out, |out| {
        origin.iter().for_each(|origin| put_origin(origin, out));
    });
}

/// Appends a declaration.
pub fn write_declaration(declaration: &Declaration, out: &mut Vec<u8>) {
    let stamp = Stamp { partition: 0, sequence: Sequence(0), tick: Tick(0) };
    record(stamp, &Head { kind: DECLARE, flags: 0, id: 0, count: 0 }, out, |out| {
        out.extend_from_slice(&declaration.partitions.to_le_bytes());
        put_name(&declaration.app, out);
        out.extend_from_slice(&count(declaration.streams.len()).to_le_bytes());
        for (name, fingerprint) in &declaration.streams {
            put_name(name, out);
            out.extend_from_slice(&fingerprint.to_le_bytes());
        }
        for names in [&declaration.decisions, &declaration.models] {
            out.extend_from_slice(&count(names.len()).to_le_bytes());
            names.iter().for_each(|name| put_name(name, out));
        }
    });
}

/// Appends what the segments before hold: by partition the last event, and the last tick.
pub fn write_base(sequences: &[u64], tick: Tick, out: &mut Vec<u8>) {
    let stamp = Stamp { partition: 0, sequence: Sequence(0), tick };
    record(stamp, &Head { kind: BASE, flags: 0, id: 0, count: count(sequences.len()) }, out, |out| {
        sequences.iter().for_each(|sequence| out.extend_from_slice(&sequence.to_le_bytes()));
    });
}

/// Appends a record as it was read; of rows, as many of the first ones as `events` says.
pub fn write_record(record: &Record<'_>, events: u64, out: &mut Vec<u8>) {
    let Record { partition, sequence, tick, body } = record;
    let stamp = Stamp { partition: *partition, sequence: *sequence, tick: *tick };
    match body {
        Body::Rows { stream, origin, rows } => {
            let events = usize::try_from(events).map_or(rows.len(), |events| events.min(rows.len()));
            let rows: Vec<_> = rows.iter().take(events).collect();
            write_rows(stamp, *stream, *origin, rows.into_iter(), out);
        }
        Body::Decide { decision, expired, row } => write_decide(stamp, *decision, *expired, row, out),
        Body::Tick(watermarks) => write_tick(stamp, watermarks, out),
        Body::Model(model, change) => write_model(stamp, *model, *change, out),
        Body::Skip(origin) => write_skip(stamp, *origin, out),
        Body::Alert(id, handling) => write_alert(stamp, *id, *handling, out),
        Body::Declare(declaration) => write_declaration(declaration, out),
        Body::Base(sequences) => write_base(sequences, *tick, out),
    }
}

fn record(stamp: Stamp, head: &Head, out: &mut Vec<u8>, body: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(&[head.kind, head.flags]);
    out.extend_from_slice(&head.id.to_le_bytes());
    out.extend_from_slice(&stamp.partition.to_le_bytes());
    out.extend_from_slice(&head.count.to_le_bytes());
    out.extend_from_slice(&stamp.sequence.0.to_le_bytes());
    out.extend_from_slice(&stamp.tick.0.to_le_bytes());
    body(out);
    let length = count(out.len() - start);
    out[start..start + 4].copy_from_slice(&length.to_le_bytes());
}

fn put_origin(origin: &Origin, out: &mut Vec<u8>) {
    out.extend_from_slice(&origin.producer.to_le_bytes());
    out.extend_from_slice(&origin.number.to_le_bytes());
    out.extend_from_slice(&origin.epoch.to_le_bytes());
    out.extend_from_slice(&[0; 4]);
}

fn put_name(name: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(&count(name.len()).to_le_bytes());
    out.extend_from_slice(name.as_bytes());
}

fn count(items: usize) -> u32 {
    u32::try_from(items).expect("a record is shorter than a segment")
}
