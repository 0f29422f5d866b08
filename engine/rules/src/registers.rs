//! What programs read of the rows of a match, kept current row by row in a few words.
//!
//! A path has a run of words: the rows that FIRST and LAST name, and the accumulators of aggregates. So a
//! condition costs the same however many rows were taken, and two ways of a run whose words are equal have
//! the same future. What has no fixed size (DISTINCT) is folded over the rows when it is read.

use vencejo_expr::Value;

use crate::aggregate::Accumulator;
use crate::atoms::order;
use crate::path::Mapped;
use crate::spec::{
    AGGREGATES, Anchor, CLASSIFIER_COLUMN, MATCH, PatternAggregate, PatternFunction as F, RuleSpec,
    VariableSet,
};

/// In place of a row.
const NO_ROW: u64 = u64::MAX;

/// The row in a word, if there is one.
fn row_of(word: u64) -> Option<Mapped> {
    (word != NO_ROW).then(|| Mapped::of_word(word))
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// How many rows came, up to the one that is named; that row.
    First { offset: u32 },
    /// The last rows, the very last one first.
    Last { offset: u32 },
    /// The place of the aggregate.
    Aggregate(usize),
}

#[derive(Clone, Copy, Debug)]
struct Part {
    variables: VariableSet,
    kind: Kind,
    at: usize,
    width: usize,
}

/// Where the words of a rule's programs lie.
#[derive(Debug)]
pub(crate) struct Plan {
    parts: Vec<Part>,
    /// Of each reference of the rule.
    references: Vec<Option<usize>>,
    /// Of each aggregate of the rule.
    aggregates: Vec<Option<usize>>,
    /// The aggregates that are folded when they are read.
    pub folded: Vec<usize>,
    initial: Vec<u64>,
    /// Whether the words say everything that the programs read of the rows.
    pub is_complete: bool,
}

impl Plan {
    /// A plan for programs that load these inputs and columns.
    pub fn new(spec: &RuleSpec, loads: impl Iterator<Item = (u16, u16)>) -> Self {
        let mut plan = Self {
            parts: Vec::new(),
            references: vec![None; spec.references.len()],
            aggregates: vec![None; spec.aggregates.len()],
            folded: Vec::new(),
            initial: Vec::new(),
            is_complete: true,
        };
        for (input, column) in loads {
            match input {
                0 | MATCH => {}
                AGGREGATES => plan.add_aggregate(spec, usize::from(column)),
                _ => {
                    let reference = usize::from(input) - 1;
                    plan.add_reference(spec, reference);
                    let looks_back = spec.references[reference].steps > 0;
                    // What the row that PREV finds is mapped to stands in the path alone.
                    plan.is_complete &= !(looks_back && column == CLASSIFIER_COLUMN);
                }
            }
        }
        plan.is_complete &= plan.folded.is_empty();
        plan
    }

    fn add(&mut self, variables: VariableSet, kind: Kind, initial: &[u64]) -> usize {
        let held = self.parts.iter().position(|part| part.variables == variables && part.kind == kind);
        held.unwrap_or_else(|| {
            let (at, width) = (self.initial.len(), initial.len());
            self.initial.extend_from_slice(initial);
            self.parts.push(Part { variables, kind, at, width });
            self.parts.len() - 1
        })
    }

    fn add_reference(&mut self, spec: &RuleSpec, number: usize) {
        self.references[number] = match spec.references[number].anchor {
            Anchor::Current => None,
            Anchor::First { variables, offset, .. } => {
                Some(self.add(variables, Kind::First { offset }, &[0, NO_ROW]))
            }
            Anchor::Last { variables, offset, .. } => {
                let initial = vec![NO_ROW; offset as usize + 1];
                Some(self.add(variables, Kind::Last { offset }, &initial))
            }
        };
    }

    fn add_aggregate(&mut self, spec: &RuleSpec, number: usize) {
        let aggregate = &spec.aggregates[number];
        if Accumulator::is_folded(aggregate) {
            if !self.folded.contains(&number) {
                self.folded.push(number);
            }
            return;
        }
        let initial: &[u64] = match aggregate.function {
            F::CountRows | F::Count => &[0],
            F::Sum | F::Avg => &[0, 0, 0],
            F::Min | F::Max => &[NO_ROW],
        };
        let part = self.add(aggregate.variables, Kind::Aggregate(number), initial);
        self.aggregates[number] = Some(part);
    }

    /// The words of a path without rows.
    pub fn initial(&self) -> &[u64] {
        &self.initial
    }

    /// Takes a row into the words. `argument` gives the value of an aggregate's argument for a row.
    pub fn take<'a>(
        &self,
        spec: &'a RuleSpec,
        words: &mut [u64],
        mapped: Mapped,
        argument: &impl Fn(&'a PatternAggregate, Mapped) -> Value<'a>,
    ) {
        for part in self.parts.iter().filter(|part| part.variables.has(mapped.variable)) {
            let words = &mut words[part.at..part.at + part.width];
            match part.kind {
                Kind::First { offset } => {
                    if words[0] <= u64::from(offset) {
                        words[1] = if words[0] == u64::from(offset) { mapped.word() } else { NO_ROW };
                        words[0] += 1;
                    }
                }
                Kind::Last { .. } => {
                    words.rotate_right(1);
                    words[0] = mapped.word();
                }
                Kind::Aggregate(number) => take_value(&spec.aggregates[number], words, mapped, argument),
            }
        }
    }

    /// The row that a reference begins with, where it is not the current one.
    pub fn anchor(&self, reference: usize, words: &[u64]) -> Option<Mapped> {
        let part = &self.parts[self.references[reference]?];
        let words = &words[part.at..part.at + part.width];
        row_of(match part.kind {
            Kind::First { .. } => words[1],
            Kind::Last { offset } => words[offset as usize],
            Kind::Aggregate(_) => NO_ROW,
        })
    }

    /// The value of an aggregate that is not folded.
    pub fn aggregate<'a>(
        &self,
        number: usize,
        aggregate: &'a PatternAggregate,
        words: &[u64],
        argument: &impl Fn(&'a PatternAggregate, Mapped) -> Value<'a>,
    ) -> Value<'a> {
        let Some(part) = self.aggregates[number].map(|part| &self.parts[part]) else { return Value::Null };
        let words = &words[part.at..part.at + part.width];
        match aggregate.function {
            F::CountRows | F::Count => Value::Int(words[0].cast_signed()),
            F::Sum | F::Avg => Accumulator::of_words(aggregate, words).value(),
            F::Min | F::Max => {
                row_of(words[0]).map_or(Value::Null, |mapped| argument(aggregate, mapped).finite())
            }
        }
    }
}

fn take_value<'a>(
    aggregate: &'a PatternAggregate,
    words: &mut [u64],
    mapped: Mapped,
    argument: &impl Fn(&'a PatternAggregate, Mapped) -> Value<'a>,
) {
    if aggregate.function == F::CountRows {
        words[0] += 1;
        return;
    }
    let value = argument(aggregate, mapped).finite();
    if value == Value::Null {
        return;
    }
    match aggregate.function {
        F::CountRows | F::Count => words[0] += 1,
        F::Sum | F::Avg => {
            let mut accumulator = Accumulator::of_words(aggregate, words);
            accumulator.take(value);
            accumulator.write(words);
        }
        F::Min | F::Max => {
            let held = row_of(words[0]).and_then(|held| order(value, argument(aggregate, held).finite()));
            let wins = held
                .is_none_or(|held| if aggregate.function == F::Max { held.is_gt() } else { held.is_lt() });
            if wins {
                words[0] = mapped.word();
            }
        }
    }
}
