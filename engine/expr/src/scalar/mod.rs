//! Typed operations on registers, as the module head of the crate defines them. Nothing here allocates
//! on the heap.

pub(crate) mod cast;
mod round;
pub(crate) mod text;
pub(crate) mod time;

use bumpalo::Bump;

use crate::op::{Binary, Unary};
use crate::registers::{Index, Registers};

pub(crate) use round::{round_double, round_int, truncate_double};

/// A strict operation on one value.
#[inline(always)]
pub(crate) fn unary<'a>(op: Unary, to: Index, a: Index, r: &mut Registers<'_, 'a>, arena: &'a Bump) {
    match op {
        Unary::NegateInt => r.set_int(to, r.int(a).and_then(i64::checked_neg)),
        Unary::NegateDouble => r.set_double(to, r.double(a).map(|x| -x)),
        Unary::Not => r.set_bool(to, r.bool(a).map(|x| !x)),
        Unary::AbsInt => r.set_int(to, r.int(a).and_then(i64::checked_abs)),
        Unary::AbsDouble => r.set_double(to, r.double(a).map(f64::abs)),
        Unary::Floor => r.set_double(to, r.double(a).map(f64::floor)),
        Unary::Ceil => r.set_double(to, r.double(a).map(f64::ceil)),
        Unary::IntToDouble => r.set_double(to, r.int(a).map(widened)),
        Unary::BoolToInt => r.set_int(to, r.bool(a).map(i64::from)),
        _ => rarer(op, to, a, r.lent(), arena),
    }
}

/// The other operations on one value.
#[inline(never)]
fn rarer<'a>(op: Unary, to: Index, a: Index, mut r: Registers<'_, 'a>, arena: &'a Bump) {
    match op {
        Unary::NarrowInt => r.set_int(to, r.int(a).filter(|&x| i32::try_from(x).is_ok())),
        Unary::IntToBool => r.set_bool(to, r.int(a).map(|x| x != 0)),
        Unary::IntToText => {
            r.set_text(to, r.int(a).and_then(|x| text::formatted(format_args!("{x}"), arena)));
        }
        Unary::BoolToText => r.set_text(to, r.bool(a).map(|x| if x { "TRUE" } else { "FALSE" })),
        Unary::DoubleToBool => r.set_bool(to, r.double(a).map(|x| x != 0.0)),
        Unary::DoubleToInt => r.set_int(to, r.double(a).and_then(cast::double_to_int)),
        Unary::DoubleToText => r.set_text(to, r.double(a).and_then(|x| cast::double_to_text(x, arena))),
        Unary::TextToBool => r.set_bool(to, r.text(a).and_then(cast::text_to_bool)),
        Unary::TextToInt => r.set_int(to, r.text(a).and_then(cast::text_to_int)),
        Unary::TextToDouble => r.set_double(to, r.text(a).and_then(cast::text_to_double)),
        Unary::TextToTimestamp => r.set_int(to, r.text(a).and_then(time::parse_timestamp)),
        Unary::TextToDate => r.set_int(to, r.text(a).and_then(time::parse_date)),
        Unary::TimestampToText => r.set_text(to, r.int(a).and_then(|x| time::timestamp_text(x, arena))),
        Unary::TimestampToDate => r.set_int(to, r.int(a).map(|x| x.div_euclid(time::DAY_MILLIS))),
        Unary::DateToText => r.set_text(to, r.int(a).and_then(|x| time::date_text(x, arena))),
        Unary::DateToTimestamp => {
            r.set_int(to, r.int(a).and_then(|x| x.checked_mul(time::DAY_MILLIS)));
        }
        Unary::Upper => r.set_text(to, r.text(a).and_then(|x| text::mapped(x, char::to_uppercase, arena))),
        Unary::Lower => r.set_text(to, r.text(a).and_then(|x| text::mapped(x, char::to_lowercase, arena))),
        Unary::Trim => r.set_text(to, r.text(a).map(|x| x.trim_matches(' '))),
        Unary::CharLength => {
            let length = r.text(a).map(|x| i64::try_from(x.chars().count()).unwrap_or(i64::MAX));
            r.set_int(to, length);
        }
        _ => {}
    }
}

/// An operation on two values.
#[inline(always)]
pub(crate) fn binary<'a>(
    op: Binary,
    to: Index,
    a: Index,
    b: Index,
    r: &mut Registers<'_, 'a>,
    arena: &'a Bump,
) {
    use Binary as B;
    match op {
        B::AddInt => int(to, a, b, r, i64::checked_add),
        B::SubtractInt => int(to, a, b, r, i64::checked_sub),
        B::MultiplyInt => int(to, a, b, r, i64::checked_mul),
        B::DivideInt => int(to, a, b, r, i64::checked_div),
        B::RemainderInt => int(to, a, b, r, remainder),
        B::AddDouble => double(to, a, b, r, |x, y| x + y),
        B::SubtractDouble => double(to, a, b, r, |x, y| x - y),
        B::MultiplyDouble => double(to, a, b, r, |x, y| x * y),
        B::DivideDouble => double(to, a, b, r, |x, y| x / y),
        B::RemainderDouble => double(to, a, b, r, |x, y| x % y),
        B::EqualBool => words(to, a, b, r, |x, y| x == y),
        B::NotEqualBool => words(to, a, b, r, |x, y| x != y),
        B::LessBool => words(to, a, b, r, |x, y| x < y),
        B::LessEqualBool => words(to, a, b, r, |x, y| x <= y),
        B::EqualInt => ints(to, a, b, r, |x, y| x == y),
        B::NotEqualInt => ints(to, a, b, r, |x, y| x != y),
        B::LessInt => ints(to, a, b, r, |x, y| x < y),
        B::LessEqualInt => ints(to, a, b, r, |x, y| x <= y),
        B::EqualDouble => doubles(to, a, b, r, |x, y| x == y),
        B::NotEqualDouble => doubles(to, a, b, r, |x, y| x != y),
        B::LessDouble => doubles(to, a, b, r, |x, y| x < y),
        B::LessEqualDouble => doubles(to, a, b, r, |x, y| x <= y),
        B::EqualText => texts(to, a, b, r, |x, y| x == y),
        B::NotEqualText => texts(to, a, b, r, |x, y| x != y),
        B::LessText => texts(to, a, b, r, |x, y| x < y),
        B::LessEqualText => texts(to, a, b, r, |x, y| x <= y),
        // Of equals the first: the second replaces it only when it is strictly better.
        B::LeastBool => choose(to, a, b, r, |x, y| y < x),
        B::GreatestBool => choose(to, a, b, r, |x, y| y > x),
        B::LeastInt => choose(to, a, b, r, |x, y| y.cast_signed() < x.cast_signed()),
        B::GreatestInt => choose(to, a, b, r, |x, y| y.cast_signed() > x.cast_signed()),
        B::LeastDouble => choose(to, a, b, r, |x, y| f64::from_bits(y) < f64::from_bits(x)),
        B::GreatestDouble => choose(to, a, b, r, |x, y| f64::from_bits(y) > f64::from_bits(x)),
        B::LeastText => choose_text(to, a, b, r, |x, y| y < x),
        B::GreatestText => choose_text(to, a, b, r, |x, y| y > x),
        B::Concat => r.set_text(to, r.text(a).zip(r.text(b)).and_then(|(x, y)| text::joined(x, y, arena))),
        B::And => r.set_bool(to, decided(r.bool(a), r.bool(b), false)),
        B::Or => r.set_bool(to, decided(r.bool(a), r.bool(b), true)),
    }
}

/// AND is decided by FALSE, OR by TRUE; undecided, NULL is not known.
fn decided(a: Option<bool>, b: Option<bool>, by: bool) -> Option<bool> {
    if a == Some(by) || b == Some(by) {
        return Some(by);
    }
    a.and(b)
}

/// The nearest double.
#[allow(clippy::cast_precision_loss, reason = "BIGINT widens to the nearest double, as the crate documents")]
fn widened(x: i64) -> f64 {
    x as f64
}

/// The remainder of the division that truncates towards zero; the least integer modulo -1 is 0.
fn remainder(x: i64, y: i64) -> Option<i64> {
    (y != 0).then(|| x.wrapping_rem(y))
}

#[inline(always)]
fn int(to: Index, a: Index, b: Index, r: &mut Registers<'_, '_>, op: impl Fn(i64, i64) -> Option<i64>) {
    r.set_int(to, r.int(a).zip(r.int(b)).and_then(|(x, y)| op(x, y)));
}

#[inline(always)]
fn double(to: Index, a: Index, b: Index, r: &mut Registers<'_, '_>, op: impl Fn(f64, f64) -> f64) {
    r.set_double(to, r.double(a).zip(r.double(b)).map(|(x, y)| op(x, y)));
}

#[inline(always)]
fn words(to: Index, a: Index, b: Index, r: &mut Registers<'_, '_>, compare: impl Fn(u64, u64) -> bool) {
    r.set_bool(to, r.word(a).zip(r.word(b)).map(|(x, y)| compare(x, y)));
}

#[inline(always)]
fn ints(to: Index, a: Index, b: Index, r: &mut Registers<'_, '_>, compare: impl Fn(i64, i64) -> bool) {
    words(to, a, b, r, |x, y| compare(x.cast_signed(), y.cast_signed()));
}

#[inline(always)]
fn doubles(to: Index, a: Index, b: Index, r: &mut Registers<'_, '_>, compare: impl Fn(f64, f64) -> bool) {
    words(to, a, b, r, |x, y| compare(f64::from_bits(x), f64::from_bits(y)));
}

#[inline(always)]
fn texts(to: Index, a: Index, b: Index, r: &mut Registers<'_, '_>, compare: impl Fn(&str, &str) -> bool) {
    r.set_bool(to, r.text(a).zip(r.text(b)).map(|(x, y)| compare(x, y)));
}

#[inline(always)]
fn choose(to: Index, a: Index, b: Index, r: &mut Registers<'_, '_>, second: impl Fn(u64, u64) -> bool) {
    r.set_word(to, r.word(a).zip(r.word(b)).map(|(x, y)| if second(x, y) { y } else { x }));
}

#[inline(always)]
fn choose_text(
    to: Index,
    a: Index,
    b: Index,
    r: &mut Registers<'_, '_>,
    second: impl Fn(&str, &str) -> bool,
) {
    r.set_text(to, r.text(a).zip(r.text(b)).map(|(x, y)| if second(x, y) { y } else { x }));
}
