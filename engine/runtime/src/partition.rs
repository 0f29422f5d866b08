//! One partition: its state, and what serves the requests of its lanes.

mod actor;
mod ahead;
mod background;
mod batch;
mod errand;
mod failure;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use tokio::sync::oneshot;
use vencejo_core::plan::App;
use vencejo_core::{Effect, Effects, Event, PartitionState, answer};
use vencejo_journal::Refused;
use vencejo_types::limits::DRAIN_TURNS_MAX;
use vencejo_types::row::Row;
use vencejo_types::{DecisionCode, PartitionId, Sequence};

use crate::broadcast::ChangeFault;
use crate::clock::{Clock, Moment};
use crate::figures::Figures;
use crate::kept::Poison;
use crate::lanes::Lanes;
use crate::ledger::{Entry, Ledger};
use crate::request::{
    AlertRequest, AppRequest, DecideRequest, Decided, Fault, Inspection, ModelRequest, Replaced, Request,
    TapRequest, Ticked,
};
use crate::router::Unavailable;
use crate::snapshots::Revived;
use crate::tap::Taps;

pub(crate) use actor::{Nudge, PartitionActor};
use ahead::Ahead;
use background::Background;
use batch::Batch;
use failure::Health;

/// What a partition has done in a turn.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Turn {
    Served,
    /// A slice of what there is to do besides requests.
    Slice,
    None,
}

/// Owns a partition's state. Takes one request at a time, the fast lane's first and always. It stays on one
/// thread, where its actor and the sessions of that thread have it work.
pub(crate) struct Worker {
    id: PartitionId,
    state: PartitionState,
    effects: Effects,
    ledger: Ledger,
    lanes: Arc<Lanes>,
    ahead: Ahead,
    clock: Clock,
    figures: Arc<Figures>,
    /// Batches that are partly applied: at most one of the normal lane, and one of the fast lane behind it.
    batches: Vec<Batch>,
    /// A tick that would have changed nothing: it is applied when something comes for which its time counts.
    owed_tick: Option<(Moment, Ticked)>,
    health: Health,
    taps: Taps,
    background: Background,
    /// The number of the snapshot that the state came from.
    snapshot: Option<u64>,
}

impl Worker {
    pub(crate) fn new(
        id: PartitionId,
        revived: Revived,
        ledger: Ledger,
        lanes: Arc<Lanes>,
        clock: Clock,
        figures: Arc<Figures>,
    ) -> Self {
        let Revived { state, faults, generation } = revived;
        let owed_tick = first_tick(state.app(), clock);
        Self {
            id,
            state,
            effects: Effects::default(),
            ledger,
            lanes,
            ahead: Ahead::default(),
            clock,
            figures,
            batches: Vec::new(),
            owed_tick,
            health: Health::Sound,
            taps: Taps::default(),
            background: Background::new(faults),
            snapshot: generation,
        }
    }

    /// Whether it has something to do before the first request comes: it is to be drained then.
    fn has_begun(&self) -> bool {
        self.background.is_due() && self.lanes.wake()
    }

    /// Serves what waits, up to a bound. Whether its actor is to go on, because more waits, or the state is
    /// not to be trusted.
    pub(crate) fn drain(&mut self) -> bool {
        if matches!(self.health, Health::Rebuilding) {
            // It drains when it is rebuilt.
            return false;
        }
        let mut turns = DRAIN_TURNS_MAX;
        let mut last = Turn::Served;
        while turns > 0 && last == Turn::Served {
            last = self.take_turn();
            turns -= 1;
        }
        last != Turn::None
            || matches!(self.health, Health::Poisoned(_))
            || self.is_to_be_repaired()
            || !self.lanes.rest()
            // Credit that came since was not told of.
            || self.background.is_due() && self.lanes.wake()
    }

    /// Whether requests wait until its state is there again.
    fn is_rebuilding(&self) -> bool {
        matches!(self.health, Health::Rebuilding)
    }

    /// Serves one request, one slice of a batch, or of what there is to do besides; nothing when there is
    /// none, or the state is not to be trusted.
    fn take_turn(&mut self) -> Turn {
        if let Health::Poisoned(_) = self.health {
            return Turn::None;
        }
        if let Some(request) = self.next_fast() {
            self.serve(request);
        } else if self.background.goes_first() && self.take_slice() {
            return Turn::Slice;
        } else if let Some(batch) = self.batches.pop() {
            self.absorb(batch);
        } else if let Some(request) = self.lanes.pop_normal() {
            self.serve(request);
        } else if self.background.is_due() && self.take_slice() {
            return Turn::Slice;
        } else {
            return Turn::None;
        }
        Turn::Served
    }

    fn serve(&mut self, request: Request) {
        match request {
            Request::Decide(request) => self.decide(&request),
            Request::Ingest(batch) => self.begin(batch),
            Request::Tick(ticked) => self.tick(ticked),
            Request::App(request) => self.replace_app(request),
            Request::Tap(TapRequest { tap, reply }) => {
                self.taps.add(&mut self.state, tap);
                let _ = reply.send(());
            }
            Request::Model(request) => self.change_model(request),
            Request::Alert(request) => self.change_alert(request),
            Request::Inspect(look) => self.inspect(look),
            Request::Capture(request) => self.begin_capture(request),
        }
    }

    fn decide(&mut self, request: &DecideRequest) {
        self.settle_tick();
        let now = self.clock.now();
        let expired = now.since(request.arrived).as_micros() > u128::from(request.deadline_micros);
        let id = request.decision;
        let app = self.state.app();
        let Some(decision) = app.decision(id) else {
            return request.reply.failed(request.request, Fault::AppChanged);
        };
        let columns = app.streams[decision.stream.index()].schema.columns().len();
        let row = Row::of_checked(columns, &request.row);
        let entry = Entry::Decide(id, expired, &request.row);
        let damaged = self.effects.damaged();
        let sequence = if !matches!(self.health, Health::Sound) {
            None
        } else if self.ledger.admit(&entry).is_ok() {
            self.apply_entry(now, &Event::Decide { decision: id, row, expired }, &entry)
        } else {
            // What cannot be kept is not counted; it is answered all the same.
            answer(&self.state, id, row, expired, &mut self.effects);
            Some(Sequence(0))
        };
        let Some(sequence) = sequence else {
            return request.reply.failed(request.request, Fault::Panicked);
        };
        self.note_alerts(request.arrived);
        for effect in self.effects.list() {
            let Effect::Decided { code, row } = effect else { continue };
            if *code == DecisionCode::Fallback && self.effects.damaged() > damaged {
                request.reply.failed(request.request, Fault::Damaged);
                continue;
            }
            let row = &self.effects.bytes()[row.clone()];
            let server_nanos = self.clock.now().since(request.arrived).as_nanos();
            let server_nanos = u64::try_from(server_nanos).unwrap_or(u64::MAX);
            request.reply.decided(request.request, Decided { code: *code, sequence, server_nanos, row });
        }
    }

    /// Applies a tick that changes something; keeps the time of any other in mind.
    fn tick(&mut self, ticked: Ticked) {
        if !Arc::ptr_eq(&ticked.app, self.state.app()) {
            // Its streams were another app's.
            return;
        }
        let now = self.clock.now();
        let due = self.state.is_tick_due(self.clock.tick(now), &ticked.watermarks);
        self.owed_tick = (due || ticked.app.flow.lives_by_engine_time()).then_some((now, ticked));
        if due {
            self.settle_tick();
        }
    }

    /// Applies the tick that is owed. Where it cannot be kept now, it stays owed.
    fn settle_tick(&mut self) {
        let Some((now, ticked)) = self.owed_tick.take() else { return };
        let entry = Entry::Tick(&ticked.watermarks);
        if !matches!(self.health, Health::Sound) {
            return;
        }
        if self.ledger.admit(&entry).is_err() {
            self.owed_tick = Some((now, ticked));
            return;
        }
        // Where the core panics on it, there is nobody to tell but the log.
        let _ = self.apply_entry(now, &Event::Tick { watermarks: &ticked.watermarks }, &entry);
    }

    /// Changes who answers as a model. Whoever asked may have gone; the change is made all the same.
    fn change_model(&mut self, request: ModelRequest) {
        let ModelRequest { model, change, reply } = request;
        let event = Event::Model { model, change: &change };
        let changed = self.change(&event, &Entry::Model(model, &change), |effect| match effect {
            Effect::ModelChanged(changed) => Some(*changed),
            _ => None,
        });
        self.answer_change(changed, reply);
    }

    /// Does something about an alert. Whoever asked may have gone; it is done all the same.
    fn change_alert(&mut self, request: AlertRequest) {
        let AlertRequest { id, change, reply } = request;
        let event = Event::Alert { id, change };
        let changed = self.change(&event, &Entry::Alert(id, change), |effect| match effect {
            Effect::AlertChanged(changed) => Some(*changed),
            _ => None,
        });
        self.answer_change(changed, reply);
    }

    /// Applies a change for which the journal has room; what the core says of it.
    fn change<R>(
        &mut self,
        event: &Event<'_>,
        entry: &Entry<'_>,
        said: impl Fn(&Effect) -> Option<Result<(), R>>,
    ) -> Result<(), ChangeFault<R>> {
        if matches!(self.health, Health::Lost) {
            return Err(ChangeFault::Unavailable(Unavailable::Stopped));
        }
        self.ledger.admit(entry).map_err(|refused| {
            ChangeFault::Unavailable(match refused {
                Refused::Busy => Unavailable::Overloaded,
                Refused::Full => Unavailable::DiskFull,
            })
        })?;
        let applied = self.apply_entry(self.clock.now(), event, entry);
        match (applied, self.effects.list()) {
            (Some(_), [effect]) => {
                said(effect).map_or(Err(ChangeFault::Panicked), |it| it.map_err(ChangeFault::Refused))
            }
            _ => Err(ChangeFault::Panicked),
        }
    }

    /// Says what became of a change: at once where the partition did not take it, else once it is kept.
    fn answer_change<R: Send + 'static>(
        &self,
        changed: Result<(), ChangeFault<R>>,
        reply: oneshot::Sender<Result<(), ChangeFault<R>>>,
    ) {
        if matches!(changed, Err(ChangeFault::Unavailable(_))) {
            let _ = reply.send(changed);
            return;
        }
        self.when_kept(move || {
            let _ = reply.send(changed);
        });
    }

    /// Goes on with another app. A replay of the journal begins with it, so there the event only has a place.
    fn replace_app(&mut self, request: AppRequest) {
        let AppRequest { succession, reply } = request;
        self.settle_tick();
        self.give_up_capture("the app was replaced");
        let began = self.clock.now();
        match self.apply(began, &Event::App(&succession)) {
            Ok(sequence) => self.ledger.append_skip(sequence, self.clock.tick(began), None),
            Err(reason) if self.ledger.kept().is_some() => {
                let record = self.ledger.skip_record(self.state.sequence(), self.state.tick());
                self.lay_aside(None, Poison { subject: succession.to().name.clone(), reason, record });
            }
            // In memory there is nothing to rebuild it from.
            Err(_) => self.state = PartitionState::new(Arc::clone(succession.to())),
        }
        self.taps.follow(&mut self.state);
        let replaced = Replaced { took: self.clock.now().since(began), retired: self.effects.take_retired() };
        self.when_kept(move || {
            let _ = reply.send(replaced);
        });
    }

    /// Notes how long it took to hand out the alerts that an event has raised.
    fn note_alerts(&self, arrived: Moment) {
        let alerts = self.effects.alerts();
        if alerts > 0 {
            self.figures.note_alerts(alerts, self.clock.now().since(arrived));
        }
    }

    /// Lets somebody look at the state; a look that panics harms nobody but who asked for it.
    fn inspect(&mut self, look: Inspection) {
        let state = &mut self.state;
        if catch_unwind(AssertUnwindSafe(|| look(state))).is_err() {
            tracing::error!(partition = %self.id, "a look at the state panicked");
        }
    }

    /// Calls this when all that has been applied is on disk; at once, for an engine in memory.
    fn when_kept(&self, then: impl FnOnce() + Send + 'static) {
        match self.ledger.kept() {
            Some(kept) => kept.journal.when_durable(then),
            None => then(),
        }
    }
}

/// For what lives by engine time: the state is new, or as old as the engine before.
fn first_tick(app: &Arc<App>, clock: Clock) -> Option<(Moment, Ticked)> {
    let watermarks = vec![Some(i64::MIN); app.streams.len()].into();
    let ticked = Ticked { app: Arc::clone(app), watermarks };
    app.flow.lives_by_engine_time().then(|| (clock.now(), ticked))
}

fn count(events: usize) -> u32 {
    u32::try_from(events).unwrap_or(u32::MAX)
}
