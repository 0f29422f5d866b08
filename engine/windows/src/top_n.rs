//! The first rows of each window and key.
//!
//! Rows come out by window (its end, then its start), within it by first arrival of the key, then by rank.

use std::collections::{BTreeMap, BinaryHeap};

use vencejo_expr::{Type, Value};
use vencejo_types::limits::{ROWS_KEPT_MAX, WINDOWS_OPEN_MAX};

use crate::cell::of_word;
use crate::given::{is_closed, open_window};
use crate::groups::recycled;
use crate::key;
use crate::operator::{Downstream, Operator, Taken};
use crate::order;
use crate::packed::PackedRow;
use crate::paged::{Left, List, Stored, Visitor};
use crate::spec::TopN;
use crate::table::KeyedTable;

/// A row and what it is ranked by: the greatest is the last.
#[derive(Debug)]
struct Ranked {
    sort: Box<[u8]>,
    sequence: u64,
    row: PackedRow,
}

impl Ord for Ranked {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.sort.cmp(&other.sort).then(self.sequence.cmp(&other.sequence))
    }
}

impl PartialOrd for Ranked {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Ranked {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Ranked {}

impl Ranked {
    fn bytes(&self) -> usize {
        self.sort.len() + self.row.bytes()
    }
}

/// The rows of a key; archived by rank.
impl Stored for BinaryHeap<Ranked> {
    const PER_PAGE: usize = 16;
    type V1 = Vec<(Box<[u8]>, u64, Box<[u8]>)>;

    fn to_v1(&self) -> Self::V1 {
        ranked(self).into_iter().map(|it| (it.sort.clone(), it.sequence, it.row.to_v1())).collect()
    }

    fn from_v1(v1: Self::V1) -> Option<Self> {
        let ranked = |(sort, sequence, row)| Some(Ranked { sort, sequence, row: PackedRow::from_v1(row)? });
        v1.into_iter().map(ranked).collect()
    }
}

fn ranked(top: &BinaryHeap<Ranked>) -> Vec<&Ranked> {
    let mut ranked: Vec<&Ranked> = top.iter().collect();
    ranked.sort_unstable();
    ranked
}

#[derive(Debug)]
struct Window {
    keys: KeyedTable,
    /// By place of the key.
    tops: List<BinaryHeap<Ranked>>,
}

impl Window {
    fn new(key: &[(usize, Type)]) -> Self {
        let keys = KeyedTable::new(key::inline_cells(key), &[of_word(0)]);
        Self { keys, tops: List::default() }
    }

    fn visit(&mut self, visitor: &mut Visitor<'_>) {
        self.keys.visit(visitor);
        self.tops.visit(visitor);
    }
}

/// Keeps the first rows of each window and key.
#[derive(Debug)]
pub struct Ranks {
    spec: TopN,
    /// By end, then start.
    windows: BTreeMap<(i64, i64), Window>,
    watermark: i64,
    sequence: u64,
    rows: usize,
    row_bytes: usize,
    left: Left,
    key: Vec<u8>,
    sort: Vec<u8>,
    room: Vec<u8>,
    late: u64,
    refused: u64,
}

impl Ranks {
    /// An operator without rows.
    pub fn new(spec: &TopN) -> Self {
        Self {
            spec: spec.clone(),
            windows: BTreeMap::new(),
            watermark: i64::MIN,
            sequence: 0,
            rows: 0,
            row_bytes: 0,
            left: Left::default(),
            key: Vec::new(),
            sort: Vec::new(),
            room: Vec::new(),
            late: 0,
            refused: 0,
        }
    }

    fn refuse(&mut self) -> Taken {
        self.refused += 1;
        Taken::Refused
    }
}

impl Operator for Ranks {
    fn row(&mut self, _port: usize, row: &[Value<'_>], _down: &mut dyn Downstream) -> Taken {
        let (start, end) = self.spec.window;
        let Some((start, end)) = open_window(row, start, end, self.watermark) else {
            self.late += 1;
            return Taken::Late;
        };
        let is_full = self.rows >= ROWS_KEPT_MAX;
        if self.windows.len() >= WINDOWS_OPEN_MAX && !self.windows.contains_key(&(end, start)) {
            return self.refuse();
        }
        key::write_columns(row, &self.spec.key, &mut self.key);
        self.sort.clear();
        order::write(row, &self.spec.order, &mut self.sort);
        let window = self.windows.entry((end, start)).or_insert_with(|| Window::new(&self.spec.key));
        let keys_max = if is_full { 0 } else { usize::MAX };
        // Its pages are all in memory.
        let Ok(Some((place, _))) = window.keys.find_or_insert(&self.key, keys_max) else {
            return self.refuse();
        };
        window.tops.grow(place + 1);
        let top = &mut window.tops[place];
        self.sequence += 1;
        if top.len() as u64 >= self.spec.n {
            // A row that orders like the last one stays behind it.
            if top.peek().is_none_or(|last| *self.sort >= *last.sort) {
                return Taken::Yes;
            }
            let gone = top.pop().map_or(0, |last| last.bytes());
            self.row_bytes -= gone;
            self.rows -= 1;
        } else if is_full {
            return self.refuse();
        }
        let packed = PackedRow::new(row.iter().copied(), &mut self.room);
        let ranked = Ranked { sort: self.sort.as_slice().into(), sequence: self.sequence, row: packed };
        self.row_bytes += ranked.bytes();
        self.rows += 1;
        top.push(ranked);
        Taken::Yes
    }

    fn watermark(&mut self, watermark: i64, down: &mut dyn Downstream) {
        self.watermark = self.watermark.max(watermark);
        let mut spare = Vec::new();
        while let Some(window) = self.windows.first_entry() {
            if !is_closed(window.key().0, self.watermark) {
                return;
            }
            let mut window = window.remove();
            self.left.save(|visitor| window.visit(visitor));
            for top in window.tops.iter() {
                self.rows -= top.len();
                for (ranked, number) in ranked(top).into_iter().zip(1..) {
                    self.row_bytes -= ranked.bytes();
                    let mut row = recycled(spare);
                    ranked.row.append(&mut row);
                    row.push(Value::Int(number));
                    down.emit(&row);
                    spare = recycled(row);
                }
            }
        }
    }

    fn visit(&mut self, visitor: &mut Visitor<'_>) {
        let key = &self.spec.key;
        visitor.windows(&mut self.windows, || Window::new(key), Window::visit);
        visitor.left(&mut self.left);
        visitor.int(&mut self.watermark);
        visitor.word(&mut self.sequence);
        visitor.size(&mut self.rows);
        visitor.size(&mut self.row_bytes);
        visitor.word(&mut self.late);
        visitor.word(&mut self.refused);
    }

    fn key_count(&self) -> usize {
        self.windows.values().map(|window| window.keys.len()).sum()
    }

    fn bytes(&self) -> usize {
        let of = |window: &Window| {
            let rows: usize = window.tops.iter().map(BinaryHeap::capacity).sum();
            size_of::<Window>() + window.keys.bytes() + window.tops.bytes() + rows * size_of::<Ranked>()
        };
        self.windows.values().map(of).sum::<usize>() + self.row_bytes
    }

    fn late(&self) -> u64 {
        self.late
    }

    fn refused(&self) -> u64 {
        self.refused
    }
}
