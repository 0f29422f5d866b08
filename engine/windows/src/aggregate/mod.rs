//! Aggregate functions as mergeable accumulators in runs of cells.
//!
//! The accumulators of a group lie in one run; what has no fixed size lies aside and is addressed from a cell
//! ([`side`]). Merging two groups' accumulators gives what all their rows together would have given: exactly,
//! but for sums and means of doubles, which round in the order in which they are added, and for the sketches
//! (hll, quantile, top_k), which state their error.
//!
//! | function | cells | state |
//! |---|---|---|
//! | COUNT | 1 | |
//! | SUM of integers, decimals | 2 | exact in 128 bits; a result out of range is NULL |
//! | AVG of integers, decimals | 3 | exact sum, count; of integers cut, of decimals rounded half away from zero |
//! | SUM, MIN, MAX of doubles | 1 | |
//! | AVG of doubles | 2 | sum, count |
//! | MIN, MAX of integers, times, booleans | 2 | |
//! | MIN, MAX of strings | 1 | the string aside |
//! | STDDEV, VAR | 3 | count, mean, sum of squared distances: Welford; merged as in Chan et al. (1979) |
//! | FIRST_VALUE, LAST_VALUE | 3 | whether, event time, value (a string aside) |
//! | EWMA | 3 | latest time, weight and weighted sum as of it |
//! | COUNT(DISTINCT), APPROX_COUNT_DISTINCT | 1 | a set, then HyperLogLog, aside |
//! | APPROX_PERCENTILE | 1 | DDSketch aside |
//! | APPROX_TOP_K | 1 | Space-Saving aside |
//! | other functions with DISTINCT | + 1 | a set aside; NULL past `DISTINCT_VALUES_MAX` values |
//!
//! DISTINCT changes nothing in MIN, MAX, FIRST_VALUE, LAST_VALUE and EWMA.

mod fold;
pub(crate) mod hll;
pub(crate) mod merge;
pub(crate) mod moments;
pub(crate) mod quantile;
mod read;
pub(crate) mod set;
pub(crate) mod side;
pub(crate) mod top_k;

use vencejo_expr::{Type, Value};
use vencejo_types::limits::{APPROX_DISTINCT_EXACT_MAX, COUNT_DISTINCT_EXACT_MAX};

use crate::cell::{Cell, of_int, of_wide, of_word};
use crate::spec::{AggregateCall, AggregateFunction};
use moments::Spread;

pub(crate) use merge::State;
pub use read::Texts;
pub(crate) use side::Sides;

/// Bits of a double cell without a value: a NaN that no arithmetic gives.
pub(crate) const NO_DOUBLE: u64 = u64::MAX;
/// A 128-bit sum without a value.
pub(crate) const NO_SUM: i128 = i128::MIN;

/// What a call's cells are.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Kind {
    CountRows,
    Count,
    SumInt,
    SumDouble,
    AvgInt,
    AvgDouble,
    /// MIN or MAX.
    Extreme {
        greatest: bool,
    },
    ExtremeDouble {
        greatest: bool,
    },
    ExtremeText {
        greatest: bool,
    },
    Spread(Spread),
    /// FIRST_VALUE or LAST_VALUE.
    Edge {
        last: bool,
    },
    EdgeText {
        last: bool,
    },
    Distinct {
        exact_max: usize,
    },
    Percentile {
        fraction: f64,
    },
    TopK {
        k: u16,
    },
    Ewma {
        half_life: f64,
    },
}

/// A call in its place.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub kind: Kind,
    /// The argument's column; 0 and unused for COUNT(*).
    pub column: usize,
    pub value_type: Type,
    pub filter: Option<usize>,
    /// Its first cell.
    pub at: usize,
    /// The cell of the set of values that it took, where only distinct ones count.
    pub set_at: Option<usize>,
}

impl Call {
    fn new(spec: &AggregateCall, at: usize) -> Self {
        let (column, value_type) = spec.argument.unwrap_or((0, Type::BigInt));
        let kind = Kind::of(spec, value_type);
        let ignores_distinct = matches!(
            kind,
            Kind::CountRows
                | Kind::Extreme { .. }
                | Kind::ExtremeDouble { .. }
                | Kind::ExtremeText { .. }
                | Kind::Edge { .. }
                | Kind::EdgeText { .. }
                | Kind::Distinct { .. }
                | Kind::Ewma { .. }
        );
        let set_at = (spec.distinct && !ignores_distinct).then_some(at);
        let at = at + usize::from(set_at.is_some());
        Self { kind, column, value_type, filter: spec.filter, at, set_at }
    }
}

impl Kind {
    fn of(spec: &AggregateCall, value_type: Type) -> Self {
        use AggregateFunction as F;
        let (text, double) = (value_type == Type::String, value_type == Type::Double);
        match spec.function {
            F::Count if spec.argument.is_none() => Self::CountRows,
            F::Count if spec.distinct => Self::Distinct { exact_max: COUNT_DISTINCT_EXACT_MAX },
            F::Count => Self::Count,
            F::CountRows => Self::CountRows,
            F::Sum if double => Self::SumDouble,
            F::Sum => Self::SumInt,
            F::Avg if double => Self::AvgDouble,
            F::Avg => Self::AvgInt,
            F::Min | F::Max => {
                let greatest = spec.function == F::Max;
                match value_type {
                    Type::String => Self::ExtremeText { greatest },
                    Type::Double => Self::ExtremeDouble { greatest },
                    _ => Self::Extreme { greatest },
                }
            }
            F::StddevPop => Self::Spread(Spread { root: true, sample: false }),
            F::StddevSamp => Self::Spread(Spread { root: true, sample: true }),
            F::VarPop => Self::Spread(Spread { root: false, sample: false }),
            F::VarSamp => Self::Spread(Spread { root: false, sample: true }),
            F::FirstValue if text => Self::EdgeText { last: false },
            F::FirstValue => Self::Edge { last: false },
            F::LastValue if text => Self::EdgeText { last: true },
            F::LastValue => Self::Edge { last: true },
            F::ApproxCountDistinct => Self::Distinct { exact_max: APPROX_DISTINCT_EXACT_MAX },
            F::ApproxPercentile { fraction } => Self::Percentile { fraction },
            F::ApproxTopK { k } => Self::TopK { k },
            F::Ewma { half_life } => Self::Ewma { half_life: half_life.max(1) as f64 },
        }
    }

    /// Appends the cells of no rows.
    fn initial(self, cells: &mut Vec<Cell>) {
        let zero = of_int(0);
        match self {
            Self::CountRows | Self::Count => cells.push(zero),
            Self::SumInt => cells.extend(of_wide(NO_SUM)),
            Self::AvgInt => {
                cells.extend(of_wide(0));
                cells.push(zero);
            }
            Self::SumDouble | Self::ExtremeDouble { .. } => cells.push(of_word(NO_DOUBLE)),
            Self::AvgDouble | Self::Extreme { .. } => cells.extend([zero; 2]),
            Self::Spread(_) | Self::Edge { .. } | Self::EdgeText { .. } | Self::Ewma { .. } => {
                cells.extend([zero; 3]);
            }
            Self::ExtremeText { .. }
            | Self::Distinct { .. }
            | Self::Percentile { .. }
            | Self::TopK { .. } => {
                cells.push(zero);
            }
        }
    }
}

/// The aggregates of a query, compiled.
#[derive(Clone, Debug)]
pub(crate) struct Aggregates {
    calls: Vec<Call>,
    initial: Vec<Cell>,
    /// The cells that address something aside.
    side_cells: Vec<usize>,
}

impl Aggregates {
    pub fn new(specs: &[AggregateCall]) -> Self {
        let (mut calls, mut initial, mut side_cells) = (Vec::new(), Vec::new(), Vec::new());
        for spec in specs {
            let call = Call::new(spec, initial.len());
            if let Some(set_at) = call.set_at {
                initial.push(of_int(0));
                side_cells.push(set_at);
            }
            call.kind.initial(&mut initial);
            match call.kind {
                Kind::EdgeText { .. } => side_cells.push(call.at + 2),
                Kind::ExtremeText { .. }
                | Kind::Distinct { .. }
                | Kind::Percentile { .. }
                | Kind::TopK { .. } => {
                    side_cells.push(call.at);
                }
                _ => {}
            }
            calls.push(call);
        }
        Self { calls, initial, side_cells }
    }

    /// Number of calls.
    pub fn len(&self) -> usize {
        self.calls.len()
    }

    pub fn calls(&self) -> &[Call] {
        &self.calls
    }

    /// The cells of a group without rows.
    pub fn initial(&self) -> &[Cell] {
        &self.initial
    }

    /// Whether all that a group has aside can be had, to be read or to be changed.
    pub fn reach(&self, cells: &[Cell], sides: &Sides, to_change: bool) -> bool {
        self.side_cells.iter().all(|&at| sides.reach(cells[at], to_change))
    }

    /// Drops what a group has aside.
    pub fn release(&self, cells: &[Cell], sides: &mut Sides) {
        self.side_cells.iter().for_each(|&at| sides.release(cells[at]));
    }
}

/// Whether a row passes a call's FILTER.
pub(crate) fn passes(filter: Option<usize>, row: &[Value<'_>]) -> bool {
    filter.is_none_or(|filter| matches!(row[filter], Value::Bool(true)))
}

/// A number of a type as a double.
pub(crate) fn as_double(value: Value<'_>, value_type: Type) -> f64 {
    match value {
        Value::Int(number) => match value_type {
            // A power of ten up to 10^18 is exact.
            Type::Decimal { scale, .. } => number as f64 / 10_f64.powi(i32::from(scale)),
            _ => number as f64,
        },
        Value::Double(number) => number,
        Value::Bool(truth) => f64::from(u8::from(truth)),
        Value::Null | Value::Str(_) => 0.0,
    }
}
