//! Where accumulators of no fixed size lie: strings, sets and sketches, addressed from a cell.

use super::hll::HyperLogLog;
use super::quantile::Quantiles;
use super::set::{Distinct, ValueSet};
use super::top_k::TopValues;
use crate::cell::{Cell, of_word, word};
use crate::paged::{List, Stored, Visitor};

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
    slots: List<Option<Side>>,
    free: List<u32>,
}

impl Sides {
    /// Whether what a cell addresses can be had: to be read, or to be changed, or added where there is
    /// nothing.
    pub fn reach(&self, cell: Cell, to_change: bool) -> bool {
        match word(cell) {
            0 => !to_change || self.slots.has_room(),
            _ => self.get(cell).is_some(),
        }
    }

    /// Whether all of it is in memory.
    pub fn is_whole(&self) -> bool {
        self.slots.is_whole() && self.free.is_whole()
    }

    /// What a cell addresses.
    pub fn get(&self, cell: Cell) -> Option<&Side> {
        self.slots.get(word(cell).checked_sub(1)? as usize)?.as_ref()
    }

    /// What a cell addresses, made where there is nothing. Nothing where it cannot be had.
    pub fn get_or_insert(&mut self, cell: &mut Cell, make: impl FnOnce() -> Side) -> Option<&mut Side> {
        if word(*cell) == 0 {
            *cell = self.vacant();
        }
        Some(self.slots.get_mut(word(*cell) as usize - 1)?.get_or_insert_with(make))
    }

    /// Puts a string where a cell points.
    pub fn put_text(&mut self, cell: &mut Cell, text: &str) {
        if word(*cell) == 0 {
            *cell = self.vacant();
        }
        if let Some(slot) = self.slots.get_mut(word(*cell) as usize - 1) {
            *slot = Some(Side::Text(text.into()));
        }
    }

    /// The string that a cell points to.
    pub fn text(&self, cell: Cell) -> Option<&str> {
        match self.get(cell)? {
            Side::Text(text) => Some(text),
            _ => None,
        }
    }

    fn vacant(&mut self) -> Cell {
        let number = self.free.last().copied().filter(|&number| self.slots.get(number as usize).is_some());
        let number = match number {
            Some(number) => {
                self.free.pop();
                number as usize
            }
            None => {
                self.slots.push(None);
                self.slots.len() - 1
            }
        };
        of_word(number as u64 + 1)
    }

    /// Drops what a cell addresses.
    pub fn release(&mut self, cell: Cell) {
        if let Some(number) = word(cell).checked_sub(1) {
            self.slots.take(number as usize);
            self.free.push(number as u32);
        }
    }

    /// Drops everything.
    pub fn clear(&mut self) {
        self.slots.clear();
        self.free.clear();
    }

    /// Shows it.
    pub fn visit(&mut self, visitor: &mut Visitor<'_>) {
        self.slots.visit(visitor);
        self.free.visit(visitor);
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
        let sides: usize = self.slots.held().flatten().map(inside).sum();
        sides + self.slots.bytes() + self.free.bytes()
    }
}

/// What an accumulator is archived as: its kind, words and bytes.
type SideV1 = (u8, Vec<u64>, Vec<u8>);

const NONE: u8 = 0;
const TEXT: u8 = 1;
const DISTINCT: u8 = 2;
const DISTINCT_SKETCH: u8 = 3;
const SET: u8 = 4;
const QUANTILES: u8 = 5;
const TOP: u8 = 6;

impl Stored for Option<Side> {
    /// A sketch may have 16 KiB.
    const PER_PAGE: usize = 16;
    type V1 = SideV1;

    fn to_v1(&self) -> SideV1 {
        let set = |kind, set: &ValueSet| {
            let (words, bytes) = set.parts();
            (kind, words.to_vec(), bytes.to_vec())
        };
        match self {
            None => (NONE, Vec::new(), Vec::new()),
            Some(Side::Text(text)) => (TEXT, Vec::new(), text.as_bytes().to_vec()),
            Some(Side::Distinct(distinct)) => match &**distinct {
                Distinct::Exact(values) => set(DISTINCT, values),
                Distinct::Sketch(sketch) => (DISTINCT_SKETCH, Vec::new(), sketch.registers().to_vec()),
            },
            Some(Side::Set(values)) => set(SET, values),
            Some(Side::Quantiles(quantiles)) => (QUANTILES, quantiles.words(), Vec::new()),
            Some(Side::Top(top)) => {
                let (words, bytes) = top.parts();
                (TOP, words, bytes)
            }
        }
    }

    fn from_v1((kind, words, bytes): SideV1) -> Option<Self> {
        Some(match kind {
            NONE => None,
            TEXT => Some(Side::Text(String::from_utf8(bytes).ok()?.into())),
            DISTINCT => Some(Side::Distinct(Box::new(Distinct::Exact(ValueSet::of_parts(words, bytes)?)))),
            DISTINCT_SKETCH => {
                let sketch = HyperLogLog::of_registers(bytes)?;
                Some(Side::Distinct(Box::new(Distinct::Sketch(Box::new(sketch)))))
            }
            SET => Some(Side::Set(Box::new(ValueSet::of_parts(words, bytes)?))),
            QUANTILES => Some(Side::Quantiles(Box::new(Quantiles::of_words(&words)?))),
            TOP => Some(Side::Top(Box::new(TopValues::of_parts(&words, &bytes)?))),
            _ => return None,
        })
    }
}
