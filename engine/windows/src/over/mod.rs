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

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use vencejo_expr::Value;
use vencejo_types::limits::{ROWS_KEPT_MAX, ROWS_PER_KEY_MAX, VIEW_KEYS_MAX};

use crate::aggregate::{Aggregates, Sides, State, Texts};
use crate::cell::{Slab, int, of_int};
use crate::key;
use crate::operator::{Downstream, Operator, Taken};
use crate::packed::PackedRow;
use crate::spec::{Frame as Bound, OverAggregation};
use crate::table::KeyedTable;
use frame::{Frame, Scratch};
use plan::FramePlan;

/// Cells of a key: the time that came out last, how many rows wait, whether `looks` has it.
const LAST: usize = 0;
const WAITING: usize = 1;
const LOOKED_AT: usize = 2;

/// A row that waits: the place of its key, and the row.
type Waiting = (u32, PackedRow);

/// What rows are aggregated in.
#[derive(Debug)]
enum History {
    /// By place of the key.
    Frames(Box<FramePlan>, Vec<Option<Box<Frame>>>),
    /// Accumulators by place of the key.
    Unbounded(Box<Aggregates>, Slab, Sides),
}

/// Gives each row aggregates of those before it.
#[derive(Debug)]
pub struct Over {
    spec: OverAggregation,
    keys: KeyedTable,
    history: History,
    /// By event time, then arrival.
    waiting: BTreeMap<(i64, u64), Waiting>,
    waiting_bytes: usize,
    frame_rows: usize,
    /// When to look whether a key can be forgotten.
    looks: BinaryHeap<Reverse<(i64, u32)>>,
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
            History::Frames(Box::new(FramePlan::new(&spec.calls)), Vec::new())
        };
        Self {
            keys: KeyedTable::new(key::inline_cells(&spec.key), &[of_int(i64::MIN), of_int(0), of_int(0)]),
            spec: spec.clone(),
            history,
            waiting: BTreeMap::new(),
            waiting_bytes: 0,
            frame_rows: 0,
            looks: BinaryHeap::new(),
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
        while let Some(first) = self.waiting.first_key_value().map(|(&(time, _), _)| time)
            && first <= self.watermark
        {
            let mut rows = Vec::new();
            while let Some(row) = self.waiting.first_entry()
                && row.key().0 == first
            {
                rows.push(row.remove());
            }
            if matches!(self.spec.frame, Bound::Range(_)) {
                rows.iter().for_each(|row| self.enter(row, first));
                rows.iter().for_each(|row| self.emit(row, down));
            } else {
                for row in &rows {
                    self.enter(row, first);
                    self.emit(row, down);
                }
            }
        }
        self.forget();
    }

    /// Takes a row into the history of its key.
    fn enter(&mut self, (place, packed): &Waiting, time: i64) {
        let place = *place as usize;
        self.waiting_bytes -= packed.bytes();
        let cells = self.keys.cells_mut(place);
        cells[LAST] = of_int(time);
        cells[WAITING] = of_int(int(cells[WAITING]) - 1);
        let mut row = Vec::with_capacity(self.spec.input.len());
        packed.append(&mut row);
        match &mut self.history {
            History::Unbounded(aggregates, runs, sides) => {
                while runs.len() <= place {
                    runs.push(aggregates.initial(), &[]);
                }
                aggregates.fold(&row, time, runs.get_mut(place), sides);
            }
            History::Frames(plan, frames) => {
                if frames.len() <= place {
                    frames.resize_with(place + 1, || None);
                }
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
                            self.looks.push(Reverse((time.saturating_add(range), place as u32)));
                        }
                    }
                }
                self.frame_rows = self.frame_rows + frame.len() - before;
            }
        }
    }

    fn emit(&mut self, (place, packed): &Waiting, down: &mut dyn Downstream) {
        let mut row = Vec::with_capacity(self.spec.input.len() + self.spec.calls.len());
        packed.append(&mut row);
        let place = *place as usize;
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
                if let Some(frame) = &frames[place] {
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
        while let Some(&Reverse((at, place))) = self.looks.peek()
            && at < self.watermark
        {
            self.looks.pop();
            let cells = self.keys.cells_mut(place as usize);
            let end = int(cells[LAST]).saturating_add(range);
            if end >= self.watermark {
                self.looks.push(Reverse((end, place)));
            } else if int(cells[WAITING]) > 0 {
                // It will be looked at again when what waits has come out.
                cells[LOOKED_AT] = of_int(0);
            } else {
                self.frame_rows -= frames[place as usize].take().map_or(0, |frame| frame.len());
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
        let Some((place, _)) = self.keys.find_or_insert(&self.key, keys_max) else {
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
        self.waiting.insert((time, self.sequence), (place as u32, packed));
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

    fn key_count(&self) -> usize {
        self.keys.len()
    }

    fn bytes(&self) -> usize {
        let history = match &self.history {
            History::Frames(_, frames) => {
                let frames_bytes: usize = frames.iter().flatten().map(|frame| frame.bytes()).sum();
                frames.capacity() * size_of::<Option<Box<Frame>>>() + frames_bytes
            }
            History::Unbounded(_, runs, sides) => runs.bytes() + sides.bytes(),
        };
        // A B-tree's nodes are two thirds full, as a rule.
        let waiting = self.waiting.len() * size_of::<((i64, u64), Waiting)>() * 3 / 2 + self.waiting_bytes;
        self.keys.bytes() + history + waiting + self.looks.capacity() * size_of::<Reverse<(i64, u32)>>()
    }

    fn late(&self) -> u64 {
        self.late
    }

    fn refused(&self) -> u64 {
        self.refused
    }
}
