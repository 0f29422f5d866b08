//! Joins of two streams in which each row meets those of the other side near its own time.
//!
//! A pair comes out when its second row comes, partners in order of event time. A row stays until the
//! watermark shows that no partner on time can come, then comes out alone where the join does so: the left's
//! rows first, each side in order of event time. As in Flink, a late row still meets the rows that have
//! stayed.

use std::collections::VecDeque;

use vencejo_expr::{Type, Value};
use vencejo_types::limits::{ROWS_KEPT_MAX, ROWS_PER_KEY_MAX, VIEW_KEYS_MAX};

use crate::cell::of_word;
use crate::key;
use crate::operator::{Downstream, Operator, Taken};
use crate::packed::PackedRow;
use crate::paged::{Heap, List, Stored, Visitor};
use crate::pair::{Pairs, Side};
use crate::spec::IntervalJoin;
use crate::table::KeyedTable;
use crate::window_join::write_key;

#[derive(Debug)]
struct Waiting {
    time: i64,
    sequence: u64,
    has_met: bool,
    row: PackedRow,
}

/// The rows of a key.
impl Stored for VecDeque<Waiting> {
    const PER_PAGE: usize = 16;
    type V1 = Vec<(i64, u64, bool, Box<[u8]>)>;

    fn to_v1(&self) -> Self::V1 {
        self.iter().map(|row| (row.time, row.sequence, row.has_met, row.row.to_v1())).collect()
    }

    fn from_v1(v1: Self::V1) -> Option<Self> {
        let row = |(time, sequence, has_met, row)| {
            Some(Waiting { time, sequence, has_met, row: PackedRow::from_v1(row)? })
        };
        v1.into_iter().map(row).collect()
    }
}

/// One side of the join.
#[derive(Debug)]
struct Half {
    side: Side,
    key: Vec<(usize, Type)>,
    time: usize,
    /// A row meets those of the other side from its time plus `from` to its time plus `to`.
    from: i64,
    to: i64,
    /// Rows by place of the key, in order of event time, then of arrival.
    rows: List<VecDeque<Waiting>>,
    /// All rows: event time, arrival, place of the key.
    queue: Heap<(i64, u64, u32)>,
}

impl Half {
    fn new(side: Side, key: &[(usize, Type)], time: usize, from: i64, to: i64) -> Self {
        let (rows, queue) = (List::default(), Heap::default());
        Self { side, key: key.to_vec(), time, from, to, rows, queue }
    }

    /// Whether a row of this time can still meet one that is on time.
    fn may_meet(&self, time: i64, watermark: i64) -> bool {
        watermark < i64::MAX && time.saturating_add(self.to) > watermark
    }

    /// The rows of a key between two times, both in.
    fn between(&self, place: usize, from: i64, to: i64) -> std::ops::Range<usize> {
        let rows = &self.rows[place];
        rows.partition_point(|row| row.time < from)..rows.partition_point(|row| row.time <= to)
    }

    fn push(&mut self, place: usize, row: Waiting) {
        self.queue.push((row.time, row.sequence, place as u32));
        let rows = &mut self.rows[place];
        let at = rows.partition_point(|held| held.time <= row.time);
        rows.insert(at, row);
    }

    /// The first row that can meet nothing any more, with the place of its key.
    fn pop(&mut self, watermark: i64) -> Option<(usize, Waiting)> {
        let &(time, _, place) = self.queue.peek()?;
        if self.may_meet(time, watermark) {
            return None;
        }
        self.queue.pop();
        let rows = &mut self.rows[place as usize];
        let row = rows.pop_front()?;
        if rows.is_empty() {
            *rows = VecDeque::new();
        }
        Some((place as usize, row))
    }

    fn bytes(&self) -> usize {
        let rows: usize = self.rows.iter().map(VecDeque::capacity).sum();
        rows * size_of::<Waiting>() + self.rows.bytes() + self.queue.bytes()
    }
}

/// Joins two streams by key and time.
#[derive(Debug)]
pub struct Join {
    pairs: Pairs,
    keys: KeyedTable,
    halves: [Half; 2],
    watermark: i64,
    sequence: u64,
    rows: usize,
    row_bytes: usize,
    key: Vec<u8>,
    room: Vec<u8>,
    late: u64,
    refused: u64,
}

impl Join {
    /// An operator without rows.
    pub fn new(spec: &IntervalJoin) -> Self {
        let (left, right) = (&spec.left, &spec.right);
        // left >= right + lower and left <= right + upper
        let (from, to) = (0_i64.saturating_sub(spec.upper), 0_i64.saturating_sub(spec.lower));
        let halves = [
            Half::new(Side::Left, &left.key, spec.left_time, from, to),
            Half::new(Side::Right, &right.key, spec.right_time, spec.lower, spec.upper),
        ];
        Self {
            pairs: Pairs::new(spec.kind, left, right),
            keys: KeyedTable::new(key::inline_cells(&left.key), &[of_word(0)]),
            halves,
            watermark: i64::MIN,
            sequence: 0,
            rows: 0,
            row_bytes: 0,
            key: Vec::new(),
            room: Vec::new(),
            late: 0,
            refused: 0,
        }
    }

    /// Lets a row meet those of the other side; whether it has met one.
    fn meet(
        &mut self,
        port: usize,
        row: &[Value<'_>],
        time: i64,
        place: usize,
        down: &mut dyn Downstream,
    ) -> bool {
        let [left, right] = &mut self.halves;
        let (half, other) = if port == 0 { (left, right) } else { (right, left) };
        let (from, to) = (time.saturating_add(half.from), time.saturating_add(half.to));
        let mut has_met = false;
        let range = other.between(place, from, to);
        for partner in other.rows[place].range_mut(range) {
            let holds = match half.side {
                Side::Left => self.pairs.meet(row, &partner.row, down),
                Side::Right => self.pairs.meet_kept(&partner.row, row, down),
            };
            partner.has_met |= holds;
            has_met |= holds;
        }
        has_met
    }

    /// Drops a key that no row has.
    fn forget_if_empty(&mut self, place: usize) {
        if self.halves.iter().all(|half| half.rows[place].is_empty()) {
            self.keys.remove(place);
        }
    }
}

impl Operator for Join {
    fn row(&mut self, port: usize, row: &[Value<'_>], down: &mut dyn Downstream) -> Taken {
        let half = &self.halves[port];
        let side = half.side;
        let Value::Int(time) = row[half.time] else {
            self.late += 1;
            return Taken::Late;
        };
        if !write_key(row, &half.key, &mut self.key) {
            self.pairs.alone(side, row, down);
            return Taken::Yes;
        }
        // Its pages are all in memory.
        let Ok(Some((place, is_new))) = self.keys.find_or_insert(&self.key, VIEW_KEYS_MAX) else {
            self.refused += 1;
            return Taken::Refused;
        };
        for half in &mut self.halves {
            half.rows.grow(place + 1);
        }
        let waits = self.halves[port].may_meet(time, self.watermark);
        let is_full = self.rows >= ROWS_KEPT_MAX || self.halves[port].rows[place].len() >= ROWS_PER_KEY_MAX;
        if waits && is_full {
            if is_new {
                self.keys.remove(place);
            }
            self.refused += 1;
            return Taken::Refused;
        }
        let has_met = self.meet(port, row, time, place, down);
        if waits {
            let packed = PackedRow::new(row.iter().copied(), &mut self.room);
            self.sequence += 1;
            self.rows += 1;
            self.row_bytes += packed.bytes();
            let row = Waiting { time, sequence: self.sequence, has_met, row: packed };
            self.halves[port].push(place, row);
        } else {
            if !has_met {
                self.pairs.alone(side, row, down);
            }
            self.forget_if_empty(place);
        }
        Taken::Yes
    }

    fn watermark(&mut self, watermark: i64, down: &mut dyn Downstream) {
        self.watermark = self.watermark.max(watermark);
        for port in 0..2 {
            while let Some((place, gone)) = self.halves[port].pop(self.watermark) {
                self.rows -= 1;
                self.row_bytes -= gone.row.bytes();
                if !gone.has_met {
                    self.pairs.alone_kept(self.halves[port].side, &gone.row, down);
                }
                self.forget_if_empty(place);
            }
        }
    }

    fn visit(&mut self, visitor: &mut Visitor<'_>) {
        self.keys.visit(visitor);
        for half in &mut self.halves {
            half.rows.visit(visitor);
            half.queue.visit(visitor);
        }
        visitor.int(&mut self.watermark);
        visitor.word(&mut self.sequence);
        visitor.size(&mut self.rows);
        visitor.size(&mut self.row_bytes);
        visitor.word(&mut self.late);
        visitor.word(&mut self.refused);
    }

    fn key_count(&self) -> usize {
        self.keys.len()
    }

    fn bytes(&self) -> usize {
        self.keys.bytes() + self.halves.iter().map(Half::bytes).sum::<usize>() + self.row_bytes
    }

    fn late(&self) -> u64 {
        self.late
    }

    fn refused(&self) -> u64 {
        self.refused
    }
}
