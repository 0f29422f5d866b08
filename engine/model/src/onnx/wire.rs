//! Protocol-buffer fields in order, with bounds checked.
//!
//! Format: <https://protobuf.dev/programming-guides/encoding/>. A message is a sequence of fields; a field is
//! a tag (number and wire type) and its payload. Messages inside one another are byte strings, which the
//! caller opens one by one: nothing here recurses. Nothing is copied.

use crate::error::ModelError;
use crate::format::Format;

/// A field's payload.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Payload<'a> {
    Varint(u64),
    Fixed64([u8; 8]),
    Bytes(&'a [u8]),
    Fixed32([u8; 4]),
}

/// The fields of a message.
pub(super) struct Fields<'a> {
    bytes: &'a [u8],
    /// Offset of `bytes` in the file, for errors.
    at: usize,
}

fn damaged(at: usize, detail: &str) -> ModelError {
    ModelError::Damaged { format: Format::Onnx, detail: format!("{detail} at byte {at}") }
}

fn truncated(at: usize) -> ModelError {
    ModelError::Truncated { format: Format::Onnx, detail: format!("at byte {at}") }
}

impl<'a> Fields<'a> {
    /// The fields of a whole file.
    pub(super) fn of_file(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// The fields of a message that is a part of `file`.
    pub(super) fn of_part(file: &'a [u8], part: &'a [u8]) -> Self {
        let at = (part.as_ptr() as usize).saturating_sub(file.as_ptr() as usize);
        Self { bytes: part, at }
    }

    /// The next field, or `None` at the end.
    pub(super) fn next(&mut self) -> Result<Option<(u64, Payload<'a>)>, ModelError> {
        if self.bytes.is_empty() {
            return Ok(None);
        }
        let at = self.at;
        let tag = self.varint()?;
        let payload = match tag & 7 {
            0 => Payload::Varint(self.varint()?),
            1 => Payload::Fixed64(self.array()?),
            2 => {
                let length = usize::try_from(self.varint()?).map_err(|_| truncated(self.at))?;
                Payload::Bytes(self.take(length)?)
            }
            5 => Payload::Fixed32(self.array()?),
            _ => return Err(damaged(at, "an unknown wire type")),
        };
        match tag >> 3 {
            0 => Err(damaged(at, "a field without a number")),
            number => Ok(Some((number, payload))),
        }
    }

    fn take(&mut self, count: usize) -> Result<&'a [u8], ModelError> {
        let end = self.at + self.bytes.len();
        let (taken, rest) = self.bytes.split_at_checked(count).ok_or_else(|| truncated(end))?;
        self.bytes = rest;
        self.at += count;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], ModelError> {
        let mut array = [0; N];
        array.copy_from_slice(self.take(N)?);
        Ok(array)
    }

    fn varint(&mut self) -> Result<u64, ModelError> {
        let start = self.at;
        let mut value = 0_u64;
        for shift in (0..64).step_by(7) {
            let [byte] = self.array()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(damaged(start, "a number longer than 64 bits"))
    }
}

/// The varints of a packed field.
pub(super) fn packed_varints(file: &[u8], part: &[u8], mut each: impl FnMut(u64)) -> Result<(), ModelError> {
    let mut fields = Fields::of_part(file, part);
    while !fields.bytes.is_empty() {
        each(fields.varint()?);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_of_every_type_are_read() {
        let bytes = b"\x08\x96\x01\x12\x02hi\x1d\0\0\x80\x3f\x21\0\0\0\0\0\0\xf0\x3f";
        let mut fields = Fields::of_file(bytes);
        let mut next = || fields.next().unwrap();
        assert_eq!(next(), Some((1, Payload::Varint(150))));
        assert_eq!(next(), Some((2, Payload::Bytes(b"hi"))));
        assert_eq!(next(), Some((3, Payload::Fixed32(1.0_f32.to_le_bytes()))));
        assert_eq!(next(), Some((4, Payload::Fixed64(1.0_f64.to_le_bytes()))));
        assert_eq!(next(), None);
    }

    #[test]
    fn broken_fields_are_told_with_their_place() {
        let cases: [(&[u8], &str); 6] = [
            (b"\x08", "cut off at byte 1"),
            (b"\x12\x05hi", "cut off at byte 4"),
            (b"\x12\xff\xff\xff\xff\xff\xff\xff\xff\x7f", "cut off at byte 10"),
            (b"\x0b", "an unknown wire type at byte 0"),
            (b"\x00\x01", "a field without a number at byte 0"),
            (b"\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", "longer than 64 bits at byte 1"),
        ];
        for (bytes, words) in cases {
            let sentence = Fields::of_file(bytes).next().unwrap_err().to_string();
            assert!(sentence.contains(words), "expected {words}, found {sentence}");
        }
    }
}
