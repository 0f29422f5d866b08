//! Where accumulators of no fixed size lie: strings, sets and sketches, addressed from a cell.

use super::quantile::Quantiles;
use super::set::{Distinct, ValueSet};
use super::top_k::TopValues;
use crate::cell::{Cell, of_word, word};

/// An accumulator of no fixed size.
#[derive(Clone, Debug)]
pub enum Side {
    /// The string of a MIN, MAX, FIRST_VALUE or LAST_VALUE.
    Text(Box<str>),
    /// Distinct values that were counted.
    Distinct(Box<Distinct>),
    /// Distinct values that another function took.
    Set(Box<ValueSet>),
    /// A percentile.
    Quantiles(Box<Quantiles>),
    /// The most frequent values.
    Top(Box<TopValues>),
}

/// Accumulators by number. A cell holds the number + 1, or 0 for none.
#[derive(Debug, Default)]
pub struct Sides {
    slots: Vec<Option<Side>>,
    free: Vec<u32>,
}

impl Sides {
    /// What a cell addresses.
    pub fn get(&self, cell: Cell) -> Option<&Side> {
        self.slots.get(word(cell).checked_sub(1)? as usize)?.as_ref()
    }

    /// What a cell addresses, made where there is nothing.
    pub fn get_or_insert(&mut self, cell: &mut Cell, make: impl FnOnce() -> Side) -> &mut Side {
        if word(*cell) == 0 {
            *cell = self.vacant();
        }
        self.slots[word(*cell) as usize - 1].get_or_insert_with(make)
    }

    /// Puts a string where a cell points.
    pub fn put_text(&mut self, cell: &mut Cell, text: &str) {
        if word(*cell) == 0 {
            *cell = self.vacant();
        }
        self.slots[word(*cell) as usize - 1] = Some(Side::Text(text.into()));
    }

    /// The string that a cell points to.
    pub fn text(&self, cell: Cell) -> Option<&str> {
        match self.get(cell)? {
            Side::Text(text) => Some(text),
            _ => None,
        }
    }

    fn vacant(&mut self) -> Cell {
        let number = self.free.pop().map_or(self.slots.len(), |number| number as usize);
        if number == self.slots.len() {
            self.slots.push(None);
        }
        of_word(number as u64 + 1)
    }

    /// Drops what a cell addresses.
    pub fn release(&mut self, cell: Cell) {
        if let Some(number) = word(cell).checked_sub(1) {
            self.slots[number as usize] = None;
            self.free.push(number as u32);
        }
    }

    /// Drops everything.
    pub fn clear(&mut self) {
        self.slots.clear();
        self.free.clear();
    }

    /// Bytes that it holds. Cost: a look at every accumulator.
    pub fn bytes(&self) -> usize {
        let inside = |side: &Side| match side {
            Side::Text(text) => text.len(),
            Side::Distinct(distinct) => size_of::<Distinct>() + distinct.bytes(),
            Side::Set(set) => size_of::<ValueSet>() + set.bytes(),
            Side::Quantiles(quantiles) => quantiles.bytes(),
            Side::Top(top) => top.bytes(),
        };
        let sides: usize = self.slots.iter().flatten().map(inside).sum();
        sides + self.slots.capacity() * size_of::<Option<Side>>() + self.free.capacity() * 4
    }
}
