//! Keys as bytes: the layout of the protocol's `Row::write_key`, from values and back.

use crate::value::{Type, Value};

/// Appends the key that `values` are: for each a byte, 0 for NULL or 1 for a value, and for a value 8 bytes,
/// or a string's length in 4 bytes and its bytes.
#[allow(clippy::cast_possible_truncation, reason = "no string of a row is as long as 4 GiB")]
pub fn write<'a>(values: impl IntoIterator<Item = Value<'a>>, out: &mut Vec<u8>) {
    for value in values {
        let bits = match value {
            Value::Null => {
                out.push(0);
                continue;
            }
            Value::Str(text) => {
                out.push(1);
                out.extend_from_slice(&(text.len() as u32).to_le_bytes());
                out.extend_from_slice(text.as_bytes());
                continue;
            }
            Value::Bool(truth) => u64::from(truth),
            Value::Int(number) => number.cast_unsigned(),
            Value::Double(number) => number.to_bits(),
        };
        let mut bytes = [1; 9];
        bytes[1..].copy_from_slice(&bits.to_le_bytes());
        out.extend_from_slice(&bytes);
    }
}

/// Writes the values of a key to the front of `out`: what [`write()`] made of values of these types; NULL
/// where it is not that.
pub fn read<'a>(key: &'a [u8], types: impl IntoIterator<Item = Type>, out: &mut [Value<'a>]) {
    let mut rest = key;
    for (column_type, out) in types.into_iter().zip(out) {
        *out = read_one(&mut rest, column_type).unwrap_or(Value::Null);
    }
}

fn read_one<'a>(rest: &mut &'a [u8], column_type: Type) -> Option<Value<'a>> {
    if *rest.split_off_first()? == 0 {
        return Some(Value::Null);
    }
    if column_type == Type::String {
        let length = u32::from_le_bytes(*rest.split_off(..4)?.first_chunk()?);
        let text = rest.split_off(..length as usize)?;
        return std::str::from_utf8(text).ok().map(Value::Str);
    }
    let bits = u64::from_le_bytes(*rest.split_off(..8)?.first_chunk()?);
    Some(value_of_bits(bits, column_type))
}

/// The value, not a string, whose 64 bits these are.
pub fn value_of_bits(bits: u64, column_type: Type) -> Value<'static> {
    match column_type {
        Type::Boolean => Value::Bool(bits != 0),
        Type::Double => Value::Double(f64::from_bits(bits)),
        _ => Value::Int(bits.cast_signed()),
    }
}
