//! The app's dataflow at work: one operator's state per node, rows pushed along the edges, watermarks behind
//! them.
//!
//! A row goes depth first: what it gives at a node has gone all the way before the next edge is served. A
//! watermark goes in node order: all that a node gives because of it has left before the watermark goes on.
//! Nothing here knows SQL, and what operators do with rows is theirs (engine/windows).

mod ahead;
mod pass;
mod rules;
mod slot;
mod table;
mod wiring;

use bumpalo::Bump;
use vencejo_expr::Value;
use vencejo_types::row::Row;
use vencejo_types::schema::Schema;
use vencejo_types::{Sequence, StreamId, Tick, ViewId};
use vencejo_windows::{Damaged, GroupBy, Place, Texts};

use crate::alerts::AlertBook;
use crate::column_value;
use crate::event::Effects;
use crate::plan::flow::{Flow, Operator};
use crate::plan::{App, Succession};

use ahead::Ahead;
use pass::Pass;
pub(crate) use pass::{Source, calc_row};
pub use rules::RuleCounts;
pub(crate) use slot::Keeper;
use slot::{Slot, Work};
pub(crate) use table::TableRows;
use wiring::Wiring;

/// State of the flow in one partition.
#[derive(Debug)]
pub(crate) struct Dataflow {
    wiring: Wiring,
    ahead: Ahead,
    slots: Vec<Slot>,
    streams: Vec<StreamTime>,
    pub(crate) alerts: AlertBook,
}

/// An event's place and time.
type Now = (Sequence, Tick);

/// What is known of a stream's event time.
#[derive(Clone, Copy, Debug)]
struct StreamTime {
    watermark: i64,
    idle: bool,
    /// Rows without event time: dropped.
    untimed: u64,
}

/// What a node has counted. See [`crate::PartitionState::nodes`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeCounts<'a> {
    /// The view or query that the node belongs to.
    pub name: &'a str,
    /// Rows that came behind the watermark.
    pub late: u64,
    /// Rows that a limit refused.
    pub refused: u64,
    /// Keys that it holds.
    pub keys: usize,
    /// Bytes of memory that it holds.
    pub bytes: usize,
}

impl Dataflow {
    /// The flow of `app` before its first row.
    pub(crate) fn new(app: &App) -> Self {
        let time = StreamTime { watermark: i64::MIN, idle: false, untimed: 0 };
        Self {
            wiring: Wiring::new(&app.flow, app.streams.len()),
            ahead: Ahead::new(&app.flow),
            slots: app.flow.nodes.iter().map(Slot::new).collect(),
            streams: vec![time; app.streams.len()],
            alerts: AlertBook::default(),
        }
    }

    /// Becomes the flow of the next app; what its nodes take over goes on, what is left is given back.
    pub(crate) fn succeed(&mut self, succession: &Succession, now: Now, effects: &mut Effects) -> Self {
        let app = succession.to();
        let mut before = std::mem::replace(self, Self::new(app));
        for node in 0..self.slots.len() {
            if let Some(place) = succession.node_before(node) {
                self.slots[node].take_over(&mut before.slots[place]);
            }
        }
        for stream in 0..before.streams.len() {
            if succession.keeps_time(stream) {
                self.streams[stream] = before.streams[stream];
            }
        }
        self.alerts = std::mem::take(&mut before.alerts).succeed(|output| succession.output_after(output));
        for stream in 0..self.streams.len() {
            self.mark_inputs(stream);
        }
        let mut pass = self.pass(app, now, effects);
        for node in 0..app.flow.nodes.len() {
            pass.settle(node);
            pass.tell(node);
        }
        for node in 0..app.flow.nodes.len() {
            pass.tick(node);
        }
        before
    }

    /// Takes a row of a stream in, then lets the stream's watermark follow.
    pub(crate) fn row(
        &mut self,
        app: &App,
        now: Now,
        (stream, row): (StreamId, Row<'_>),
        effects: &mut Effects,
    ) {
        let declared = &app.streams[stream.index()];
        let time = &mut self.streams[stream.index()];
        let mut watermark = None;
        if let Some(of) = declared.watermark {
            if row.is_null(of.column) {
                time.untimed += 1;
                return;
            }
            watermark = Some(row.i64(of.column).saturating_sub(of.delay_millis));
        }
        let woken = std::mem::take(&mut time.idle);
        let rises = watermark.is_some_and(|watermark| watermark > time.watermark);
        self.spread(app, now, (stream, row), effects);
        if woken || rises {
            let time = &mut self.streams[stream.index()];
            time.watermark = time.watermark.max(watermark.unwrap_or(i64::MIN));
            self.stream_moved(app, now, stream.index(), effects);
        }
    }

    /// Takes what the engine knows of event time (one per stream: its watermark, or nothing where it is
    /// idle) and engine time.
    pub(crate) fn tick(&mut self, app: &App, now: Now, watermarks: &[Option<i64>], effects: &mut Effects) {
        for (stream, &told) in watermarks.iter().enumerate().take(self.streams.len()) {
            let time = &mut self.streams[stream];
            time.idle = told.is_none();
            time.watermark = time.watermark.max(told.unwrap_or(i64::MIN));
            self.mark_inputs(stream);
        }
        let mut pass = self.pass(app, now, effects);
        for node in 0..app.flow.nodes.len() {
            pass.settle(node);
        }
        for node in 0..app.flow.nodes.len() {
            pass.tick(node);
        }
    }

    /// Whether a tick would change anything: a stream's watermark or whether it is idle, or what ends by
    /// engine time.
    pub(crate) fn is_tick_due(&self, now_micros: i64, watermarks: &[Option<i64>]) -> bool {
        let moves = self.streams.iter().zip(watermarks).any(|(stream, told)| match told {
            None => !stream.idle,
            Some(watermark) => stream.idle || *watermark > stream.watermark,
        });
        moves || self.slots.iter().filter_map(|slot| slot.work.wakes_at_micros()).any(|at| at <= now_micros)
    }

    /// No row is to come: every window closes, running aggregates give their rows.
    pub(crate) fn end(&mut self, app: &App, now: Now, effects: &mut Effects) {
        for time in &mut self.streams {
            (time.watermark, time.idle) = (i64::MAX, false);
        }
        for stream in 0..self.streams.len() {
            self.mark_inputs(stream);
        }
        let mut pass = self.pass(app, now, effects);
        for node in 0..app.flow.nodes.len() {
            pass.settle(node);
        }
    }

    /// The row of a table that has this key; NULL columns of a key never have one. In the table's columns.
    ///
    /// # Errors
    /// When the key may be there, in a page of the restored image that cannot be had.
    pub(crate) fn find<'a>(
        &'a self,
        flow: &'a Flow,
        table: ViewId,
        key: &[u8],
        texts: &'a mut Texts,
        arena: &'a Bump,
    ) -> Result<Option<&'a [Value<'a>]>, Damaged> {
        table::find(flow, &self.slots, table, key, texts, arena)
    }

    /// What a table's rows are made of.
    pub(crate) fn table<'a>(&'a self, flow: &'a Flow, table: ViewId) -> Option<TableRows<'a>> {
        table::rows(flow, &self.slots, table)
    }

    /// As [`table::parts`].
    pub(crate) fn parts(&self, flow: &Flow, table: ViewId) -> Option<&GroupBy> {
        table::parts(flow, &self.slots, table)
    }

    /// Has a running table note which groups rows come for.
    pub(crate) fn watch(&mut self, flow: &Flow, table: ViewId, on: bool) {
        if let Some(groups) = table::groups_mut(flow, &mut self.slots, table) {
            groups.watch(on);
        }
    }

    /// The groups of a running table for which rows came.
    pub(crate) fn take_touched(&mut self, flow: &Flow, table: ViewId) -> Vec<Place> {
        table::groups_mut(flow, &mut self.slots, table).map(GroupBy::take_touched).unwrap_or_default()
    }

    /// The row of a running table at a place, in the table's columns.
    pub(crate) fn read<'a>(
        &'a self,
        flow: &'a Flow,
        table: ViewId,
        place: Place,
        texts: &'a mut Texts,
        arena: &'a Bump,
    ) -> Option<&'a [Value<'a>]> {
        match table::rows(flow, &self.slots, table)? {
            TableRows::Running(groups, calc) => table::read(groups, calc, place, texts, arena),
            TableRows::Kept(_) => None,
        }
    }

    /// The counters of every node that keeps state, in the flow's order.
    pub(crate) fn counts<'a>(&'a self, flow: &'a Flow) -> impl Iterator<Item = NodeCounts<'a>> {
        self.slots.iter().zip(&flow.nodes).filter_map(|(slot, node)| slot.work.counts(&node.name))
    }

    /// What every rule has done, in the flow's order.
    pub(crate) fn rule_counts<'a>(&'a self, flow: &'a Flow) -> impl Iterator<Item = RuleCounts<'a>> {
        rules::counts(flow, &self.slots)
    }

    /// Has the partial matches of a rule told that come to nothing.
    pub(crate) fn explain(&mut self, (node, rule): (usize, usize)) {
        if let Work::Rules(rules) = &mut self.slots[node].work {
            rules.explain(Some(rule));
        }
    }

    /// Bytes that the nodes' arenas hold.
    pub(crate) fn arena_bytes(&self) -> usize {
        self.slots.iter().map(|slot| slot.arena.allocated_bytes()).sum()
    }

    /// Rows of a stream that had no event time.
    pub(crate) fn untimed(&self, stream: StreamId) -> u64 {
        self.streams[stream.index()].untimed
    }

    /// The watermark of a stream; nothing before its first row.
    pub(crate) fn watermark(&self, stream: StreamId) -> Option<i64> {
        Some(self.streams[stream.index()].watermark).filter(|&watermark| watermark > i64::MIN)
    }

    /// What keeps state at a node, if anything does; nothing past the last node.
    pub(crate) fn keeper(&mut self, node: usize) -> Option<Option<Keeper<'_>>> {
        Some(self.slots.get_mut(node)?.work.keeper())
    }

    /// Per stream: watermark, whether it is idle, rows without event time.
    pub(crate) fn stream_times(&self) -> impl Iterator<Item = (i64, bool, u64)> {
        self.streams.iter().map(|time| (time.watermark, time.idle, time.untimed))
    }

    pub(crate) fn set_stream_time(&mut self, stream: usize, watermark: i64, idle: bool, untimed: u64) {
        self.streams[stream] = StreamTime { watermark, idle, untimed };
    }

    /// A node's watermark, and whether it is idle.
    pub(crate) fn node_time(&self, node: usize) -> (i64, bool) {
        (self.slots[node].watermark, self.slots[node].idle)
    }

    pub(crate) fn set_node_time(&mut self, node: usize, watermark: i64, idle: bool) {
        (self.slots[node].watermark, self.slots[node].idle) = (watermark, idle);
    }

    /// Has every node know its inputs' watermarks, which follow from those of streams and nodes.
    pub(crate) fn rejoin(&mut self) {
        for stream in 0..self.streams.len() {
            self.mark_inputs(stream);
        }
        for node in 0..self.slots.len() {
            let told = self.slots[node].told();
            for wire in &self.wiring.nodes[node] {
                self.slots[wire.node].inputs[wire.input] = told;
            }
        }
    }

    fn pass<'x>(&'x mut self, app: &'x App, now: Now, effects: &'x mut Effects) -> Pass<'x> {
        let Self { wiring, slots, alerts, .. } = self;
        Pass { app, flow: &app.flow, now, wiring, slots, alerts, effects }
    }

    /// Pushes a stream's row into the nodes that it feeds.
    fn spread(&mut self, app: &App, now: Now, (stream, row): (StreamId, Row<'_>), effects: &mut Effects) {
        let schema = &app.streams[stream.index()].schema;
        let mut arena = std::mem::take(&mut effects.scratch.values);
        arena.reset();
        let mut values = None;
        let wires = self.wiring.streams[stream.index()].len();
        for place in 0..wires {
            let wire = self.wiring.streams[stream.index()][place];
            let mut pass = self.pass(app, now, effects);
            if let Operator::Calc(calc) = &app.flow.nodes[wire.node].operator {
                // It reads what it needs; most rows have columns that no query looks at.
                pass.calc(wire.node, calc, Source::Stream(row, schema));
            } else {
                let values = values.get_or_insert_with(|| values_of(row, schema, &arena));
                pass.row(wire, values);
            }
        }
        effects.scratch.values = arena;
    }

    /// A stream's watermark rose, or it fell idle or awoke.
    fn stream_moved(&mut self, app: &App, now: Now, stream: usize, effects: &mut Effects) {
        self.mark_inputs(stream);
        let reached = self.wiring.reached[stream].len();
        for place in 0..reached {
            let node = self.wiring.reached[stream][place];
            self.pass(app, now, effects).settle(node);
        }
    }

    fn mark_inputs(&mut self, stream: usize) {
        let StreamTime { watermark, idle, .. } = self.streams[stream];
        for wire in &self.wiring.streams[stream] {
            self.slots[wire.node].inputs[wire.input] = (!idle).then_some(watermark);
        }
    }
}

/// All columns of a row.
fn values_of<'a>(row: Row<'a>, schema: &Schema, arena: &'a Bump) -> &'a [Value<'a>] {
    arena.alloc_slice_fill_with(schema.columns().len(), |column| column_value(row, schema, column))
}
