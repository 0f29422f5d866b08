//! Numbers and texts as bytes, little-endian, and back.

use vencejo_expr::{Constant, Value};

/// What bytes say is none of what they should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed;

impl std::fmt::Display for Malformed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the bytes are no state of these rules")
    }
}

impl std::error::Error for Malformed {}

/// Appends to bytes.
pub(crate) trait Write {
    fn word(&mut self, word: u64);
    fn text(&mut self, text: &[u8]);

    fn int(&mut self, int: i64) {
        self.word(int.cast_unsigned());
    }

    fn size(&mut self, size: usize) {
        self.word(size as u64);
    }

    fn value(&mut self, value: Value<'_>) {
        match value {
            Value::Null => self.word(0),
            Value::Bool(truth) => {
                self.word(1);
                self.word(u64::from(truth));
            }
            Value::Int(number) => {
                self.word(2);
                self.int(number);
            }
            Value::Double(number) => {
                self.word(3);
                self.word(number.to_bits());
            }
            Value::Str(text) => {
                self.word(4);
                self.text(text.as_bytes());
            }
        }
    }
}

impl Write for Vec<u8> {
    fn word(&mut self, word: u64) {
        self.extend_from_slice(&word.to_le_bytes());
    }

    fn text(&mut self, text: &[u8]) {
        self.size(text.len());
        self.extend_from_slice(text);
    }
}

/// Reads bytes from the front.
#[derive(Debug)]
pub(crate) struct Reader<'b>(pub &'b [u8]);

impl<'b> Reader<'b> {
    pub fn word(&mut self) -> Result<u64, Malformed> {
        let bytes = self.0.split_off(..8).and_then(<[u8]>::first_chunk).ok_or(Malformed)?;
        Ok(u64::from_le_bytes(*bytes))
    }

    pub fn int(&mut self) -> Result<i64, Malformed> {
        self.word().map(u64::cast_signed)
    }

    pub fn number(&mut self) -> Result<u32, Malformed> {
        self.word()?.try_into().map_err(|_| Malformed)
    }

    /// How many things follow, each of a word at least.
    pub fn count(&mut self) -> Result<usize, Malformed> {
        let count = self.number()? as usize;
        if count > self.0.len() / size_of::<u64>() { Err(Malformed) } else { Ok(count) }
    }

    pub fn text(&mut self) -> Result<&'b [u8], Malformed> {
        let length = self.number()? as usize;
        self.0.split_off(..length).ok_or(Malformed)
    }

    pub fn value(&mut self) -> Result<Constant, Malformed> {
        Ok(match self.word()? {
            0 => Constant::Null,
            1 => Constant::Bool(self.word()? != 0),
            2 => Constant::Int(self.int()?),
            3 => Constant::Double(self.word()?),
            4 => Constant::Text(std::str::from_utf8(self.text()?).map_err(|_| Malformed)?.into()),
            _ => return Err(Malformed),
        })
    }

    /// That nothing is left.
    pub fn end(&self) -> Result<(), Malformed> {
        if self.0.is_empty() { Ok(()) } else { Err(Malformed) }
    }
}
