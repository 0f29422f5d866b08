//! One batch, several partitions, one acknowledgement.

use std::sync::{Arc, Mutex, PoisonError};

use vencejo_protocol::error::ErrorCode;
use vencejo_protocol::message::{Ack, AckEntry, AckLevel};
use vencejo_runtime::{BatchRefusal, BatchReply, Fault};
use vencejo_types::{PartitionId, Sequence};

use crate::limits::{DISK_FULL_RETRY_AFTER_MICROS, RETRY_AFTER_MICROS};
use crate::outbound::Outbound;

/// Gathers what became of a batch's parts; the last part to report sends the acknowledgement.
pub(crate) struct BatchAck {
    outbound: Arc<Outbound>,
    request: u64,
    level: AckLevel,
    parts: Mutex<Parts>,
}

struct Parts {
    missing: usize,
    entries: Vec<AckEntry>,
}

impl BatchAck {
    /// An acknowledgement of `parts` parts, at least one. The outbound has counted the request.
    pub(crate) fn new(outbound: Arc<Outbound>, request: u64, level: AckLevel, parts: usize) -> Self {
        let parts = Parts { missing: parts, entries: Vec::with_capacity(parts) };
        Self { outbound, request, level, parts: Mutex::new(parts) }
    }

    /// A part was refused: none of its `events` has had an effect.
    pub(crate) fn refuse(&self, partition: PartitionId, events: u32, code: ErrorCode) {
        let retry_after_micros = match code {
            ErrorCode::Overloaded => RETRY_AFTER_MICROS,
            ErrorCode::DiskFull => DISK_FULL_RETRY_AFTER_MICROS,
            _ => 0,
        };
        self.report(AckEntry {
            partition: partition.index,
            refused: Some(code),
            events,
            retry_after_micros,
            sequence: 0,
        });
    }

    fn report(&self, entry: AckEntry) {
        let mut parts = self.parts.lock().unwrap_or_else(PoisonError::into_inner);
        parts.entries.push(entry);
        parts.missing -= 1;
        if parts.missing > 0 {
            return;
        }
        let mut entries = std::mem::take(&mut parts.entries);
        drop(parts);
        entries.sort_unstable_by_key(|entry| entry.partition);
        let ack = Ack { level: self.level, entries };
        self.outbound.reply(|out| ack.write(self.request, out));
    }
}

impl BatchReply for BatchAck {
    fn absorbed(&self, partition: PartitionId, events: u32, sequence: Sequence) {
        self.report(AckEntry {
            partition: partition.index,
            refused: None,
            events,
            retry_after_micros: 0,
            sequence: sequence.0,
        });
    }

    fn refused(&self, partition: PartitionId, events: u32, refusal: BatchRefusal) {
        let code = match refusal {
            BatchRefusal::Overloaded => ErrorCode::Overloaded,
            BatchRefusal::DiskFull => ErrorCode::DiskFull,
            BatchRefusal::Gap { .. } => ErrorCode::SequenceGap,
            BatchRefusal::Fenced { .. } => ErrorCode::ProducerFenced,
        };
        self.refuse(partition, events, code);
    }

    fn failed(&self, partition: PartitionId, events: u32, fault: Fault) {
        let code = match fault {
            Fault::Panicked => ErrorCode::Internal,
            Fault::AppChanged => ErrorCode::AppChanged,
            Fault::Damaged => ErrorCode::StateDamaged,
        };
        self.refuse(partition, events, code);
    }
}
