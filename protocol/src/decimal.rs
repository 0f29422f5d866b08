//! `DECIMAL` values as people write them: the digits as one integer, and back.

use std::fmt;

use crate::limits::DECIMAL_PRECISION_MAX;

/// A `DECIMAL` value; its display is its text, such as `-1.50` for -150 with two digits behind the point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decimal {
    /// The digits as one integer.
    pub unscaled: i64,
    /// How many of them stand behind the point.
    pub scale: u8,
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.unscaled < 0 { "-" } else { "" };
        let unit = 10_u128.pow(u32::from(self.scale.min(DECIMAL_PRECISION_MAX)));
        let digits = u128::from(self.unscaled.unsigned_abs());
        match self.scale {
            0 => write!(f, "{sign}{digits}"),
            scale => {
                write!(f, "{sign}{}.{:0width$}", digits / unit, digits % unit, width = usize::from(scale))
            }
        }
    }
}

/// Reads digits with an optional sign, point and exponent (`-12.5`, `.5`, `1e3`) as the digits of a
/// `DECIMAL(precision,scale)`, rounded half away from zero. None where the text is no number, or has more
/// digits before the point than there is room for. Cost: linear in the text.
pub fn parse(text: &str, precision: u8, scale: u8) -> Option<i64> {
    let (negative, text) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok()?),
        None => (text, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = || whole.bytes().chain(fraction.bytes());
    if digits().next().is_none() || !digits().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    // How many of the digits are kept; where there are fewer, zeros follow.
    let kept = i64::try_from(whole.len()).ok()? + i64::from(exponent) + i64::from(scale);
    let limit = 10_i64.pow(u32::from(precision.min(DECIMAL_PRECISION_MAX)));
    let mut unscaled = 0_i64;
    let mut left = kept;
    for digit in digits().map(|byte| i64::from(byte - b'0')) {
        if left <= 0 {
            unscaled += i64::from(left == 0 && digit >= 5);
            break;
        }
        unscaled = unscaled * 10 + digit;
        if unscaled >= limit {
            return None;
        }
        left -= 1;
    }
    while left > 0 && unscaled != 0 {
        unscaled *= 10;
        if unscaled >= limit {
            return None;
        }
        left -= 1;
    }
    (unscaled < limit).then_some(if negative { -unscaled } else { unscaled })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_of_decimals() {
        for (text, precision, scale, expected) in [
            ("1.5", 9, 2, Some(150)),
            ("-1.5", 9, 2, Some(-150)),
            ("+.5", 9, 2, Some(50)),
            ("5.", 9, 2, Some(500)),
            ("1.005", 9, 2, Some(101)),
            ("-1.005", 9, 2, Some(-101)),
            ("1.00499999999999999999999", 9, 2, Some(100)),
            ("0.05", 3, 1, Some(1)),
            ("0.005", 3, 1, Some(0)),
            ("1.5e2", 9, 2, Some(15_000)),
            ("15e-1", 9, 2, Some(150)),
            ("5e-3", 9, 2, Some(1)),
            ("4e-3", 9, 2, Some(0)),
            ("5e-4", 9, 2, Some(0)),
            ("9999999.99", 9, 2, Some(999_999_999)),
            ("9999999.995", 9, 2, None),
            ("10000000", 9, 2, None),
            ("0000000000000000000000001", 9, 2, Some(100)),
            ("999999999999999999", 18, 0, Some(999_999_999_999_999_999)),
            ("1000000000000000000", 18, 0, None),
            ("0e999999", 9, 2, Some(0)),
            ("1e999999", 9, 2, None),
            ("1e-999999", 9, 2, Some(0)),
            ("1e2147483648", 9, 2, None),
            ("", 9, 2, None),
            ("-", 9, 2, None),
            (".", 9, 2, None),
            ("1,5", 9, 2, None),
            ("1 ", 9, 2, None),
            ("--1", 9, 2, None),
            ("1e", 9, 2, None),
            ("NaN", 9, 2, None),
            ("1.2.3", 9, 2, None),
        ] {
            assert_eq!(parse(text, precision, scale), expected, "{text} {precision} {scale}");
        }
    }

    #[test]
    fn decimals_as_text() {
        for (unscaled, scale, expected) in [
            (150, 2, "1.50"),
            (-5, 2, "-0.05"),
            (0, 3, "0.000"),
            (7, 0, "7"),
            (-999_999_999_999_999_999, 18, "-0.999999999999999999"),
            (i64::MIN, 0, "-9223372036854775808"),
        ] {
            assert_eq!(Decimal { unscaled, scale }.to_string(), expected);
            if unscaled != i64::MIN {
                assert_eq!(parse(expected, 18, scale), Some(unscaled));
            }
        }
    }
}
