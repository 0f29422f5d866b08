//! A row of floats becomes a row of bytes, once per row; see `ranked.rs`.

use super::ranked::{COLUMNS_MAX, Column, ColumnTest};
use super::simd::Sum;
use super::walk::WALK_COLUMNS_MAX;
use crate::forest::{Categories, Feature, Forest, Precision, ZERO, round_to_f32};

/// Thresholds compared at once.
pub(super) const LANES: usize = 16;

/// Bytes of one row.
#[derive(Debug, Clone)]
#[repr(align(64))]
pub(super) struct Cells<const N: usize> {
    /// What splits read whose missing values go right: 255 for those.
    pub(super) missing_right: [u8; N],
    /// What splits read whose missing values go left: 0 for those.
    pub(super) missing_left: [u8; N],
    /// Whether the two differ.
    pub(super) any_missing: bool,
}

/// Cells of a row with as many columns as a layout can have.
pub(super) type WideCells = Cells<COLUMNS_MAX>;

/// Cells of a row for the layouts that look columns up by shuffles.
pub(super) type NarrowCells = Cells<WALK_COLUMNS_MAX>;

impl<const N: usize> Cells<N> {
    pub(super) const fn new() -> Self {
        Self { missing_right: [0; N], missing_left: [0; N], any_missing: false }
    }
}

/// A number that thresholds have: `f32` or `f64`.
pub(super) trait Number: Sum + PartialOrd + Default + std::fmt::Debug + 'static {
    const NAN: Self;
    fn of_f64(x: f64) -> Self;
    fn of_feature<T: Feature>(x: T) -> Self;
    fn wide(self) -> f64;
    /// How many of a group's thresholds x is at least.
    fn reached<C: Counter>(counter: C, group: &[Self; LANES], x: Self) -> u32;
}

/// Compares a number with a group of thresholds.
pub(super) trait Counter: Copy {
    /// How many of a group's thresholds x is at least.
    fn of_f32(self, group: &[f32; LANES], x: f32) -> u32;
    /// How many of a group's thresholds x is at least.
    fn of_f64(self, group: &[f64; LANES], x: f64) -> u32;
}

/// The counter of any CPU.
#[derive(Clone, Copy)]
pub(super) struct Portable;

impl Counter for Portable {
    #[inline(always)]
    fn of_f32(self, group: &[f32; LANES], x: f32) -> u32 {
        group.iter().map(|threshold| u32::from(x >= *threshold)).sum()
    }

    #[inline(always)]
    fn of_f64(self, group: &[f64; LANES], x: f64) -> u32 {
        group.iter().map(|threshold| u32::from(x >= *threshold)).sum()
    }
}

impl Number for f32 {
    const NAN: Self = Self::NAN;
    fn of_f64(x: f64) -> Self {
        round_to_f32(x)
    }
    fn of_feature<T: Feature>(x: T) -> Self {
        x.to_f32()
    }
    fn wide(self) -> f64 {
        self.into()
    }
    #[inline(always)]
    fn reached<C: Counter>(counter: C, group: &[Self; LANES], x: Self) -> u32 {
        counter.of_f32(group, x)
    }
}

impl Number for f64 {
    const NAN: Self = Self::NAN;
    fn of_f64(x: f64) -> Self {
        x
    }
    fn of_feature<T: Feature>(x: T) -> Self {
        x.to_f64()
    }
    fn wide(self) -> f64 {
        self
    }
    #[inline(always)]
    fn reached<C: Counter>(counter: C, group: &[Self; LANES], x: Self) -> u32 {
        counter.of_f64(group, x)
    }
}

/// The columns of a forest, ready to rank rows.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Quantiser {
    F32(Columns<f32>),
    F64(Columns<f64>),
}

impl Quantiser {
    pub(super) fn new(forest: &Forest, columns: &[Column]) -> Self {
        match forest.inputs() {
            Precision::F32 => Self::F32(Columns::new(columns, forest.categories())),
            Precision::F64 => Self::F64(Columns::new(columns, forest.categories())),
        }
    }

    /// Writes a row's bytes. A row that is too short reads as missing at its end.
    #[inline(always)]
    pub(super) fn cells<C: Counter, T: Feature, const N: usize>(
        &self,
        counter: C,
        row: &[T],
        cells: &mut Cells<N>,
    ) {
        match self {
            Self::F32(columns) => columns.cells(counter, row, cells),
            Self::F64(columns) => columns.cells(counter, row, cells),
        }
    }

    /// Gives the rank of each row in one column, and whether it is missing.
    #[inline(always)]
    pub(super) fn column<C: Counter, T: Feature>(
        &self,
        counter: C,
        column: usize,
        rows: (&[T], usize),
        found: impl FnMut(u8, bool),
    ) {
        match self {
            Self::F32(columns) => columns.column(counter, column, rows, found),
            Self::F64(columns) => columns.column(counter, column, rows, found),
        }
    }

    pub(super) fn bytes(&self) -> usize {
        match self {
            Self::F32(columns) => size_of_val(columns.lanes.as_slice()),
            Self::F64(columns) => size_of_val(columns.lanes.as_slice()),
        }
    }
}

/// How a column's byte is found.
#[derive(Debug, Clone, PartialEq)]
enum Find {
    /// One group of thresholds at this place in `lanes`.
    Few {
        at: usize,
    },
    /// A group of pivots, the last threshold of each of the groups that follow it.
    Many {
        at: usize,
    },
    Differs(f64),
    Outside(Vec<u32>),
}

#[derive(Debug, Clone, PartialEq)]
struct Step {
    feature: usize,
    zero_is_missing: bool,
    find: Find,
}

/// Rows of one column.
struct Each<'a, F, G> {
    step: &'a Step,
    rows: &'a [F],
    features: usize,
    found: &'a mut G,
}

impl<F: Feature, G: FnMut(u8, bool)> Each<'_, F, G> {
    #[inline(always)]
    fn row<T: Number>(&mut self, rank: impl Fn(T) -> u8) {
        let (feature, zero_is_missing) = (self.step.feature, self.step.zero_is_missing);
        for row in self.rows.chunks_exact(self.features) {
            let x = row.get(feature).map_or(T::NAN, |x| T::of_feature(*x));
            (self.found)(rank(x), is_missing(x, zero_is_missing));
        }
    }
}

#[inline(always)]
fn is_missing<T: Number>(x: T, zero_is_missing: bool) -> bool {
    x.partial_cmp(&x).is_none() || (zero_is_missing && x.wide().abs() <= ZERO)
}

/// Columns with thresholds in groups, NaN where a group has no more: no x is at least NaN.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Columns<T> {
    steps: Vec<Step>,
    lanes: Vec<[T; LANES]>,
    categories: Categories,
}

impl<T: Number> Columns<T> {
    fn new(columns: &[Column], categories: Categories) -> Self {
        let mut this = Self { steps: Vec::new(), lanes: Vec::new(), categories };
        for Column { feature, zero_is_missing, test } in columns {
            let find = match test {
                ColumnTest::Differs(number) => Find::Differs(*number),
                ColumnTest::Outside(words) => Find::Outside(words.clone()),
                ColumnTest::Reached(numbers) => this.keep(numbers),
            };
            this.steps.push(Step { feature: *feature, zero_is_missing: *zero_is_missing, find });
        }
        this
    }

    fn keep(&mut self, numbers: &[f64]) -> Find {
        let at = self.lanes.len();
        let group = |numbers: &[f64]| {
            let mut lanes = [T::NAN; LANES];
            lanes.iter_mut().zip(numbers).for_each(|(lane, number)| *lane = T::of_f64(*number));
            lanes
        };
        if numbers.len() <= LANES {
            self.lanes.push(group(numbers));
            return Find::Few { at };
        }
        let groups: Vec<_> = numbers.chunks(LANES).map(group).collect();
        let mut pivots = [T::NAN; LANES];
        pivots.iter_mut().zip(&groups).for_each(|(pivot, group)| *pivot = group[LANES - 1]);
        self.lanes.push(pivots);
        self.lanes.extend(groups);
        // Where all of a column's groups are full, a number past them all has one more to look at. 255
        // thresholds leave a place free in the sixteenth group, so there is always a NaN to stop at.
        self.lanes.push([T::NAN; LANES]);
        Find::Many { at }
    }

    #[inline(always)]
    fn cells<C: Counter, F: Feature, const N: usize>(&self, counter: C, row: &[F], cells: &mut Cells<N>) {
        let mut missing = false;
        let banks = cells.missing_right.iter_mut().zip(&mut cells.missing_left);
        for (step, (right, left)) in self.steps.iter().zip(banks) {
            let x = row.get(step.feature).map_or(T::NAN, |x| T::of_feature(*x));
            let rank = self.rank(counter, &step.find, x);
            let is_missing = is_missing(x, step.zero_is_missing);
            missing |= is_missing;
            *right = if is_missing { u8::MAX } else { rank };
            *left = if is_missing { 0 } else { rank };
        }
        cells.any_missing = missing;
    }

    #[inline(always)]
    fn column<C: Counter, F: Feature>(
        &self,
        counter: C,
        column: usize,
        (rows, features): (&[F], usize),
        mut found: impl FnMut(u8, bool),
    ) {
        let step = &self.steps[column];
        let mut each = Each { step, rows, features, found: &mut found };
        match &step.find {
            Find::Few { at } => {
                let lanes = &self.lanes[*at];
                each.row(
                    #[inline(always)]
                    |x| narrow(T::reached(counter, lanes, x)),
                );
            }
            Find::Many { at } => {
                let (pivots, groups) = (&self.lanes[*at], &self.lanes[*at + 1..]);
                each.row(
                    #[inline(always)]
                    |x| {
                        let group = T::reached(counter, pivots, x);
                        narrow(group * 16 + T::reached(counter, &groups[group as usize], x))
                    },
                );
            }
            find @ (Find::Differs(_) | Find::Outside(_)) => each.row(|x| self.rank(counter, find, x)),
        }
    }

    #[inline(always)]
    fn rank<C: Counter>(&self, counter: C, find: &Find, x: T) -> u8 {
        match find {
            Find::Few { at } => narrow(T::reached(counter, &self.lanes[*at], x)),
            Find::Many { at } => {
                let group = T::reached(counter, &self.lanes[*at], x);
                let within = T::reached(counter, &self.lanes[*at + 1 + group as usize], x);
                narrow(group * 16 + within)
            }
            Find::Differs(number) => u8::from(x.wide() != *number),
            Find::Outside(words) => {
                let category = self.categories.category(x.wide());
                let bit = |c: usize| words.get(c / 32).is_some_and(|word| word >> (c % 32) & 1 == 1);
                u8::from(!category.is_some_and(bit))
            }
        }
    }
}

/// A rank, which is at most 255.
#[inline(always)]
fn narrow(rank: u32) -> u8 {
    #[expect(clippy::cast_possible_truncation, reason = "at most 255 thresholds")]
    return rank as u8;
}
