//! Distinct values: exact up to a bound, then an estimate.

use vencejo_expr::{Type, Value};
use vencejo_types::row::key_hash;
use vencejo_types::slots::Slots;

use super::hll::HyperLogLog;
use vencejo_expr::key::value_of_bits;

/// Up to so many values are compared one by one; more have an index.
const UNINDEXED_MAX: usize = 8;

/// A set of values of one type, in the order in which they came.
#[derive(Clone, Debug, Default)]
pub struct ValueSet {
    /// Bits of a value; of a string the place in `text` where it ends.
    words: Vec<u64>,
    text: Vec<u8>,
    index: Slots,
}

/// The 64 bits of a value that is not a string. Zeros are one value, as `=` has it.
pub fn bits(value: Value<'_>) -> u64 {
    match value {
        Value::Bool(truth) => u64::from(truth),
        Value::Int(number) => number.cast_unsigned(),
        Value::Double(number) => (number + 0.0).to_bits(),
        Value::Null | Value::Str(_) => 0,
    }
}

/// The hash of a value.
pub fn hash(value: Value<'_>) -> u64 {
    match value {
        Value::Str(text) => key_hash(text.as_bytes()),
        value => key_hash(&bits(value).to_le_bytes()),
    }
}

impl ValueSet {
    /// Number of values.
    pub fn len(&self) -> usize {
        self.words.len()
    }

    fn text_at(&self, place: usize) -> &[u8] {
        let start = if place == 0 { 0 } else { self.words[place - 1] as usize };
        &self.text[start..self.words[place] as usize]
    }

    fn is_at(&self, place: usize, value: Value<'_>) -> bool {
        match value {
            Value::Str(text) => self.text_at(place) == text.as_bytes(),
            value => self.words[place] == bits(value),
        }
    }

    /// The place of a value, counted up in order of arrival.
    pub fn find(&self, value: Value<'_>) -> Option<usize> {
        if self.words.len() <= UNINDEXED_MAX {
            return (0..self.words.len()).find(|&place| self.is_at(place, value));
        }
        self.index.find(hash(value), |place| self.is_at(place, value))
    }

    /// Adds a value that is not there.
    pub fn push(&mut self, value: Value<'_>) {
        match value {
            Value::Str(text) => {
                self.text.extend_from_slice(text.as_bytes());
                self.words.push(self.text.len() as u64);
            }
            value => self.words.push(bits(value)),
        }
        let len = self.words.len();
        if len == UNINDEXED_MAX + 1 {
            self.make_index(matches!(value, Value::Str(_)));
        } else if len > UNINDEXED_MAX {
            self.index.insert(hash(value), len - 1);
        }
    }

    fn make_index(&mut self, of_text: bool) {
        for place in 0..self.words.len() {
            let bytes = self.words[place].to_le_bytes();
            let hash = key_hash(if of_text { self.text_at(place) } else { &bytes });
            self.index.insert(hash, place);
        }
    }

    /// Words and text: all that a set is.
    pub fn parts(&self) -> (&[u64], &[u8]) {
        (&self.words, &self.text)
    }

    /// The set of these words and this text; nothing where they are none.
    pub fn of_parts(words: Vec<u64>, text: Vec<u8>) -> Option<Self> {
        // More strings than one have a text.
        let of_text = !text.is_empty();
        let mut set = Self { words, text, index: Slots::default() };
        if of_text && !(set.words.is_sorted() && set.words.last() == Some(&(set.text.len() as u64))) {
            return None;
        }
        if set.words.len() > UNINDEXED_MAX {
            set.make_index(of_text);
        }
        Some(set)
    }

    /// Adds a value; whether it is new.
    pub fn insert(&mut self, value: Value<'_>) -> bool {
        let is_new = self.find(value).is_none();
        if is_new {
            self.push(value);
        }
        is_new
    }

    /// The value at a place.
    pub fn value(&self, place: usize, value_type: Type) -> Value<'_> {
        match value_type {
            Type::String => Value::Str(std::str::from_utf8(self.text_at(place)).unwrap_or_default()),
            value_type => value_of_bits(self.words[place], value_type),
        }
    }

    /// The values, in order of arrival.
    pub fn values(&self, value_type: Type) -> impl Iterator<Item = Value<'_>> {
        (0..self.len()).map(move |place| self.value(place, value_type))
    }

    /// Bytes that it holds.
    pub fn bytes(&self) -> usize {
        self.words.capacity() * 8 + self.text.capacity() + self.index.bytes()
    }
}

/// What counts distinct values.
#[derive(Clone, Debug)]
pub enum Distinct {
    /// All of them.
    Exact(ValueSet),
    /// Too many to keep: an estimate.
    Sketch(Box<HyperLogLog>),
}

impl Default for Distinct {
    fn default() -> Self {
        Self::Exact(ValueSet::default())
    }
}

impl Distinct {
    /// Takes a value. Past `exact_max` distinct values the set becomes a sketch.
    pub fn insert(&mut self, value: Value<'_>, value_type: Type, exact_max: usize) {
        match self {
            Self::Exact(set) => {
                if set.insert(value) && set.len() > exact_max {
                    let mut sketch = HyperLogLog::default();
                    set.values(value_type).for_each(|value| sketch.insert(hash(value)));
                    *self = Self::Sketch(Box::new(sketch));
                }
            }
            Self::Sketch(sketch) => sketch.insert(hash(value)),
        }
    }

    /// Takes what another one has.
    pub fn merge(&mut self, other: &Self, value_type: Type, exact_max: usize) {
        match other {
            Self::Exact(set) => {
                set.values(value_type).for_each(|value| self.insert(value, value_type, exact_max));
            }
            Self::Sketch(theirs) => match self {
                Self::Sketch(ours) => ours.merge(theirs),
                Self::Exact(set) => {
                    let mut sketch = theirs.clone();
                    set.values(value_type).for_each(|value| sketch.insert(hash(value)));
                    *self = Self::Sketch(sketch);
                }
            },
        }
    }

    /// How many distinct values came.
    pub fn count(&self) -> u64 {
        match self {
            Self::Exact(set) => set.len() as u64,
            Self::Sketch(sketch) => sketch.count(),
        }
    }

    /// Bytes that it holds.
    pub fn bytes(&self) -> usize {
        match self {
            Self::Exact(set) => set.bytes(),
            Self::Sketch(sketch) => sketch.bytes(),
        }
    }
}
