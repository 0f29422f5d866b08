//! The state of one partition, and its one transition.

use std::sync::Arc;

use bumpalo::Bump;
use vencejo_expr::{Env, Value};
use vencejo_types::row::Row;
use vencejo_types::schema::Schema;
use vencejo_types::{ModelId, Sequence, StreamId, Tick};

use crate::column_value;
use crate::decision::decide;
use crate::event::{Effect, Effects, Event};
use crate::keyed::KeyedTable;
use crate::models::{ModelChange, Roster};
use crate::plan::{Aggregate, App, Feed, View};

/// Everything a partition knows.
#[derive(Debug)]
pub struct PartitionState {
    pub(crate) app: Arc<App>,
    /// One per view of the app.
    pub(crate) views: Vec<KeyedTable>,
    /// One per model of the app.
    pub(crate) rosters: Vec<Roster>,
    /// Changes of which versions there are.
    pub(crate) installs: u64,
    /// Per stream, the feeds it has: view and place among the view's feeds.
    feeds: Vec<Vec<(usize, usize)>>,
    sequence: Sequence,
    tick: Tick,
}

impl PartitionState {
    /// The state of a partition of `app` before its first event.
    pub fn new(app: Arc<App>) -> Self {
        let views = app.views.iter().map(|view| KeyedTable::new(view.aggregates.len())).collect();
        let mut feeds = vec![Vec::new(); app.streams.len()];
        for (view, declared) in app.views.iter().enumerate() {
            for (place, feed) in declared.feeds.iter().enumerate() {
                feeds[feed.stream.index()].push((view, place));
            }
        }
        let rosters = app.models.iter().map(Roster::new).collect();
        let (sequence, tick) = (Sequence::default(), Tick::default());
        Self { app, views, rosters, installs: 0, feeds, sequence, tick }
    }

    /// Begins anew: the keyed state is gone, the models that were installed serve on. A shadow ends.
    pub fn restart(&mut self) {
        let (rosters, installs) = (std::mem::take(&mut self.rosters), self.installs);
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

    /// The app that it is a partition of.
    pub fn app(&self) -> &Arc<App> {
        &self.app
    }

    /// The versions of a model.
    pub fn roster(&self, model: ModelId) -> &Roster {
        &self.rosters[model.index()]
    }

    /// Number of keys that each view holds, in the app's order.
    pub fn view_keys(&self) -> impl Iterator<Item = usize> {
        self.views.iter().map(KeyedTable::len)
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
        Event::Decide { decision, row, expired } => {
            decide(state, decision, row, expired, effects);
            let stream = state.app.decisions[decision.index()].stream;
            absorb(state, stream, row, effects);
        }
        Event::Model { model, change } => change_model(state, model, change, effects),
    }
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

/// Brings every view that a stream feeds up to date with one of its rows.
fn absorb(state: &mut PartitionState, stream: StreamId, row: Row<'_>, effects: &mut Effects) {
    let app = Arc::clone(&state.app);
    let schema = &app.streams[stream.index()].schema;
    for &(view, feed) in &state.feeds[stream.index()] {
        let declared = &app.views[view];
        let feed = &declared.feeds[feed];
        let key = &mut effects.scratch.key;
        key.clear();
        row.write_key(schema, &feed.key, key);
        count(&mut state.views[view], declared, feed, row, schema, key, &effects.scratch.arena);
    }
}

fn count(
    table: &mut KeyedTable,
    view: &View,
    feed: &Feed,
    row: Row<'_>,
    schema: &Schema,
    key: &[u8],
    arena: &Bump,
) {
    let outputs = feed.program.run(&mut RowEnv { row, schema }, arena);
    if feed.filtered && outputs.first() != Some(&Value::Bool(true)) {
        return;
    }
    let Some(place) = table.find_or_insert(key) else { return };
    for (cell, aggregate) in table.cells_mut(place).iter_mut().zip(&view.aggregates) {
        let counts = match *aggregate {
            Aggregate::Count => true,
            Aggregate::CountOf { argument } => outputs[argument] != Value::Null,
        };
        *cell += i64::from(counts);
    }
}

/// What a view's programs see: the event, and nothing else.
struct RowEnv<'a> {
    row: Row<'a>,
    schema: &'a Schema,
}

impl<'a> Env<'a> for RowEnv<'a> {
    fn load(&self, _input: u16, column: u16) -> Value<'a> {
        column_value(self.row, self.schema, usize::from(column))
    }

    fn call(&mut self, _function: u16, _arguments: &[Value<'a>]) -> Value<'a> {
        Value::Null
    }
}
