//! Joins of two windowed inputs, window by window.
//!
//! Rows come out by window (its end, then its start), within it by first arrival of the key on either side:
//! the left's rows in order of arrival, each with its partners in order of arrival, then the right's rows
//! without one. Rows with a NULL in the key meet nothing and come last.

use std::collections::BTreeMap;

use vencejo_expr::{Type, Value};
use vencejo_types::limits::{ROWS_KEPT_MAX, WINDOWS_OPEN_MAX};

use crate::cell::of_word;
use crate::given::{is_closed, open_window};
use crate::key;
use crate::operator::{Downstream, Operator, Taken};
use crate::packed::PackedRow;
use crate::paged::{Left, List, Stored, Visitor};
use crate::pair::{Pairs, Side};
use crate::spec::{JoinKind, WindowJoin};
use crate::table::KeyedTable;

/// The rows of one key, or those that have none.
#[derive(Debug, Default)]
struct Rows {
    left: Vec<PackedRow>,
    right: Vec<PackedRow>,
}

impl Stored for Rows {
    const PER_PAGE: usize = 16;
    type V1 = (Vec<Box<[u8]>>, Vec<Box<[u8]>>);

    fn to_v1(&self) -> Self::V1 {
        let of = |rows: &[PackedRow]| rows.iter().map(Stored::to_v1).collect();
        (of(&self.left), of(&self.right))
    }

    fn from_v1((left, right): Self::V1) -> Option<Self> {
        let of = |rows: Vec<Box<[u8]>>| rows.into_iter().map(PackedRow::from_v1).collect::<Option<_>>();
        Some(Self { left: of(left)?, right: of(right)? })
    }
}

#[derive(Debug)]
struct Window {
    keys: KeyedTable,
    /// Those that have no key, then by place of the key.
    rows: List<Rows>,
}

impl Window {
    fn new(key: &[(usize, Type)]) -> Self {
        let mut rows = List::default();
        rows.grow(1);
        Self { keys: KeyedTable::new(key::inline_cells(key), &[of_word(0)]), rows }
    }

    fn visit(&mut self, visitor: &mut Visitor<'_>) {
        self.keys.visit(visitor);
        self.rows.visit(visitor);
    }
}

/// Joins two windowed inputs.
#[derive(Debug)]
pub struct WindowedJoin {
    spec: WindowJoin,
    pairs: Pairs,
    /// By end, then start.
    windows: BTreeMap<(i64, i64), Window>,
    watermark: i64,
    rows: usize,
    row_bytes: usize,
    left: Left,
    key: Vec<u8>,
    room: Vec<u8>,
    late: u64,
    refused: u64,
}

impl WindowedJoin {
    /// An operator without rows.
    pub fn new(spec: &WindowJoin) -> Self {
        Self {
            pairs: Pairs::new(spec.kind, &spec.left, &spec.right),
            spec: spec.clone(),
            windows: BTreeMap::new(),
            watermark: i64::MIN,
            rows: 0,
            row_bytes: 0,
            left: Left::default(),
            key: Vec::new(),
            room: Vec::new(),
            late: 0,
            refused: 0,
        }
    }

    fn join(&mut self, rows: &Rows, down: &mut dyn Downstream) {
        let mut met = vec![false; rows.right.len()];
        let mut values = Vec::new();
        for left in &rows.left {
            values.clear();
            left.append(&mut values);
            let mut has_met = false;
            for (right, met) in rows.right.iter().zip(&mut met) {
                if self.pairs.meet(&values, right, down) {
                    (has_met, *met) = (true, true);
                    if matches!(self.spec.kind, JoinKind::Semi | JoinKind::Anti) {
                        break;
                    }
                }
            }
            if !has_met {
                self.pairs.alone(Side::Left, &values, down);
            } else if self.spec.kind == JoinKind::Semi {
                down.emit(&values);
            }
        }
        for (right, _) in rows.right.iter().zip(met).filter(|&(_, met)| !met) {
            self.pairs.alone_kept(Side::Right, right, down);
        }
        for row in rows.left.iter().chain(&rows.right) {
            self.row_bytes -= row.bytes();
        }
        self.rows -= rows.left.len() + rows.right.len();
    }

    fn keyless(&mut self, rows: &Rows, down: &mut dyn Downstream) {
        let left = Rows { left: rows.left.clone(), right: Vec::new() };
        let right = Rows { left: Vec::new(), right: rows.right.clone() };
        self.join(&left, down);
        self.join(&right, down);
    }
}

/// Writes the key of a row; whether it has no NULL.
pub(crate) fn write_key(row: &[Value<'_>], columns: &[(usize, Type)], out: &mut Vec<u8>) -> bool {
    key::write_columns(row, columns, out);
    columns.iter().all(|&(column, _)| row[column] != Value::Null)
}

impl Operator for WindowedJoin {
    fn row(&mut self, port: usize, row: &[Value<'_>], _down: &mut dyn Downstream) -> Taken {
        let is_left = port == 0;
        let (side, window) = match is_left {
            true => (&self.spec.left, self.spec.left_window),
            false => (&self.spec.right, self.spec.right_window),
        };
        let Some((start, end)) = open_window(row, window.0, window.1, self.watermark) else {
            self.late += 1;
            return Taken::Late;
        };
        let is_new = self.windows.len() >= WINDOWS_OPEN_MAX && !self.windows.contains_key(&(end, start));
        if is_new || self.rows >= ROWS_KEPT_MAX {
            self.refused += 1;
            return Taken::Refused;
        }
        let has_key = write_key(row, &side.key, &mut self.key);
        let window = self.windows.entry((end, start)).or_insert_with(|| Window::new(&side.key));
        let place = match has_key.then(|| window.keys.find_or_insert(&self.key, usize::MAX)) {
            // Its pages are all in memory.
            None | Some(Ok(None) | Err(_)) => 0,
            Some(Ok(Some((place, _)))) => place + 1,
        };
        window.rows.grow(place + 1);
        let rows = &mut window.rows[place];
        let packed = PackedRow::new(row.iter().copied(), &mut self.room);
        self.rows += 1;
        self.row_bytes += packed.bytes();
        if is_left {
            rows.left.push(packed);
        } else {
            rows.right.push(packed);
        }
        Taken::Yes
    }

    fn watermark(&mut self, watermark: i64, down: &mut dyn Downstream) {
        self.watermark = self.watermark.max(watermark);
        while let Some(window) = self.windows.first_entry() {
            if !is_closed(window.key().0, self.watermark) {
                return;
            }
            let mut window = window.remove();
            self.left.save(|visitor| window.visit(visitor));
            for rows in window.rows.iter().skip(1) {
                self.join(rows, down);
            }
            self.keyless(&window.rows[0], down);
        }
    }

    fn visit(&mut self, visitor: &mut Visitor<'_>) {
        let key = &self.spec.left.key;
        visitor.windows(&mut self.windows, || Window::new(key), Window::visit);
        visitor.left(&mut self.left);
        visitor.int(&mut self.watermark);
        visitor.size(&mut self.rows);
        visitor.size(&mut self.row_bytes);
        visitor.word(&mut self.late);
        visitor.word(&mut self.refused);
    }

    fn key_count(&self) -> usize {
        self.windows.values().map(|window| window.keys.len()).sum()
    }

    fn bytes(&self) -> usize {
        let of_rows = |rows: &Rows| (rows.left.capacity() + rows.right.capacity()) * size_of::<PackedRow>();
        let of = |window: &Window| {
            let rows: usize = window.rows.iter().map(of_rows).sum();
            size_of::<Window>() + window.keys.bytes() + window.rows.bytes() + rows
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
