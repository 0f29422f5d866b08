//! What all operators have in common: rows and watermarks in, rows out, counters.

use vencejo_expr::Value;

use crate::paged::Visitor;
use crate::table::KeyedTable;

/// Where an operator's rows go, and what it asks on the way.
pub trait Downstream {
    /// Takes a row that the operator gives out. The values live until the call returns.
    fn emit(&mut self, row: &[Value<'_>]);

    /// Whether a pair of rows that a join found (the left's columns, then the right's) passes its ON
    /// condition.
    fn holds(&mut self, pair: &[Value<'_>]) -> bool {
        let _ = pair;
        true
    }
}

/// What became of a row. The operator has counted it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Taken {
    /// It is in.
    Yes,
    /// It came behind the watermark, or has no event time.
    Late,
    /// A limit is reached.
    Refused,
    /// A page of its key, in the image that the operator was restored from, cannot be had.
    Damaged,
}

/// A part of a dataflow.
pub trait Operator {
    /// Takes a row. `port` is 0, but for the right side of a join, which is 1.
    fn row(&mut self, port: usize, row: &[Value<'_>], down: &mut dyn Downstream) -> Taken;

    /// Takes the watermark of all its inputs together: no row with a time up to it is to come. In
    /// milliseconds of event time; `i64::MAX` at the end of the input. One that goes back is ignored.
    fn watermark(&mut self, watermark: i64, down: &mut dyn Downstream);

    /// Takes engine time, in microseconds: what has a time to live may end here.
    fn tick(&mut self, now_micros: i64, down: &mut dyn Downstream) {
        let _ = (now_micros, down);
    }

    /// The engine time, in microseconds, from which on a tick has something to do; nothing where none has.
    fn wakes_at_micros(&self) -> Option<i64> {
        None
    }

    /// Shows its state, always in the same order: words and containers. What follows from the
    /// specification or from other state is left out.
    fn visit(&mut self, visitor: &mut Visitor<'_>);

    /// Whether it works while pages of its image are not in memory, and refuses the keys of those that cannot
    /// be had.
    fn serves_early(&self) -> bool {
        false
    }

    /// The table in which a row's key is looked up first.
    fn table(&self) -> Option<&KeyedTable> {
        None
    }

    /// Keys (of groups, of partitions, of buffers) that it holds; of a windowed operator the sum over
    /// windows.
    fn key_count(&self) -> usize {
        0
    }

    /// Bytes of memory that it holds, allocations as they were asked for.
    fn bytes(&self) -> usize {
        0
    }

    /// Rows that came too late.
    fn late(&self) -> u64 {
        0
    }

    /// Rows that a limit refused.
    fn refused(&self) -> u64 {
        0
    }
}
