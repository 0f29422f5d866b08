//! Conditions over single rows: each distinct one is evaluated once per row, for all rules.
//!
//! A bit per atom says whether it holds. Comparisons of a column are numbered by their constants, ascending,
//! so that those which hold for a value are a run of bits: finding its end takes one binary search, however
//! many there are. Programs are run when a condition asks for them, once per row.

use std::cmp::Ordering;
use std::sync::Arc;

use bumpalo::Bump;
use vencejo_expr::{Constant, Env, Program, Value};

use crate::spec::{Atom, AtomId, Compare, Condition, RuleSetSpec};

/// Which atoms hold for a row: a bit each.
#[derive(Clone, Debug, Default)]
pub(crate) struct Truths {
    comparisons: Vec<u64>,
    programs: Vec<Option<bool>>,
    /// Whether a program's answer is known.
    any_known: bool,
}

/// Atoms that must all hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mask {
    /// Comparisons, as words of bits.
    words: Vec<(u32, u64)>,
    programs: Vec<u32>,
}

impl Mask {
    /// Whether all its comparisons hold.
    #[inline]
    pub fn may_hold(&self, truths: &Truths) -> bool {
        self.words.iter().all(|&(word, bits)| truths.comparisons[word as usize] & bits == bits)
    }
}

/// Comparisons of one column that hold together, in the order of their constants.
#[derive(Debug)]
struct Section {
    column: usize,
    kind: Kind,
    bounds: Bounds,
    /// Whether the bound itself is left out.
    is_strict: Vec<bool>,
    /// The number of the first one.
    base: usize,
}

/// Constants of one type, ascending.
#[derive(Debug)]
pub(crate) enum Bounds {
    /// Numbers, times, and truth values as 0 and 1.
    Ints(Vec<i64>),
    Doubles(Vec<f64>),
    Texts(Vec<Box<str>>),
}

impl Bounds {
    fn new(first: &Constant) -> Self {
        match first {
            Constant::Text(_) => Self::Texts(Vec::new()),
            Constant::Double(_) => Self::Doubles(Vec::new()),
            Constant::Null | Constant::Bool(_) | Constant::Int(_) => Self::Ints(Vec::new()),
        }
    }

    /// Constants of one type, each once; nothing of none.
    pub fn of_all<'a>(constants: impl Iterator<Item = &'a Constant>) -> Option<Self> {
        let mut constants: Vec<&Constant> = constants.collect();
        constants.sort_by(|left, right| order(left.value(), right.value()).unwrap_or(Ordering::Equal));
        constants.dedup_by(|left, right| order(left.value(), right.value()) == Some(Ordering::Equal));
        let mut bounds = Self::new(constants.first()?);
        constants.into_iter().for_each(|constant| bounds.push(constant));
        Some(bounds)
    }

    pub fn len(&self) -> usize {
        match self {
            Self::Ints(bounds) => bounds.len(),
            Self::Doubles(bounds) => bounds.len(),
            Self::Texts(bounds) => bounds.len(),
        }
    }

    /// Appends a constant of the type of the others.
    fn push(&mut self, constant: &Constant) {
        match (self, constant.value()) {
            (Self::Ints(bounds), value) => bounds.push(int(value).unwrap_or_default()),
            (Self::Doubles(bounds), Value::Double(bound)) => bounds.push(bound),
            (Self::Doubles(bounds), _) => bounds.push(0.0),
            (Self::Texts(bounds), Value::Str(bound)) => bounds.push(bound.into()),
            (Self::Texts(bounds), _) => bounds.push("".into()),
        }
    }

    /// How many bounds are less than a value, and how many equal it; nothing for NULL.
    #[inline]
    pub fn find(&self, value: Value<'_>) -> Option<(usize, usize)> {
        fn find<T>(bounds: &[T], less: impl Fn(&T) -> bool, equal: impl Fn(&T) -> bool) -> (usize, usize) {
            let start = bounds.partition_point(less);
            (start, bounds[start..].iter().take_while(|bound| equal(bound)).count())
        }
        Some(match (self, value) {
            (Self::Doubles(bounds), Value::Double(value)) if value.is_finite() => {
                find(bounds, |&bound| bound < value, |&bound| bound == value)
            }
            (Self::Texts(bounds), Value::Str(value)) => {
                find(bounds, |bound| **bound < *value, |bound| **bound == *value)
            }
            (Self::Ints(bounds), value) => {
                let value = int(value)?;
                find(bounds, |&bound| bound < value, |&bound| bound == value)
            }
            _ => return None,
        })
    }
}

fn int(value: Value<'_>) -> Option<i64> {
    match value {
        Value::Int(number) => Some(number),
        Value::Bool(truth) => Some(i64::from(truth)),
        _ => None,
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Lower,
    Upper,
    Equal,
    Unequal,
}

impl Kind {
    fn of(comparison: Compare) -> (Self, bool) {
        match comparison {
            Compare::Greater => (Self::Lower, true),
            Compare::GreaterOrEqual => (Self::Lower, false),
            Compare::Less => (Self::Upper, true),
            Compare::LessOrEqual => (Self::Upper, false),
            Compare::Equal => (Self::Equal, false),
            Compare::NotEqual => (Self::Unequal, false),
        }
    }
}

#[derive(Clone, Copy, Debug)]
enum Place {
    Comparison(usize),
    Program(u32),
}

/// The atoms of a set of rules.
#[derive(Debug)]
pub(crate) struct Atoms {
    sections: Vec<Section>,
    programs: Vec<Program>,
    places: Vec<Place>,
    comparisons: usize,
}

impl Atoms {
    pub fn new(spec: &Arc<RuleSetSpec>) -> Self {
        let mut places = vec![Place::Comparison(0); spec.atoms.len()];
        let (mut programs, mut compares) = (Vec::new(), Vec::new());
        for (at, atom) in spec.atoms.iter().enumerate() {
            match atom {
                Atom::Compare { column, comparison, constant } => {
                    let (kind, is_strict) = Kind::of(*comparison);
                    compares.push((*column, kind, constant, is_strict, at));
                }
                Atom::Program(program) => {
                    places[at] = Place::Program(programs.len() as u32);
                    programs.push(program.clone());
                }
            }
        }
        compares.sort_by(|left, right| {
            let by_bound = || order(left.2.value(), right.2.value()).unwrap_or(Ordering::Equal);
            // Of equal bounds those come first that hold for more.
            let strictness = || match left.1 {
                Kind::Upper => right.3.cmp(&left.3),
                _ => left.3.cmp(&right.3),
            };
            (left.0, left.1).cmp(&(right.0, right.1)).then_with(by_bound).then_with(strictness)
        });
        let mut sections: Vec<Section> = Vec::new();
        for (number, &(column, kind, constant, is_strict, at)) in compares.iter().enumerate() {
            places[at] = Place::Comparison(number);
            let is_same = |last: &Section| last.column == column && last.kind == kind;
            if !sections.last().is_some_and(is_same) {
                let bounds = Bounds::new(constant);
                sections.push(Section { column, kind, bounds, is_strict: Vec::new(), base: number });
            }
            if let Some(section) = sections.last_mut() {
                section.bounds.push(constant);
                section.is_strict.push(is_strict);
            }
        }
        Self { sections, programs, places, comparisons: compares.len() }
    }

    /// The atoms of a condition.
    pub fn mask(&self, condition: &Condition) -> Mask {
        let place = |&atom: &AtomId| self.places[atom as usize];
        let mut mask = Mask { words: Vec::new(), programs: Vec::new() };
        let mut numbers = Vec::new();
        for place in condition.atoms.iter().map(place) {
            match place {
                Place::Comparison(number) => numbers.push(number),
                Place::Program(number) => mask.programs.push(number),
            }
        }
        numbers.sort_unstable();
        for number in numbers {
            let (word, bit) = ((number / 64) as u32, 1 << (number % 64));
            match mask.words.last_mut() {
                Some((last, bits)) if *last == word => *bits |= bit,
                _ => mask.words.push((word, bit)),
            }
        }
        mask
    }

    /// Evaluates the comparisons for a row. Cost: a binary search for each kind of comparison of each column.
    pub fn compare(&self, row: &[Value<'_>], truths: &mut Truths) {
        truths.comparisons.clear();
        truths.comparisons.resize(self.comparisons.div_ceil(64), 0);
        if truths.any_known || truths.programs.len() != self.programs.len() {
            truths.programs.clear();
            truths.programs.resize(self.programs.len(), None);
            truths.any_known = false;
        }
        for section in &self.sections {
            section.mark(row[section.column], &mut truths.comparisons);
        }
    }

    /// Whether all atoms of a mask hold for a row whose comparisons are evaluated.
    #[inline]
    pub fn hold(&self, mask: &Mask, truths: &mut Truths, row: &[Value<'_>], arena: &mut Bump) -> bool {
        mask.may_hold(truths)
            && (mask.programs.is_empty()
                || mask.programs.iter().all(|&program| self.run(program as usize, truths, row, arena)))
    }

    fn run(&self, program: usize, truths: &mut Truths, row: &[Value<'_>], arena: &mut Bump) -> bool {
        if let Some(known) = truths.programs[program] {
            return known;
        }
        arena.reset();
        let holds = is_true(&self.programs[program], &mut RowAlone(row), arena);
        truths.programs[program] = Some(holds);
        truths.any_known = true;
        holds
    }
}

impl Section {
    /// Sets the bits of what holds for a value.
    #[inline]
    fn mark(&self, value: Value<'_>, words: &mut [u64]) {
        let Some((less, equal)) = self.bounds.find(value) else { return };
        // Of equal bounds those come first that hold for more values.
        let strict = || self.is_strict[less..less + equal].iter().filter(|&&is_strict| is_strict).count();
        let (base, count) = (self.base, self.is_strict.len());
        match self.kind {
            Kind::Lower => fill(words, base, base + less + equal - strict()),
            Kind::Upper => fill(words, base + less + strict(), base + count),
            Kind::Equal => fill(words, base + less, base + less + equal),
            Kind::Unequal => {
                fill(words, base, base + less);
                fill(words, base + less + equal, base + count);
            }
        }
    }
}

/// Sets a run of bits.
fn fill(words: &mut [u64], mut from: usize, to: usize) {
    while from < to {
        let (word, bit) = (from / 64, from % 64);
        let count = (64 - bit).min(to - from);
        words[word] |= (u64::MAX >> (64 - count)) << bit;
        from += count;
    }
}

/// Whether output 0 is TRUE.
pub(crate) fn is_true<'a>(program: &'a Program, env: &mut impl Env<'a>, arena: &'a Bump) -> bool {
    program.run(env, arena).first() == Some(&Value::Bool(true))
}

/// The order of two values of one type that are not NULL.
pub(crate) fn order(left: Value<'_>, right: Value<'_>) -> Option<Ordering> {
    match (left, right) {
        (Value::Int(left), Value::Int(right)) => Some(left.cmp(&right)),
        (Value::Str(left), Value::Str(right)) => Some(left.cmp(right)),
        (Value::Double(left), Value::Double(right)) => left.partial_cmp(&right),
        (Value::Bool(left), Value::Bool(right)) => Some(left.cmp(&right)),
        _ => None,
    }
}

/// A row by itself: input 0.
struct RowAlone<'a>(&'a [Value<'a>]);

impl<'a> Env<'a> for RowAlone<'a> {
    fn load(&self, input: u16, column: u16) -> Value<'a> {
        if input == 0 { self.0.get(usize::from(column)).copied().unwrap_or(Value::Null) } else { Value::Null }
    }

    fn call(&mut self, _: u16, _: &[Value<'a>]) -> Value<'a> {
        Value::Null
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use vencejo_expr::Type;

    use crate::spec::Order;

    fn holds(comparison: Compare, ordering: Ordering) -> bool {
        match comparison {
            Compare::Equal => ordering.is_eq(),
            Compare::NotEqual => ordering.is_ne(),
            Compare::Less => ordering.is_lt(),
            Compare::LessOrEqual => ordering.is_le(),
            Compare::Greater => ordering.is_gt(),
            Compare::GreaterOrEqual => ordering.is_ge(),
        }
    }

    fn comparison() -> impl Strategy<Value = Compare> {
        prop::sample::select(vec![
            Compare::Equal,
            Compare::NotEqual,
            Compare::Less,
            Compare::LessOrEqual,
            Compare::Greater,
            Compare::GreaterOrEqual,
        ])
    }

    proptest! {
        /// Three columns of different types, many comparisons: each holds where it does by itself.
        #[test]
        fn equals_each_comparison_by_itself(
            atoms in prop::collection::vec((0_usize..3, comparison(), -4_i8..4), 0..150),
            row in prop::collection::vec(prop::option::of(-5_i8..5), 3),
        ) {
            let texts: Vec<String> = (0..11).map(|n| "x".repeat(n)).collect();
            let value = |column: usize, number: i8| match column {
                0 => Value::Int(i64::from(number)),
                1 => Value::Double(f64::from(number) / 2.0),
                _ => Value::Str(&texts[usize::try_from(number + 5).unwrap()]),
            };
            let spec = RuleSetSpec {
                key: Vec::new(),
                time: 0,
                order: Order::Arrival,
                then_by: Vec::new(),
                input: vec![Type::BigInt, Type::Double, Type::String],
                columns: vec![0, 1, 2],
                atoms: atoms
                    .iter()
                    .map(|&(column, comparison, number)| Atom::Compare {
                        column,
                        comparison,
                        constant: value(column, number).into(),
                    })
                    .collect(),
                rules: Vec::new(),
            };
            let values: Vec<Value<'_>> = row
                .iter()
                .enumerate()
                .map(|(column, number)| number.map_or(Value::Null, |number| value(column, number)))
                .collect();
            let made = Atoms::new(&Arc::new(spec));
            let mut truths = Truths::default();
            made.compare(&values, &mut truths);
            for (at, &(column, comparison, number)) in atoms.iter().enumerate() {
                let ordering = row[column].map(|held| held.cmp(&number));
                let expected = ordering.is_some_and(|ordering| holds(comparison, ordering));
                let mask = made.mask(&Condition { atoms: vec![u32::try_from(at).unwrap()], residual: None });
                prop_assert_eq!(mask.may_hold(&truths), expected, "{:?} {:?}", atoms[at], row[column]);
            }
        }
    }
}
