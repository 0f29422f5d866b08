//! Taking a row.

use std::cmp::Ordering;

use vencejo_expr::Value;
use vencejo_types::limits::DISTINCT_VALUES_MAX;

use super::moments::Moments;
use super::set::bits;
use super::side::Side;
use super::top_k::counters_of;
use super::{Aggregates, Call, Kind, NO_DOUBLE, NO_SUM, Sides, as_double, passes};
use crate::cell::{Cell, double, int, of_double, of_int, of_wide, of_word, wide, word};

impl Aggregates {
    /// Takes a row into a group.
    #[inline]
    pub fn fold(&self, row: &[Value<'_>], time: i64, cells: &mut [Cell], sides: &mut Sides) {
        for call in &self.calls {
            if !passes(call.filter, row) {
                continue;
            }
            if call.kind == Kind::CountRows {
                add_count(&mut cells[call.at], 1);
                continue;
            }
            let value = row[call.column];
            if !matches!(value, Value::Null) && call.admits(value, cells, sides) {
                call.fold(value, time, cells, sides);
            }
        }
    }
}

fn add_count(cell: &mut Cell, count: i64) {
    *cell = of_int(int(*cell).wrapping_add(count));
}

pub(super) fn moments(cells: &[Cell]) -> Moments {
    Moments { count: double(cells[0]), mean: double(cells[1]), squares: double(cells[2]) }
}

pub(super) fn put_moments(moments: Moments, cells: &mut [Cell]) {
    cells[0] = of_double(moments.count);
    cells[1] = of_double(moments.mean);
    cells[2] = of_double(moments.squares);
}

/// Adds a weighted sum as of `time` to that of the cells: what is older decays.
pub(super) fn add_decayed(cells: &mut [Cell], time: i64, weight: f64, sum: f64, half_life: f64) {
    let (held_time, held_weight, held_sum) = (int(cells[0]), double(cells[1]), double(cells[2]));
    if held_weight == 0.0 {
        cells[..3].copy_from_slice(&[of_int(time), of_double(weight), of_double(sum)]);
        return;
    }
    let age = (i128::from(time) - i128::from(held_time)) as f64;
    let decay = (-age.abs() / half_life).exp2();
    let (older, newer) = if age >= 0.0 { (decay, 1.0) } else { (1.0, decay) };
    cells[0] = of_int(time.max(held_time));
    cells[1] = of_double(held_weight * older + weight * newer);
    cells[2] = of_double(held_sum * older + sum * newer);
}

impl Call {
    /// Whether a value counts: with DISTINCT the first time it comes. A set that is full takes one value
    /// more, which marks it.
    pub(super) fn admits(&self, value: Value<'_>, cells: &mut [Cell], sides: &mut Sides) -> bool {
        let Some(set_at) = self.set_at else { return true };
        let side = sides.get_or_insert(&mut cells[set_at], || Side::Set(Box::default()));
        let Some(Side::Set(set)) = side else { return false };
        set.len() <= DISTINCT_VALUES_MAX && set.insert(value)
    }

    /// Takes a value that is not NULL.
    #[inline]
    pub(super) fn fold(&self, value: Value<'_>, time: i64, cells: &mut [Cell], sides: &mut Sides) {
        let cells = &mut cells[self.at..];
        match (self.kind, value) {
            (Kind::CountRows | Kind::Count, _) => add_count(&mut cells[0], 1),
            (Kind::SumInt, Value::Int(number)) => {
                let held = wide(cells);
                let held = if held == NO_SUM { 0 } else { held };
                cells[..2].copy_from_slice(&of_wide(held + i128::from(number)));
            }
            (Kind::AvgInt, Value::Int(number)) => {
                let sum = of_wide(wide(cells) + i128::from(number));
                cells[..2].copy_from_slice(&sum);
                add_count(&mut cells[2], 1);
            }
            (Kind::SumDouble, value) => {
                let held = if word(cells[0]) == NO_DOUBLE { 0.0 } else { double(cells[0]) };
                cells[0] = of_double(held + as_double(value, self.value_type));
            }
            (Kind::AvgDouble, value) => {
                cells[0] = of_double(double(cells[0]) + as_double(value, self.value_type));
                add_count(&mut cells[1], 1);
            }
            (Kind::Extreme { greatest }, value) => {
                let number = bits(value).cast_signed();
                let held = int(cells[1]);
                if int(cells[0]) == 0 || (if greatest { number > held } else { number < held }) {
                    cells[..2].copy_from_slice(&[of_int(1), of_int(number)]);
                }
            }
            (Kind::ExtremeDouble { greatest }, value) => {
                let (number, held) = (as_double(value, self.value_type), double(cells[0]));
                let empty = word(cells[0]) == NO_DOUBLE;
                if empty || (if greatest { number > held } else { number < held }) {
                    cells[0] = of_double(number);
                }
            }
            (Kind::ExtremeText { greatest }, Value::Str(text)) => {
                let wanted = if greatest { Ordering::Greater } else { Ordering::Less };
                if sides.text(cells[0]).is_none_or(|held| text.cmp(held) == wanted) {
                    sides.put_text(&mut cells[0], text);
                }
            }
            (Kind::Spread(_), value) => {
                let mut held = moments(cells);
                held.insert(as_double(value, self.value_type));
                put_moments(held, cells);
            }
            (Kind::Edge { last }, value) => {
                if takes_edge(cells, time, last) {
                    cells[..3].copy_from_slice(&[of_int(1), of_int(time), of_word(raw_bits(value))]);
                }
            }
            (Kind::EdgeText { last }, Value::Str(text)) => {
                if takes_edge(cells, time, last) {
                    cells[..2].copy_from_slice(&[of_int(1), of_int(time)]);
                    sides.put_text(&mut cells[2], text);
                }
            }
            (Kind::Ewma { half_life }, value) => {
                add_decayed(cells, time, 1.0, as_double(value, self.value_type), half_life);
            }
            (kind, value) => self.fold_aside(kind, value, &mut cells[0], sides),
        }
    }

    /// Takes a value into a set or a sketch. A value of another type than the call's is not taken.
    fn fold_aside(&self, kind: Kind, value: Value<'_>, cell: &mut Cell, sides: &mut Sides) {
        match kind {
            Kind::Distinct { exact_max } => {
                let side = sides.get_or_insert(cell, || Side::Distinct(Box::default()));
                if let Some(Side::Distinct(distinct)) = side {
                    distinct.insert(value, self.value_type, exact_max);
                }
            }
            Kind::Percentile { .. } => {
                let side = sides.get_or_insert(cell, || Side::Quantiles(Box::default()));
                if let Some(Side::Quantiles(quantiles)) = side {
                    quantiles.insert(as_double(value, self.value_type));
                }
            }
            Kind::TopK { k } => {
                let side = sides.get_or_insert(cell, || Side::Top(Box::default()));
                if let Some(Side::Top(top)) = side {
                    top.insert(value, counters_of(k));
                }
            }
            _ => {}
        }
    }
}

/// Whether a value of this time takes the place of the one that is held: of equal times, FIRST_VALUE keeps
/// the one that came first and LAST_VALUE takes the one that comes last.
pub(super) fn takes_edge(cells: &[Cell], time: i64, last: bool) -> bool {
    let held = int(cells[1]);
    int(cells[0]) == 0 || (if last { time >= held } else { time < held })
}

/// The bits of a value as it is, the sign of a zero included.
pub(super) fn raw_bits(value: Value<'_>) -> u64 {
    match value {
        Value::Double(number) => number.to_bits(),
        value => bits(value),
    }
}
