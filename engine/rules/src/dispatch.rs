//! Which rules a row concerns, without asking each of them.
//!
//! A rule without open runs for a key is concerned only where a match may begin. Each way to begin (a rule,
//! and a variable with which it may begin) is a bit. Per column there is a table: between which constants the
//! value lies says which ways it allows. The ways that all columns allow are the ones; a row costs a binary
//! search and a row of bits per column, however many rules there are.

use bumpalo::Bump;
use vencejo_expr::Value;
use vencejo_types::limits::RULE_TABLE_WORDS_MAX;

use crate::atoms::{Atoms, Bounds, Mask, Truths};
use crate::rule::Rule;
use crate::spec::{Atom, Compare, RuleSetSpec};

#[derive(Debug)]
pub(crate) struct Dispatch {
    /// The different filters, and how many rows each has let pass.
    filters: Vec<(Mask, u64)>,
    /// Of each rule.
    filter_of: Vec<u32>,
    /// The rule of each way to begin.
    ways: Vec<u32>,
    columns: Vec<Table>,
    /// The rules that look at every row, a bit each.
    at_all: Vec<u64>,
}

/// Which ways to begin the values of a column allow.
#[derive(Debug)]
struct Table {
    column: usize,
    bounds: Bounds,
    /// Rows of bits: for values before the first bound, equal to it, between it and the second one, ...; at
    /// the end for NULL.
    allowed: Vec<u64>,
}

/// The rules in which a match may begin with a row, a bit each, and which filters let it pass.
#[derive(Debug, Default)]
pub(crate) struct Concerned {
    rules: Vec<u64>,
    ways: Vec<u64>,
    passes: Vec<bool>,
}

impl Dispatch {
    pub fn new(spec: &RuleSetSpec, rules: &[Rule]) -> Self {
        let mut filters: Vec<(Mask, u64)> = Vec::new();
        let mut filter_of = Vec::new();
        let mut at_all = vec![0; rules.len().div_ceil(64)];
        let mut ways: Vec<(u32, Vec<&Atom>)> = Vec::new();
        for (number, rule) in rules.iter().enumerate() {
            let held = filters.iter().position(|(filter, _)| *filter == rule.filter);
            filter_of.push(held.unwrap_or(filters.len()) as u32);
            if held.is_none() {
                filters.push((rule.filter.clone(), 0));
            }
            match &rule.beginnings {
                None => at_all[number / 64] |= 1 << (number % 64),
                Some(beginnings) => ways.extend(beginnings.iter().map(|atoms| {
                    (number as u32, atoms.iter().map(|&atom| &spec.atoms[atom as usize]).collect())
                })),
            }
        }
        let columns = (0..spec.input.len()).filter_map(|column| Table::new(column, &ways)).collect();
        let ways = ways.into_iter().map(|(rule, _)| rule).collect();
        Self { filters, filter_of, ways, columns, at_all }
    }

    /// Finds what a row concerns.
    pub fn find(
        &mut self,
        atoms: &Atoms,
        truths: &mut Truths,
        row: &[Value<'_>],
        arena: &mut Bump,
        concerned: &mut Concerned,
    ) {
        concerned.passes.clear();
        for (filter, rows) in &mut self.filters {
            let passes = atoms.hold(filter, truths, row, arena);
            *rows += u64::from(passes);
            concerned.passes.push(passes);
        }
        concerned.rules.clear();
        concerned.rules.extend_from_slice(&self.at_all);
        concerned.ways.clear();
        concerned.ways.resize(self.ways.len().div_ceil(64), u64::MAX);
        for table in &self.columns {
            let allowed = table.allowed(row[table.column], concerned.ways.len());
            concerned.ways.iter_mut().zip(allowed).for_each(|(ways, allowed)| *ways &= allowed);
        }
        for (word, &ways) in concerned.ways.iter().enumerate() {
            let mut ways = ways;
            while ways != 0 {
                let way = word * 64 + ways.trailing_zeros() as usize;
                ways &= ways - 1;
                let Some(&rule) = self.ways.get(way) else { break };
                concerned.rules[rule as usize / 64] |= 1 << (rule % 64);
            }
        }
    }

    /// Whether the row passed a rule's filter.
    #[inline]
    pub fn passes(&self, rule: u32, concerned: &Concerned) -> bool {
        concerned.passes[self.filter_of[rule as usize] as usize]
    }

    /// Rows that passed a rule's filter.
    pub fn rows(&self, rule: usize) -> u64 {
        self.filters[self.filter_of[rule] as usize].1
    }

    /// Says how many rows passed a rule's filter.
    pub fn set_rows(&mut self, rule: usize, rows: u64) {
        self.filters[self.filter_of[rule] as usize].1 = rows;
    }

    /// Of each filter, how many rows passed it.
    pub fn passed(&self) -> impl Iterator<Item = u64> {
        self.filters.iter().map(|(_, rows)| *rows)
    }

    /// The same, to be set.
    pub fn passed_mut(&mut self) -> impl Iterator<Item = &mut u64> {
        self.filters.iter_mut().map(|(_, rows)| rows)
    }

    pub fn bytes(&self) -> usize {
        self.columns.iter().map(|table| table.allowed.capacity() * size_of::<u64>()).sum()
    }
}

impl Table {
    /// The table of a column; nothing where no way to begin compares it, or where it would be too large.
    fn new(column: usize, ways: &[(u32, Vec<&Atom>)]) -> Option<Self> {
        let compares = ways.iter().flat_map(|(_, atoms)| atoms).filter_map(|atom| match atom {
            Atom::Compare { column: of, constant, .. } if *of == column => Some(constant),
            _ => None,
        });
        let bounds = Bounds::of_all(compares)?;
        let (rows, words) = (2 * bounds.len() + 2, ways.len().div_ceil(64));
        if rows * words > RULE_TABLE_WORDS_MAX {
            return None;
        }
        let null = rows - 1;
        let mut allowed = vec![0; rows * words];
        for (way, (_, atoms)) in ways.iter().enumerate() {
            // The least row and the greatest one, and those left out.
            let (mut from, mut to, mut unequal) = (0, null, Vec::new());
            for atom in atoms {
                let Atom::Compare { column: of, comparison, constant } = atom else { continue };
                if *of != column {
                    continue;
                }
                to = to.min(null - 1);
                let at = bounds.find(constant.value()).map_or(0, |(less, equal)| 2 * less + equal.min(1));
                match comparison {
                    Compare::Equal => (from, to) = (from.max(at), to.min(at)),
                    Compare::NotEqual => unequal.push(at),
                    Compare::Less => to = to.min(at - 1),
                    Compare::LessOrEqual => to = to.min(at),
                    Compare::Greater => from = from.max(at + 1),
                    Compare::GreaterOrEqual => from = from.max(at),
                }
            }
            for row in (from..=to).filter(|row| !unequal.contains(row)) {
                allowed[row * words + way / 64] |= 1 << (way % 64);
            }
        }
        Some(Self { column, bounds, allowed })
    }

    #[inline]
    fn allowed(&self, value: Value<'_>, words: usize) -> &[u64] {
        let row = match self.bounds.find(value) {
            Some((less, equal)) => 2 * less + equal.min(1),
            None => 2 * self.bounds.len() + 1,
        };
        &self.allowed[row * words..(row + 1) * words]
    }
}

impl Concerned {
    /// The first rule from `from` on in which a match may begin.
    #[inline]
    pub fn next(&self, from: u32) -> Option<u32> {
        let mut word = from as usize / 64;
        let mut bits = self.rules.get(word)? & (u64::MAX << (from % 64));
        while bits == 0 {
            word += 1;
            bits = *self.rules.get(word)?;
        }
        Some(word as u32 * 64 + bits.trailing_zeros())
    }
}
