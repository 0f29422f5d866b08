//! Rows that an operator keeps: one allocation each, values one behind the other.
//!
//! A value is a tag byte, then 8 bytes of a number, or a string's length in 4 bytes and its bytes.

use vencejo_expr::Value;

use crate::far::load_lines;
use crate::paged::Stored;

const NULL: u8 = 0;
const FALSE: u8 = 1;
const TRUE: u8 = 2;
const INT: u8 = 3;
const DOUBLE: u8 = 4;
const TEXT: u8 = 5;

/// A row that is kept.
#[derive(Clone, Debug, Default)]
pub(crate) struct PackedRow(Box<[u8]>);

impl PackedRow {
    /// A byte of each line of memory that it lies in: what they hold matters to nobody.
    #[inline]
    pub fn load(&self) -> u64 {
        load_lines(&self.0)
    }

    /// Keeps a row. `room` is memory to write it in.
    pub fn new<'a>(row: impl IntoIterator<Item = Value<'a>>, room: &mut Vec<u8>) -> Self {
        room.clear();
        for value in row {
            match value {
                Value::Null => room.push(NULL),
                Value::Bool(truth) => room.push(if truth { TRUE } else { FALSE }),
                Value::Int(number) => {
                    room.push(INT);
                    room.extend_from_slice(&number.to_le_bytes());
                }
                Value::Double(number) => {
                    room.push(DOUBLE);
                    room.extend_from_slice(&number.to_le_bytes());
                }
                Value::Str(text) => {
                    room.push(TEXT);
                    room.extend_from_slice(&(text.len() as u32).to_le_bytes());
                    room.extend_from_slice(text.as_bytes());
                }
            }
        }
        Self(room.as_slice().into())
    }

    /// Writes the row to the front of `out`.
    pub fn read<'a>(&'a self, out: &mut [Value<'a>]) {
        let mut rest = &*self.0;
        for (value, out) in std::iter::from_fn(|| next(&mut rest)).zip(out) {
            *out = value;
        }
    }

    /// Appends the row.
    pub fn append<'a>(&'a self, out: &mut Vec<Value<'a>>) {
        let mut rest = &*self.0;
        out.extend(std::iter::from_fn(|| next(&mut rest)));
    }

    /// One value of the row; NULL past its end.
    pub fn value(&self, column: usize) -> Value<'_> {
        let mut rest = &*self.0;
        std::iter::from_fn(|| next(&mut rest)).nth(column).unwrap_or(Value::Null)
    }

    /// Bytes that it holds besides itself.
    pub fn bytes(&self) -> usize {
        self.0.len()
    }
}

/// A list of rows alone: pages of rows with more to them are their owners'.
impl Stored for PackedRow {
    const PER_PAGE: usize = 64;
    type V1 = Box<[u8]>;

    fn to_v1(&self) -> Box<[u8]> {
        self.0.clone()
    }

    fn from_v1(v1: Box<[u8]>) -> Option<Self> {
        Some(Self(v1))
    }
}

fn next<'a>(rest: &mut &'a [u8]) -> Option<Value<'a>> {
    let value = match *rest.split_off_first()? {
        FALSE => Value::Bool(false),
        TRUE => Value::Bool(true),
        INT => Value::Int(i64::from_le_bytes(*rest.split_off(..8)?.first_chunk()?)),
        DOUBLE => Value::Double(f64::from_le_bytes(*rest.split_off(..8)?.first_chunk()?)),
        TEXT => {
            let length = u32::from_le_bytes(*rest.split_off(..4)?.first_chunk()?);
            let text = rest.split_off(..length as usize)?;
            Value::Str(std::str::from_utf8(text).unwrap_or_default())
        }
        _ => Value::Null,
    };
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_comes_back() {
        let row = [
            Value::Str(""),
            Value::Null,
            Value::Bool(true),
            Value::Bool(false),
            Value::Int(i64::MIN),
            Value::Double(-0.5),
            Value::Str("zwölf"),
        ];
        let mut room = Vec::new();
        let packed = PackedRow::new(row, &mut room);
        let mut out = Vec::new();
        packed.append(&mut out);
        assert_eq!(out, row);
        assert_eq!((packed.value(6), packed.value(7)), (row[6], Value::Null));
        let mut short = [Value::Null; 3];
        packed.read(&mut short);
        assert_eq!(short, row[..3]);
    }
}
