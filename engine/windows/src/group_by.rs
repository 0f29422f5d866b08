//! GROUP BY: running groups, groups of windows, groups of sessions.

use vencejo_expr::Value;

use crate::aggregate::{State, Texts};
use crate::given::Given;
use crate::index::Damaged;
use crate::operator::{Downstream, Operator, Taken};
use crate::paged::Visitor;
use crate::running::Running;
use crate::session_groups::SessionGroups;
use crate::sliced::Sliced;
use crate::spec::{Aggregation, Grouping, Windowing};
use crate::table::KeyedTable;

/// Where a key is. Good until the next row, watermark or tick.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Place(pub(crate) u32);

impl Place {
    /// Its number: places count up from 0.
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// GROUP BY. What comes out, and in which order, say the parts: [`Grouping::Running`] gives its rows at the
/// end of the input, windows when they close.
#[derive(Debug)]
pub struct GroupBy(Groups);

#[derive(Debug)]
enum Groups {
    Running(Box<Running>),
    Sliced(Box<Sliced>),
    Sessions(Box<SessionGroups>),
    Given(Box<Given>),
}

impl GroupBy {
    /// An operator without rows.
    pub fn new(spec: &Aggregation) -> Self {
        Self(match spec.grouping {
            Grouping::Running { ttl } => Groups::Running(Box::new(Running::new(spec, ttl))),
            Grouping::Given { start, end } => Groups::Given(Box::new(Given::new(spec, start, end))),
            Grouping::Window { windowing, lateness, retention } => {
                match Sliced::new(spec, windowing, lateness, retention) {
                    Some(sliced) => Groups::Sliced(Box::new(sliced)),
                    None => {
                        let gap = if let Windowing::Session { gap } = windowing { gap } else { 1 };
                        Groups::Sessions(Box::new(SessionGroups::new(spec, gap, lateness)))
                    }
                }
            }
        })
    }

    fn running(&self) -> Option<&Running> {
        if let Groups::Running(running) = &self.0 { Some(running) } else { None }
    }

    /// The running group of a key, whose bytes [`crate::key::write`] makes; nothing where it is not there, or
    /// groups have windows.
    ///
    /// # Errors
    /// When it may be there, in a page that cannot be had.
    pub fn find(&self, key: &[u8]) -> Result<Option<Place>, Damaged> {
        self.running().map_or(Ok(None), |running| running.find(key))
    }

    /// Width of a running group's row.
    pub fn width(&self) -> usize {
        self.running().map_or(0, Running::width)
    }

    /// Writes a running group's row to the front of `out`: the key's columns, then the aggregates. Allocates
    /// nothing but what `texts` needs.
    ///
    /// # Panics
    /// When `out` is shorter than [`GroupBy::width`], or the place is not one of this operator.
    pub fn read<'a>(&'a self, place: Place, texts: &'a mut Texts, out: &mut [Value<'a>]) {
        if let Some(running) = self.running() {
            running.read(place, texts, out);
        }
    }

    /// The running groups at places from this number on. A walk in pieces meets every group that is there
    /// all the while, and each at most once.
    pub fn places_from(&self, first: usize) -> impl Iterator<Item = Place> {
        self.running().into_iter().flat_map(move |running| running.places_from(first))
    }

    /// From now on, or no more, notes for which running groups rows come. Whoever asks for it must take them
    /// again and again.
    pub fn watch(&mut self, on: bool) {
        if let Groups::Running(running) = &mut self.0 {
            running.watch(on);
        }
    }

    /// The running groups for which rows came since this was last asked, each once; none without
    /// [`GroupBy::watch`].
    pub fn take_touched(&mut self) -> Vec<Place> {
        if let Groups::Running(running) = &mut self.0 { running.take_touched() } else { Vec::new() }
    }

    /// The operator of closed windows that are kept to be merged.
    pub(crate) fn sliced(&self) -> Option<&Sliced> {
        if let Groups::Sliced(sliced) = &self.0 { Some(sliced) } else { None }
    }

    /// Key bytes and accumulators of a running group.
    pub(crate) fn group(&self, place: Place) -> Option<(&[u8], State<'_>)> {
        self.running().map(|running| running.group(place))
    }

    /// The running groups, in order of first arrival.
    pub fn places(&self) -> impl Iterator<Item = Place> {
        self.running().map(Running::places).unwrap_or_default().into_iter()
    }
}

impl Operator for GroupBy {
    #[inline]
    fn row(&mut self, _port: usize, row: &[Value<'_>], down: &mut dyn Downstream) -> Taken {
        match &mut self.0 {
            Groups::Running(groups) => groups.row(row),
            Groups::Sliced(groups) => groups.row(row, down),
            Groups::Sessions(groups) => groups.row(row, down),
            Groups::Given(groups) => groups.row(row),
        }
    }

    fn watermark(&mut self, watermark: i64, down: &mut dyn Downstream) {
        match &mut self.0 {
            Groups::Running(groups) => groups.watermark(watermark, down),
            Groups::Sliced(groups) => groups.watermark(watermark, down),
            Groups::Sessions(groups) => groups.watermark(watermark, down),
            Groups::Given(groups) => groups.watermark(watermark, down),
        }
    }

    fn tick(&mut self, now_micros: i64, _down: &mut dyn Downstream) {
        if let Groups::Running(groups) = &mut self.0 {
            groups.tick(now_micros);
        }
    }

    fn wakes_at_micros(&self) -> Option<i64> {
        self.running().and_then(Running::wakes_at_micros)
    }

    fn visit(&mut self, visitor: &mut Visitor<'_>) {
        match &mut self.0 {
            Groups::Running(groups) => groups.visit(visitor),
            Groups::Sliced(groups) => groups.visit(visitor),
            Groups::Sessions(groups) => groups.visit(visitor),
            Groups::Given(groups) => groups.visit(visitor),
        }
    }

    fn serves_early(&self) -> bool {
        self.running().is_some()
    }

    fn table(&self) -> Option<&KeyedTable> {
        match &self.0 {
            Groups::Running(groups) => Some(groups.table()),
            Groups::Sliced(groups) => groups.table(),
            Groups::Sessions(groups) => Some(groups.table()),
            // Which of its tables, only the row says.
            Groups::Given(_) => None,
        }
    }

    fn key_count(&self) -> usize {
        match &self.0 {
            Groups::Running(groups) => groups.key_count(),
            Groups::Sliced(groups) => groups.key_count(),
            Groups::Sessions(groups) => groups.key_count(),
            Groups::Given(groups) => groups.key_count(),
        }
    }

    fn bytes(&self) -> usize {
        match &self.0 {
            Groups::Running(groups) => groups.bytes(),
            Groups::Sliced(groups) => groups.bytes(),
            Groups::Sessions(groups) => groups.bytes(),
            Groups::Given(groups) => groups.bytes(),
        }
    }

    fn late(&self) -> u64 {
        match &self.0 {
            Groups::Running(groups) => groups.late,
            Groups::Sliced(groups) => groups.late,
            Groups::Sessions(groups) => groups.late,
            Groups::Given(groups) => groups.late,
        }
    }

    fn refused(&self) -> u64 {
        match &self.0 {
            Groups::Running(groups) => groups.refused,
            Groups::Sliced(groups) => groups.refused,
            Groups::Sessions(groups) => groups.refused,
            Groups::Given(groups) => groups.refused,
        }
    }
}
