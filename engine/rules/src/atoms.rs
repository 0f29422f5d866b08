//! Conditions over single rows: each distinct one is evaluated once per row, for all rules.

use std::cmp::Ordering;
use std::sync::Arc;

use bumpalo::Bump;
use vencejo_expr::{Env, Program, Value};

use crate::spec::{Atom, AtomId, Compare, Condition, RuleSetSpec};

/// Which atoms hold for a row: a bit each.
#[derive(Clone, Debug, Default)]
pub(crate) struct Truths(Vec<u64>);

/// Atoms that must all hold, as words of bits.
#[derive(Clone, Debug)]
pub(crate) struct Mask(Vec<(u32, u64)>);

impl Mask {
    pub fn new(condition: &Condition) -> Self {
        let mut words: Vec<(u32, u64)> = Vec::new();
        let mut atoms: Vec<AtomId> = condition.atoms.clone();
        atoms.sort_unstable();
        for atom in atoms {
            let (word, bit) = (atom / 64, 1 << (atom % 64));
            match words.last_mut() {
                Some((last, bits)) if *last == word => *bits |= bit,
                _ => words.push((word, bit)),
            }
        }
        Self(words)
    }

    /// Whether all its atoms hold.
    #[inline]
    pub fn holds(&self, truths: &Truths) -> bool {
        self.0.iter().all(|&(word, bits)| truths.0[word as usize] & bits == bits)
    }
}

/// The atoms of a set of rules.
#[derive(Debug)]
pub(crate) struct Atoms {
    spec: Arc<RuleSetSpec>,
}

impl Atoms {
    pub fn new(spec: &Arc<RuleSetSpec>) -> Self {
        Self { spec: Arc::clone(spec) }
    }

    /// Evaluates all atoms for a row.
    pub fn evaluate(&self, row: &[Value<'_>], arena: &mut Bump, truths: &mut Truths) {
        truths.0.clear();
        truths.0.resize(self.spec.atoms.len().div_ceil(64), 0);
        for (at, atom) in self.spec.atoms.iter().enumerate() {
            let holds = match atom {
                Atom::Compare { column, comparison, constant } => {
                    comparison.holds(row[*column], constant.value())
                }
                Atom::Program(program) => {
                    arena.reset();
                    is_true(program, &mut RowAlone(row), arena)
                }
            };
            truths.0[at / 64] |= u64::from(holds) << (at % 64);
        }
    }
}

/// Whether output 0 is TRUE.
pub(crate) fn is_true<'a>(program: &'a Program, env: &mut impl Env<'a>, arena: &'a Bump) -> bool {
    program.run(env, arena).first() == Some(&Value::Bool(true))
}

impl Compare {
    /// Whether two values of one type compare so; not where one is NULL.
    pub(crate) fn holds(self, left: Value<'_>, right: Value<'_>) -> bool {
        let ordering = match (left.finite(), right) {
            (Value::Bool(left), Value::Bool(right)) => left.cmp(&right),
            (Value::Int(left), Value::Int(right)) => left.cmp(&right),
            (Value::Str(left), Value::Str(right)) => left.cmp(right),
            (Value::Double(left), Value::Double(right)) => match left.partial_cmp(&right) {
                Some(ordering) => ordering,
                None => return false,
            },
            _ => return false,
        };
        match self {
            Self::Equal => ordering == Ordering::Equal,
            Self::NotEqual => ordering != Ordering::Equal,
            Self::Less => ordering == Ordering::Less,
            Self::LessOrEqual => ordering != Ordering::Greater,
            Self::Greater => ordering == Ordering::Greater,
            Self::GreaterOrEqual => ordering != Ordering::Less,
        }
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
