//! The paths: outcomes of a line, then the leaf whose path agrees with them.

use std::arch::x86_64::*;
use std::ops::Range;

use super::super::paths::{LEAVES, Paths, Tree};
use super::super::quantise::NarrowCells;
use super::banks::Banks;
use super::{BLOCK, Sum, range};

#[target_feature(enable = "avx2,bmi1,bmi2,popcnt,lzcnt")]
pub(super) fn paths<F: Sum>(paths: &Paths<F>, cells: &NarrowCells, sums: &mut [F]) {
    let mut first = 0;
    for (end, sum) in paths.margins.iter().zip(sums) {
        *sum = of_row!(path_trees, paths.halves, cells, paths, first..*end, *sum);
        first = *end;
    }
}

#[target_feature(enable = "avx2,bmi1,bmi2,popcnt,lzcnt")]
pub(super) fn path_rows<F: Sum>(paths: &Paths<F>, margin: usize, rows: &[NarrowCells], sums: &mut [F]) {
    let (first, end) = range(&paths.margins, margin);
    for from in (first..end).step_by(BLOCK / 2) {
        let trees = from..end.min(from + BLOCK / 2);
        for (cells, sum) in rows.iter().zip(&mut *sums) {
            *sum = of_row!(path_trees, paths.halves, cells, paths, trees.clone(), *sum);
        }
    }
}

#[target_feature(enable = "avx2,bmi1,bmi2,popcnt,lzcnt")]
fn path_trees<F: Sum, const HALVES: usize, const MISSING: bool>(
    cells: &NarrowCells,
    paths: &Paths<F>,
    trees: Range<usize>,
    mut sum: F,
) -> F {
    let banks = Banks::<HALVES>::new(cells);
    let leaves = &paths.leaves[trees.start * LEAVES..trees.end * LEAVES];
    for (tree, leaves) in paths.trees[trees].iter().zip(leaves.chunks_exact(LEAVES)) {
        let outcomes = _mm256_set1_epi32(banks.outcomes::<MISSING>(&tree.line) as i32);
        let low = _mm256_packs_epi32(agree::<0>(tree, outcomes), agree::<1>(tree, outcomes));
        let high = _mm256_packs_epi32(agree::<2>(tree, outcomes), agree::<3>(tree, outcomes));
        let leaf = _mm256_movemask_epi8(_mm256_packs_epi16(low, high)).trailing_zeros() as usize;
        sum += leaves[leaf % LEAVES];
    }
    sum
}

/// All ones in the lanes of those of eight leaves whose path agrees with the outcomes.
#[inline]
#[target_feature(enable = "avx2")]
fn agree<const EIGHTH: usize>(tree: &Tree, outcomes: __m256i) -> __m256i {
    const { assert!(EIGHTH < LEAVES / 8) };
    // SAFETY: `EIGHTH` is 0 to 3, both arrays are 32 numbers of 4 bytes, and the load needs no alignment.
    let cares = unsafe { _mm256_loadu_si256(tree.cares.as_ptr().add(EIGHTH * 8).cast()) };
    // SAFETY: as above.
    let wants = unsafe { _mm256_loadu_si256(tree.wants.as_ptr().add(EIGHTH * 8).cast()) };
    _mm256_cmpeq_epi32(_mm256_and_si256(outcomes, cares), wants)
}
