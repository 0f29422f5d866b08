//! COUNT, SUM and AVG over the rows of a match. What each gives is as in GROUP BY.

use std::collections::BTreeSet;

use vencejo_expr::{Constant, Type, Value};
use vencejo_types::limits::{DECIMAL_PRECISION_MAX, DISTINCT_VALUES_MAX};

use crate::spec::{PatternAggregate, PatternFunction as F};

/// An aggregate while values are taken into it.
#[derive(Debug)]
pub(crate) struct Accumulator {
    function: F,
    value_type: Type,
    /// Values taken.
    count: i64,
    whole: i128,
    double: f64,
    /// The values taken, where only distinct ones count.
    distinct: Option<BTreeSet<Constant>>,
}

impl Accumulator {
    pub fn new(spec: &PatternAggregate) -> Self {
        Self {
            function: spec.function,
            value_type: spec.argument.as_ref().map_or(Type::BigInt, |&(_, value_type)| value_type),
            count: 0,
            whole: 0,
            double: 0.0,
            distinct: Self::is_folded(spec).then(BTreeSet::new),
        }
    }

    /// Whether an aggregate has no state of fixed size.
    pub fn is_folded(spec: &PatternAggregate) -> bool {
        spec.distinct && matches!(spec.function, F::Count | F::Sum | F::Avg)
    }

    /// The accumulator that [`Accumulator::write`] has written; zeros are one without values.
    pub fn of_words(spec: &PatternAggregate, words: &[u64]) -> Self {
        let (low, high) = (u128::from(words[0]), u128::from(words[1]));
        Self {
            count: words[2].cast_signed(),
            whole: (high << 64 | low).cast_signed(),
            double: f64::from_bits(words[0]),
            ..Self::new(spec)
        }
    }

    /// Writes a SUM or AVG down, in three words.
    pub fn write(&self, words: &mut [u64]) {
        words[2] = self.count.cast_unsigned();
        if self.value_type == Type::Double {
            words[0] = self.double.to_bits();
        } else {
            let whole = self.whole.cast_unsigned();
            words[0] = whole as u64;
            words[1] = (whole >> 64) as u64;
        }
    }

    /// Takes a value; NULL does not count.
    pub fn take(&mut self, value: Value<'_>) {
        let value = match value.finite() {
            Value::Null => return,
            // Zeros are one value.
            Value::Double(number) => Value::Double(number + 0.0),
            value => value,
        };
        if let Some(distinct) = &mut self.distinct
            && (distinct.len() > DISTINCT_VALUES_MAX || !distinct.insert(value.into()))
        {
            return;
        }
        self.count += 1;
        match value {
            Value::Int(number) => self.whole += i128::from(number),
            Value::Double(number) => self.double += number,
            _ => {}
        }
    }

    /// The value of what was taken so far.
    pub fn value(&self) -> Value<'static> {
        if self.distinct.as_ref().is_some_and(|distinct| distinct.len() > DISTINCT_VALUES_MAX) {
            return Value::Null;
        }
        let is_double = self.value_type == Type::Double;
        let value = match self.function {
            F::Sum | F::Avg if self.count == 0 => Value::Null,
            F::Sum if is_double => Value::Double(self.double),
            F::Avg if is_double => Value::Double(self.double / self.count as f64),
            F::Sum => self.narrow(self.whole),
            F::Avg => {
                let count = i128::from(self.count);
                let up = self.is_decimal() && (self.whole % count).abs() * 2 >= count;
                self.narrow(self.whole / count + if up { self.whole.signum() } else { 0 })
            }
            F::CountRows | F::Count | F::Min | F::Max => Value::Int(self.count),
        };
        value.finite()
    }

    fn is_decimal(&self) -> bool {
        matches!(self.value_type, Type::Decimal { .. })
    }

    /// A sum or mean, where its type can hold it.
    fn narrow(&self, number: i128) -> Value<'static> {
        let digits_max = 10_i128.pow(u32::from(DECIMAL_PRECISION_MAX));
        match i64::try_from(number) {
            Ok(narrow) if !self.is_decimal() || number.abs() < digits_max => Value::Int(narrow),
            _ => Value::Null,
        }
    }
}
