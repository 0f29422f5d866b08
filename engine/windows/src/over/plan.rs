//! Which structure serves which aggregate over a frame that rows leave.

use std::cmp::Ordering;

use vencejo_expr::{Type, Value};

use crate::aggregate::{Aggregates, Call, Kind, passes};
use crate::spec::{AggregateCall, AggregateFunction};

/// Which of two strings stays, and which leaves as it can never be the result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TextRule {
    Least,
    Greatest,
    First,
    Last,
}

impl TextRule {
    /// Whether a string that is there can no more be the result once `new` has come.
    pub fn drops(self, held: &str, new: &str) -> bool {
        match self {
            Self::Least => held.cmp(new) != Ordering::Less,
            Self::Greatest => held.cmp(new) != Ordering::Greater,
            Self::First => false,
            Self::Last => true,
        }
    }
}

/// What serves an aggregate. Numbers count the structures of a kind.
#[derive(Clone, Debug)]
pub(crate) enum Part {
    /// Accumulators of fixed size, in two stacks.
    Fixed(usize),
    /// A queue of the strings that may yet be the result.
    Text(usize, TextRule),
    /// A sketch that values are taken out of again.
    Percentile(usize, f64),
    /// A multiset: the number of its values.
    Distinct(usize),
    /// A multiset: its most frequent values; with DISTINCT each is there once.
    TopK(usize, u16, bool),
    /// A multiset, whose values are folded when a row comes out. Cost: linear in distinct values.
    OfDistinct(usize, Box<(Aggregates, Type)>),
}

/// The aggregates of an OVER. A row's arguments are taken out of it once, with the FILTER applied: a value
/// for each call, NULL where the row does not count.
#[derive(Debug)]
pub(crate) struct FramePlan {
    arguments: Vec<(Option<usize>, Option<usize>)>,
    pub parts: Vec<(Part, Type)>,
    pub fixed: Aggregates,
    pub texts: usize,
    pub percentiles: usize,
    pub multisets: usize,
}

impl FramePlan {
    pub fn new(specs: &[AggregateCall]) -> Self {
        let (mut parts, mut fixed) = (Vec::new(), Vec::new());
        let (mut texts, mut percentiles, mut multisets) = (0, 0, 0);
        let count = |number: &mut usize| {
            *number += 1;
            *number - 1
        };
        for (at, spec) in specs.iter().enumerate() {
            let value_type = spec.argument.map_or(Type::Boolean, |(_, value_type)| value_type);
            let function = if spec.argument.is_none() { AggregateFunction::Count } else { spec.function };
            let spec = AggregateCall { function, argument: Some((at, value_type)), filter: None, ..*spec };
            let aggregates = Aggregates::new(&[spec]);
            let call = &aggregates.calls()[0];
            let part = match (call.set_at, call.kind) {
                (set_at, Kind::TopK { k }) => Part::TopK(count(&mut multisets), k, set_at.is_some()),
                (Some(_), _) => {
                    let spec = AggregateCall { distinct: false, argument: Some((0, value_type)), ..spec };
                    let folded = Box::new((Aggregates::new(&[spec]), value_type));
                    Part::OfDistinct(count(&mut multisets), folded)
                }
                (None, Kind::Distinct { .. }) => Part::Distinct(count(&mut multisets)),
                (None, Kind::Percentile { fraction }) => Part::Percentile(count(&mut percentiles), fraction),
                (None, Kind::ExtremeText { greatest }) => {
                    let rule = if greatest { TextRule::Greatest } else { TextRule::Least };
                    Part::Text(count(&mut texts), rule)
                }
                (None, Kind::EdgeText { last }) => {
                    let rule = if last { TextRule::Last } else { TextRule::First };
                    Part::Text(count(&mut texts), rule)
                }
                (None, _) => {
                    fixed.push(spec);
                    Part::Fixed(fixed.len() - 1)
                }
            };
            parts.push((part, value_type));
        }
        let arguments =
            specs.iter().map(|spec| (spec.filter, spec.argument.map(|(column, _)| column))).collect();
        Self { arguments, parts, fixed: Aggregates::new(&fixed), texts, percentiles, multisets }
    }

    /// The arguments in a row.
    pub fn arguments<'a>(&self, row: &[Value<'a>]) -> impl Iterator<Item = Value<'a>> {
        self.arguments.iter().map(move |&(filter, column)| match column {
            _ if !passes(filter, row) => Value::Null,
            Some(column) => row[column],
            None => Value::Bool(true),
        })
    }

    /// The call that serves a fixed part.
    pub fn fixed_call(&self, number: usize) -> &Call {
        &self.fixed.calls()[number]
    }
}
