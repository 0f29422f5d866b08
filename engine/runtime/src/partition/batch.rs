//! Batches of events: all of one is taken or none, and it is applied in slices.

use vencejo_core::plan::{Ack, Lane};
use vencejo_core::{Admission, Event, FETCH_KEYS_MAX, fetch};
use vencejo_journal::bugs::{self, Bug};
use vencejo_journal::{Class, Refused};
use vencejo_types::limits::BATCH_SLICE_ROWS_MAX;
use vencejo_types::row::Row;

use super::failure::Health;
use super::{Worker, count};
use crate::request::{BatchRefusal, Fault, IngestRequest};

/// What a slice is looked up by is fetched at once.
const _: () = assert!(BATCH_SLICE_ROWS_MAX <= FETCH_KEYS_MAX);

/// A batch that is partly applied.
pub(super) struct Batch {
    request: IngestRequest,
    done: usize,
    /// Rows that were not known before: the journal has room for them.
    fresh: usize,
    /// It came through the fast lane.
    pub(super) urgent: bool,
}

impl Worker {
    /// Takes a batch in: all of it finds room in the journal, or none of it is applied.
    pub(super) fn begin(&mut self, request: IngestRequest) {
        self.settle_tick();
        let events = request.rows.ranges.len();
        let refuse = |refusal| request.reply.refused(self.id, count(events), refusal);
        match self.health {
            Health::Sound => {}
            Health::Lost => return request.reply.failed(self.id, count(events), Fault::Panicked),
            // The tick that was owed has poisoned it.
            Health::Poisoned(_) | Health::Rebuilding => return refuse(BatchRefusal::Overloaded),
        }
        let known = match request.origin.map(|first| self.state.producers().check(first, events as u64)) {
            None => 0,
            Some(Admission::Fresh { .. }) if bugs::has(Bug::DedupeSkipped) => 0,
            Some(Admission::Fresh { known }) => usize::try_from(known).unwrap_or(events),
            Some(Admission::Gap { expected }) => return refuse(BatchRefusal::Gap { expected }),
            Some(Admission::Fenced { epoch }) => return refuse(BatchRefusal::Fenced { epoch }),
        };
        let Some(stream) = self.state.app().stream(request.stream) else {
            return request.reply.failed(self.id, count(events), Fault::AppChanged);
        };
        let urgent = stream.options.lane == Some(Lane::Fast);
        let class = if urgent { Class::Urgent } else { Class::Telemetry };
        let fresh = events - known;
        match self.ledger.admit_rows(request.rows.bytes_from(known), fresh, class) {
            Err(Refused::Busy) => return refuse(BatchRefusal::Overloaded),
            Err(Refused::Full) => return refuse(BatchRefusal::DiskFull),
            Ok(()) => {}
        }
        let batch = Batch { request, done: known, fresh, urgent };
        if urgent { self.absorb_all(batch) } else { self.absorb(batch) }
    }

    /// Applies a whole batch at once: an emergency is short, and nothing may overtake it.
    pub(super) fn absorb_all(&mut self, batch: Batch) {
        self.absorb(batch);
        while matches!(self.health, Health::Sound)
            && let Some(rest) = self.batches.pop_if(|batch| batch.urgent)
        {
            self.absorb(rest);
        }
    }

    /// Applies the next slice of a batch, so that a decision waits for a slice and not for a batch.
    pub(super) fn absorb(&mut self, mut batch: Batch) {
        let now = self.clock.now();
        let (request, from) = (&batch.request, batch.done);
        let (stream, rows) = (request.stream, &request.rows);
        let Some(columns) = self.state.app().stream(stream).map(|stream| stream.schema.columns().len())
        else {
            return self.give_back(batch);
        };
        let first = self.state.sequence().next();
        let end = rows.ranges.len().min(from + BATCH_SLICE_ROWS_MAX);
        let next = (from..end).map(|place| Row::of_checked(columns, rows.row(place)));
        fetch(&self.state, stream, &next, &mut self.effects);
        let mut done = from;
        let mut failed = None;
        while done < end && failed.is_none() {
            let row = Row::of_checked(columns, rows.row(done));
            let event = match request.origin_of(done) {
                None => Event::Row { stream, row },
                Some(origin) => Event::Produced { origin, stream, row },
            };
            match self.apply(now, &event) {
                Ok(_) => {
                    self.note_alerts(request.arrived);
                    done += 1;
                }
                Err(reason) => failed = Some(reason),
            }
        }
        let applied = (from..done).map(|place| rows.row(place));
        self.ledger.append_rows(first, self.clock.tick(now), stream, request.origin_of(from), applied);
        if let Some(reason) = failed {
            if !self.lay_row_aside(stream, request.origin_of(done), rows.row(done), reason) {
                return request.reply.failed(self.id, count(rows.ranges.len()), Fault::Panicked);
            }
            done += 1;
        }
        batch.done = done;
        // A row that was laid aside has its record only when the partition is rebuilt.
        if done < batch.request.rows.ranges.len() || !matches!(self.health, Health::Sound) {
            self.batches.push(batch);
        } else {
            self.finish(batch);
        }
    }

    /// The stream went with the app before: the rest of the batch is not applied.
    fn give_back(&self, batch: Batch) {
        let Batch { request, done, fresh, .. } = batch;
        let events = request.rows.ranges.len();
        (done..events).for_each(|place| self.ledger.release_row(request.rows.row(place).len()));
        self.ledger.end_rows(fresh);
        request.reply.failed(self.id, count(events), Fault::AppChanged);
    }

    /// Answers for a batch that is applied: at once, or when it is on disk.
    fn finish(&self, batch: Batch) {
        let Batch { request, fresh, .. } = batch;
        self.ledger.end_rows(fresh);
        let (id, events, sequence) = (self.id, count(request.rows.ranges.len()), self.state.sequence());
        let reply = request.reply;
        match request.ack {
            Ack::Memory => reply.absorbed(id, events, sequence),
            Ack::Journaled if bugs::has(Bug::AckFromMemory) => reply.absorbed(id, events, sequence),
            Ack::Journaled => self.when_kept(move || reply.absorbed(id, events, sequence)),
        }
    }
}
