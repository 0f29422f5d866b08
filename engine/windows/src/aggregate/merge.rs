//! Merging the accumulators of two groups.

use vencejo_expr::Value;

use super::fold::{add_decayed, moments, put_moments, takes_edge};
use super::side::Side;
use super::top_k::counters_of;
use super::{Aggregates, Call, Kind, NO_DOUBLE, NO_SUM, Sides};
use crate::cell::{Cell, double, int, of_double, of_int, of_wide, wide, word};
use vencejo_expr::key::value_of_bits;

/// A group's accumulators, to be read.
#[derive(Clone, Copy)]
pub(crate) struct State<'a> {
    pub cells: &'a [Cell],
    pub sides: &'a Sides,
}

impl Aggregates {
    /// Takes another group's accumulators into a group. Where rows of one event time are in both, those of
    /// `from` are taken as the later.
    pub fn merge(&self, cells: &mut [Cell], sides: &mut Sides, from: State<'_>) {
        for call in &self.calls {
            if let Some(set_at) = call.set_at {
                call.merge_distinct(set_at, cells, sides, from);
            } else {
                call.merge(cells, sides, from);
            }
        }
    }
}

impl Call {
    fn merge_distinct(&self, set_at: usize, cells: &mut [Cell], sides: &mut Sides, from: State<'_>) {
        let Some(Side::Set(set)) = from.sides.get(from.cells[set_at]) else { return };
        for value in set.values(self.value_type) {
            if self.admits(value, cells, sides) {
                self.fold(value, 0, cells, sides);
            }
        }
    }

    fn merge(&self, cells: &mut [Cell], sides: &mut Sides, from: State<'_>) {
        let theirs = &from.cells[self.at..];
        match self.kind {
            Kind::CountRows | Kind::Count => {
                let count = int(cells[self.at]).wrapping_add(int(theirs[0]));
                cells[self.at] = of_int(count);
            }
            Kind::SumInt => {
                let (held, added) = (wide(&cells[self.at..]), wide(theirs));
                if added != NO_SUM {
                    let held = if held == NO_SUM { 0 } else { held };
                    cells[self.at..self.at + 2].copy_from_slice(&of_wide(held + added));
                }
            }
            Kind::AvgInt => {
                let sum = of_wide(wide(&cells[self.at..]) + wide(theirs));
                cells[self.at..self.at + 2].copy_from_slice(&sum);
                let count = int(cells[self.at + 2]).wrapping_add(int(theirs[2]));
                cells[self.at + 2] = of_int(count);
            }
            Kind::SumDouble | Kind::ExtremeDouble { .. } => {
                if word(theirs[0]) != NO_DOUBLE {
                    self.fold(Value::Double(double(theirs[0])), 0, cells, sides);
                }
            }
            Kind::AvgDouble => {
                cells[self.at] = of_double(double(cells[self.at]) + double(theirs[0]));
                let count = int(cells[self.at + 1]).wrapping_add(int(theirs[1]));
                cells[self.at + 1] = of_int(count);
            }
            Kind::Extreme { .. } => {
                if int(theirs[0]) != 0 {
                    self.fold(Value::Int(int(theirs[1])), 0, cells, sides);
                }
            }
            Kind::ExtremeText { .. } => {
                if let Some(text) = from.sides.text(theirs[0]) {
                    self.fold(Value::Str(text), 0, cells, sides);
                }
            }
            Kind::Spread(_) => {
                let mut held = moments(&cells[self.at..]);
                held.merge(moments(theirs));
                put_moments(held, &mut cells[self.at..]);
            }
            Kind::Edge { last } | Kind::EdgeText { last } => self.merge_edge(last, cells, sides, from),
            Kind::Ewma { half_life } => {
                if double(theirs[1]) > 0.0 {
                    let (weight, sum) = (double(theirs[1]), double(theirs[2]));
                    add_decayed(&mut cells[self.at..], int(theirs[0]), weight, sum, half_life);
                }
            }
            Kind::Distinct { .. } | Kind::Percentile { .. } | Kind::TopK { .. } => {
                if let Some(theirs) = from.sides.get(theirs[0]) {
                    self.merge_aside(&mut cells[self.at], sides, theirs);
                }
            }
        }
    }

    fn merge_edge(&self, last: bool, cells: &mut [Cell], sides: &mut Sides, from: State<'_>) {
        let theirs = &from.cells[self.at..];
        if int(theirs[0]) == 0 || !takes_edge(&cells[self.at..], int(theirs[1]), last) {
            return;
        }
        let value = match from.sides.text(theirs[2]) {
            Some(text) if matches!(self.kind, Kind::EdgeText { .. }) => Value::Str(text),
            _ => value_of_bits(word(theirs[2]), self.value_type),
        };
        self.fold(value, int(theirs[1]), cells, sides);
    }

    fn merge_aside(&self, cell: &mut Cell, sides: &mut Sides, theirs: &Side) {
        let is_new = word(*cell) == 0;
        let Some(ours) = sides.get_or_insert(cell, || theirs.clone()) else { return };
        if is_new {
            return;
        }
        match (self.kind, ours, theirs) {
            (Kind::Distinct { exact_max }, Side::Distinct(ours), Side::Distinct(theirs)) => {
                ours.merge(theirs, self.value_type, exact_max);
            }
            (_, Side::Quantiles(ours), Side::Quantiles(theirs)) => ours.merge(theirs),
            (Kind::TopK { k }, Side::Top(ours), Side::Top(theirs)) => ours.merge(theirs, counters_of(k)),
            _ => {}
        }
    }
}
