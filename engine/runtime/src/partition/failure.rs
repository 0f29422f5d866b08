//! What a partition does when the core fails on an event.
//!
//! What a panic leaves behind cannot be trusted. With a journal, the event is laid aside as a dead letter,
//! the state is rebuilt from snapshot and journal on a thread of its own, and the partition goes on behind
//! the event. In memory it starts anew, with the models that it had.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use vencejo_core::{Effect, Effects, Event, apply};
use vencejo_types::{Origin, Sequence, StreamId, Tick};

use super::Worker;
use super::errand::{Done, Errand, elsewhere};
use crate::clock::Moment;
use crate::kept::Poison;
use crate::ledger::Entry;
use crate::snapshots::Revived;

/// Whether the state can be trusted.
pub(super) enum Health {
    /// It can.
    Sound,
    /// The core failed on an event.
    Poisoned(Poisoned),
    /// It is being rebuilt.
    Rebuilding,
    /// It cannot be had back.
    Lost,
}

/// An event that the core failed on, and its place.
pub(super) struct Poisoned {
    sequence: Sequence,
    tick: Tick,
    origin: Option<Origin>,
    poison: Poison,
}

/// What a rebuild gave.
pub(super) struct Rebuilt {
    state: Result<Revived, String>,
    /// Of the event that was laid aside.
    place: (Sequence, Tick, Option<Origin>),
    began: Moment,
}

impl Worker {
    /// Stamps an event and applies it. The error is what the core said when it panicked: the state is then
    /// not to be trusted.
    pub(super) fn apply(&mut self, now: Moment, event: &Event<'_>) -> Result<Sequence, String> {
        let sequence = self.state.sequence().next();
        let tick = self.clock.tick(now);
        let (state, effects) = (&mut self.state, &mut self.effects);
        let applied = catch_unwind(AssertUnwindSafe(|| apply(state, sequence, tick, event, effects)));
        if let Err(panic) = applied {
            self.effects = Effects::default();
            return Err(said(&*panic));
        }
        let emitted = self.effects.list().iter().filter(|effect| matches!(effect, Effect::Emitted { .. }));
        self.figures.note_emitted(emitted.count());
        if !self.taps.is_empty() {
            self.taps.give(&mut self.state, event, &self.effects);
        }
        Ok(sequence)
    }

    /// Applies an event for which the journal has room, and writes it down. Nothing when the core failed.
    pub(super) fn apply_entry(
        &mut self,
        now: Moment,
        event: &Event<'_>,
        entry: &Entry<'_>,
    ) -> Option<Sequence> {
        match self.apply(now, event) {
            Ok(sequence) => {
                self.ledger.append(sequence, self.clock.tick(now), entry);
                Some(sequence)
            }
            Err(reason) => {
                self.ledger.release(entry);
                let (sequence, tick) = (self.state.sequence(), self.state.tick());
                let record = self.ledger.record(sequence, tick, entry);
                let app = self.state.app();
                let subject = match *entry {
                    Entry::Decide(decision, ..) => &app.decisions[decision.index()].name,
                    Entry::Model(model, _) => &app.models[model.index()].name,
                    Entry::Tick(_) | Entry::Alert(..) => &app.name,
                };
                let poison = Poison { subject: subject.clone(), reason, record };
                self.lay_aside(None, poison);
                None
            }
        }
    }

    /// Lays a row aside on which the core failed. False where the partition has started anew without it.
    pub(super) fn lay_row_aside(
        &mut self,
        stream: StreamId,
        origin: Option<Origin>,
        row: &[u8],
        reason: String,
    ) -> bool {
        self.ledger.release_row(row.len());
        let record = self.ledger.row_record(self.state.sequence(), self.state.tick(), stream, origin, row);
        let subject = self.state.app().streams[stream.index()].name.clone();
        self.lay_aside(origin, Poison { subject, reason, record })
    }

    pub(super) fn lay_aside(&mut self, origin: Option<Origin>, poison: Poison) -> bool {
        let (sequence, tick) = (self.state.sequence(), self.state.tick());
        let (subject, reason) = (&poison.subject, &poison.reason);
        self.give_up_capture("the core failed on an event");
        if self.ledger.kept().is_none() {
            tracing::error!(
                partition = %self.id, sequence = sequence.0, subject, reason,
                "the core failed on an event; the event is dropped and the partition starts empty, with its models"
            );
            self.state.restart();
            self.taps.follow(&mut self.state);
            return false;
        }
        tracing::error!(
            partition = %self.id, sequence = sequence.0, subject, reason,
            "the core failed on an event; the event is laid aside and the partition is rebuilt from the data folder"
        );
        self.health = Health::Poisoned(Poisoned { sequence, tick, origin, poison });
        true
    }

    /// Has the state rebuilt elsewhere; until [`Worker::resume`] requests wait in the lanes.
    pub(super) fn rebuild(&mut self) -> Option<Errand> {
        let Health::Poisoned(poisoned) = std::mem::replace(&mut self.health, Health::Rebuilding) else {
            return None;
        };
        let kept = self.ledger.kept().map(Arc::clone)?;
        let (index, began) = (self.id.index, self.clock.now());
        let Poisoned { sequence, tick, origin, poison } = poisoned;
        let rebuilt = elsewhere("rebuild", move || kept.rebuild(index, &poison));
        Some(Box::pin(async move {
            let place = (sequence, tick, origin);
            Done::Rebuilt(Rebuilt { state: rebuilt.await, place, began })
        }))
    }

    /// Goes on behind the event that was laid aside.
    pub(super) fn resume(&mut self, rebuilt: Rebuilt) {
        let Rebuilt { state, place: (sequence, tick, origin), began } = rebuilt;
        let millis = self.clock.now().since(began).as_millis();
        match state {
            Ok(revived) if revived.state.sequence().next() == sequence => self.take_revived(revived),
            Ok(Revived { state, .. }) => {
                return self.give_up(&format!("the journal ends at event {}", state.sequence().0));
            }
            Err(reason) => return self.give_up(&reason),
        }
        tracing::warn!(partition = %self.id, %millis, events = sequence.0 - 1, "rebuilt from the data folder");
        self.health = Health::Sound;
        apply(&mut self.state, sequence, tick, &Event::Skip { origin }, &mut self.effects);
        self.ledger.append_skip(sequence, tick, origin);
        self.taps.follow(&mut self.state);
        if let Some(batch) = self.batches.pop_if(|batch| batch.urgent) {
            self.absorb_all(batch);
        }
    }

    fn give_up(&mut self, reason: &str) {
        tracing::error!(
            partition = %self.id, reason,
            "the partition cannot be rebuilt and refuses its keys; restart the engine"
        );
        self.health = Health::Lost;
    }
}

/// What a panic said.
fn said(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("a panic").to_owned()
}
