//! Groups: keys with their accumulators.

use vencejo_expr::{Type, Value};
use vencejo_types::limits::VIEW_KEYS_MAX;

use crate::aggregate::{Aggregates, Sides, State, Texts};
use crate::cell::Cell;
use crate::index::Damaged;
use crate::key;
use crate::paged::Visitor;
use crate::spec::{AggregateCall, Aggregation};
use crate::table::KeyedTable;

/// What the groups of one query look like.
#[derive(Debug)]
pub(crate) struct Layout {
    pub key: Vec<(usize, Type)>,
    pub aggregates: Aggregates,
    /// Cells in front of the accumulators.
    pub header: usize,
    initial: Vec<Cell>,
}

impl Layout {
    pub fn new(key: &[(usize, Type)], calls: &[AggregateCall], header: &[Cell]) -> Self {
        let aggregates = Aggregates::new(calls);
        let initial = [header, aggregates.initial()].concat();
        Self { key: key.to_vec(), aggregates, header: header.len(), initial }
    }

    /// Writes a group's key to the front of `out`.
    pub fn read_key<'a>(&self, key: &'a [u8], out: &mut [Value<'a>]) {
        key::read(key, self.key.iter().map(|&(_, column_type)| column_type), out);
    }

    /// Width of the rows of windowed groups.
    pub fn windowed_width(&self) -> usize {
        self.key.len() + 3 + self.aggregates.len()
    }

    /// Writes the row of a windowed group: key, window, aggregates.
    pub fn read_windowed<'a>(
        &self,
        key: &'a [u8],
        window: (i64, i64),
        state: State<'a>,
        texts: &'a mut Texts,
        out: &mut [Value<'a>],
    ) {
        let keys = self.key.len();
        self.read_key(key, out);
        out[keys] = Value::Int(window.0);
        out[keys + 1] = Value::Int(window.1);
        out[keys + 2] = Value::Int(window.1 - 1);
        self.aggregates.read(state, texts, &mut out[keys + 3..]);
    }
}

/// How many groups an aggregation may hold.
pub(crate) fn keys_max(spec: &Aggregation) -> usize {
    spec.keys_max.min(VIEW_KEYS_MAX)
}

/// Keys with their accumulators.
#[derive(Debug)]
pub(crate) struct Groups {
    pub table: KeyedTable,
    pub sides: Sides,
}

impl Groups {
    pub fn new(layout: &Layout) -> Self {
        let table = KeyedTable::new(key::inline_cells(&layout.key), &layout.initial);
        Self { table, sides: Sides::default() }
    }

    /// Takes a row into the group of a key. Whether the group is new, or nothing where it would be one more
    /// than `keys_max`.
    ///
    /// # Errors
    /// When a page of the group cannot be had; nothing has changed.
    #[inline]
    pub fn fold(
        &mut self,
        layout: &Layout,
        key: &[u8],
        row: &[Value<'_>],
        time: i64,
        keys_max: usize,
    ) -> Result<Option<(usize, bool)>, Damaged> {
        let is_whole = self.sides.is_whole();
        if !is_whole
            && !layout.aggregates.reach(layout.aggregates.initial(), &self.sides, true)
            && self.find(layout, key)?.is_none()
        {
            return Err(Damaged);
        }
        let Some((place, is_new)) = self.table.find_or_insert(key, keys_max)? else { return Ok(None) };
        let cells = &mut self.table.cells_mut(place)[layout.header..];
        if !is_whole && !layout.aggregates.reach(cells, &self.sides, true) {
            return Err(Damaged);
        }
        layout.aggregates.fold(row, time, cells, &mut self.sides);
        Ok(Some((place, is_new)))
    }

    /// The place of a key's group, if it is there.
    ///
    /// # Errors
    /// When a page of the group cannot be had.
    #[inline]
    pub fn find(&self, layout: &Layout, key: &[u8]) -> Result<Option<usize>, Damaged> {
        let Some(place) = self.table.find(key)? else { return Ok(None) };
        if self.sides.is_whole() {
            return Ok(Some(place));
        }
        let cells = &self.table.cells(place)[layout.header..];
        if layout.aggregates.reach(cells, &self.sides, false) { Ok(Some(place)) } else { Err(Damaged) }
    }

    /// Takes the groups of another one.
    pub fn merge(&mut self, layout: &Layout, other: &Self) {
        for theirs in other.table.places() {
            self.merge_group(layout, other.table.key(theirs), other.state(layout, theirs));
        }
    }

    /// Takes accumulators into the group of a key.
    pub fn merge_group(&mut self, layout: &Layout, key: &[u8], from: State<'_>) {
        let Ok(Some((place, _))) = self.table.find_or_insert(key, usize::MAX) else { return };
        let cells = &mut self.table.cells_mut(place)[layout.header..];
        layout.aggregates.merge(cells, &mut self.sides, from);
    }

    /// The accumulators of the group at a place.
    pub fn state(&self, layout: &Layout, place: usize) -> State<'_> {
        State { cells: &self.table.cells(place)[layout.header..], sides: &self.sides }
    }

    pub fn remove(&mut self, layout: &Layout, place: usize) {
        layout.aggregates.release(&self.table.cells(place)[layout.header..], &mut self.sides);
        self.table.remove(place);
    }

    pub fn clear(&mut self) {
        self.table.clear();
        self.sides.clear();
    }

    /// Shows them.
    pub fn visit(&mut self, visitor: &mut Visitor<'_>) {
        self.table.visit(visitor);
        self.sides.visit(visitor);
    }

    pub fn bytes(&self) -> usize {
        self.table.bytes() + self.sides.bytes()
    }
}

/// A row's memory for the next row: `collect` keeps the allocation.
pub(crate) fn recycled<'a>(mut row: Vec<Value<'_>>) -> Vec<Value<'a>> {
    row.clear();
    row.into_iter().map(|_| Value::Null).collect()
}
