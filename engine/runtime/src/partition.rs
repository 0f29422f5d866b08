//! The actor of one partition.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use actix::{Actor, ActorFutureExt, AsyncContext, Context, Handler, Message, WrapFuture};
use vencejo_core::plan::App;
use vencejo_core::{Effect, Effects, Event, PartitionState, apply};
use vencejo_types::limits::{BATCH_SLICE_ROWS_MAX, DRAIN_TURNS_MAX};
use vencejo_types::row::Row;
use vencejo_types::{PartitionId, Sequence};

use crate::clock::{Clock, Moment};
use crate::lanes::Lanes;
use crate::request::{
    AppRequest, DecideRequest, Decided, Fault, IngestRequest, Inspection, ModelRequest, Replaced, Request,
    TapRequest, Ticked,
};
use crate::tap::Taps;

/// Tells a partition that its lanes hold something.
pub(crate) struct Nudge;

impl Message for Nudge {
    type Result = ();
}

/// Owns a partition's state. Takes one request at a time, the fast lane's first and always.
pub(crate) struct PartitionActor {
    id: PartitionId,
    state: PartitionState,
    effects: Effects,
    lanes: Arc<Lanes>,
    clock: Clock,
    /// Rows that outputs have given. Nobody takes them yet but this count.
    emitted: Arc<AtomicU64>,
    /// A batch of the normal lane that is partly applied.
    batch: Option<(IngestRequest, usize)>,
    taps: Taps,
}

impl PartitionActor {
    pub(crate) fn new(
        id: PartitionId,
        app: Arc<App>,
        lanes: Arc<Lanes>,
        clock: Clock,
        emitted: Arc<AtomicU64>,
    ) -> Self {
        let state = PartitionState::new(app);
        Self {
            id,
            state,
            effects: Effects::default(),
            lanes,
            clock,
            emitted,
            batch: None,
            taps: Taps::default(),
        }
    }

    /// Serves what waits; where that is much, lets the thread's other tasks run in between.
    fn drain(&mut self, ctx: &mut Context<Self>) {
        let more = (0..DRAIN_TURNS_MAX).all(|_| self.take_turn());
        if more || !self.lanes.rest() {
            let others = tokio::task::yield_now().into_actor(self);
            ctx.spawn(others.map(|(), actor, ctx| actor.drain(ctx)));
        }
    }

    /// Serves one request, or one slice of a batch; false when there is none.
    fn take_turn(&mut self) -> bool {
        if let Some(request) = self.lanes.pop_fast() {
            self.serve(request);
        } else if let Some((batch, done)) = self.batch.take() {
            self.absorb(batch, done);
        } else if let Some(request) = self.lanes.pop_normal() {
            self.serve(request);
        } else {
            return false;
        }
        true
    }

    fn serve(&mut self, request: Request) {
        match request {
            Request::Decide(request) => self.decide(&request),
            Request::Ingest(batch) => self.absorb(batch, 0),
            Request::Tick(Ticked { app, watermarks }) if Arc::ptr_eq(&app, self.state.app()) => {
                // Where the core panics on it, there is nobody to tell but the log.
                let _ = self.apply(self.clock.now(), &Event::Tick { watermarks: &watermarks });
            }
            // Its streams were another app's.
            Request::Tick(_) => {}
            Request::App(request) => self.replace_app(request),
            Request::Tap(TapRequest { tap, reply }) => {
                self.taps.add(&mut self.state, tap);
                let _ = reply.send(());
            }
            Request::Model(request) => self.change_model(request),
            Request::Inspect(look) => self.inspect(look),
        }
    }

    fn decide(&mut self, request: &DecideRequest) {
        let now = self.clock.now();
        let expired = now.since(request.arrived).as_micros() > u128::from(request.deadline_micros);
        let app = self.state.app();
        let Some(decision) = app.decision(request.decision) else {
            return request.reply.failed(request.request, Fault::AppChanged);
        };
        let columns = app.streams[decision.stream.index()].schema.columns().len();
        let row = Row::of_checked(columns, &request.row);
        let event = Event::Decide { decision: request.decision, row, expired };
        let Some(sequence) = self.apply(now, &event) else {
            return request.reply.failed(request.request, Fault::Panicked);
        };
        for effect in self.effects.list() {
            let Effect::Decided { code, row } = effect else { continue };
            let row = &self.effects.bytes()[row.clone()];
            let server_nanos = self.clock.now().since(request.arrived).as_nanos();
            let server_nanos = u64::try_from(server_nanos).unwrap_or(u64::MAX);
            request.reply.decided(request.request, Decided { code: *code, sequence, server_nanos, row });
        }
    }

    /// Changes who answers as a model. Whoever asked may have gone; the change is made all the same.
    fn change_model(&mut self, request: ModelRequest) {
        let ModelRequest { model, change, reply } = request;
        let applied = self.apply(self.clock.now(), &Event::Model { model, change: &change });
        let changed = applied.and_then(|_| match self.effects.list() {
            [Effect::ModelChanged(changed)] => Some(*changed),
            _ => None,
        });
        let _ = reply.send(changed);
    }

    /// Goes on with another app. Where the core panics on it, the app begins with an empty state.
    fn replace_app(&mut self, request: AppRequest) {
        let AppRequest { succession, reply } = request;
        let began = self.clock.now();
        if self.apply(began, &Event::App(&succession)).is_none() {
            self.state = PartitionState::new(Arc::clone(succession.to()));
        }
        self.taps.follow(&mut self.state);
        let took = self.clock.now().since(began);
        let _ = reply.send(Replaced { took, retired: self.effects.take_retired() });
    }

    /// Lets somebody look at the state; a look that panics harms nobody but who asked for it.
    fn inspect(&self, look: Inspection) {
        if catch_unwind(AssertUnwindSafe(|| look(&self.state))).is_err() {
            tracing::error!(partition = %self.id, "a look at the state panicked");
        }
    }

    /// Applies the next slice of a batch, so that a decision waits for a slice and not for a batch.
    fn absorb(&mut self, batch: IngestRequest, done: usize) {
        let now = self.clock.now();
        let Some(stream) = self.state.app().stream(batch.stream) else {
            return batch.reply.failed(self.id, count(batch.rows.ranges.len()), Fault::AppChanged);
        };
        let columns = stream.schema.columns().len();
        let end = batch.rows.ranges.len().min(done + BATCH_SLICE_ROWS_MAX);
        for range in &batch.rows.ranges[done..end] {
            let row = Row::of_checked(columns, &batch.rows.bytes[range.clone()]);
            if self.apply(now, &Event::Row { stream: batch.stream, row }).is_none() {
                return batch.reply.failed(self.id, count(batch.rows.ranges.len()), Fault::Panicked);
            }
        }
        if end < batch.rows.ranges.len() {
            self.batch = Some((batch, end));
        } else {
            batch.reply.absorbed(self.id, count(end), self.state.sequence());
        }
    }

    /// Stamps an event and applies it. Nothing when the core panicked on it: what it left of the keyed state
    /// cannot be trusted, so the partition starts anew, with the models that it had.
    fn apply(&mut self, now: Moment, event: &Event<'_>) -> Option<Sequence> {
        let sequence = self.state.sequence().next();
        let tick = self.clock.tick(now);
        let (state, effects) = (&mut self.state, &mut self.effects);
        let applied = catch_unwind(AssertUnwindSafe(|| apply(state, sequence, tick, event, effects)));
        if applied.is_err() {
            tracing::error!(
                partition = %self.id, sequence = sequence.0,
                "the core panicked on an event; the event is dropped and the partition starts empty, with its models"
            );
            self.state.restart();
            self.taps.follow(&mut self.state);
            self.effects = Effects::default();
            return None;
        }
        let emitted = self.effects.list().iter().filter(|effect| matches!(effect, Effect::Emitted { .. }));
        let emitted = emitted.count() as u64;
        if emitted > 0 {
            self.emitted.fetch_add(emitted, Ordering::Relaxed);
        }
        if !self.taps.is_empty() {
            self.taps.give(&mut self.state, event, &self.effects);
        }
        Some(sequence)
    }
}

fn count(events: usize) -> u32 {
    u32::try_from(events).unwrap_or(u32::MAX)
}

impl Actor for PartitionActor {
    type Context = Context<Self>;
}

impl Handler<Nudge> for PartitionActor {
    type Result = ();

    fn handle(&mut self, _nudge: Nudge, ctx: &mut Self::Context) {
        self.drain(ctx);
    }
}
