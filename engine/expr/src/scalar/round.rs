//! ROUND: half away from zero, on the shortest decimal that names the double.
//!
//! 2.675 lies a little below its decimal, yet ROUND(2.675, 2) is 2.68, because people write decimals.

use std::fmt::Write as _;

use super::text::TextBuffer;

/// Powers of ten that a double holds exactly.
const POWERS_OF_TEN: [f64; 23] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18,
    1e19, 1e20, 1e21, 1e22,
];

/// The digits of the longest shortest decimal of a double.
const DIGITS_MAX: usize = 17;

/// Rounds to `digits` places after the decimal point (before it, when negative). Infinite when the
/// result passes the largest double.
pub(crate) fn round_double(x: f64, digits: i16) -> f64 {
    round_fast(x, digits).unwrap_or_else(|| round_exact(x, digits))
}

/// Rounds by a multiplication, unless the product is too near a tie to tell.
///
/// The decimal differs from x by at most half a unit in the last place, and so does the product from
/// the true one: together less than 2^-51 of the product. Away from a tie by more than that, the
/// direction is certain. The quotient of two exact numbers is then the double nearest to the decimal.
fn round_fast(x: f64, digits: i16) -> Option<f64> {
    const INTEGERS_EXACT_MAX: f64 = (1_u64 << 50) as f64;
    const ERROR: f64 = 1.0 / (1_u64 << 51) as f64;
    let power = *POWERS_OF_TEN.get(usize::from(digits.unsigned_abs()))?;
    let magnitude = x.abs();
    let scaled = if digits >= 0 { magnitude * power } else { magnitude / power };
    if scaled >= INTEGERS_EXACT_MAX {
        return None;
    }
    let whole = scaled.floor();
    let from_tie = scaled - whole - 0.5;
    if from_tie.abs() <= scaled * ERROR {
        return None;
    }
    let rounded = if from_tie > 0.0 { whole + 1.0 } else { whole };
    let result = if digits >= 0 { rounded / power } else { rounded * power };
    Some(if rounded == 0.0 { 0.0 } else { result.copysign(x) })
}

/// Rounds the decimal digits themselves.
fn round_exact(x: f64, digits: i16) -> f64 {
    let Some((decimal, count, point)) = shortest(x.abs()) else { return x };
    // `kept` leading digits stand before the place that is rounded.
    let kept = point + i32::from(digits);
    let Ok(kept) = usize::try_from(kept) else { return 0.0 };
    if kept >= count {
        return if x == 0.0 { 0.0 } else { x };
    }
    let head = decimal[..kept].iter().fold(0_u64, |head, &digit| head * 10 + u64::from(digit));
    let rounded = head + u64::from(decimal[kept] >= 5);
    if rounded == 0 {
        return 0.0;
    }
    let mut text = TextBuffer::default();
    match write!(text, "{rounded}e{}", -i32::from(digits)) {
        Ok(()) => text.as_str().parse::<f64>().unwrap_or(x).copysign(x),
        Err(_) => x,
    }
}

/// The shortest decimal of a double that is not negative: its digits d1 d2 ..., how many they are, and
/// the place p of the point in 0.d1d2... * 10^p. Nothing if it is not finite.
fn shortest(magnitude: f64) -> Option<([u8; DIGITS_MAX], usize, i32)> {
    let mut text = TextBuffer::default();
    write!(text, "{magnitude:e}").ok()?;
    let (mantissa, exponent) = text.as_str().split_once('e')?;
    let mut digits = [0; DIGITS_MAX];
    let mut count = 0;
    for byte in mantissa.bytes().filter(u8::is_ascii_digit) {
        *digits.get_mut(count)? = byte - b'0';
        count += 1;
    }
    Some((digits, count, exponent.parse::<i32>().ok()? + 1))
}

/// Rounds an integer to a power of ten, half away from zero; nothing when the result does not fit.
pub(crate) fn round_int(x: i64, digits: i16) -> Option<i64> {
    if digits >= 0 {
        return Some(x);
    }
    // From 10^20 on, half the unit exceeds every 64-bit integer.
    let Some(unit) = (digits >= -19).then(|| 10_i128.pow(u32::from(digits.unsigned_abs()))) else {
        return Some(0);
    };
    let magnitude = i128::from(x).abs();
    let rounded = (magnitude + unit / 2) / unit * unit;
    i64::try_from(if x < 0 { -rounded } else { rounded }).ok()
}

/// Cuts the shortest decimal of a double off behind so many digits, towards zero.
pub(crate) fn truncate_double(x: f64, digits: i16) -> f64 {
    let Some((decimal, count, point)) = shortest(x.abs()) else { return x };
    let Ok(kept) = usize::try_from(point + i32::from(digits)) else { return 0.0 };
    if kept >= count {
        return x;
    }
    let head = decimal[..kept].iter().fold(0_u64, |head, &digit| head * 10 + u64::from(digit));
    if head == 0 {
        return 0.0;
    }
    let mut text = TextBuffer::default();
    match write!(text, "{head}e{}", -i32::from(digits)) {
        Ok(()) => text.as_str().parse::<f64>().unwrap_or(x).copysign(x),
        Err(_) => x,
    }
}
