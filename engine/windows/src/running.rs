//! Groups without a window: current after every row, forgotten when nothing comes for their time to live.
//!
//! Rows come out at the end of the input, one per key, in order of first arrival.

use vencejo_expr::Value;

use crate::aggregate::{State, Texts};
use crate::cell::{Cell, int, of_int};
use crate::group_by::Place;
use crate::groups::{Groups, Layout, keys_max, recycled};
use crate::index::Damaged;
use crate::key;
use crate::operator::{Downstream, Taken};
use crate::paged::{Heap, Visitor};
use crate::spec::Aggregation;
use crate::table::KeyedTable;

/// Header cells of a group with a time to live: when it came, counted in groups, and engine time of its last
/// row.
const SEQUENCE: usize = 0;
const TOUCHED: usize = 1;

/// What a group with a time to live takes more: the header, and an entry of `looks`.
pub(crate) const TTL_BYTES: usize = 2 * size_of::<Cell>() + size_of::<(i64, u32)>();

#[derive(Debug)]
pub(crate) struct Running {
    layout: Layout,
    time: Option<usize>,
    ttl_micros: Option<i64>,
    keys_max: usize,
    groups: Groups,
    /// When to look at a group again, one entry per group: not before its time to live has ended.
    looks: Heap<(i64, u32)>,
    now_micros: i64,
    sequence: i64,
    is_ended: bool,
    /// The groups that rows came for since they were last looked at, if somebody looks.
    touched: Option<Vec<Place>>,
    key: Vec<u8>,
    pub late: u64,
    pub refused: u64,
}

impl Running {
    pub fn new(spec: &Aggregation, ttl_millis: Option<i64>) -> Self {
        let header = if ttl_millis.is_some() { [of_int(0); 2].to_vec() } else { Vec::new() };
        let layout = Layout::new(&spec.key, &spec.calls, &header);
        Self {
            groups: Groups::new(&layout),
            layout,
            time: spec.time,
            ttl_micros: ttl_millis.map(|millis| millis.saturating_mul(1_000)),
            keys_max: keys_max(spec),
            looks: Heap::default(),
            now_micros: 0,
            sequence: 0,
            is_ended: false,
            touched: None,
            key: Vec::new(),
            late: 0,
            refused: 0,
        }
    }

    pub fn row(&mut self, row: &[Value<'_>]) -> Taken {
        let time = match self.time.map(|time| row[time]) {
            None => 0,
            Some(Value::Int(time)) => time,
            Some(_) => {
                self.late += 1;
                return Taken::Late;
            }
        };
        key::write_columns(row, &self.layout.key, &mut self.key);
        if self.looks.is_damaged() {
            return Taken::Damaged;
        }
        let folded = self.groups.fold(&self.layout, &self.key, row, time, self.keys_max);
        let (place, is_new) = match folded {
            Ok(Some(folded)) => folded,
            Ok(None) => {
                self.refused += 1;
                return Taken::Refused;
            }
            Err(Damaged) => return Taken::Damaged,
        };
        if let Some(touched) = &mut self.touched {
            touched.push(Place(place as u32));
        }
        if let Some(ttl) = self.ttl_micros {
            let cells = self.groups.table.cells_mut(place);
            cells[TOUCHED] = of_int(self.now_micros);
            if is_new {
                cells[SEQUENCE] = of_int(self.sequence);
                self.sequence += 1;
                self.looks.push((self.now_micros.saturating_add(ttl), place as u32));
            }
        }
        Taken::Yes
    }

    pub fn tick(&mut self, now_micros: i64) {
        self.now_micros = self.now_micros.max(now_micros);
        let Some(ttl) = self.ttl_micros else { return };
        while let Some(&(at, place)) = self.looks.peek() {
            if at > self.now_micros {
                return;
            }
            self.looks.pop();
            let ends = int(self.groups.table.cells(place as usize)[TOUCHED]).saturating_add(ttl);
            if ends > self.now_micros {
                self.looks.push((ends, place));
            } else {
                self.groups.remove(&self.layout, place as usize);
            }
        }
    }

    /// When a group may have come to its end.
    pub fn wakes_at_micros(&self) -> Option<i64> {
        self.looks.peek().map(|&(at, _)| at)
    }

    /// At the end of the input all groups come out, once.
    pub fn watermark(&mut self, watermark: i64, down: &mut dyn Downstream) {
        if watermark < i64::MAX || std::mem::replace(&mut self.is_ended, true) {
            return;
        }
        let (mut spare, mut texts) = (Vec::new(), Texts::default());
        for place in self.places() {
            let mut row = recycled(spare);
            row.resize(self.width(), Value::Null);
            self.read(place, &mut texts, &mut row);
            down.emit(&row);
            spare = recycled(row);
        }
    }

    pub fn watch(&mut self, on: bool) {
        self.touched = on.then(|| self.touched.take().unwrap_or_default());
    }

    pub fn take_touched(&mut self) -> Vec<Place> {
        let mut touched = self.touched.as_mut().map(std::mem::take).unwrap_or_default();
        touched.sort_unstable();
        touched.dedup();
        touched
    }

    /// Without the order in which groups end, none can be said to be there.
    pub fn find(&self, key: &[u8]) -> Result<Option<Place>, Damaged> {
        if self.looks.is_damaged() {
            return Err(Damaged);
        }
        Ok(self.groups.find(&self.layout, key)?.map(|place| Place(place as u32)))
    }

    pub fn visit(&mut self, visitor: &mut Visitor<'_>) {
        self.groups.visit(visitor);
        self.looks.visit(visitor);
        visitor.int(&mut self.now_micros);
        visitor.int(&mut self.sequence);
        visitor.flag(&mut self.is_ended);
        visitor.word(&mut self.late);
        visitor.word(&mut self.refused);
    }

    pub fn width(&self) -> usize {
        self.layout.key.len() + self.layout.aggregates.len()
    }

    pub fn read<'a>(&'a self, place: Place, texts: &'a mut Texts, out: &mut [Value<'a>]) {
        let (key, cells) = self.groups.table.entry(place.0 as usize);
        self.layout.read_key(key, out);
        let aggregates = &mut out[self.layout.key.len()..];
        let state = State { cells: &cells[self.layout.header..], sides: &self.groups.sides };
        self.layout.aggregates.read(state, texts, aggregates);
    }

    pub fn group(&self, place: Place) -> (&[u8], State<'_>) {
        let place = place.index();
        (self.groups.table.key(place), self.groups.state(&self.layout, place))
    }

    pub fn places_from(&self, first: usize) -> impl Iterator<Item = Place> {
        self.groups.table.places_from(first).map(|place| Place(place as u32))
    }

    /// The groups, in order of first arrival.
    pub fn places(&self) -> Vec<Place> {
        let mut places: Vec<Place> = self.groups.table.places().map(|place| Place(place as u32)).collect();
        if self.ttl_micros.is_some() {
            places.sort_by_key(|place| int(self.groups.table.cells(place.0 as usize)[SEQUENCE]));
        }
        places
    }

    /// Where a row's key is looked for.
    pub fn table(&self) -> &KeyedTable {
        &self.groups.table
    }

    pub fn key_count(&self) -> usize {
        self.groups.table.len()
    }

    pub fn bytes(&self) -> usize {
        self.groups.bytes() + self.looks.bytes()
    }
}
