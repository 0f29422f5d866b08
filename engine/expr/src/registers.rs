//! The registers of a run: words for numbers, times and truth values, and strings apart.
//!
//! The compiler knows the type of every register, so that a word needs no tag, only a mark for NULL. Word
//! and mark are written and read in halves of one size, which the processor forwards without waiting.
//! Measured on the ads floor on a shared machine: 3,100 cycles with an array of [`Value`]s and constants that
//! are loaded, 1,500 to 1,800 so.

use bumpalo::Bump;

use crate::constant::Constant;
use crate::op::Test;
use crate::value::{Type, Value};

/// Number of a word or string register, and places in the program's tables.
pub(crate) type Index = u16;

/// What a register holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    Bool,
    Int,
    Double,
    Text,
}

impl Shape {
    pub(crate) const fn of(ty: Type) -> Self {
        match ty {
            Type::Boolean => Self::Bool,
            Type::BigInt
            | Type::Timestamp
            | Type::Date
            | Type::Decimal { .. }
            | Type::Interval
            | Type::Months => Self::Int,
            Type::Double => Self::Double,
            Type::String => Self::Text,
        }
    }
}

/// What the registers hold before a run: the constants, which no instruction has to load.
#[derive(Clone, Debug, Default)]
pub(crate) struct Initial {
    words: Vec<Word>,
    texts: Vec<Option<Box<str>>>,
}

impl Initial {
    /// One register more, with a constant or NULL in it.
    pub(crate) fn add(&mut self, shape: Shape, constant: &Constant) -> Option<Index> {
        let word = match constant {
            Constant::Null | Constant::Text(_) => None,
            Constant::Bool(x) => Some(u64::from(*x)),
            Constant::Int(x) => Some(x.cast_unsigned()),
            Constant::Double(bits) => Some(*bits),
        };
        let text = match constant {
            Constant::Text(text) => Some(text.clone()),
            _ => None,
        };
        if shape == Shape::Text {
            self.texts.push(text);
            return Index::try_from(self.texts.len() - 1).ok();
        }
        self.words.push(Word::from(word));
        Index::try_from(self.words.len() - 1).ok()
    }

    /// How many registers there are.
    pub(crate) fn len(&self) -> usize {
        self.words.len() + self.texts.len()
    }
}

/// The registers. A register of another number than the program has does not exist: the compiler gives none.
pub(crate) struct Registers<'r, 'a> {
    words: &'r mut [Word],
    texts: &'r mut [Option<&'a str>],
}

/// A word and whether it is there. Both halves are 64 bits wide, so that each is read as it was written.
#[derive(Clone, Copy, Debug)]
struct Word {
    bits: u64,
    known: u64,
}

impl From<Option<u64>> for Word {
    #[inline(always)]
    fn from(word: Option<u64>) -> Self {
        match word {
            Some(bits) => Self { bits, known: 1 },
            None => Self { bits: 0, known: 0 },
        }
    }
}

impl<'r, 'a> Registers<'r, 'a> {
    /// As a run begins: constants are there, all else is NULL.
    pub(crate) fn new(initial: &'a Initial, arena: &'r Bump) -> Self {
        Self {
            words: arena.alloc_slice_copy(&initial.words),
            texts: arena.alloc_slice_fill_iter(initial.texts.iter().map(Option::as_deref)),
        }
    }

    /// The same registers, for a function that is not inlined: these stay where the processor holds them.
    #[inline(always)]
    pub(crate) fn lent(&mut self) -> Registers<'_, 'a> {
        Registers { words: self.words, texts: self.texts }
    }

    #[inline(always)]
    pub(crate) fn word(&self, index: Index) -> Option<u64> {
        let word = self.words[usize::from(index)];
        if word.known == 0 { None } else { Some(word.bits) }
    }

    #[inline(always)]
    pub(crate) fn bool(&self, index: Index) -> Option<bool> {
        self.word(index).map(|word| word != 0)
    }

    #[inline(always)]
    pub(crate) fn int(&self, index: Index) -> Option<i64> {
        self.word(index).map(u64::cast_signed)
    }

    #[inline(always)]
    pub(crate) fn double(&self, index: Index) -> Option<f64> {
        self.word(index).map(f64::from_bits)
    }

    #[inline(always)]
    pub(crate) fn text(&self, index: Index) -> Option<&'a str> {
        self.texts[usize::from(index)]
    }

    #[inline(always)]
    pub(crate) fn set_word(&mut self, index: Index, word: Option<u64>) {
        self.words[usize::from(index)] = Word::from(word);
    }

    #[inline(always)]
    pub(crate) fn set_bool(&mut self, index: Index, value: Option<bool>) {
        self.set_word(index, value.map(u64::from));
    }

    #[inline(always)]
    pub(crate) fn set_int(&mut self, index: Index, value: Option<i64>) {
        self.set_word(index, value.map(i64::cast_unsigned));
    }

    /// NaN and infinities become NULL.
    #[inline(always)]
    pub(crate) fn set_double(&mut self, index: Index, value: Option<f64>) {
        self.set_word(index, value.filter(|x| x.is_finite()).map(f64::to_bits));
    }

    #[inline(always)]
    pub(crate) fn set_text(&mut self, index: Index, value: Option<&'a str>) {
        self.texts[usize::from(index)] = value;
    }

    /// The value in a register of this shape.
    #[inline(always)]
    pub(crate) fn value(&self, shape: Shape, index: Index) -> Value<'a> {
        match shape {
            Shape::Bool => self.bool(index).map_or(Value::Null, Value::Bool),
            Shape::Int => self.int(index).map_or(Value::Null, Value::Int),
            Shape::Double => self.double(index).map_or(Value::Null, Value::Double),
            Shape::Text => self.text(index).map_or(Value::Null, Value::Str),
        }
    }

    /// Puts a value into a register of this shape; a value of another shape is NULL there.
    #[inline(always)]
    pub(crate) fn set_value(&mut self, shape: Shape, index: Index, value: Value<'a>) {
        match (shape, value) {
            (Shape::Bool, Value::Bool(x)) => self.set_bool(index, Some(x)),
            (Shape::Int, Value::Int(x)) => self.set_int(index, Some(x)),
            (Shape::Double, Value::Double(x)) => self.set_double(index, Some(x)),
            (Shape::Text, Value::Str(x)) => self.set_text(index, Some(x)),
            (Shape::Text, _) => self.set_text(index, None),
            _ => self.set_word(index, None),
        }
    }

    /// The answer of an IS test on a word.
    #[inline(always)]
    pub(crate) fn test(&self, test: Test, index: Index) -> bool {
        let value = self.word(index);
        match test {
            Test::True => value == Some(1),
            Test::NotTrue => value != Some(1),
            Test::False => value == Some(0),
            Test::NotFalse => value != Some(0),
            Test::Null => value.is_none(),
            Test::NotNull => value.is_some(),
        }
    }
}
