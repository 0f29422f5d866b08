//! Aggregates over the rows of a match. What each gives is as in GROUP BY.

use std::cmp::Ordering;
use std::collections::BTreeSet;

use vencejo_expr::{Constant, Type, Value};
use vencejo_types::limits::{DECIMAL_PRECISION_MAX, DISTINCT_VALUES_MAX};

use crate::spec::{PatternAggregate, PatternFunction as F};

/// An aggregate while rows are taken into it. Strings are borrowed from the rows.
#[derive(Debug)]
pub(crate) struct Accumulator<'a> {
    function: F,
    value_type: Type,
    /// Rows or values taken.
    count: i64,
    whole: i128,
    double: f64,
    extreme: Value<'a>,
    seen: Option<BTreeSet<Constant>>,
}

impl<'a> Accumulator<'a> {
    pub fn new(spec: &PatternAggregate) -> Self {
        let is_extreme = matches!(spec.function, F::Min | F::Max);
        Self {
            function: spec.function,
            value_type: spec.argument.as_ref().map_or(Type::BigInt, |&(_, value_type)| value_type),
            count: 0,
            whole: 0,
            double: 0.0,
            extreme: Value::Null,
            seen: (spec.distinct && !is_extreme).then(BTreeSet::new),
        }
    }

    /// Takes a row for which the argument has this value.
    pub fn take(&mut self, value: Value<'a>) {
        let value = match value.finite() {
            _ if self.function == F::CountRows => {
                self.count += 1;
                return;
            }
            Value::Null => return,
            Value::Double(number) => Value::Double(number + 0.0),
            value => value,
        };
        if let Some(seen) = &mut self.seen
            && (seen.len() > DISTINCT_VALUES_MAX || !seen.insert(value.into()))
        {
            return;
        }
        self.count += 1;
        match value {
            Value::Int(number) => self.whole += i128::from(number),
            Value::Double(number) => self.double += number,
            _ => {}
        }
        let wanted = match self.function {
            F::Min => Ordering::Less,
            F::Max => Ordering::Greater,
            _ => return,
        };
        if self.extreme == Value::Null || compare(value, self.extreme) == Some(wanted) {
            self.extreme = value;
        }
    }

    /// The value of the rows taken so far.
    pub fn value(&self) -> Value<'a> {
        if self.seen.as_ref().is_some_and(|seen| seen.len() > DISTINCT_VALUES_MAX) {
            return Value::Null;
        }
        let is_double = self.value_type == Type::Double;
        let value = match self.function {
            F::CountRows | F::Count => Value::Int(self.count),
            F::Min | F::Max => self.extreme,
            F::Sum | F::Avg if self.count == 0 => Value::Null,
            F::Sum if is_double => Value::Double(self.double),
            F::Avg if is_double => Value::Double(self.double / self.count as f64),
            F::Sum => self.narrow(self.whole),
            F::Avg => {
                let count = i128::from(self.count);
                let up = self.is_decimal() && (self.whole % count).abs() * 2 >= count;
                self.narrow(self.whole / count + if up { self.whole.signum() } else { 0 })
            }
        };
        value.finite()
    }

    fn is_decimal(&self) -> bool {
        matches!(self.value_type, Type::Decimal { .. })
    }

    /// A sum or mean, where its type can hold it.
    fn narrow(&self, number: i128) -> Value<'a> {
        let digits_max = 10_i128.pow(u32::from(DECIMAL_PRECISION_MAX));
        match i64::try_from(number) {
            Ok(narrow) if !self.is_decimal() || number.abs() < digits_max => Value::Int(narrow),
            _ => Value::Null,
        }
    }
}

/// The order of two values of one type.
fn compare(left: Value<'_>, right: Value<'_>) -> Option<Ordering> {
    match (left, right) {
        (Value::Bool(left), Value::Bool(right)) => Some(left.cmp(&right)),
        (Value::Int(left), Value::Int(right)) => Some(left.cmp(&right)),
        (Value::Double(left), Value::Double(right)) => left.partial_cmp(&right),
        (Value::Str(left), Value::Str(right)) => Some(left.cmp(right)),
        _ => None,
    }
}
