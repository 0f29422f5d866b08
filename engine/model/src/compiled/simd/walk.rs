//! The walk: outcomes of a line, then the way along them, for eight trees at once.

use std::arch::x86_64::*;
use std::ops::Range;

use super::super::quantise::NarrowCells;
use super::super::walk::{BOTTOM_LEAVES, BOTTOM_LEVELS, TREES_AT_ONCE, Walk};
use super::Sum;
use super::banks::Banks;

#[target_feature(enable = "avx2,bmi1,bmi2,popcnt,lzcnt")]
pub(super) fn walk<F: Sum>(walk: &Walk<F>, cells: &NarrowCells, sums: &mut [F]) {
    let mut first = 0;
    for (end, sum) in walk.margins.iter().zip(sums) {
        *sum = of_row!(walk_trees, walk.halves, cells, walk, first..*end, *sum);
        first = *end;
    }
}

/// Adds the leaves of trees: a range of `Walk::margins`.
#[target_feature(enable = "avx2,bmi1,bmi2,popcnt,lzcnt")]
fn walk_trees<F: Sum, const HALVES: usize, const MISSING: bool>(
    cells: &NarrowCells,
    walk: &Walk<F>,
    trees: Range<usize>,
    sum: F,
) -> F {
    let banks = Banks::<HALVES>::new(cells);
    match walk.top_levels {
        0 => walk_margin::<F, HALVES, MISSING, NO_TOP>(walk, &banks, trees, sum),
        1 => walk_margin::<F, HALVES, MISSING, ROOT>(walk, &banks, trees, sum),
        _ => walk_margin::<F, HALVES, MISSING, LEVELS>(walk, &banks, trees, sum),
    }
}

/// Tops of a tree: none, one split, or two and three levels in eight bytes.
const NO_TOP: u8 = 0;
const ROOT: u8 = 1;
const LEVELS: u8 = 2;

/// Groups of eight trees under way at a time, and how far the later stages are behind the first. Outcomes are
/// stored one by one and loaded eight at a time, which is slow until the stores have left the store buffer.
pub(super) const UNDER_WAY: usize = 8;
pub(super) const DESCEND_BEHIND: usize = 2;
pub(super) const ADD_BEHIND: usize = 4;

/// Outcomes and places of the groups under way.
#[repr(align(64))]
pub(super) struct Ring {
    pub(super) outcomes: [[u32; TREES_AT_ONCE]; UNDER_WAY],
    /// Bottom of each tree, in bytes; after the descent its leaf.
    pub(super) places: [[u32; TREES_AT_ONCE]; UNDER_WAY],
}

impl Ring {
    #[inline]
    pub(super) fn new() -> Self {
        Self { outcomes: [[0; TREES_AT_ONCE]; UNDER_WAY], places: [[0; TREES_AT_ONCE]; UNDER_WAY] }
    }
}

#[target_feature(enable = "avx2,bmi1,bmi2,popcnt,lzcnt")]
fn walk_margin<F: Sum, const HALVES: usize, const MISSING: bool, const TOP: u8>(
    walk: &Walk<F>,
    banks: &Banks<HALVES>,
    trees: Range<usize>,
    mut sum: F,
) -> F {
    let mut ring = Ring::new();
    let groups = trees.len() / TREES_AT_ONCE;
    for step in 0..groups + ADD_BEHIND {
        if step < groups {
            let group = trees.start / TREES_AT_ONCE + step;
            let places = bottoms::<F, HALVES, MISSING, TOP>(walk, banks, group);
            let at = step % UNDER_WAY;
            // SAFETY: 8 numbers of 4 bytes, and the store needs no alignment.
            unsafe { _mm256_storeu_si256(ring.places[at].as_mut_ptr().cast(), places) };
            for index in 0..TREES_AT_ONCE {
                let place = ring.places[at][index] as usize;
                // SAFETY: `places` are 64 times the number of a bottom, which is a tree below the count times
                // the bottoms of a tree, plus an exit of its top below that: see `Walk`.
                let line = unsafe { &*walk.bottoms.as_ptr().byte_add(place) };
                ring.outcomes[at][index] = banks.outcomes::<MISSING>(line);
            }
        }
        if step >= ADD_BEHIND {
            let at = (step - ADD_BEHIND) % UNDER_WAY;
            for index in 0..TREES_AT_ONCE {
                // SAFETY: after the descent a place is 32 times the number of a bottom plus a leaf below 32,
                // and there are 32 leaves per bottom.
                sum += unsafe { *walk.leaves.get_unchecked(ring.places[at][index] as usize) };
            }
        }
        if step >= DESCEND_BEHIND && step < groups + DESCEND_BEHIND {
            let at = (step - DESCEND_BEHIND) % UNDER_WAY;
            descend(&ring.outcomes[at], &mut ring.places[at]);
        }
    }
    sum
}

/// The bottoms that a row reaches in eight trees, in bytes.
#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,popcnt,lzcnt")]
fn bottoms<F, const HALVES: usize, const MISSING: bool, const TOP: u8>(
    walk: &Walk<F>,
    banks: &Banks<HALVES>,
    group: usize,
) -> __m256i {
    let lanes = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    let tree = _mm256_add_epi32(_mm256_set1_epi32((group * TREES_AT_ONCE) as i32), lanes);
    let one = _mm256_set1_epi32(1);
    let bottom = match TOP {
        NO_TOP => tree,
        ROOT => {
            // SAFETY: a line per 32 trees, which are 4 groups, rounded up: see `Walk`.
            let line = unsafe { walk.tops.get_unchecked(group / 4) };
            let outcomes = banks.outcomes::<MISSING>(line) >> (group % 4 * 8);
            let bit = _mm256_and_si256(_mm256_srlv_epi32(_mm256_set1_epi32(outcomes as i32), lanes), one);
            _mm256_add_epi32(_mm256_add_epi32(tree, tree), bit)
        }
        _ => {
            // SAFETY: a line per 4 trees, so 2 per group of 8: see `Walk`.
            let lines = unsafe { walk.tops.get_unchecked(group * 2..group * 2 + 2) };
            let (first, second) =
                (banks.outcomes::<MISSING>(&lines[0]), banks.outcomes::<MISSING>(&lines[1]));
            let both = _mm_cvtsi64_si128((u64::from(first) | u64::from(second) << 32) as i64);
            let outcomes = _mm256_cvtepu8_epi32(both);
            let mut place = one;
            for _ in 0..walk.top_levels {
                let bit = _mm256_and_si256(_mm256_srlv_epi32(outcomes, place), one);
                place = _mm256_add_epi32(_mm256_add_epi32(place, place), bit);
            }
            let levels = _mm_cvtsi32_si128(walk.top_levels as i32);
            let place = _mm256_sub_epi32(place, _mm256_sll_epi32(one, levels));
            _mm256_add_epi32(_mm256_sll_epi32(tree, levels), place)
        }
    };
    _mm256_slli_epi32::<6>(bottom)
}

/// Follows the outcomes of eight trees from their bottoms, in bytes, to their leaves.
#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn descend(outcomes: &[u32; TREES_AT_ONCE], places: &mut [u32; TREES_AT_ONCE]) {
    // SAFETY: 8 numbers of 4 bytes, and the load needs no alignment.
    let outcomes = unsafe { _mm256_loadu_si256(outcomes.as_ptr().cast()) };
    // SAFETY: as above.
    let bottoms = unsafe { _mm256_loadu_si256(places.as_ptr().cast()) };
    let one = _mm256_set1_epi32(1);
    let bit = _mm256_and_si256(_mm256_srli_epi32::<1>(outcomes), one);
    let mut place = _mm256_add_epi32(bit, _mm256_set1_epi32(2));
    for _ in 1..BOTTOM_LEVELS {
        let bit = _mm256_and_si256(_mm256_srlv_epi32(outcomes, place), one);
        place = _mm256_add_epi32(_mm256_add_epi32(place, place), bit);
    }
    // A bottom has 64 bytes and 32 leaves; the last level's heap places begin at 32.
    let place = _mm256_sub_epi32(place, _mm256_set1_epi32(BOTTOM_LEAVES as i32));
    let leaves = _mm256_add_epi32(_mm256_srli_epi32::<1>(bottoms), place);
    // SAFETY: 8 numbers of 4 bytes, and the store needs no alignment.
    unsafe { _mm256_storeu_si256(places.as_mut_ptr().cast(), leaves) };
}
