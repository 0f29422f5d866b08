//! ORDER BY as bytes: rows compare as their sort keys do.

use vencejo_expr::Value;

use crate::spec::OrderBy;

/// Appends the sort key of a row.
pub fn write(row: &[Value<'_>], order: &[OrderBy], out: &mut Vec<u8>) {
    for by in order {
        let value = row[by.column];
        if value == Value::Null {
            out.push(if by.nulls_first { 0 } else { 2 });
            continue;
        }
        out.push(1);
        let start = out.len();
        write_value(value, out);
        if by.descending {
            out[start..].iter_mut().for_each(|byte| *byte = !*byte);
        }
    }
}

fn write_value(value: Value<'_>, out: &mut Vec<u8>) {
    const SIGN: u64 = 1 << 63;
    match value {
        Value::Null => {}
        Value::Bool(truth) => out.push(u8::from(truth)),
        Value::Int(number) => out.extend_from_slice(&(number.cast_unsigned() ^ SIGN).to_be_bytes()),
        Value::Double(number) => {
            let bits = (number + 0.0).to_bits();
            let bits = if bits & SIGN == 0 { bits ^ SIGN } else { !bits };
            out.extend_from_slice(&bits.to_be_bytes());
        }
        Value::Str(text) => {
            // A zero byte is followed by 0xff, the end by 0: so a prefix is less than what it begins.
            for &byte in text.as_bytes() {
                out.push(byte);
                if byte == 0 {
                    out.push(0xff);
                }
            }
            out.extend_from_slice(&[0, 0]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use vencejo_expr::Type;

    #[test]
    fn keys_compare_as_values_do() {
        let by = |descending, nulls_first| OrderBy {
            column: 0,
            column_type: Type::Double,
            descending,
            nulls_first,
        };
        let key = |value, by| {
            let mut key = Vec::new();
            write(&[value, Value::Int(1)], &[by, OrderBy { column: 1, ..by }], &mut key);
            key
        };
        let ascending = [
            [Value::Double(-1e300), Value::Double(-0.5), Value::Double(0.0), Value::Double(2e-9)],
            [Value::Int(i64::MIN), Value::Int(-1), Value::Int(0), Value::Int(i64::MAX)],
            [Value::Str(""), Value::Str("a"), Value::Str("a\0"), Value::Str("ab")],
        ];
        for values in ascending {
            for pair in values.windows(2) {
                assert!(key(pair[0], by(false, true)) < key(pair[1], by(false, true)), "{pair:?}");
                assert!(key(pair[0], by(true, true)) > key(pair[1], by(true, true)), "{pair:?}");
                assert!(key(Value::Null, by(true, true)) < key(pair[1], by(true, true)));
                assert!(key(Value::Null, by(false, false)) > key(pair[1], by(false, false)));
            }
        }
        assert_eq!(key(Value::Double(-0.0), by(false, true)), key(Value::Double(0.0), by(false, true)));
    }
}
