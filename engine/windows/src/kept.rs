//! The latest row of each key, for look-ups; and for a while the rows of its older windows, for queries.
//!
//! A key's row is the one of its latest window, or the last to come where rows have no window. It stays,
//! however old; what it took the place of goes when its window's end is `retention` behind the watermark.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use vencejo_expr::Value;
use vencejo_types::limits::{ROWS_KEPT_MAX, VIEW_KEYS_MAX};

use crate::aggregate::Texts;
use crate::cell::{of_word, word};
use crate::group_by::Place;
use crate::groups::recycled;
use crate::key;
use crate::operator::{Downstream, Operator, Taken};
use crate::packed::PackedRow;
use crate::spec::Keep;
use crate::table::KeyedTable;

#[derive(Debug)]
struct KeptRow {
    row: PackedRow,
    /// The end of its window; 0 without windows.
    end: i64,
    /// The key's next older row, plus 1; 0 at the end.
    older: u32,
}

/// The latest rows by key.
#[derive(Debug)]
pub struct Kept {
    spec: Keep,
    /// A cell per key: its latest row, plus 1.
    table: KeyedTable,
    rows: Vec<KeptRow>,
    free: Vec<u32>,
    /// Where rows were superseded: the end of the window, the key's place.
    superseded: BinaryHeap<Reverse<(i64, u32)>>,
    width: usize,
    row_bytes: usize,
    watermark: i64,
    key: Vec<u8>,
    room: Vec<u8>,
    refused: u64,
}

impl Kept {
    /// An operator without rows.
    pub fn new(spec: &Keep) -> Self {
        Self {
            table: KeyedTable::new(key::inline_cells(&spec.key), &[of_word(0)]),
            spec: spec.clone(),
            rows: Vec::new(),
            free: Vec::new(),
            superseded: BinaryHeap::new(),
            width: 0,
            row_bytes: 0,
            watermark: i64::MIN,
            key: Vec::new(),
            room: Vec::new(),
            refused: 0,
        }
    }

    /// The row of a key, whose bytes [`crate::key::write`] makes.
    pub fn find(&self, key: &[u8]) -> Option<Place> {
        self.table.find(key).map(|place| Place(place as u32))
    }

    /// Width of the rows; 0 before the first.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Writes a key's row to the front of `out`.
    ///
    /// # Panics
    /// When the place is not one of this operator.
    pub fn read<'a>(&'a self, place: Place, _texts: &'a mut Texts, out: &mut [Value<'a>]) {
        if let Some(row) = self.rows_of(place).next() {
            row.read(out);
        }
    }

    /// Shows the kept rows of a key, latest window first, but for the first `skip`, until `show` says that it
    /// has seen enough.
    pub fn history(&self, place: Place, skip: usize, mut show: impl FnMut(&[Value<'_>]) -> bool) {
        let mut values = Vec::with_capacity(self.width);
        for row in self.rows_of(place).skip(skip) {
            values = recycled(values);
            row.append(&mut values);
            if !show(&values) {
                return;
            }
        }
    }

    /// The keys at places from this number on; as [`crate::GroupBy::places_from`].
    pub fn places_from(&self, first: usize) -> impl Iterator<Item = Place> {
        self.table.places_from(first).map(|place| Place(place as u32))
    }

    /// The keys, in order of first arrival.
    pub fn places(&self) -> impl Iterator<Item = Place> {
        self.table.places().map(|place| Place(place as u32))
    }

    fn rows_of(&self, place: Place) -> impl Iterator<Item = &PackedRow> {
        let mut at = word(self.table.cells(place.0 as usize)[0]) as u32;
        std::iter::from_fn(move || {
            let kept = &self.rows[at.checked_sub(1)? as usize];
            at = kept.older;
            Some(&kept.row)
        })
    }

    fn bound(&self) -> i64 {
        self.watermark.saturating_sub(self.spec.retention.max(0))
    }

    fn put(&mut self, kept: KeptRow) -> u32 {
        self.row_bytes += kept.row.bytes();
        match self.free.pop() {
            Some(number) => {
                self.rows[number as usize] = kept;
                number
            }
            None => {
                self.rows.push(kept);
                (self.rows.len() - 1) as u32
            }
        }
    }

    /// Drops the older rows of a key that are past retention.
    fn cut(&mut self, place: usize) {
        let bound = self.bound();
        let mut at = word(self.table.cells(place)[0]) as usize - 1;
        while let Some(older) = self.rows[at].older.checked_sub(1) {
            if self.rows[older as usize].end > bound {
                at = older as usize;
                continue;
            }
            let next = self.rows[older as usize].older;
            self.row_bytes -= self.rows[older as usize].row.bytes();
            self.rows[older as usize].row = PackedRow::default();
            self.free.push(older);
            self.rows[at].older = next;
        }
    }
}

impl Operator for Kept {
    fn row(&mut self, _port: usize, row: &[Value<'_>], _down: &mut dyn Downstream) -> Taken {
        self.width = row.len();
        let end = match self.spec.window_end.map(|end| row[end]) {
            Some(Value::Int(end)) => end,
            _ => 0,
        };
        key::write_columns(row, &self.spec.key, &mut self.key);
        let is_full = self.rows.len() - self.free.len() >= ROWS_KEPT_MAX;
        let keys_max = if is_full { 0 } else { VIEW_KEYS_MAX };
        let Some((place, _)) = self.table.find_or_insert(&self.key, keys_max) else {
            self.refused += 1;
            return Taken::Refused;
        };
        let packed = PackedRow::new(row.iter().copied(), &mut self.room);
        // The first row that is not of a later window; it is the first one, but for a window given out again.
        let mut newer = None;
        let mut at = word(self.table.cells(place)[0]) as u32;
        while let Some(kept) = at.checked_sub(1).map(|number| &self.rows[number as usize])
            && kept.end > end
        {
            newer = Some(at - 1);
            at = kept.older;
        }
        if let Some(kept) = at.checked_sub(1).map(|number| &mut self.rows[number as usize])
            && kept.end == end
        {
            self.row_bytes = self.row_bytes - kept.row.bytes() + packed.bytes();
            kept.row = packed;
            return Taken::Yes;
        }
        if is_full {
            self.refused += 1;
            return Taken::Refused;
        }
        let number = self.put(KeptRow { row: packed, end, older: at });
        match newer {
            Some(newer) => {
                self.rows[newer as usize].older = number + 1;
                self.superseded.push(Reverse((end, place as u32)));
            }
            None => {
                self.table.cells_mut(place)[0] = of_word(u64::from(number) + 1);
                if let Some(older) = at.checked_sub(1) {
                    self.superseded.push(Reverse((self.rows[older as usize].end, place as u32)));
                }
            }
        }
        Taken::Yes
    }

    fn watermark(&mut self, watermark: i64, _down: &mut dyn Downstream) {
        // The end of the input is no time: what is kept stays for whoever reads it then.
        if watermark == i64::MAX {
            return;
        }
        self.watermark = self.watermark.max(watermark);
        let bound = self.bound();
        while let Some(&Reverse((end, place))) = self.superseded.peek()
            && end <= bound
        {
            self.superseded.pop();
            self.cut(place as usize);
        }
    }

    fn key_count(&self) -> usize {
        self.table.len()
    }

    fn bytes(&self) -> usize {
        let rows = self.rows.capacity() * size_of::<KeptRow>() + self.free.capacity() * 4 + self.row_bytes;
        self.table.bytes() + rows + self.superseded.capacity() * size_of::<Reverse<(i64, u32)>>()
    }

    fn refused(&self) -> u64 {
        self.refused
    }
}
