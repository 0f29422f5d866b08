//! The state of one partition, and its one transition.

use std::mem::{replace, take};
use std::sync::Arc;

use vencejo_types::row::Row;
use vencejo_types::{DecisionId, ModelId, Sequence, StreamId, Tick, ViewId};
use vencejo_windows::GroupBy;

use crate::alerts::AlertBook;
use crate::dataflow::{Dataflow, NodeCounts, RuleCounts, TableRows};
use crate::decision::{answer_only, decide};
use crate::event::{Effect, Effects, Event, Retired};
use crate::explained::{Explained, ExplainedRows};
use crate::image::Capture;
use crate::models::{ModelChange, Roster};
use crate::plan::{App, Succession};
use crate::producers::Producers;

/// Everything a partition knows.
#[derive(Debug)]
pub struct PartitionState {
    pub(crate) app: Arc<App>,
    pub(crate) dataflow: Dataflow,
    /// One per model of the app.
    pub(crate) rosters: Vec<Roster>,
    /// Changes of which versions there are.
    pub(crate) installs: u64,
    producers: Producers,
    sequence: Sequence,
    tick: Tick,
    /// Captures that have begun.
    pub(crate) captures: u32,
    /// How far the capture under way has come.
    pub(crate) capturing: Option<Capture>,
    /// Nodes whose pages are all in memory, as far as hydration has come.
    pub(crate) hydrated: usize,
}

impl PartitionState {
    /// The state of a partition of `app` before its first event.
    pub fn new(app: Arc<App>) -> Self {
        let dataflow = Dataflow::new(&app);
        let rosters = app.models.iter().map(Roster::new).collect();
        let (sequence, tick) = (Sequence::default(), Tick::default());
        let (captures, capturing, hydrated) = (0, None, 0);
        let producers = Producers::default();
        Self { app, dataflow, rosters, installs: 0, producers, sequence, tick, captures, capturing, hydrated }
    }

    /// Goes on behind an event that an image has.
    pub(crate) fn resume(&mut self, sequence: Sequence, tick: Tick, installs: u64, producers: Producers) {
        (self.sequence, self.tick, self.installs, self.producers) = (sequence, tick, installs, producers);
    }

    /// Begins anew: the flow's state is gone, the models that were installed serve on. A shadow ends.
    pub fn restart(&mut self) {
        let (rosters, installs) = (take(&mut self.rosters), self.installs);
        *self = Self { rosters, installs, ..Self::new(Arc::clone(&self.app)) };
        self.rosters.iter_mut().for_each(Roster::end_shadow);
    }

    /// The sequence of the last event applied; 0 before the first.
    pub fn sequence(&self) -> Sequence {
        self.sequence
    }

    /// The tick of the last event applied.
    pub fn tick(&self) -> Tick {
        self.tick
    }

    /// The producers that number their rows.
    pub fn producers(&self) -> &Producers {
        &self.producers
    }

    /// Whether a tick would change more than the state's own tick.
    pub fn is_tick_due(&self, tick: Tick, watermarks: &[Option<i64>]) -> bool {
        self.dataflow.is_tick_due(tick.0, watermarks)
    }

    /// The app that it is a partition of.
    pub fn app(&self) -> &Arc<App> {
        &self.app
    }

    /// The versions of a model.
    pub fn roster(&self, model: ModelId) -> &Roster {
        &self.rosters[model.index()]
    }

    /// What the flow's nodes that keep state have counted, in the flow's order.
    pub fn nodes(&self) -> impl Iterator<Item = NodeCounts<'_>> {
        self.dataflow.counts(&self.app.flow)
    }

    /// What the flow's rules have done, in the flow's order.
    pub fn rules(&self) -> impl Iterator<Item = RuleCounts<'_>> {
        self.dataflow.rule_counts(&self.app.flow)
    }

    /// From now on has every partial match of a rule told that comes to nothing ([`Effects::missed`]): the
    /// place of its [`crate::plan::flow::Operator::Rules`] among the nodes, and its own among those rules.
    /// Nothing happens where there is no such rule.
    pub fn explain(&mut self, rule: (usize, usize), effects: &mut Effects) {
        if let Some(rows) = ExplainedRows::of(&self.app, rule) {
            effects.explained = Some(Box::new(Explained::new(rows)));
            self.dataflow.explain(rule);
        }
    }

    /// The alerts that it keeps.
    pub fn alerts(&self) -> &AlertBook {
        &self.dataflow.alerts
    }

    /// From now on, or no more, notes which rows of a running table change, for [`crate::Changes`]. Whoever
    /// asks for it must read them behind every event.
    pub fn watch(&mut self, table: ViewId, on: bool) {
        self.dataflow.watch(&self.app.flow, table, on);
    }

    /// What a table's rows are made of; nothing where the app has no such table.
    pub(crate) fn table(&self, table: ViewId) -> Option<TableRows<'_>> {
        self.dataflow.table(&self.app.flow, table)
    }

    /// The aggregation that has parts of a table's rows in its closed windows.
    pub(crate) fn parts(&self, table: ViewId) -> Option<&GroupBy> {
        self.dataflow.parts(&self.app.flow, table)
    }

    /// Bytes of memory that the flow's programs hold to work in.
    pub fn arena_bytes(&self) -> usize {
        self.dataflow.arena_bytes()
    }

    /// Rows of a stream that were dropped because they had no event time.
    pub fn untimed(&self, stream: StreamId) -> u64 {
        self.dataflow.untimed(stream)
    }

    /// The watermark of a stream, in milliseconds of event time; nothing before its first row.
    pub fn watermark(&self, stream: StreamId) -> Option<i64> {
        self.dataflow.watermark(stream)
    }
}

/// The transition: the same events in the same order give the same state and the same effects, byte for
/// byte. `effects` holds afterwards what this event asks for, and nothing of earlier ones. Allocates only
/// where a key or a model's version is new.
pub fn apply(
    state: &mut PartitionState,
    sequence: Sequence,
    tick: Tick,
    event: &Event<'_>,
    effects: &mut Effects,
) {
    effects.begin();
    state.sequence = sequence;
    state.tick = tick;
    match *event {
        Event::Row { stream, row } => absorb(state, stream, row, effects),
        Event::Produced { origin, stream, row } => {
            state.producers.note(origin, sequence);
            absorb(state, stream, row, effects);
        }
        Event::Skip { origin } => origin.iter().for_each(|&origin| state.producers.note(origin, sequence)),
        Event::Tick { watermarks } => {
            state.dataflow.tick(&Arc::clone(&state.app), (sequence, tick), watermarks, effects);
        }
        Event::EndOfInput => state.dataflow.end(&Arc::clone(&state.app), (sequence, tick), effects),
        Event::Decide { decision, row, expired } => {
            decide(state, decision, row, expired, effects);
            let stream = state.app.decisions[decision.index()].stream;
            absorb(state, stream, row, effects);
        }
        Event::Alert { id, change } => {
            let changed = state.dataflow.alerts.change(id, change);
            effects.list.push(Effect::AlertChanged(changed));
        }
        Event::Model { model, change } => change_model(state, model, change, effects),
        Event::App(succession) => replace_app(state, succession, effects),
    }
}

/// Goes on as a partition of the next app, with the state of what has not changed.
fn replace_app(state: &mut PartitionState, succession: &Succession, effects: &mut Effects) {
    let next = succession.to();
    // Its nodes are not those that the capture has gone through.
    state.capturing = None;
    effects.list.push(Effect::AppReplaced);
    if Arc::ptr_eq(&state.app, next) {
        // It was rebuilt for this app meanwhile.
        return;
    }
    let retired = if Arc::ptr_eq(&state.app, succession.from()) {
        let dataflow = state.dataflow.succeed(succession, (state.sequence, state.tick), effects);
        let mut before: Vec<_> = take(&mut state.rosters).into_iter().map(Some).collect();
        let goes_on = |model| succession.model_before(model).and_then(|place| before[place].take());
        let rosters = (0..next.models.len()).map(goes_on).collect::<Vec<_>>();
        let or_new = |(roster, slot): (Option<Roster>, _)| roster.unwrap_or_else(|| Roster::new(slot));
        state.rosters = rosters.into_iter().zip(&next.models).map(or_new).collect();
        Retired { _dataflow: dataflow, _rosters: before.into_iter().flatten().collect() }
    } else {
        let fresh = PartitionState::new(Arc::clone(next));
        Retired {
            _dataflow: replace(&mut state.dataflow, fresh.dataflow),
            _rosters: replace(&mut state.rosters, fresh.rosters),
        }
    };
    state.app = Arc::clone(next);
    state.installs += 1;
    effects.scratch.follow(state);
    effects.retired = Some(retired);
}

/// Answers a request from the state without counting it: the state stays as it is. `effects` holds the one
/// [`Effect::Decided`] afterwards.
pub fn answer(
    state: &PartitionState,
    decision: DecisionId,
    row: Row<'_>,
    expired: bool,
    effects: &mut Effects,
) {
    effects.begin();
    answer_only(state, decision, row, expired, effects);
}

/// Changes who answers as a model, from the next decision on.
fn change_model(state: &mut PartitionState, model: ModelId, change: &ModelChange, effects: &mut Effects) {
    let changed = state.rosters[model.index()].change(change, state.tick);
    if matches!(change, ModelChange::Install { .. }) {
        state.installs += 1;
        effects.scratch.follow(state);
    }
    effects.list.push(Effect::ModelChanged(changed));
}

/// Has the processor fetch what the next rows of a stream are looked up by, where the state does not fit its
/// caches; of more than [`crate::FETCH_KEYS_MAX`] rows the first. Nothing that can be seen changes.
pub fn fetch<'r>(
    state: &PartitionState,
    stream: StreamId,
    rows: &(impl Iterator<Item = Row<'r>> + Clone),
    effects: &mut Effects,
) {
    let schema = &state.app.streams[stream.index()].schema;
    state.dataflow.fetch((stream, schema), rows, &mut effects.scratch.key);
}

/// Brings everything that a stream feeds up to date with one of its rows.
fn absorb(state: &mut PartitionState, stream: StreamId, row: Row<'_>, effects: &mut Effects) {
    let now = (state.sequence, state.tick);
    state.dataflow.row(&Arc::clone(&state.app), now, (stream, row), effects);
}
