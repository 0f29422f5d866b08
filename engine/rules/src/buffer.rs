//! Rows that wait for the watermark, by event time.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;

use vencejo_expr::{Constant, Type, Value};
use vencejo_types::limits::ROWS_KEPT_MAX;

use crate::image::{Malformed, Reader, Write};

/// A value as something that orders: NULL, then values ascending.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    Null,
    Word(u64),
    Text(Box<str>),
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Tie {
    Ascending(Rank),
    Descending(Reverse<Rank>),
}

/// A row that waits. It orders by time, then by the columns that break ties, then by arrival.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Waiting {
    pub time: i64,
    ties: Box<[Tie]>,
    arrival: u64,
    pub sequence: u64,
    row: Box<[Constant]>,
}

impl Waiting {
    pub fn values(&self) -> impl Iterator<Item = Value<'_>> {
        self.row.iter().map(Constant::value)
    }

    fn new(then_by: &[(usize, bool)], stamp: Stamp, row: Box<[Constant]>) -> Self {
        let ties = then_by.iter().map(|&(column, descending)| {
            let rank = rank(row[column].value());
            if descending { Tie::Descending(Reverse(rank)) } else { Tie::Ascending(rank) }
        });
        let Stamp { time, arrival, sequence } = stamp;
        Self { time, ties: ties.collect(), arrival, sequence, row }
    }

    /// The same row with its columns in other places. `columns`: of each column now, its number before; the
    /// others are NULL.
    pub fn rearranged(&self, then_by: &[(usize, bool)], columns: &[Option<usize>]) -> Self {
        let stamp = Stamp { time: self.time, arrival: self.arrival, sequence: self.sequence };
        let value = |before: &Option<usize>| before.map_or(Constant::Null, |before| self.row[before].clone());
        Self::new(then_by, stamp, columns.iter().map(value).collect())
    }

    pub fn save(&self, out: &mut Vec<u8>) {
        out.int(self.time);
        out.word(self.arrival);
        out.word(self.sequence);
        self.row.iter().for_each(|constant| out.value(constant.value()));
    }

    pub fn read(
        then_by: &[(usize, bool)],
        input: &[Type],
        reader: &mut Reader<'_>,
    ) -> Result<Self, Malformed> {
        let stamp = Stamp { time: reader.int()?, arrival: reader.word()?, sequence: reader.word()? };
        let row = input.iter().map(|_| reader.value()).collect::<Result<_, _>>()?;
        Ok(Self::new(then_by, stamp, row))
    }
}

/// What is known of a row besides its values.
#[derive(Clone, Copy)]
struct Stamp {
    time: i64,
    arrival: u64,
    sequence: u64,
}

#[derive(Debug)]
pub(crate) struct Buffer {
    then_by: Vec<(usize, bool)>,
    /// By time, which stands here as well: most comparisons then look at no row.
    rows: BinaryHeap<Reverse<(i64, Arc<Waiting>)>>,
    arrivals: u64,
    text_bytes: usize,
}

impl Buffer {
    /// `then_by`: columns that break ties, with `true` for descending.
    pub fn new(then_by: &[(usize, bool)]) -> Self {
        Self { then_by: then_by.to_vec(), rows: BinaryHeap::new(), arrivals: 0, text_bytes: 0 }
    }

    /// Keeps a row; `false` where there are too many.
    pub fn push(&mut self, time: i64, sequence: u64, row: &[Value<'_>]) -> bool {
        if self.rows.len() >= ROWS_KEPT_MAX {
            return false;
        }
        self.arrivals += 1;
        let stamp = Stamp { time, arrival: self.arrivals, sequence };
        let row = row.iter().map(|&value| Constant::from(value)).collect();
        self.restore(Waiting::new(&self.then_by, stamp, row));
        true
    }

    /// Takes a row that has arrived before.
    pub fn restore(&mut self, waiting: Waiting) {
        self.text_bytes += text_bytes(&waiting);
        self.rows.push(Reverse((waiting.time, Arc::new(waiting))));
    }

    /// Forgets all rows; so many have arrived.
    pub fn begin_restore(&mut self, arrivals: u64) {
        self.rows.clear();
        (self.arrivals, self.text_bytes) = (arrivals, 0);
    }

    /// How many rows have arrived.
    pub fn arrivals(&self) -> u64 {
        self.arrivals
    }

    /// The rows that wait, in no order.
    pub fn waiting(&self) -> impl Iterator<Item = &Arc<Waiting>> {
        self.rows.iter().map(|Reverse((_, waiting))| waiting)
    }

    /// The first row, if its time is not past the watermark.
    pub fn pop(&mut self, watermark: i64) -> Option<Arc<Waiting>> {
        if self.rows.peek()?.0.0 > watermark {
            return None;
        }
        let Reverse((_, waiting)) = self.rows.pop()?;
        self.text_bytes -= text_bytes(&waiting);
        Some(waiting)
    }

    pub fn bytes(&self) -> usize {
        let columns = self.waiting().next().map_or(0, |first| first.row.len());
        let row = self.then_by.len() * size_of::<Tie>() + columns * size_of::<Constant>();
        let rows = self.rows.len() * (size_of::<Waiting>() + row);
        self.rows.capacity() * size_of::<(i64, Arc<Waiting>)>() + rows + self.text_bytes
    }
}

fn text_bytes(waiting: &Waiting) -> usize {
    let length = |constant: &Constant| if let Constant::Text(text) = constant { text.len() } else { 0 };
    waiting.row.iter().map(length).sum()
}

fn rank(value: Value<'_>) -> Rank {
    const SIGN: u64 = 1 << 63;
    match value {
        Value::Null => Rank::Null,
        Value::Bool(truth) => Rank::Word(u64::from(truth)),
        Value::Int(number) => Rank::Word(number.cast_unsigned() ^ SIGN),
        Value::Double(number) => {
            let bits = (number + 0.0).to_bits();
            Rank::Word(if bits & SIGN == 0 { bits ^ SIGN } else { !bits })
        }
        Value::Str(text) => Rank::Text(text.into()),
    }
}
