//! Following rows as they are applied: the events of a stream, the rows of an output, or those of a view
//! without a window as they change.
//!
//! A partition without listeners looks at the length of an empty list and no more. With some, it hands them
//! the rows of each transition at once; whoever is slow loses rows and knows how many, and the partition
//! never waits.

use std::sync::Arc;

use vencejo_core::plan::flow::{Table, TableSource};
use vencejo_core::plan::{App, Stream};
use vencejo_core::{Changes, Effect, Effects, Event, MatchedRow, PartitionState, Raised};
use vencejo_types::schema::Schema;
use vencejo_types::{StreamId, ViewId};

/// What is followed, by its place in the app.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TapTarget {
    /// The events of a stream.
    Stream(StreamId),
    /// The rows of an output: its place in the flow.
    Output(usize),
    /// The rows of a view without a window, whenever they change.
    Table(ViewId),
}

impl TapTarget {
    /// What goes by this name, and its columns.
    pub fn find<'a>(app: &'a App, name: &str) -> Option<(Self, &'a Arc<Schema>)> {
        let is_it = |stream: &Stream| stream.name == name && !stream.is_retired();
        if let Some(place) = app.streams.iter().position(is_it) {
            let id = StreamId(u16::try_from(place).expect("DECLARATION_NUMBERS_MAX fits 16 bits"));
            return Some((Self::Stream(id), &app.streams[place].schema));
        }
        let is_running = |table: &Table| matches!(table.source, TableSource::Running { .. });
        if let Some(place) = app.flow.tables.iter().position(|table| table.name == name && is_running(table))
        {
            let view = ViewId(u16::try_from(place).expect("DECLARATIONS_MAX fits 16 bits"));
            return Some((Self::Table(view), &app.flow.tables[place].schema));
        }
        let place = app.flow.outputs.iter().position(|output| output.name == name)?;
        Some((Self::Output(place), &app.flow.outputs[place].schema))
    }
}

/// A row that is handed on.
#[derive(Clone, Copy)]
pub struct TapRow<'a> {
    /// The row.
    pub row: &'a [u8],
    /// The alert that it is, and the rows that matched.
    pub alert: Option<(&'a Raised, &'a [MatchedRow])>,
}

/// Takes the rows of a subscription. Called on the partitions' threads: it must not block.
pub trait TapSink: Send + Sync {
    /// Rows of one transition, in order. False when nobody listens any more.
    fn rows(&self, rows: &[TapRow<'_>]) -> bool;
    /// The app was replaced, and what was followed is gone or has other columns. May be called by several
    /// partitions; no rows follow from any of them.
    fn app_changed(&self);
}

/// A subscription as it is asked for.
#[derive(Clone)]
pub(crate) struct Tap {
    pub(crate) name: String,
    pub(crate) schema: Arc<Schema>,
    pub(crate) sink: Arc<dyn TapSink>,
}

/// The subscriptions of one partition.
#[derive(Default)]
pub(crate) struct Taps {
    list: Vec<(TapTarget, Tap)>,
    changes: Changes,
}

impl Taps {
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Adds a subscription, and lets those go to which nobody listens.
    pub(crate) fn add(&mut self, state: &mut PartitionState, tap: Tap) {
        self.list.retain(|(_, tap)| tap.sink.rows(&[]));
        self.list.extend(placed(state.app(), tap));
        self.watch(state);
    }

    /// Follows to another app, or to a state that began anew.
    pub(crate) fn follow(&mut self, state: &mut PartitionState) {
        self.list = self.list.drain(..).filter_map(|(_, tap)| placed(state.app(), tap)).collect();
        self.watch(state);
    }

    /// Has the state note changes of the tables that are followed, and of no others. Those who follow one
    /// table come to stand side by side.
    fn watch(&mut self, state: &mut PartitionState) {
        self.list.sort_by_key(|&(target, _)| target);
        for table in 0..state.app().flow.tables.len() {
            let view = ViewId(u16::try_from(table).expect("DECLARATIONS_MAX fits 16 bits"));
            state.watch(view, self.list.iter().any(|&(target, _)| target == TapTarget::Table(view)));
        }
    }

    /// Hands on what an event was and what came of it.
    pub(crate) fn give(&mut self, state: &mut PartitionState, event: &Event<'_>, effects: &Effects) {
        let event = match *event {
            Event::Row { stream, row } | Event::Produced { stream, row, .. } => Some((stream, row)),
            Event::Decide { decision, row, .. } => state.app().decision(decision).map(|it| (it.stream, row)),
            Event::Tick { .. }
            | Event::EndOfInput
            | Event::Skip { .. }
            | Event::Model { .. }
            | Event::Alert { .. }
            | Event::App(_) => None,
        };
        let (before, changes) = (self.list.len(), &mut self.changes);
        // Read once for all who follow it: they stand side by side.
        let mut read = None;
        self.list.retain(|(target, tap)| {
            let alone = |row| TapRow { row, alert: None };
            let rows: Vec<TapRow<'_>> = match *target {
                TapTarget::Stream(stream) => {
                    let event = event.filter(|(of, _)| *of == stream);
                    event.map(|(_, row)| alone(row.bytes())).into_iter().collect()
                }
                TapTarget::Output(wanted) => {
                    let of_output = |effect: &Effect| match effect {
                        Effect::Emitted { output, row, alert } if *output == wanted => Some(TapRow {
                            row: &effects.bytes()[row.clone()],
                            alert: alert.map(|place| effects.raised(place)),
                        }),
                        _ => None,
                    };
                    effects.list().iter().filter_map(of_output).collect()
                }
                TapTarget::Table(view) => {
                    if read.replace(view) != Some(view) {
                        changes.read(state, view);
                    }
                    changes.rows().map(alone).collect()
                }
            };
            rows.is_empty() || tap.sink.rows(&rows)
        });
        if self.list.len() < before {
            self.watch(state);
        }
    }
}

/// A subscription with its place in the app, if it still has one.
fn placed(app: &App, tap: Tap) -> Option<(TapTarget, Tap)> {
    match TapTarget::find(app, &tap.name) {
        Some((target, schema)) if *schema == tap.schema => Some((target, tap)),
        _ => {
            tap.sink.app_changed();
            None
        }
    }
}
