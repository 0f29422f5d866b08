//! The serde side: markers become visitor calls.

use serde::Deserialize;
use serde::de::value::BorrowedStrDeserializer;
use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde::forward_to_deserialize_any;

use super::error::{Error, Fault};
use super::reader::Reader;
use crate::limits::NESTING_MAX;

/// Reads one value that fills `bytes`. Text is borrowed, numbers are converted; nothing else is allocated
/// here.
///
/// # Errors
///
/// The first [`Fault`] with its offset.
pub(crate) fn from_slice<'de, T: Deserialize<'de>>(bytes: &'de [u8]) -> Result<T, Error> {
    let mut input = Input { reader: Reader::new(bytes), depth: 0 };
    let result = input.value().and_then(T::deserialize);
    let value = result.map_err(|error| {
        let offset = error.offset.unwrap_or(input.reader.offset());
        Error::at(offset, error.kind)
    })?;
    match input.reader.left() {
        0 => Ok(value),
        _ => Err(input.reader.error(Fault::Trailing)),
    }
}

struct Input<'de> {
    reader: Reader<'de>,
    /// Containers open now.
    depth: usize,
}

impl<'de> Input<'de> {
    fn value(&mut self) -> Result<Value<'_, 'de>, Error> {
        let marker = self.reader.marker()?;
        Ok(Value { input: self, marker })
    }
}

/// A value whose marker is known and whose payload comes next.
struct Value<'a, 'de> {
    input: &'a mut Input<'de>,
    marker: u8,
}

impl<'de> Deserializer<'de> for Value<'_, 'de> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let reader = &mut self.input.reader;
        match self.marker {
            b'Z' => visitor.visit_unit(),
            b'T' => visitor.visit_bool(true),
            b'F' => visitor.visit_bool(false),
            b'i' => visitor.visit_i8(i8::from_be_bytes(reader.array()?)),
            b'U' => visitor.visit_u8(reader.byte()?),
            b'I' => visitor.visit_i16(i16::from_be_bytes(reader.array()?)),
            b'l' => visitor.visit_i32(i32::from_be_bytes(reader.array()?)),
            b'L' => visitor.visit_i64(i64::from_be_bytes(reader.array()?)),
            b'd' => visitor.visit_f32(f32::from_be_bytes(reader.array()?)),
            b'D' => visitor.visit_f64(f64::from_be_bytes(reader.array()?)),
            b'S' => visitor.visit_borrowed_str(reader.text()?),
            b'[' => Container::open(self.input, b']')?.read(|array| visitor.visit_seq(array)),
            b'{' => Container::open(self.input, b'}')?.read(|object| visitor.visit_map(object)),
            unknown => Err(Error::at(reader.offset().saturating_sub(1), Fault::Marker(unknown))),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.marker {
            b'Z' => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    /// Skips. An array of numbers, half of a model file, is skipped in one step.
    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        if self.marker != b'[' {
            return self.deserialize_any(visitor);
        }
        let mut array = Container::open(self.input, b']')?;
        if let (Some(width), Some(count)) = (array.element.and_then(number_width), array.count) {
            array.input.reader.take(width * count)?;
            array.count = Some(0);
        }
        array.read(|array| visitor.visit_seq(array))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct
        seq tuple tuple_struct map struct enum identifier
    }
}

/// Bytes of a number, or `None` for other markers.
fn number_width(marker: u8) -> Option<usize> {
    match marker {
        b'i' | b'U' => Some(1),
        b'I' => Some(2),
        b'l' | b'd' => Some(4),
        b'L' | b'D' => Some(8),
        _ => None,
    }
}

/// The marker that all elements of a container share.
fn element_marker(reader: &mut Reader<'_>) -> Result<u8, Error> {
    let fault = match reader.peek()? {
        b'i' | b'U' | b'I' | b'l' | b'L' | b'd' | b'D' | b'S' | b'[' | b'{' => return reader.byte(),
        b'Z' | b'T' | b'F' | b'N' => Fault::WidthlessElements,
        unknown => Fault::Marker(unknown),
    };
    Err(reader.error(fault))
}

/// An array or object being read.
struct Container<'a, 'de> {
    input: &'a mut Input<'de>,
    /// The closing bracket of a container without a count.
    close: u8,
    /// The marker that all elements share.
    element: Option<u8>,
    /// Elements still to read, where the file says so.
    count: Option<usize>,
}

impl<'a, 'de> Container<'a, 'de> {
    /// Reads what stands between the bracket and the first element. A count is trusted only after it is known
    /// that so many elements can fit in the bytes left.
    fn open(input: &'a mut Input<'de>, close: u8) -> Result<Self, Error> {
        let reader = &mut input.reader;
        if input.depth >= NESTING_MAX {
            return Err(reader.error(Fault::TooDeep));
        }
        input.depth += 1;
        let element = if reader.eat(b'$')? { Some(element_marker(reader)?) } else { None };
        let counted = reader.eat(b'#')?;
        if element.is_some() && !counted {
            return Err(reader.error(Fault::Uncounted));
        }
        let count = if counted { Some(reader.length()?) } else { None };
        // A key takes a length of two bytes or more; an element without a known width at least one byte.
        let key_bytes = if close == b'}' { 2 } else { 0 };
        let bytes_min = key_bytes + element.and_then(number_width).unwrap_or(1);
        if count.is_some_and(|count| count > reader.left() / bytes_min) {
            return Err(reader.error(Fault::Truncated));
        }
        Ok(Self { input, close, element, count })
    }

    /// Lets `visit` read the elements, and sees to it that it read all.
    fn read<T>(mut self, visit: impl FnOnce(&mut Self) -> Result<T, Error>) -> Result<T, Error> {
        let value = visit(&mut self)?;
        if self.has_next()? {
            return Err(Error::custom("more elements than expected"));
        }
        match self.count {
            Some(_) => {}
            None => _ = self.input.reader.byte()?,
        }
        self.input.depth -= 1;
        Ok(value)
    }

    /// Whether an element follows. The closing bracket stays unread.
    fn has_next(&mut self) -> Result<bool, Error> {
        match self.count {
            Some(count) => Ok(count > 0),
            None => {
                self.input.reader.skip_no_ops()?;
                Ok(self.input.reader.peek()? != self.close)
            }
        }
    }

    fn element(&mut self) -> Result<Value<'_, 'de>, Error> {
        match self.element {
            Some(marker) => Ok(Value { input: self.input, marker }),
            None => self.input.value(),
        }
    }
}

impl<'de> SeqAccess<'de> for Container<'_, 'de> {
    type Error = Error;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Error> {
        if !self.has_next()? {
            return Ok(None);
        }
        self.count = self.count.map(|count| count - 1);
        seed.deserialize(self.element()?).map(Some)
    }

    fn size_hint(&self) -> Option<usize> {
        self.count
    }
}

impl<'de> MapAccess<'de> for Container<'_, 'de> {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Error> {
        if !self.has_next()? {
            return Ok(None);
        }
        self.count = self.count.map(|count| count - 1);
        let key = self.input.reader.text()?;
        seed.deserialize(BorrowedStrDeserializer::new(key)).map(Some)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Error> {
        seed.deserialize(self.element()?)
    }
}
