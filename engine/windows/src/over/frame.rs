//! The rows of one key that an OVER looks back on, and what is known of them.
//!
//! Accumulators of fixed size are kept in two stacks (Tangwongsan, Hirzel, Schneider, "General incremental
//! sliding-window aggregation", VLDB 2015): one of what has come, one of runs that each hold a row and all
//! after it, filled from the first when it is empty. So a row costs two merges on average, whatever the
//! frame's length, and nothing is ever subtracted. The order in which doubles are added is by halves.

use std::collections::VecDeque;

use vencejo_expr::Value;

use super::multiset::Multiset;
use super::plan::{FramePlan, Part};
use crate::aggregate::quantile::Quantiles;
use crate::aggregate::top_k::write_top_json;
use crate::aggregate::{Aggregates, Sides, State, as_double};
use crate::cell::Cell;
use crate::packed::PackedRow;
use crate::paged::Stored;

/// A row that is in the frame: its time and its arguments.
#[derive(Debug)]
struct FrameRow {
    time: i64,
    arguments: PackedRow,
}

#[derive(Debug)]
pub(crate) struct Frame {
    rows: VecDeque<FrameRow>,
    /// How many rows have left.
    gone: u64,
    /// Runs of cells: the last is of all rows up to those of `back`, the one before it lacks the first, ...
    front: Vec<Cell>,
    /// The cells of the rows that came after those of `front`.
    back: Vec<Cell>,
    /// Numbers of rows, counted from the first ever.
    texts: Vec<VecDeque<u64>>,
    percentiles: Vec<Quantiles>,
    multisets: Vec<Multiset>,
    row_bytes: usize,
}

/// Rows, how many are gone, both stacks, queues of strings, sketches, sets.
type FrameV1 = (
    Vec<(i64, Box<[u8]>)>,
    u64,
    Vec<[u8; 8]>,
    Vec<[u8; 8]>,
    Vec<Vec<u64>>,
    Vec<Vec<u64>>,
    Vec<Vec<(Box<[u8]>, u64)>>,
);

/// The frame of a key, where it has one.
impl Stored for Option<Box<Frame>> {
    const PER_PAGE: usize = 4;
    type V1 = Option<FrameV1>;

    fn to_v1(&self) -> Self::V1 {
        let frame = self.as_deref()?;
        Some((
            frame.rows.iter().map(|row| (row.time, row.arguments.to_v1())).collect(),
            frame.gone,
            frame.front.clone(),
            frame.back.clone(),
            frame.texts.iter().map(|queue| queue.iter().copied().collect()).collect(),
            frame.percentiles.iter().map(Quantiles::words).collect(),
            frame.multisets.iter().map(Multiset::entries).collect(),
        ))
    }

    fn from_v1(v1: Self::V1) -> Option<Self> {
        let Some((rows, gone, front, back, texts, percentiles, multisets)) = v1 else { return Some(None) };
        let row = |(time, arguments)| Some(FrameRow { time, arguments: PackedRow::from_v1(arguments)? });
        let rows: VecDeque<FrameRow> = rows.into_iter().map(row).collect::<Option<_>>()?;
        let row_bytes = rows.iter().map(|row| row.arguments.bytes()).sum();
        Some(Some(Box::new(Frame {
            rows,
            gone,
            front,
            back,
            texts: texts.into_iter().map(VecDeque::from).collect(),
            percentiles: percentiles.iter().map(|words| Quantiles::of_words(words)).collect::<Option<_>>()?,
            multisets: multisets.into_iter().map(Multiset::of_entries).collect(),
            row_bytes,
        })))
    }
}

/// Memory for reading a frame.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    cells: Vec<Cell>,
    sides: Sides,
    texts: Vec<String>,
}

impl Frame {
    pub fn new(plan: &FramePlan) -> Self {
        Self {
            rows: VecDeque::new(),
            gone: 0,
            front: Vec::new(),
            back: plan.fixed.initial().to_vec(),
            texts: vec![VecDeque::new(); plan.texts],
            percentiles: vec![Quantiles::default(); plan.percentiles],
            multisets: (0..plan.multisets).map(|_| Multiset::default()).collect(),
            row_bytes: 0,
        }
    }

    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Takes a row in, which is not before the others.
    pub fn push(&mut self, plan: &FramePlan, row: &[Value<'_>], time: i64, room: &mut Vec<u8>) {
        let arguments: Vec<Value<'_>> = plan.arguments(row).collect();
        plan.fixed.fold(&arguments, time, &mut self.back, &mut Sides::default());
        let number = self.gone + self.rows.len() as u64;
        for (at, (part, value_type)) in plan.parts.iter().enumerate() {
            match (part, arguments[at]) {
                (_, Value::Null) | (Part::Fixed(_), _) => {}
                (&Part::Text(queue, rule), Value::Str(text)) => {
                    let queue = &mut self.texts[queue];
                    while let Some(&last) = queue.back()
                        && let Value::Str(held) = self.rows[(last - self.gone) as usize].arguments.value(at)
                        && rule.drops(held, text)
                    {
                        queue.pop_back();
                    }
                    queue.push_back(number);
                }
                (&Part::Percentile(sketch, _), value) => {
                    self.percentiles[sketch].insert(as_double(value, *value_type));
                }
                (&Part::Distinct(set) | &Part::TopK(set, ..) | &Part::OfDistinct(set, _), value) => {
                    self.multisets[set].insert(value);
                }
                (Part::Text(..), _) => {}
            }
        }
        let arguments = PackedRow::new(arguments, room);
        self.row_bytes += arguments.bytes();
        self.rows.push_back(FrameRow { time, arguments });
    }

    /// Lets the rows go that are before a time.
    pub fn drop_before(&mut self, plan: &FramePlan, time: i64) {
        while self.rows.front().is_some_and(|row| row.time < time) {
            self.pop(plan);
        }
    }

    /// Lets the first rows go until `count` are left.
    pub fn shorten(&mut self, plan: &FramePlan, count: u64) {
        while self.rows.len() as u64 > count {
            self.pop(plan);
        }
    }

    fn pop(&mut self, plan: &FramePlan) {
        let stride = plan.fixed.initial().len();
        if stride > 0 && self.front.is_empty() {
            self.turn(&plan.fixed);
        }
        self.front.truncate(self.front.len() - stride.min(self.front.len()));
        let Some(row) = self.rows.pop_front() else { return };
        self.row_bytes -= row.arguments.bytes();
        self.gone += 1;
        for queue in &mut self.texts {
            if queue.front().is_some_and(|&number| number < self.gone) {
                queue.pop_front();
            }
        }
        for (at, (part, value_type)) in plan.parts.iter().enumerate() {
            match (part, row.arguments.value(at)) {
                (_, Value::Null) => {}
                (&Part::Percentile(sketch, _), value) => {
                    self.percentiles[sketch].remove(as_double(value, *value_type));
                }
                (&Part::Distinct(set) | &Part::TopK(set, ..) | &Part::OfDistinct(set, _), value) => {
                    self.multisets[set].remove(value);
                }
                _ => {}
            }
        }
    }

    /// Fills the empty front with all rows.
    fn turn(&mut self, fixed: &Aggregates) {
        let sides = &mut Sides::default();
        let mut run = fixed.initial().to_vec();
        let mut arguments = Vec::new();
        for row in self.rows.iter().rev() {
            arguments.clear();
            row.arguments.append(&mut arguments);
            let mut cells = fixed.initial().to_vec();
            fixed.fold(&arguments, row.time, &mut cells, sides);
            fixed.merge(&mut cells, sides, State { cells: &run, sides: &Sides::default() });
            self.front.extend_from_slice(&cells);
            run = cells;
        }
        self.back.copy_from_slice(fixed.initial());
    }

    /// Appends the value of each aggregate.
    pub fn read<'a>(&'a self, plan: &FramePlan, scratch: &'a mut Scratch, out: &mut Vec<Value<'a>>) {
        self.merge_fixed(plan, scratch);
        scratch.texts.clear();
        for (part, value_type) in &plan.parts {
            if let Part::TopK(set, k, is_distinct) = *part
                && self.multisets[set].len() > 0
            {
                let mut text = String::new();
                let values = self.multisets[set].values(*value_type);
                let values = values.map(|(value, count)| (value, if is_distinct { 1 } else { count }));
                write_top_json(values, k, *value_type, &mut text);
                scratch.texts.push(text);
            }
        }
        let scratch: &'a Scratch = scratch;
        let state = State { cells: &scratch.cells, sides: &scratch.sides };
        let mut texts = scratch.texts.iter();
        for (at, (part, _)) in plan.parts.iter().enumerate() {
            out.push(match *part {
                Part::Fixed(number) => plan.fixed_call(number).read(state),
                Part::Text(queue, _) => self.text(queue, at),
                Part::Percentile(sketch, fraction) => {
                    self.percentiles[sketch].quantile(fraction).map_or(Value::Null, Value::Double)
                }
                Part::Distinct(set) => Value::Int((self.multisets[set].len() as u64).cast_signed()),
                Part::TopK(set, ..) if self.multisets[set].len() > 0 => {
                    texts.next().map_or(Value::Null, |text| Value::Str(text))
                }
                Part::TopK(..) => Value::Null,
                Part::OfDistinct(set, ref folded) => self.of_distinct(set, folded),
            });
        }
    }

    fn text(&self, queue: usize, argument: usize) -> Value<'_> {
        let number = self.texts[queue].front();
        number
            .map_or(Value::Null, |&number| self.rows[(number - self.gone) as usize].arguments.value(argument))
    }

    fn merge_fixed(&self, plan: &FramePlan, scratch: &mut Scratch) {
        let stride = plan.fixed.initial().len();
        scratch.cells.clear();
        scratch.cells.extend_from_slice(match self.front.len() {
            0 => plan.fixed.initial(),
            length => &self.front[length - stride..],
        });
        let back = State { cells: &self.back, sides: &Sides::default() };
        plan.fixed.merge(&mut scratch.cells, &mut scratch.sides, back);
    }

    fn of_distinct(&self, set: usize, folded: &(Aggregates, vencejo_expr::Type)) -> Value<'static> {
        let (aggregates, value_type) = folded;
        let (mut cells, mut sides) = (aggregates.initial().to_vec(), Sides::default());
        for (value, _) in self.multisets[set].values(*value_type) {
            aggregates.fold(&[value], 0, &mut cells, &mut sides);
        }
        match aggregates.calls()[0].read(State { cells: &cells, sides: &sides }) {
            Value::Int(number) => Value::Int(number),
            Value::Double(number) => Value::Double(number),
            Value::Bool(truth) => Value::Bool(truth),
            Value::Null | Value::Str(_) => Value::Null,
        }
    }

    pub fn bytes(&self) -> usize {
        let cells = (self.front.capacity() + self.back.capacity()) * size_of::<Cell>();
        let texts: usize =
            self.texts.iter().map(|queue| queue.capacity() * 8 + size_of::<VecDeque<u64>>()).sum();
        let sketches: usize = self.percentiles.iter().map(Quantiles::bytes).sum();
        let sets: usize = self.multisets.iter().map(|set| set.bytes() + size_of::<Multiset>()).sum();
        let rows = self.rows.capacity() * size_of::<FrameRow>() + self.row_bytes;
        size_of::<Self>() + cells + texts + sketches + sets + rows
    }
}
