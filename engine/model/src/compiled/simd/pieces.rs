//! The pieces: outcomes of a line, five steps along them for eight trees at once, and again for the trees
//! that go on.

use std::ops::Range;

use super::super::pieces::{GOES_ON, Pieces};
use super::super::quantise::NarrowCells;
use super::super::walk::{BOTTOM_LEAVES, TREES_AT_ONCE};
use super::Sum;
use super::banks::Banks;
use super::walk::{ADD_BEHIND, DESCEND_BEHIND, Ring, UNDER_WAY, descend};

/// Trees whose pieces are under way at a time.
const TREES: usize = 512;

#[target_feature(enable = "avx2,bmi1,bmi2,popcnt,lzcnt")]
pub(super) fn pieces<F: Sum>(pieces: &Pieces<F>, cells: &NarrowCells, sums: &mut [F]) {
    let mut first = 0;
    for (end, sum) in pieces.margins.iter().zip(sums) {
        *sum = of_row!(margin, pieces.halves, cells, pieces, first..*end, *sum);
        first = *end;
    }
}

/// The pieces that trees have reached.
struct Open {
    /// Where each is.
    lines: [u32; TREES],
    /// The tree of each.
    trees: [u16; TREES],
    count: usize,
    /// The last exit of each tree.
    exits: [u32; TREES],
}

/// Adds the leaves of trees: a range of `Pieces::margins`.
#[target_feature(enable = "avx2,bmi1,bmi2,popcnt,lzcnt")]
fn margin<F: Sum, const HALVES: usize, const MISSING: bool>(
    cells: &NarrowCells,
    pieces: &Pieces<F>,
    trees: Range<usize>,
    mut sum: F,
) -> F {
    let banks = Banks::<HALVES>::new(cells);
    let mut open = Open { lines: [0; TREES], trees: [0; TREES], count: 0, exits: [0; TREES] };
    for first in trees.clone().step_by(TREES) {
        let count = TREES.min(trees.end - first);
        let mut tree = 0;
        while tree < count {
            open.lines[tree] = (first + tree) as u32;
            open.trees[tree] = tree as u16;
            tree += 1;
        }
        open.count = count;
        while open.count > 0 {
            pass::<F, HALVES, MISSING>(pieces, &banks, &mut open);
        }
        let mut tree = 0;
        while tree < count {
            // SAFETY: a tree is open until its exit is a leaf, which is there: see `Pieces`.
            sum += unsafe { *pieces.leaves.get_unchecked(open.exits[tree] as usize) };
            tree += 1;
        }
    }
    sum
}

/// Takes every open piece to its exit, and keeps open those whose exit is a piece. The lists are written
/// behind where they are read.
#[inline]
#[target_feature(enable = "avx2,bmi1,bmi2,popcnt,lzcnt")]
fn pass<F: Sum, const HALVES: usize, const MISSING: bool>(
    pieces: &Pieces<F>,
    banks: &Banks<HALVES>,
    open: &mut Open,
) {
    let count = open.count.min(TREES);
    let groups = count.div_ceil(TREES_AT_ONCE);
    let mut index = count;
    while index < groups * TREES_AT_ONCE {
        open.lines[index % TREES] = 0;
        index += 1;
    }
    let mut ring = Ring::new();
    open.count = 0;
    let mut step = 0;
    while step < groups + ADD_BEHIND {
        if step < groups {
            let at = step % UNDER_WAY;
            let mut index = 0;
            while index < TREES_AT_ONCE {
                let line = open.lines[(step * TREES_AT_ONCE + index) % TREES];
                ring.places[at][index] = line * 64;
                // SAFETY: the first `count` are trees of the forest or exits that are lines, the others 0,
                // and the forest has a tree: see `Pieces`. What this pass writes lies before what it reads.
                let line = unsafe { pieces.lines.get_unchecked(line as usize) };
                ring.outcomes[at][index] = banks.outcomes::<MISSING>(line);
                index += 1;
            }
        }
        if step >= ADD_BEHIND {
            let group = step - ADD_BEHIND;
            let here = TREES_AT_ONCE.min(count - group * TREES_AT_ONCE);
            let mut index = 0;
            while index < here {
                let place = ring.places[group % UNDER_WAY][index] as usize;
                // SAFETY: after the descent a place is 32 times the number of a line plus an exit below 32,
                // and there are 32 exits per line.
                let exit = unsafe { *pieces.exits.as_ptr().cast::<u32>().add(place) };
                let tree = open.trees[(group * TREES_AT_ONCE + index) % TREES];
                open.exits[usize::from(tree) % TREES] = exit;
                open.lines[open.count % TREES] = exit & !GOES_ON;
                open.trees[open.count % TREES] = tree;
                open.count += usize::from(exit & GOES_ON != 0);
                index += 1;
            }
        }
        if step >= DESCEND_BEHIND && step < groups + DESCEND_BEHIND {
            let at = (step - DESCEND_BEHIND) % UNDER_WAY;
            descend(&ring.outcomes[at], &mut ring.places[at]);
        }
        step += 1;
    }
}

const _: () = assert!(BOTTOM_LEAVES == 32);
