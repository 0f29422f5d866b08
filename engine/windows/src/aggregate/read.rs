//! Reading a group's aggregates.

use vencejo_expr::{Type, Value};
use vencejo_types::limits::{DECIMAL_PRECISION_MAX, DISTINCT_VALUES_MAX};

use super::fold::moments;
use super::merge::State;
use super::side::Side;
use super::{Aggregates, Call, Kind, NO_DOUBLE, NO_SUM};
use crate::cell::{double, int, wide, word};
use vencejo_expr::key::value_of_bits;

/// Room for the strings that reading a row makes (APPROX_TOP_K), to be used again and again.
#[derive(Clone, Debug, Default)]
pub struct Texts {
    buffer: String,
    ends: Vec<usize>,
}

impl Aggregates {
    /// Writes the value of each call to `out`, which has room for them. Allocates nothing once `texts` is
    /// large enough.
    pub fn read<'a>(&self, state: State<'a>, texts: &'a mut Texts, out: &mut [Value<'a>]) {
        texts.buffer.clear();
        texts.ends.clear();
        for call in &self.calls {
            if let Kind::TopK { k } = call.kind
                && let Some(Side::Top(top)) = state.sides.get(state.cells[call.at])
            {
                top.write_json(k, call.value_type, &mut texts.buffer);
                texts.ends.push(texts.buffer.len());
            }
        }
        let texts: &'a Texts = texts;
        let (mut start, mut ends) = (0, texts.ends.iter());
        for (call, out) in self.calls.iter().zip(out) {
            *out = match call.kind {
                Kind::TopK { .. } if state.sides.get(state.cells[call.at]).is_some() => {
                    let end = ends.next().copied().unwrap_or(start);
                    let text = &texts.buffer[start..end];
                    start = end;
                    Value::Str(text)
                }
                _ => call.read(state),
            };
        }
    }
}

impl Call {
    /// The value, unless it is a string that has to be made.
    pub(crate) fn read<'a>(&self, state: State<'a>) -> Value<'a> {
        if let Some(set_at) = self.set_at
            && let Some(Side::Set(set)) = state.sides.get(state.cells[set_at])
            && set.len() > DISTINCT_VALUES_MAX
        {
            return Value::Null;
        }
        let cells = &state.cells[self.at..];
        let value = match self.kind {
            Kind::CountRows | Kind::Count => Some(Value::Int(int(cells[0]))),
            Kind::SumInt => Some(wide(cells)).filter(|&sum| sum != NO_SUM).and_then(|sum| self.narrow(sum)),
            Kind::AvgInt => {
                let mean = mean(wide(cells), i128::from(int(cells[2])), self.is_decimal());
                mean.and_then(|mean| self.narrow(mean))
            }
            Kind::SumDouble | Kind::ExtremeDouble { .. } => {
                (word(cells[0]) != NO_DOUBLE).then(|| Value::Double(double(cells[0])))
            }
            Kind::AvgDouble => {
                let count = int(cells[1]);
                (count != 0).then(|| Value::Double(double(cells[0]) / count as f64))
            }
            Kind::Extreme { .. } => {
                (int(cells[0]) != 0).then(|| value_of_bits(word(cells[1]), self.value_type))
            }
            Kind::ExtremeText { .. } => state.sides.text(cells[0]).map(Value::Str),
            Kind::Spread(spread) => moments(cells).spread(spread).map(Value::Double),
            Kind::Edge { .. } => (int(cells[0]) != 0).then(|| value_of_bits(word(cells[2]), self.value_type)),
            Kind::EdgeText { .. } => state.sides.text(cells[2]).map(Value::Str),
            Kind::Ewma { .. } => {
                let weight = double(cells[1]);
                (weight > 0.0).then(|| Value::Double(double(cells[2]) / weight))
            }
            Kind::Distinct { .. } => match state.sides.get(cells[0]) {
                Some(Side::Distinct(distinct)) => Some(Value::Int(distinct.count().cast_signed())),
                _ => Some(Value::Int(0)),
            },
            Kind::Percentile { fraction } => match state.sides.get(cells[0]) {
                Some(Side::Quantiles(quantiles)) => quantiles.quantile(fraction).map(Value::Double),
                _ => None,
            },
            Kind::TopK { .. } => None,
        };
        value.unwrap_or(Value::Null).finite()
    }

    fn is_decimal(&self) -> bool {
        matches!(self.value_type, Type::Decimal { .. })
    }

    /// A sum or mean, where its type can hold it.
    fn narrow(&self, number: i128) -> Option<Value<'static>> {
        let number = i64::try_from(number).ok()?;
        let digits_max = 10_u64.pow(u32::from(DECIMAL_PRECISION_MAX));
        (!self.is_decimal() || number.unsigned_abs() < digits_max).then_some(Value::Int(number))
    }
}

/// The mean of `count` numbers, truncated towards zero or rounded half away from it; nothing of none.
fn mean(sum: i128, count: i128, rounds: bool) -> Option<i128> {
    let quotient = sum.checked_div(count)?;
    let up = rounds && (sum % count).unsigned_abs() * 2 >= count.unsigned_abs();
    Some(quotient + if up { sum.signum() } else { 0 })
}
