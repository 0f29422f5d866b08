//! Following rows as they are applied: the events of a stream, or the rows of an output.
//!
//! A partition without listeners looks at the length of an empty list and no more. With some, it hands them
//! the rows of each transition at once; whoever is slow loses rows and knows how many, and the partition
//! never waits.

use std::sync::Arc;

use vencejo_core::plan::{App, Stream};
use vencejo_core::{Effect, Effects, Event};
use vencejo_types::StreamId;
use vencejo_types::schema::Schema;

/// What is followed, by its place in the app.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TapTarget {
    /// The events of a stream.
    Stream(StreamId),
    /// The rows of an output: its place in the flow.
    Output(usize),
}

impl TapTarget {
    /// What goes by this name, and its columns.
    pub fn find<'a>(app: &'a App, name: &str) -> Option<(Self, &'a Arc<Schema>)> {
        let is_it = |stream: &Stream| stream.name == name && !stream.is_retired();
        if let Some(place) = app.streams.iter().position(is_it) {
            let id = StreamId(u16::try_from(place).expect("DECLARATION_NUMBERS_MAX fits 16 bits"));
            return Some((Self::Stream(id), &app.streams[place].schema));
        }
        let place = app.flow.outputs.iter().position(|output| output.name == name)?;
        Some((Self::Output(place), &app.flow.outputs[place].schema))
    }
}

/// Takes the rows of a subscription. Called on the partitions' threads: it must not block.
pub trait TapSink: Send + Sync {
    /// Rows of one transition, in order. False when nobody listens any more.
    fn rows(&self, rows: &[&[u8]]) -> bool;
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
}

impl Taps {
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Adds a subscription, and lets those go to which nobody listens.
    pub(crate) fn add(&mut self, app: &App, tap: Tap) {
        self.list.retain(|(_, tap)| tap.sink.rows(&[]));
        self.list.extend(placed(app, tap));
    }

    /// Follows to another app.
    pub(crate) fn follow(&mut self, app: &App) {
        self.list = self.list.drain(..).filter_map(|(_, tap)| placed(app, tap)).collect();
    }

    /// Hands on what an event was and what came of it.
    pub(crate) fn give(&mut self, app: &App, event: &Event<'_>, effects: &Effects) {
        let event = match *event {
            Event::Row { stream, row } => Some((stream, row)),
            Event::Decide { decision, row, .. } => app.decision(decision).map(|it| (it.stream, row)),
            Event::Tick { .. } | Event::EndOfInput | Event::Model { .. } | Event::App(_) => None,
        };
        self.list.retain(|(target, tap)| {
            let rows: Vec<&[u8]> = match *target {
                TapTarget::Stream(stream) => {
                    event.filter(|(of, _)| *of == stream).map(|(_, row)| row.bytes()).into_iter().collect()
                }
                TapTarget::Output(wanted) => {
                    let of_output = |effect: &Effect| match effect {
                        Effect::Emitted { output, row } if *output == wanted => {
                            Some(&effects.bytes()[row.clone()])
                        }
                        _ => None,
                    };
                    effects.list().iter().filter_map(of_output).collect()
                }
            };
            rows.is_empty() || tap.sink.rows(&rows)
        });
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
