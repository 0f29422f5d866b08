//! Operations on decimals: exact in 128 bits, then rounded half away from zero to the result's digits. What
//! needs more digits before the point than the result has is NULL.

use vencejo_types::decimal::{self, Decimal};
use vencejo_types::limits::DECIMAL_PRECISION_MAX;

use super::text::Builder;
use super::{Invocation, Prepared};
use crate::op::{Arithmetic, Comparison};
use crate::scalar::cast::double_to_text;
use crate::scalar::text::formatted_value;
use crate::value::{Type, Value};

/// Precision and scale.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Digits {
    pub(crate) precision: u8,
    pub(crate) scale: u8,
}

/// What is done; scales are those of the operands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum DecimalOp {
    Arithmetic(Arithmetic, u8, u8, Digits),
    Compare(Comparison, u8, u8),
    /// To other digits.
    Rescale(u8, Digits),
    /// To a multiple of this power of ten of its last digit, rounded, or cut; then to other digits.
    Round {
        scale: u8,
        power: u8,
        cut: bool,
        to: Digits,
    },
    /// To the whole number not above, or not below.
    Whole {
        scale: u8,
        up: bool,
    },
    ToInt(u8),
    ToDouble(u8),
    ToText(u8),
    FromDouble(Digits),
    FromText(Digits),
}

impl Digits {
    /// Flink's result types, which give up digits behind the point, down to six, for those before it; here
    /// with 18 digits in place of 38.
    pub(crate) fn fitted(precision: u8, scale: u8) -> Self {
        if precision <= DECIMAL_PRECISION_MAX {
            return Self { precision: precision.max(1), scale };
        }
        let before = precision - scale;
        let scale = DECIMAL_PRECISION_MAX.saturating_sub(before).max(scale.min(6));
        Self { precision: DECIMAL_PRECISION_MAX, scale }
    }

    /// The type of an arithmetic operation, as Flink has it.
    pub(crate) fn of_arithmetic(op: Arithmetic, a: Self, b: Self) -> Self {
        let before = |digits: Self| digits.precision - digits.scale;
        let scale = a.scale.max(b.scale);
        match op {
            Arithmetic::Add | Arithmetic::Subtract => {
                Self::fitted(before(a).max(before(b)) + scale + 1, scale)
            }
            Arithmetic::Multiply => Self::fitted(a.precision + b.precision + 1, a.scale + b.scale),
            Arithmetic::Divide => {
                let scale = (a.scale + b.precision + 1).max(6);
                Self::fitted(before(a) + b.scale + scale, scale)
            }
            Arithmetic::Remainder => Self::fitted(before(a).min(before(b)) + scale, scale),
        }
    }

    /// The type that holds both.
    pub(crate) fn common(a: Self, b: Self) -> Self {
        let scale = a.scale.max(b.scale);
        Self::fitted((a.precision - a.scale).max(b.precision - b.scale) + scale, scale)
    }

    pub(crate) const fn ty(self) -> Type {
        Type::Decimal { precision: self.precision, scale: self.scale }
    }
}

pub(super) fn run<'a>(c: &Invocation<'_, 'a>) -> Value<'a> {
    let Prepared::Decimal(op) = *c.prepared else { return Value::Null };
    let (x, y) = (i128::from(c.int(0)), i128::from(c.int(1)));
    let value = match op {
        DecimalOp::Arithmetic(op, a, b, to) => arithmetic(op, (x, a), (y, b), to),
        DecimalOp::Compare(op, a, b) => return Value::Bool(compared(op, (x, a), (y, b))),
        DecimalOp::Rescale(from, to) => fitted(rescaled(x, i32::from(from), to.scale), to.precision),
        DecimalOp::Round { scale, power, cut, to } => {
            let unit = ten(i32::from(power));
            let whole = if cut { x / unit } else { divided(x, unit) };
            fitted(
                whole.checked_mul(unit).map(|x| rescaled(x, i32::from(scale), to.scale)).unwrap_or(i128::MAX),
                to.precision,
            )
        }
        DecimalOp::Whole { scale, up } => {
            let unit = ten(i32::from(scale));
            let whole = if up { -(-x).div_euclid(unit) } else { x.div_euclid(unit) };
            i64::try_from(whole).ok()
        }
        DecimalOp::ToInt(scale) => i64::try_from(x / ten(i32::from(scale))).ok(),
        DecimalOp::ToDouble(scale) => return to_double(c, scale),
        DecimalOp::ToText(scale) => {
            return formatted_value(format_args!("{}", Decimal { unscaled: c.int(0), scale }), c.arena);
        }
        DecimalOp::FromText(to) => decimal::parse(c.text(0).trim_matches(' '), to.precision, to.scale),
        DecimalOp::FromDouble(to) => {
            let text = match c.arguments.first() {
                Some(Value::Double(x)) => double_to_text(*x, c.arena),
                _ => None,
            };
            text.and_then(|text| decimal::parse(text, to.precision, to.scale))
        }
    };
    value.map_or(Value::Null, Value::Int)
}

/// Ten to a power, at most 38.
fn ten(power: i32) -> i128 {
    10_i128.pow(u32::try_from(power.clamp(0, 38)).unwrap_or(0))
}

/// The quotient, rounded half away from zero.
fn divided(x: i128, by: i128) -> i128 {
    let (quotient, rest) = (x / by, x % by);
    let away = rest.unsigned_abs() >= by.unsigned_abs() - rest.unsigned_abs();
    if !away {
        quotient
    } else if (x < 0) == (by < 0) {
        quotient + 1
    } else {
        quotient - 1
    }
}

/// A number of so many digits behind the point, with others.
fn rescaled(x: i128, from: i32, to: u8) -> i128 {
    match i32::from(to) - from {
        0 => x,
        more if more > 0 => x.checked_mul(ten(more)).unwrap_or(i128::MAX),
        fewer => divided(x, ten(-fewer)),
    }
}

/// The number, if it has no more digits.
fn fitted(x: i128, precision: u8) -> Option<i64> {
    i64::try_from(x).ok().filter(|x| x.unsigned_abs() < 10_u64.pow(u32::from(precision)))
}

fn arithmetic(op: Arithmetic, (x, a): (i128, u8), (y, b): (i128, u8), to: Digits) -> Option<i64> {
    let scale = a.max(b);
    let (left, right) = (rescaled(x, i32::from(a), scale), rescaled(y, i32::from(b), scale));
    let (exact, scale) = match op {
        Arithmetic::Add => (left.checked_add(right)?, i32::from(scale)),
        Arithmetic::Subtract => (left.checked_sub(right)?, i32::from(scale)),
        Arithmetic::Multiply => (x.checked_mul(y)?, i32::from(a) + i32::from(b)),
        Arithmetic::Remainder => (left.checked_rem(right)?, i32::from(scale)),
        Arithmetic::Divide => {
            // A dividend past 128 bits has a quotient past 18 digits.
            let more = i32::from(b) - i32::from(a) + i32::from(to.scale);
            let (x, y) = (x.checked_mul(ten(more))?, y.checked_mul(ten(-more))?);
            return (y != 0).then(|| divided(x, y)).and_then(|x| fitted(x, to.precision));
        }
    };
    fitted(rescaled(exact, scale, to.scale), to.precision)
}

fn compared(op: Comparison, (x, a): (i128, u8), (y, b): (i128, u8)) -> bool {
    let scale = a.max(b);
    let order = rescaled(x, i32::from(a), scale).cmp(&rescaled(y, i32::from(b), scale));
    match op {
        Comparison::Equal => order.is_eq(),
        Comparison::NotEqual => order.is_ne(),
        Comparison::Less => order.is_lt(),
        Comparison::LessEqual => order.is_le(),
        Comparison::Greater => order.is_gt(),
        Comparison::GreaterEqual => order.is_ge(),
    }
}

/// The nearest double. Digits below 2^53 and a power of ten are exact, so their quotient is the nearest.
#[allow(clippy::cast_precision_loss, reason = "the integers are below 2^53")]
fn to_double<'a>(c: &Invocation<'_, 'a>, scale: u8) -> Value<'a> {
    let unscaled = c.int(0);
    if unscaled.unsigned_abs() < 1 << 53 {
        return Value::Double(unscaled as f64 / 10_u64.pow(u32::from(scale.min(18))) as f64);
    }
    use std::fmt::Write as _;
    let mut text = Builder::new(c.arena, 24);
    let written = write!(text, "{}", Decimal { unscaled, scale });
    match (written, text.finish()) {
        (Ok(()), Value::Str(text)) => text.parse().map_or(Value::Null, Value::Double),
        _ => Value::Null,
    }
}
