//! Window table functions without GROUP BY: each row with the windows that it is in.
//!
//! Rows pass at once, windows ascending; a session's rows wait for its end and then come out in order of
//! event time, of equal times in order of arrival. Nothing is late for a TUMBLE, HOP or CUMULATE: what
//! follows knows whether the window is closed.

use vencejo_expr::Value;
use vencejo_types::limits::{ROWS_KEPT_MAX, VIEW_KEYS_MAX};

use crate::groups::recycled;
use crate::key;
use crate::operator::{Downstream, Operator, Taken};
use crate::packed::PackedRow;
use crate::paged::{List, Stored, Visitor};
use crate::session::Sessions;
use crate::spec::{Assignment, Windowing};
use crate::window::{Slices, is_in_range};

/// Gives rows their windows.
#[derive(Debug)]
pub struct Assigner {
    spec: Assignment,
    windows: Windows,
    late: u64,
    refused: u64,
}

#[derive(Debug)]
enum Windows {
    Slices(Slices),
    Sessions(Box<SessionRows>),
}

#[derive(Debug)]
struct SessionRows {
    sessions: Sessions,
    /// Rows by session number.
    rows: List<Vec<SessionRow>>,
    count: usize,
    row_bytes: usize,
    sequence: u64,
    key: Vec<u8>,
    room: Vec<u8>,
}

/// Event time, when it came, the row.
type SessionRow = (i64, u64, PackedRow);

/// The rows of a session.
impl Stored for Vec<SessionRow> {
    const PER_PAGE: usize = 16;
    type V1 = Vec<(i64, u64, Box<[u8]>)>;

    fn to_v1(&self) -> Self::V1 {
        self.iter().map(|(time, sequence, row)| (*time, *sequence, row.to_v1())).collect()
    }

    fn from_v1(v1: Self::V1) -> Option<Self> {
        let row = |(time, sequence, row)| Some((time, sequence, PackedRow::from_v1(row)?));
        v1.into_iter().map(row).collect()
    }
}

impl Assigner {
    /// An operator without rows.
    pub fn new(spec: &Assignment) -> Self {
        let windows = match Slices::new(spec.windowing) {
            Some(slices) => Windows::Slices(slices),
            None => {
                let gap = if let Windowing::Session { gap } = spec.windowing { gap } else { 1 };
                Windows::Sessions(Box::new(SessionRows {
                    sessions: Sessions::new(gap, 0, key::inline_cells(&spec.key), VIEW_KEYS_MAX),
                    rows: List::default(),
                    count: 0,
                    row_bytes: 0,
                    sequence: 0,
                    key: Vec::new(),
                    room: Vec::new(),
                }))
            }
        };
        Self { spec: spec.clone(), windows, late: 0, refused: 0 }
    }
}

/// Gives out a row with its window.
fn emit<'a>(mut row: Vec<Value<'a>>, window: (i64, i64), down: &mut dyn Downstream) -> Vec<Value<'a>> {
    let columns = row.len();
    row.extend([Value::Int(window.0), Value::Int(window.1), Value::Int(window.1 - 1)]);
    down.emit(&row);
    row.truncate(columns);
    row
}

impl SessionRows {
    fn row(&mut self, spec: &Assignment, row: &[Value<'_>], time: i64) -> Taken {
        if self.count >= ROWS_KEPT_MAX {
            return Taken::Refused;
        }
        key::write_columns(row, &spec.key, &mut self.key);
        let session = match self.sessions.touch(&self.key, time) {
            Ok(touched) => touched.session as usize,
            Err(taken) => return taken,
        };
        self.rows.grow(session + 1);
        let packed = PackedRow::new(row.iter().copied(), &mut self.room);
        self.count += 1;
        self.row_bytes += packed.bytes();
        self.rows[session].push((time, self.sequence, packed));
        self.sequence += 1;
        for &absorbed in &self.sessions.absorbed {
            let mut theirs = self.rows.take(absorbed as usize);
            self.rows[session].append(&mut theirs);
        }
        Taken::Yes
    }

    fn watermark(&mut self, watermark: i64, down: &mut dyn Downstream) {
        let mut spare = Vec::new();
        for number in self.sessions.closed(watermark) {
            let session = *self.sessions.session(number);
            self.sessions.remove(number);
            let mut rows = self.rows.take(number as usize);
            rows.sort_unstable_by_key(|&(time, sequence, _)| (time, sequence));
            self.count -= rows.len();
            for (_, _, packed) in &rows {
                self.row_bytes -= packed.bytes();
                let mut row = recycled(spare);
                packed.append(&mut row);
                spare = recycled(emit(row, (session.start, session.end), down));
            }
        }
    }
}

impl Operator for Assigner {
    fn row(&mut self, _port: usize, row: &[Value<'_>], down: &mut dyn Downstream) -> Taken {
        let taken = match (row[self.spec.time], &mut self.windows) {
            (Value::Int(time), _) if !is_in_range(time) => Taken::Refused,
            (Value::Int(time), Windows::Slices(slices)) => {
                let mut out = Vec::with_capacity(row.len() + 3);
                out.extend_from_slice(row);
                for end in slices.ends(slices.slice(time)) {
                    out = emit(out, (slices.start(end), end), down);
                }
                Taken::Yes
            }
            (Value::Int(time), Windows::Sessions(sessions)) => sessions.row(&self.spec, row, time),
            _ => Taken::Late,
        };
        self.late += u64::from(taken == Taken::Late);
        self.refused += u64::from(taken == Taken::Refused);
        taken
    }

    fn watermark(&mut self, watermark: i64, down: &mut dyn Downstream) {
        if let Windows::Sessions(sessions) = &mut self.windows {
            sessions.watermark(watermark, down);
        }
    }

    fn visit(&mut self, visitor: &mut Visitor<'_>) {
        if let Windows::Sessions(sessions) = &mut self.windows {
            sessions.sessions.visit(visitor);
            sessions.rows.visit(visitor);
            visitor.size(&mut sessions.count);
            visitor.size(&mut sessions.row_bytes);
            visitor.word(&mut sessions.sequence);
        }
        visitor.word(&mut self.late);
        visitor.word(&mut self.refused);
    }

    fn key_count(&self) -> usize {
        if let Windows::Sessions(sessions) = &self.windows { sessions.sessions.len() } else { 0 }
    }

    fn bytes(&self) -> usize {
        let Windows::Sessions(sessions) = &self.windows else { return 0 };
        let rows: usize = sessions.rows.iter().map(Vec::capacity).sum();
        let lists = sessions.rows.bytes() + sessions.row_bytes;
        sessions.sessions.bytes() + rows * size_of::<SessionRow>() + lists
    }

    fn late(&self) -> u64 {
        self.late
    }

    fn refused(&self) -> u64 {
        self.refused
    }
}
