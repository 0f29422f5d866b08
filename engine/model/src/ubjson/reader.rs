//! Bytes in order, with bounds checked.

use super::error::{Error, Fault};

/// A position in the file.
pub(super) struct Reader<'de> {
    bytes: &'de [u8],
    offset: usize,
}

impl<'de> Reader<'de> {
    pub(super) fn new(bytes: &'de [u8]) -> Self {
        Self { bytes, offset: 0 }
    }

    pub(super) fn offset(&self) -> usize {
        self.offset
    }

    /// Bytes not yet read.
    pub(super) fn left(&self) -> usize {
        self.bytes.len() - self.offset
    }

    pub(super) fn error(&self, kind: Fault) -> Error {
        Error::at(self.offset, kind)
    }

    /// The next `count` bytes.
    pub(super) fn take(&mut self, count: usize) -> Result<&'de [u8], Error> {
        let rest = self.bytes.get(self.offset..).unwrap_or_default();
        let taken = rest.get(..count).ok_or_else(|| Error::at(self.bytes.len(), Fault::Truncated))?;
        self.offset += count;
        Ok(taken)
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], Error> {
        let mut array = [0; N];
        array.copy_from_slice(self.take(N)?);
        Ok(array)
    }

    /// The next byte, which stays unread.
    pub(super) fn peek(&self) -> Result<u8, Error> {
        self.bytes.get(self.offset).copied().ok_or_else(|| self.error(Fault::Truncated))
    }

    pub(super) fn byte(&mut self) -> Result<u8, Error> {
        let [byte] = self.array()?;
        Ok(byte)
    }

    /// Reads the byte if it is next.
    pub(super) fn eat(&mut self, expected: u8) -> Result<bool, Error> {
        let next = self.peek()? == expected;
        self.offset += usize::from(next);
        Ok(next)
    }

    pub(super) fn skip_no_ops(&mut self) -> Result<(), Error> {
        while self.eat(b'N')? {}
        Ok(())
    }

    /// A type marker.
    pub(super) fn marker(&mut self) -> Result<u8, Error> {
        self.skip_no_ops()?;
        self.byte()
    }

    /// A length: an integer of any type, with its marker.
    pub(super) fn length(&mut self) -> Result<usize, Error> {
        let start = self.offset;
        let length = match self.byte()? {
            b'i' => i8::from_be_bytes(self.array()?).into(),
            b'U' => self.byte()?.into(),
            b'I' => i16::from_be_bytes(self.array()?).into(),
            b'l' => i32::from_be_bytes(self.array()?).into(),
            b'L' => i64::from_be_bytes(self.array()?),
            _ => -1,
        };
        usize::try_from(length).map_err(|_| Error::at(start, Fault::Length))
    }

    /// A string without its marker.
    pub(super) fn text(&mut self) -> Result<&'de str, Error> {
        let length = self.length()?;
        let start = self.offset;
        str::from_utf8(self.take(length)?).map_err(|_| Error::at(start, Fault::Utf8))
    }
}
