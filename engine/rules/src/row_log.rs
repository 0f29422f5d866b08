//! The rows of a key that open runs can still read: the columns that programs read, one row after the other.
//!
//! A row is a run of words: sequence, time, where its strings begin, a bit per column that is NULL, then a
//! word per column, two for a string (where it begins, and its length). Rows leave at the front; the memory
//! of those that left is used again once they are the greater part.

use vencejo_expr::{Constant, Type, Value, key::value_of_bits};

use crate::image::{Malformed, Reader, Write};

/// A row of one key. Ids count up by one; a row that nothing keeps gives its id to the next one.
pub(crate) type RowId = u64;

/// Which columns are kept, and where.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Layout {
    columns: Vec<Column>,
    /// Place in `columns` of each column of the input.
    places: Vec<Option<usize>>,
    stride: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Column {
    column: usize,
    column_type: Type,
    at: usize,
}

const SEQUENCE: usize = 0;
const TIME: usize = 1;
const TEXT: usize = 2;
const NULLS: usize = 3;

impl Layout {
    /// Keeps the columns of the input for which `is_read` holds.
    pub fn new(input: &[Type], is_read: impl Fn(usize) -> bool) -> Self {
        let count = (0..input.len()).filter(|&column| is_read(column)).count();
        let mut at = NULLS + count.div_ceil(64);
        let mut layout = Self { columns: Vec::new(), places: vec![None; input.len()], stride: 0 };
        for (column, &column_type) in input.iter().enumerate().filter(|&(column, _)| is_read(column)) {
            layout.places[column] = Some(layout.columns.len());
            layout.columns.push(Column { column, column_type, at });
            at += if column_type == Type::String { 2 } else { 1 };
        }
        layout.stride = at;
        layout
    }
}

#[derive(Debug, Default)]
pub(crate) struct RowLog {
    /// Id of the first row that is held.
    first: RowId,
    words: Vec<u64>,
    /// Words at the front of rows that left.
    gone: usize,
    texts: String,
    /// How many bytes of strings have been cut off before `texts`.
    texts_gone: u64,
}

impl RowLog {
    /// Without rows; the first one is to have this id.
    pub fn starting_at(first: RowId) -> Self {
        Self { first, ..Self::default() }
    }

    /// The id of the first row that is held.
    pub fn first(&self) -> RowId {
        self.first
    }

    /// The id of the next row.
    pub fn end(&self, layout: &Layout) -> RowId {
        self.first + self.len(layout) as u64
    }

    /// How many rows are held.
    pub fn len(&self, layout: &Layout) -> usize {
        (self.words.len() - self.gone) / layout.stride
    }

    /// Keeps a row.
    pub fn push(&mut self, layout: &Layout, sequence: u64, time: i64, row: &[Value<'_>]) {
        let start = self.words.len();
        self.words.resize(start + layout.stride, 0);
        let words = &mut self.words[start..];
        words[SEQUENCE] = sequence;
        words[TIME] = time.cast_unsigned();
        words[TEXT] = self.texts_gone + self.texts.len() as u64;
        for (place, &Column { column, at, .. }) in layout.columns.iter().enumerate() {
            words[at] = match row[column] {
                Value::Null => {
                    words[NULLS + place / 64] |= 1 << (place % 64);
                    0
                }
                Value::Bool(truth) => u64::from(truth),
                Value::Int(number) => number.cast_unsigned(),
                Value::Double(number) => number.to_bits(),
                Value::Str(text) => {
                    words[at + 1] = text.len() as u64;
                    let start = self.texts_gone + self.texts.len() as u64;
                    self.texts.push_str(text);
                    start
                }
            };
        }
    }

    fn words(&self, layout: &Layout, id: RowId) -> Option<&[u64]> {
        let start = self.gone + usize::try_from(id.checked_sub(self.first)?).ok()? * layout.stride;
        self.words.get(start..start + layout.stride)
    }

    /// A column of a row; NULL where either is not kept.
    pub fn value(&self, layout: &Layout, id: RowId, column: usize) -> Value<'_> {
        let (Some(words), Some(place)) =
            (self.words(layout, id), layout.places.get(column).copied().flatten())
        else {
            return Value::Null;
        };
        let Column { column_type, at, .. } = layout.columns[place];
        if words[NULLS + place / 64] >> (place % 64) & 1 == 1 {
            return Value::Null;
        }
        if column_type == Type::String {
            let start = (words[at] - self.texts_gone) as usize;
            return self.texts.get(start..start + words[at + 1] as usize).map_or(Value::Null, Value::Str);
        }
        value_of_bits(words[at], column_type)
    }

    /// A row's sequence and time.
    pub fn stamp(&self, layout: &Layout, id: RowId) -> (u64, i64) {
        self.words(layout, id).map_or((0, 0), |words| (words[SEQUENCE], words[TIME].cast_signed()))
    }

    /// Lets the rows before `id` go.
    pub fn drop_before(&mut self, layout: &Layout, id: RowId) {
        let rows = id.saturating_sub(self.first).min(self.len(layout) as u64);
        self.first += rows;
        self.gone += rows as usize * layout.stride;
        if self.gone == self.words.len() {
            self.texts_gone += self.texts.len() as u64;
            self.words.clear();
            self.texts.clear();
            self.gone = 0;
        } else if self.gone > self.words.len() / 2 {
            let texts = (self.words[self.gone + TEXT] - self.texts_gone) as usize;
            self.texts.drain(..texts);
            self.texts_gone += texts as u64;
            self.words.drain(..self.gone);
            self.gone = 0;
        }
    }

    pub fn save(&self, layout: &Layout, out: &mut Vec<u8>) {
        out.word(self.first);
        out.size(self.len(layout));
        for id in self.first..self.end(layout) {
            let (sequence, time) = self.stamp(layout, id);
            out.word(sequence);
            out.int(time);
            layout.columns.iter().for_each(|kept| out.value(self.value(layout, id, kept.column)));
        }
    }

    pub fn restore(&mut self, layout: &Layout, reader: &mut Reader<'_>) -> Result<(), Malformed> {
        *self = Self::starting_at(reader.word()?);
        let mut row = vec![Constant::Null; layout.places.len()];
        for _ in 0..reader.count()? {
            let (sequence, time) = (reader.word()?, reader.int()?);
            for kept in &layout.columns {
                row[kept.column] = reader.value()?;
            }
            let values: Vec<Value<'_>> = row.iter().map(Constant::value).collect();
            self.push(layout, sequence, time, &values);
        }
        Ok(())
    }

    /// Begins to count rows anew; none is held.
    pub fn begin_anew(&mut self) {
        (self.first, self.texts_gone) = (0, 0);
    }

    pub fn bytes(&self) -> usize {
        self.words.capacity() * size_of::<u64>() + self.texts.capacity()
    }
}
