//! A partition's side of the journal: room is asked for before an event is applied, the record goes in behind
//! it.

use std::sync::Arc;

use vencejo_core::alerts::{AlertChange, AlertId};
use vencejo_core::models::ModelChange;
use vencejo_journal::bugs::{self, Bug};
use vencejo_journal::record::{
    ROW_LENGTH_BYTES, ROWS_HEAD_BYTES_MAX, Stamp, alert_bytes, decide_bytes, other_bytes, tick_bytes,
    write_alert, write_decide, write_model, write_rows, write_skip, write_tick,
};
use vencejo_journal::{Change, Class, Handling, Refused, Urgency};
use vencejo_types::limits::BATCH_SLICE_ROWS_MAX;
use vencejo_types::{DecisionId, ModelId, Origin, Sequence, StreamId, Tick};

use crate::kept::Kept;

/// Where a partition writes down what it has applied; nowhere, for an engine in memory.
pub(crate) struct Ledger {
    partition: u32,
    kept: Option<Arc<Kept>>,
}

/// What is admitted for the heads of a batch's records, until it is at its end: they count when written.
fn batch_heads(count: usize) -> usize {
    count.div_ceil(BATCH_SLICE_ROWS_MAX) * ROWS_HEAD_BYTES_MAX
}

/// An event, as it is written down.
#[derive(Clone, Copy)]
pub(crate) enum Entry<'a> {
    Decide(DecisionId, bool, &'a [u8]),
    Tick(&'a [Option<i64>]),
    Model(ModelId, &'a ModelChange),
    Alert(AlertId, AlertChange),
}

impl Entry<'_> {
    /// Bytes that are to be admitted for it.
    fn bytes(&self) -> usize {
        match self {
            Self::Decide(_, _, row) => decide_bytes(row.len()),
            Self::Tick(watermarks) => tick_bytes(watermarks.len()),
            Self::Model(_, change) => other_bytes(label_of(change).len()),
            Self::Alert(..) => alert_bytes(),
        }
    }

    fn write(&self, stamp: Stamp, out: &mut Vec<u8>) {
        match *self {
            Self::Decide(decision, expired, row) => write_decide(stamp, decision, expired, row, out),
            Self::Tick(watermarks) => write_tick(stamp, watermarks, out),
            Self::Model(model, change) => write_model(stamp, model, record_of(change), out),
            Self::Alert(id, change) => write_alert(stamp, id.0, handling_of(change), out),
        }
    }

    /// Somebody waits for a change of a model or an alert. Nobody waits for a decision's record: it has been
    /// answered.
    fn urgency(&self) -> Urgency {
        if matches!(self, Self::Model(..) | Self::Alert(..)) { Urgency::Eager } else { Urgency::Lazy }
    }
}

impl Ledger {
    pub(crate) fn new(partition: u32, kept: Option<Arc<Kept>>) -> Self {
        Self { partition, kept }
    }

    pub(crate) fn kept(&self) -> Option<&Arc<Kept>> {
        self.kept.as_ref()
    }

    /// Asks for room for an event.
    pub(crate) fn admit(&self, entry: &Entry<'_>) -> Result<(), Refused> {
        self.kept().map_or(Ok(()), |kept| kept.journal.admit(entry.bytes(), Class::Urgent))
    }

    /// The event did not happen.
    pub(crate) fn release(&self, entry: &Entry<'_>) {
        if let Some(kept) = self.kept() {
            kept.journal.release(entry.bytes());
        }
    }

    /// Writes down an event for which there is room.
    pub(crate) fn append(&self, sequence: Sequence, tick: Tick, entry: &Entry<'_>) {
        if matches!(entry, Entry::Tick(_)) && bugs::has(Bug::TickNotKept) {
            return self.append_skip(sequence, tick, None);
        }
        if let Some(kept) = self.kept() {
            let stamp = self.stamp(sequence, tick);
            kept.journal.append(entry.bytes(), entry.urgency(), |out| entry.write(stamp, out));
        }
    }

    /// Writes down that an event was laid aside, or does not count in a replay. It always finds room:
    /// segments are never filled to the last.
    pub(crate) fn append_skip(&self, sequence: Sequence, tick: Tick, origin: Option<Origin>) {
        if let Some(kept) = self.kept() {
            let stamp = self.stamp(sequence, tick);
            kept.journal.append(0, Urgency::Lazy, |out| write_skip(stamp, origin, out));
        }
    }

    /// An event that is left out, as a record.
    pub(crate) fn skip_record(&self, sequence: Sequence, tick: Tick) -> Vec<u8> {
        let mut out = Vec::new();
        write_skip(self.stamp(sequence, tick), None, &mut out);
        out
    }

    /// Asks for room for all the rows of a batch.
    pub(crate) fn admit_rows(&self, bytes: usize, count: usize, class: Class) -> Result<(), Refused> {
        let Some(kept) = self.kept().filter(|_| count > 0) else { return Ok(()) };
        kept.journal.admit(bytes + count * ROW_LENGTH_BYTES + batch_heads(count), class)
    }

    /// Writes down rows of a batch for which there is room.
    pub(crate) fn append_rows<'r>(
        &self,
        sequence: Sequence,
        tick: Tick,
        stream: StreamId,
        origin: Option<Origin>,
        rows: impl ExactSizeIterator<Item = &'r [u8]> + Clone,
    ) {
        let Some(kept) = self.kept().filter(|_| rows.len() > 0) else { return };
        let admitted = rows.clone().map(|row| row.len() + ROW_LENGTH_BYTES).sum();
        let stamp = self.stamp(sequence, tick);
        let origin = origin.filter(|_| !bugs::has(Bug::OriginNotKept));
        kept.journal.append(admitted, Urgency::Lazy, |out| write_rows(stamp, stream, origin, rows, out));
    }

    /// A row of a batch, for which there was room, does not come.
    pub(crate) fn release_row(&self, bytes: usize) {
        if let Some(kept) = self.kept() {
            kept.journal.release(bytes + ROW_LENGTH_BYTES);
        }
    }

    /// A batch of so many rows is at its end.
    pub(crate) fn end_rows(&self, count: usize) {
        if let Some(kept) = self.kept() {
            kept.journal.release(batch_heads(count));
        }
    }

    /// An event as a record.
    pub(crate) fn record(&self, sequence: Sequence, tick: Tick, entry: &Entry<'_>) -> Vec<u8> {
        let mut out = Vec::new();
        entry.write(self.stamp(sequence, tick), &mut out);
        out
    }

    /// One row as a record.
    pub(crate) fn row_record(
        &self,
        sequence: Sequence,
        tick: Tick,
        stream: StreamId,
        origin: Option<Origin>,
        row: &[u8],
    ) -> Vec<u8> {
        let mut out = Vec::new();
        write_rows(self.stamp(sequence, tick), stream, origin, std::iter::once(row), &mut out);
        out
    }

    fn stamp(&self, sequence: Sequence, tick: Tick) -> Stamp {
        Stamp { partition: self.partition, sequence, tick }
    }
}

fn label_of(change: &ModelChange) -> &str {
    match change {
        ModelChange::Install { version, .. } => &version.label,
        ModelChange::Activate { label } | ModelChange::Split { label, .. } => label,
        ModelChange::Rollback => "",
    }
}

fn handling_of(change: AlertChange) -> Handling {
    match change {
        AlertChange::Acknowledge => Handling::Acknowledge,
        AlertChange::Resolve => Handling::Resolve,
    }
}

fn record_of(change: &ModelChange) -> Change<'_> {
    match change {
        ModelChange::Install { version, shadow_rows } => {
            Change::Install { label: &version.label, content: version.content, shadow_rows: *shadow_rows }
        }
        ModelChange::Activate { label } => Change::Activate(label),
        ModelChange::Split { label, weight } => Change::Split(label, weight.percent()),
        ModelChange::Rollback => Change::Rollback,
    }
}
