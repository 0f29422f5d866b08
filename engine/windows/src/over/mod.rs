//! OVER: each row with aggregates of those before it.
//!
//! Rows wait for the watermark and then come out in order of event time, of equal times in order of arrival.
//! A row behind the watermark is late and dropped; one at the watermark itself is taken and comes out at
//! once, so that with a watermark without delay rows of one time are all taken. Rows of one time and key are
//! in each other's RANGE where the watermark reaches them together.
//!
//! Frames that end (RANGE and ROWS with a bound) hold the arguments of their rows; a frame without a bound
//! holds accumulators only. A key whose RANGE is behind the watermark is forgotten.

mod frame;
mod multiset;
mod plan;

use std::cmp::Ordering;

use vencejo_expr::Value;
use vencejo_types::limits::{ROWS_KEPT_MAX, ROWS_PER_KEY_MAX, VIEW_KEYS_MAX};

use crate::aggregate::{Aggregates, Sides, State, Texts};
use crate::cell::{Slab, int, of_int};
use crate::key;
use crate::operator::{Downstream, Operator, Taken};
use crate::packed::PackedRow;
use crate::paged::{Heap, List, Stored, Visitor};
use crate::spec::{Frame as Bound, OverAggregation};
use crate::table::KeyedTable;
use frame::{Frame, Scratch};
use plan::FramePlan;

/// Cells of a key: the time that came out last, how many rows wait, whether `looks` has it.
const LAST: usize = 0;
const WAITING: usize = 1;
const LOOKED_AT: usize = 2;

/// A row that waits. The least event time comes first, of equal ones the first to come.
#[derive(Debug, Default)]
struct Waiting {
    time: i64,
    sequence: u64,
    /// The place of its key.
    place: u32,
    row: PackedRow,
}

impl Ord for Waiting {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.time, self.sequence).cmp(&(other.time, other.sequence))
    }
}

impl PartialOrd for Waiting {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Waiting {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Waiting {}

impl Stored for Waiting {
    const PER_PAGE: usize = 64;
    type V1 = (i64, u64, u32, Box<[u8]>);

    fn to_v1(&self) -> Self::V1 {
        (self.time, self.sequence, self.place, self.row.to_v1())
    }

    fn from_v1((time, sequence, place, row): Self::V1) -> Option<Self> {
        Some(Self { time, sequence, place, row: PackedRow::from_v1(row)? })
    }
}

/// What rows are aggregated in.
#[derive(Debug)]
enum History {
    /// By place of the key.
    Frames(Box<FramePlan>, List<Option<Box<Frame>>>),
    /// Accumulators by place of the key.
    Unbounded(Box<Aggregates>, Slab, Sides),
}

/// Gives each row aggregates of those before it.
#[derive(Debug)]
pub struct Over {
    spec: OverAggregation,
    keys: KeyedTable,
    history: History,
    waiting: Heap<Waiting>,
    waiting_bytes: usize,
    frame_rows: usize,
    /// When to look whether a key can be forgotten.
    looks: Heap<(i64, u32)>,
    sequence: u64,
    watermark: i64,
    scratch: Scratch,
    key: Vec<u8>,
    room: Vec<u8>,
    late: u64,
    refused: u64,
}

impl Over {
    /// An operator without rows.
    pub fn new(spec: &OverAggregation) -> Self {
        let is_unbounded = matches!(spec.frame, Bound::Rows(None) | Bound::Range(None));
        let history = if is_unbounded {
            let aggregates = Aggregates::new(&spec.calls);
            let slab = Slab::new(aggregates.initial().len());
            History::Unbounded(Box::new(aggregates), slab, Sides::default())
        } else {
            History::Frames(Box::new(FramePlan::new(&spec.calls)), List::default())
        };
        Self {
            keys: KeyedTable::new(key::inline_cells(&spec.key), &[of_int(i64::MIN), of_int(0), of_int(0)]),
            spec: spec.clone(),
            history,
            waiting: Heap::default(),
            waiting_bytes: 0,
            frame_rows: 0,
            looks: Heap::default(),
            sequence: 0,
            watermark: i64::MIN,
            scratch: Scratch::default(),
            key: Vec::new(),
            room: Vec::new(),
            late: 0,
            refused: 0,
        }
    }

    /// Rows in the frame of a key.
    fn frame_len(&self, place: usize) -> usize {
        match &self.history {
            History::Frames(_, frames) => {
                frames.get(place).and_then(Option::as_ref).map_or(0, |frame| frame.len())
            }
            History::Unbounded(..) => 0,
        }
    }

    /// Gives out what the watermark has reached.
    fn advance(&mut self, down: &mut dyn Downstream) {
        while let Some(first) = self.waiting.peek().map(|row| row.time)
            && first <= self.watermark
        {
            let mut rows = Vec::new();
            while self.waiting.peek().is_some_and(|row| row.time == first) {
                rows.extend(self.waiting.pop());
            }
            if matches!(self.spec.frame, Bound::Range(_)) {
                rows.iter().for_each(|row| self.enter(row));
                rows.iter().for_each(|row| self.emit(row, down));
            } else {
                for row in &rows {
                    self.enter(row);
                    self.emit(row, down);
                }
            }
        }
        self.forget();
    }

    /// Takes a row into the history of its key.
    fn enter(&mut self, waiting: &Waiting) {
        let Waiting { time, place, row: ref packed, .. } = *waiting;
        let place = place as usize;
        self.waiting_bytes -= packed.bytes();
        let cells = self.keys.cells_mut(place);
        cells[LAST] = of_int(time);
        cells[WAITING] = of_int(int(cells[WAITING]) - 1);
        let mut row = Vec::with_capacity(self.spec.input.len());
        packed.append(&mut row);
        match &mut self.history {
            History::Unbounded(aggregates, runs, sides) => {
                while runs.len() <= place && runs.push(aggregates.initial(), &[]).is_some() {}
                aggregates.fold(&row, time, runs.get_mut(place), sides);
            }
            History::Frames(plan, frames) => {
                frames.grow(place + 1);
                let frame = frames[place].get_or_insert_with(|| Box::new(Frame::new(plan)));
                let before = frame.len();
                frame.push(plan, &row, time, &mut self.room);
                match self.spec.frame {
                    Bound::Rows(count) => frame.shorten(plan, count.unwrap_or(u64::MAX).saturating_add(1)),
                    Bound::Range(range) => {
                        let range = range.unwrap_or(i64::MAX);
                        frame.drop_before(plan, time.saturating_sub(range));
                        if int(cells[LOOKED_AT]) == 0 {
                            cells[LOOKED_AT] = of_int(1);
                            self.looks.push((time.saturating_add(range), place as u32));
                        }
                    }
                }
                self.frame_rows = self.frame_rows + frame.len() - before;
            }
        }
    }

    fn emit(&mut self, waiting: &Waiting, down: &mut dyn Downstream) {
        let Waiting { place, row: ref packed, .. } = *waiting;
        let mut row = Vec::with_capacity(self.spec.input.len() + self.spec.calls.len());
        packed.append(&mut row);
        let place = place as usize;
        match &self.history {
            History::Unbounded(aggregates, runs, sides) => {
                let (mut texts, input) = (Texts::default(), row.len());
                let mut row: Vec<Value<'_>> = row;
                row.resize(input + aggregates.len(), Value::Null);
                let state = State { cells: runs.get(place), sides };
                aggregates.read(state, &mut texts, &mut row[input..]);
                down.emit(&row);
            }
            History::Frames(plan, frames) => {
                if let Some(Some(frame)) = frames.get(place) {
                    frame.read(plan, &mut self.scratch, &mut row);
                }
                down.emit(&row);
            }
        }
    }

    /// Drops the keys whose RANGE no row will look back on.
    fn forget(&mut self) {
        let (Bound::Range(Some(range)), History::Frames(_, frames)) = (self.spec.frame, &mut self.history)
        else {
            return;
        };
        while let Some(&(at, place)) = self.looks.peek()
            && at < self.watermark
        {
            self.looks.pop();
            let cells = self.keys.cells_mut(place as usize);
            let end = int(cells[LAST]).saturating_add(range);
            if end >= self.watermark {
                self.looks.push((end, place));
            } else if int(cells[WAITING]) > 0 {
                // It will be looked at again when what waits has come out.
                cells[LOOKED_AT] = of_int(0);
            } else {
                self.frame_rows -= frames.take(place as usize).map_or(0, |frame| frame.len());
                self.keys.remove(place as usize);
            }
        }
    }
}

impl Operator for Over {
    fn row(&mut self, _port: usize, row: &[Value<'_>], down: &mut dyn Downstream) -> Taken {
        let time = match row[self.spec.time] {
            Value::Int(time) if time >= self.watermark => time,
            _ => {
                self.late += 1;
                return Taken::Late;
            }
        };
        key::write_columns(row, &self.spec.key, &mut self.key);
        let is_full = self.waiting.len() + self.frame_rows >= ROWS_KEPT_MAX;
        let keys_max = if is_full { 0 } else { VIEW_KEYS_MAX };
        // Its pages are all in memory.
        let Ok(Some((place, _))) = self.keys.find_or_insert(&self.key, keys_max) else {
            self.refused += 1;
            return Taken::Refused;
        };
        let waiting = int(self.keys.cells(place)[WAITING]);
        if is_full || self.frame_len(place) + waiting as usize >= ROWS_PER_KEY_MAX {
            self.refused += 1;
            return Taken::Refused;
        }
        self.keys.cells_mut(place)[WAITING] = of_int(waiting + 1);
        let packed = PackedRow::new(row.iter().copied(), &mut self.room);
        self.waiting_bytes += packed.bytes();
        let (sequence, place) = (self.sequence, place as u32);
        self.waiting.push(Waiting { time, sequence, place, row: packed });
        self.sequence += 1;
        if time <= self.watermark {
            self.advance(down);
        }
        Taken::Yes
    }

    fn watermark(&mut self, watermark: i64, down: &mut dyn Downstream) {
        if watermark > self.watermark {
            self.watermark = watermark;
            self.advance(down);
        }
    }

    fn visit(&mut self, visitor: &mut Visitor<'_>) {
        self.keys.visit(visitor);
        match &mut self.history {
            History::Frames(_, frames) => frames.visit(visitor),
            History::Unbounded(_, runs, sides) => {
                runs.visit(visitor);
                sides.visit(visitor);
            }
        }
        self.waiting.visit(visitor);
        self.looks.visit(visitor);
        visitor.size(&mut self.waiting_bytes);
        visitor.size(&mut self.frame_rows);
        visitor.word(&mut self.sequence);
        visitor.int(&mut self.watermark);
        visitor.word(&mut self.late);
        visitor.word(&mut self.refused);
    }

    fn key_count(&self) -> usize {
        self.keys.len()
    }

    fn bytes(&self) -> usize {
        let history = match &self.history {
            History::Frames(_, frames) => {
                let frames_bytes: usize = frames.iter().flatten().map(|frame| frame.bytes()).sum();
                frames.bytes() + frames_bytes
            }
            History::Unbounded(_, runs, sides) => runs.bytes() + sides.bytes(),
        };
        let waiting = self.waiting.bytes() + self.waiting_bytes;
        self.keys.bytes() + history + waiting + self.looks.bytes()
    }

    fn late(&self) -> u64 {
        self.late
    }

    fn refused(&self) -> u64 {
        self.refused
    }
}
