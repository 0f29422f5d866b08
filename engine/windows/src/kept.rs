//! The latest row of each key, for look-ups; and for a while the rows of its older windows, for queries.
//!
//! A key's row is the one of its latest window, or the last to come where rows have no window. It stays,
//! however old; what it took the place of goes when its window's end is `retention` behind the watermark.

use vencejo_expr::Value;
use vencejo_types::limits::{ROWS_KEPT_MAX, VIEW_KEYS_MAX};

use crate::aggregate::Texts;
use crate::cell::{of_word, word};
use crate::group_by::Place;
use crate::groups::recycled;
use crate::index::Damaged;
use crate::key;
use crate::operator::{Downstream, Operator, Taken};
use crate::packed::PackedRow;
use crate::paged::{Heap, List, Stored, Visitor};
use crate::spec::Keep;
use crate::table::KeyedTable;

#[derive(Debug)]
pub(crate) struct KeptRow {
    pub(crate) row: PackedRow,
    /// The end of its window; 0 without windows.
    end: i64,
    /// The key's next older row, plus 1; 0 at the end.
    older: u32,
}

impl Stored for KeptRow {
    const PER_PAGE: usize = 64;
    type V1 = (Box<[u8]>, i64, u32);

    fn to_v1(&self) -> Self::V1 {
        (self.row.to_v1(), self.end, self.older)
    }

    fn from_v1((row, end, older): Self::V1) -> Option<Self> {
        Some(Self { row: PackedRow::from_v1(row)?, end, older })
    }
}

/// The latest rows by key.
#[derive(Debug)]
pub struct Kept {
    spec: Keep,
    /// A cell per key: its latest row, plus 1.
    table: KeyedTable,
    rows: List<KeptRow>,
    free: List<u32>,
    /// Where rows were superseded: the end of the window, the key's place.
    superseded: Heap<(i64, u32)>,
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
            rows: List::default(),
            free: List::default(),
            superseded: Heap::default(),
            width: 0,
            row_bytes: 0,
            watermark: i64::MIN,
            key: Vec::new(),
            room: Vec::new(),
            refused: 0,
        }
    }

    /// The row of a key, whose bytes [`crate::key::write`] makes.
    ///
    /// # Errors
    /// When it may be there, in a page that cannot be had.
    pub fn find(&self, key: &[u8]) -> Result<Option<Place>, Damaged> {
        let Some(place) = self.table.find(key)? else { return Ok(None) };
        let first = word(self.table.cells(place)[0]) as usize;
        self.rows.get(first.wrapping_sub(1)).ok_or(Damaged)?;
        Ok(Some(Place(place as u32)))
    }

    /// Reads the head of the row that a look-up of this hash comes to, as a rule.
    #[inline]
    pub(crate) fn load_head(&self, hash: u64) -> u64 {
        self.likely(hash).map_or(0, |kept| kept.end.cast_unsigned())
    }

    /// Reads that row.
    #[inline]
    pub(crate) fn load_row(&self, hash: u64) -> u64 {
        self.likely(hash).map_or(0, |kept| kept.row.load())
    }

    /// Nothing while rows are yet to be loaded: they are, for who needs them alone.
    #[inline]
    pub(crate) fn likely(&self, hash: u64) -> Option<&KeptRow> {
        if !self.rows.is_whole() {
            return None;
        }
        let first = self.table.likely_cells(hash)?.first()?;
        self.rows.get((word(*first) as usize).wrapping_sub(1))
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
            let kept = self.rows.get(at.checked_sub(1)? as usize)?;
            at = kept.older;
            Some(&kept.row)
        })
    }

    fn bound(&self) -> i64 {
        self.watermark.saturating_sub(self.spec.retention.max(0))
    }

    /// Keeps a row under a number; nothing where there is no page to be had for it.
    fn put(&mut self, kept: KeptRow) -> Option<u32> {
        let bytes = kept.row.bytes();
        let vacant = self.free.last().copied();
        let number = match vacant.and_then(|number| self.rows.get_mut(number as usize)) {
            Some(held) => {
                *held = kept;
                self.free.pop()?
            }
            None => {
                self.rows.push(kept).then_some(())?;
                (self.rows.len() - 1) as u32
            }
        };
        self.row_bytes += bytes;
        Some(number)
    }

    /// Drops the older rows of a key that are past retention. Those that cannot be had stay.
    fn cut(&mut self, place: usize) {
        let bound = self.bound();
        let mut at = (word(self.table.cells(place)[0]) as usize).wrapping_sub(1);
        while let Some(number) = self.rows.get(at).and_then(|kept| kept.older.checked_sub(1)) {
            let Some(older) = self.rows.get_mut(number as usize) else { return };
            if older.end > bound {
                at = number as usize;
                continue;
            }
            let (gone, next) = (std::mem::take(&mut older.row), older.older);
            self.row_bytes -= gone.bytes();
            self.free.push(number);
            if let Some(kept) = self.rows.get_mut(at) {
                kept.older = next;
            }
        }
    }

    /// Whether all rows of the key at a place can be had.
    fn reach(&self, place: usize) -> bool {
        if self.rows.is_whole() {
            return true;
        }
        let mut at = word(self.table.cells(place)[0]) as usize;
        while let Some(number) = at.checked_sub(1) {
            let Some(kept) = self.rows.get(number) else { return false };
            at = kept.older as usize;
        }
        true
    }

    /// Puts a row in its place among the rows of its key.
    fn keep(&mut self, place: usize, row: PackedRow, end: i64, is_full: bool) -> Taken {
        // The first row that is not of a later window; it is the first one, but for a window given out again.
        let mut newer = None;
        let mut at = word(self.table.cells(place)[0]) as u32;
        while let Some(kept) = at.checked_sub(1).and_then(|number| self.rows.get(number as usize))
            && kept.end > end
        {
            newer = Some(at - 1);
            at = kept.older;
        }
        let older = at.checked_sub(1).map(|number| number as usize);
        let older_end = older.and_then(|number| self.rows.get(number)).map(|kept| kept.end);
        if let Some(number) = older.filter(|_| older_end == Some(end))
            && let Some(kept) = self.rows.get_mut(number)
        {
            self.row_bytes = self.row_bytes - kept.row.bytes() + row.bytes();
            kept.row = row;
            return Taken::Yes;
        }
        if is_full {
            return Taken::Refused;
        }
        let Some(number) = self.put(KeptRow { row, end, older: at }) else { return Taken::Damaged };
        match newer {
            Some(newer) => {
                if let Some(newer) = self.rows.get_mut(newer as usize) {
                    newer.older = number + 1;
                }
                self.superseded.push((end, place as u32));
            }
            None => {
                self.table.cells_mut(place)[0] = of_word(u64::from(number) + 1);
                if let Some(end) = older_end {
                    self.superseded.push((end, place as u32));
                }
            }
        }
        Taken::Yes
    }

    fn take(&mut self, row: &[Value<'_>]) -> Taken {
        self.width = row.len();
        let end = match self.spec.window_end.map(|end| row[end]) {
            Some(Value::Int(end)) => end,
            _ => 0,
        };
        key::write_columns(row, &self.spec.key, &mut self.key);
        let is_full = self.rows.len() - self.free.len() >= ROWS_KEPT_MAX;
        let keys_max = if is_full { 0 } else { VIEW_KEYS_MAX };
        let place = match self.table.find_or_insert(&self.key, keys_max) {
            Ok(Some((place, _))) if self.reach(place) => place,
            Ok(Some(_)) | Err(Damaged) => return Taken::Damaged,
            Ok(None) => return Taken::Refused,
        };
        let packed = PackedRow::new(row.iter().copied(), &mut self.room);
        self.keep(place, packed, end, is_full)
    }
}

impl Operator for Kept {
    fn row(&mut self, _port: usize, row: &[Value<'_>], _down: &mut dyn Downstream) -> Taken {
        let taken = self.take(row);
        self.refused += u64::from(taken == Taken::Refused);
        taken
    }

    fn watermark(&mut self, watermark: i64, _down: &mut dyn Downstream) {
        // The end of the input is no time: what is kept stays for whoever reads it then.
        if watermark == i64::MAX {
            return;
        }
        self.watermark = self.watermark.max(watermark);
        let bound = self.bound();
        while let Some(&(end, place)) = self.superseded.peek()
            && end <= bound
        {
            self.superseded.pop();
            self.cut(place as usize);
        }
    }

    fn visit(&mut self, visitor: &mut Visitor<'_>) {
        self.table.visit(visitor);
        self.rows.visit(visitor);
        self.free.visit(visitor);
        self.superseded.visit(visitor);
        visitor.size(&mut self.width);
        visitor.size(&mut self.row_bytes);
        visitor.int(&mut self.watermark);
        visitor.word(&mut self.refused);
    }

    fn table(&self) -> Option<&KeyedTable> {
        Some(&self.table)
    }

    fn serves_early(&self) -> bool {
        true
    }

    fn key_count(&self) -> usize {
        self.table.len()
    }

    fn bytes(&self) -> usize {
        let rows = self.rows.bytes() + self.free.bytes() + self.row_bytes;
        self.table.bytes() + rows + self.superseded.bytes()
    }

    fn refused(&self) -> u64 {
        self.refused
    }
}
