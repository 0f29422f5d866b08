//! Which rules a row concerns, without asking each of them.
//!
//! A rule without open runs for a key is concerned only where a match may begin. Each variable with which it may
//! begin has a guard: the one of its comparisons that the fewest rules share. Where no guard of a rule holds, the
//! rule is not looked at.

use bumpalo::Bump;
use vencejo_expr::Value;

use crate::atoms::{Atoms, Mask, Truths};
use crate::rule::Rule;

#[derive(Debug)]
pub(crate) struct Dispatch {
    /// The different filters, and how many rows each has let pass.
    filters: Vec<(Mask, u64)>,
    /// Of each rule.
    filter_of: Vec<u32>,
    /// The comparisons that are guards.
    guards: Vec<u64>,
    /// For each comparison the rules that it guards.
    guarded: Vec<Vec<u32>>,
    /// The rules that look at every row, a bit each.
    unguarded: Vec<u64>,
}

/// The rules in which a match may begin with a row, and which filters let it pass: a bit each.
#[derive(Debug, Default)]
pub(crate) struct Concerned {
    rules: Vec<u64>,
    passes: Vec<bool>,
}

impl Dispatch {
    pub fn new(rules: &[Rule], atoms: &Atoms) -> Self {
        let mut filters: Vec<(Mask, u64)> = Vec::new();
        let mut filter_of = Vec::new();
        for rule in rules {
            let held = filters.iter().position(|(filter, _)| *filter == rule.filter);
            filter_of.push(held.unwrap_or(filters.len()) as u32);
            if held.is_none() {
                filters.push((rule.filter.clone(), 0));
            }
        }
        let mut shared = vec![0; atoms.comparisons()];
        for rule in rules {
            let beginnings = rule.beginnings.iter().flatten();
            beginnings.flat_map(Mask::comparisons).for_each(|comparison| shared[comparison] += 1);
        }
        let mut dispatch = Self {
            filters,
            filter_of,
            guards: vec![0; atoms.comparisons().div_ceil(64)],
            guarded: vec![Vec::new(); atoms.comparisons()],
            unguarded: vec![0; rules.len().div_ceil(64)],
        };
        for (number, rule) in rules.iter().enumerate() {
            let guard = |mask: &Mask| mask.comparisons().min_by_key(|&comparison| shared[comparison]);
            let guards: Option<Vec<usize>> =
                rule.beginnings.as_ref().and_then(|masks| masks.iter().map(guard).collect());
            let Some(guards) = guards else {
                dispatch.unguarded[number / 64] |= 1 << (number % 64);
                continue;
            };
            for guard in guards {
                dispatch.guards[guard / 64] |= 1 << (guard % 64);
                dispatch.guarded[guard].push(number as u32);
            }
        }
        dispatch
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
        concerned.rules.extend_from_slice(&self.unguarded);
        for (word, &guards) in self.guards.iter().enumerate() {
            let mut holding = guards & truths.word(word);
            while holding != 0 {
                let guard = word * 64 + holding.trailing_zeros() as usize;
                holding &= holding - 1;
                for &rule in &self.guarded[guard] {
                    concerned.rules[rule as usize / 64] |= 1 << (rule % 64);
                }
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
