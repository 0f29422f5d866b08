//! What the records so far add up to: what a segment says at its beginning, so that those before it may go.

use std::sync::Arc;

use vencejo_types::Tick;

use super::{BASE, Body, DECLARE, RECORD_HEAD_BYTES, ROWS, Record, write_base};

/// By partition the last event, the last tick, and the last declaration.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    /// By partition; shorter where the last ones have had no event.
    pub(crate) sequences: Vec<u64>,
    pub(crate) tick: i64,
    /// As a record.
    declaration: Option<Arc<[u8]>>,
}

impl Tally {
    /// Becomes like another, in the memory that it has.
    pub(crate) fn assign(&mut self, other: &Self) {
        self.sequences.clone_from(&other.sequences);
        self.tick = other.tick;
        self.declaration.clone_from(&other.declaration);
    }

    /// Counts the records of a payload; it holds nothing but records. Looks at their heads alone.
    pub(crate) fn take(&mut self, mut payload: &[u8]) {
        while let Some((head, _)) = payload.split_first_chunk::<RECORD_HEAD_BYTES>() {
            let u32_at = |at: usize| u32::from_le_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
            let u64_at = |at: usize| u64::from(u32_at(at)) | u64::from(u32_at(at + 4)) << 32;
            let length = (u32_at(0) as usize).max(RECORD_HEAD_BYTES);
            let Some((record, rest)) = payload.split_at_checked(length) else { return };
            match head[4] {
                DECLARE => self.declaration = Some(record.into()),
                BASE => self.take_base(record),
                kind => {
                    let events = if kind == ROWS { u64::from(u32_at(12)) } else { 1 };
                    self.raise(u32_at(8) as usize, u64_at(16).saturating_add(events).saturating_sub(1));
                    self.tick = self.tick.max(u64_at(24).cast_signed());
                }
            }
            payload = rest;
        }
    }

    fn take_base(&mut self, record: &[u8]) {
        if let Ok((Record { body: Body::Base(sequences), tick, .. }, _)) = Record::read(record) {
            sequences.iter().enumerate().for_each(|(partition, &sequence)| self.raise(partition, sequence));
            self.tick = self.tick.max(tick.0);
        }
    }

    fn raise(&mut self, partition: usize, sequence: u64) {
        if self.sequences.len() <= partition {
            self.sequences.resize(partition + 1, 0);
        }
        let last = &mut self.sequences[partition];
        *last = sequence.max(*last);
    }

    /// What a segment begins with: the records, and how many. Nothing where nothing was declared.
    pub(crate) fn preamble(&self) -> Option<(u32, Vec<u8>)> {
        let declaration = self.declaration.as_ref()?;
        let mut out = Vec::new();
        write_base(&self.sequences, Tick(self.tick), &mut out);
        out.extend_from_slice(declaration);
        Some((2, out))
    }
}
