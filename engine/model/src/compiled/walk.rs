//! Tables of the walk: trees of at most eight levels as a small top and bottoms of five levels.
//!
//! A bottom is one cache line: the columns of 31 splits in heap order (bytes 1 to 31; the root is 1, the
//! children of i are 2i and 2i + 1) and their ranks. All 31 comparisons take one shuffle and one compare; the
//! way through their outcomes takes five steps for eight trees at once. The levels above, at most three, are
//! eight bytes per tree, four trees to a line. A leaf above the last level fills all places below it, with
//! splits that always go left.

use super::quantise::Number;
use super::ranked::{Ranked, RankedNode, RankedTree};

/// Levels of a bottom.
pub(super) const BOTTOM_LEVELS: usize = 5;
/// Leaves of a bottom.
pub(super) const BOTTOM_LEAVES: usize = 1 << BOTTOM_LEVELS;
/// Levels above the bottoms.
pub(super) const TOP_LEVELS_MAX: usize = 3;
/// Columns that a shuffle byte can name.
pub(super) const WALK_COLUMNS_MAX: usize = 64;
/// Trees walked at once; each margin's trees are padded to a multiple.
pub(super) const TREES_AT_ONCE: usize = 8;
/// Set in a column byte when the split's missing values go left.
pub(super) const MISSING_LEFT: u8 = 64;
/// Set in a column byte when bit 4 is, for shuffles: they give 0 where it is set.
const ODD_HALF: u8 = 128;
/// A rank byte that no cell exceeds: always left.
const ALWAYS_LEFT: u8 = 0x7f;

/// Splits whose outcomes are found by one comparison.
#[derive(Debug, Clone, PartialEq)]
#[repr(align(64))]
pub(super) struct Line {
    /// Column, with [`MISSING_LEFT`] and [`ODD_HALF`].
    pub(super) columns: [u8; 32],
    /// Rank - 1 with the top bit turned, for a signed comparison: right when the cell, turned too, is above.
    pub(super) ranks: [u8; 32],
}

impl Line {
    pub(super) const fn empty() -> Self {
        Self { columns: [0; 32], ranks: [ALWAYS_LEFT; 32] }
    }

    pub(super) fn set(&mut self, place: usize, split: &LineSplit) {
        let half = if split.column & 16 == 0 { 0 } else { ODD_HALF };
        self.columns[place] = split.column | half | if split.missing_left { MISSING_LEFT } else { 0 };
        self.ranks[place] = (split.rank - 1) ^ 0x80;
    }
}

/// A split on its way into a line.
pub(super) struct LineSplit {
    column: u8,
    rank: u8,
    missing_left: bool,
}

/// The tables. Built by [`Walk::new`] only, which keeps what `simd.rs` relies on:
///
/// - `bottoms.len() == trees << top_levels` and `leaves.len() == bottoms.len() * 32`;
/// - `tops` has a line per 32 trees when `top_levels` is 1, and per 4 trees when it is more;
/// - `margins` are ascending ranges of multiples of [`TREES_AT_ONCE`], the last ending at `trees`;
/// - the columns of all lines are below `16 * halves`, and `halves` is 1 to 4.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Walk<F> {
    pub(super) top_levels: usize,
    pub(super) halves: usize,
    /// End of each margin's trees.
    pub(super) margins: Vec<usize>,
    pub(super) tops: Vec<Line>,
    pub(super) bottoms: Vec<Line>,
    pub(super) leaves: Vec<F>,
}

impl<F: Number> Walk<F> {
    /// Builds the tables. `None` when a tree is too deep, there are too many columns, or the tables would
    /// exceed `bytes_max`.
    pub(super) fn new(ranked: &Ranked, bytes_max: usize) -> Option<Self> {
        let depth = ranked.trees().map(|tree| tree.depth).max()?;
        let columns = ranked.columns.len();
        let top_levels = depth.saturating_sub(BOTTOM_LEVELS);
        if top_levels > TOP_LEVELS_MAX || columns > WALK_COLUMNS_MAX {
            return None;
        }
        let padded = |trees: &Vec<RankedTree>| trees.len().next_multiple_of(TREES_AT_ONCE);
        let trees: usize = ranked.margins.iter().map(padded).sum();
        let bottom_bytes = size_of::<Line>() + BOTTOM_LEAVES * size_of::<F>();
        if (trees << top_levels).checked_mul(bottom_bytes)? > bytes_max {
            return None;
        }
        let mut this = Self {
            top_levels,
            halves: columns.div_ceil(16).max(1),
            margins: Vec::new(),
            tops: vec![Line::empty(); [0, trees.div_ceil(32), trees / 4, trees / 4][top_levels]],
            bottoms: vec![Line::empty(); trees << top_levels],
            // Trees that only pad add -0.0, which changes no sum, not even one that is -0.0.
            leaves: vec![F::of_f64(-0.0); (trees << top_levels) * BOTTOM_LEAVES],
        };
        let mut index = 0;
        for trees in &ranked.margins {
            let end = index + padded(trees);
            for (place, tree) in trees.iter().enumerate() {
                this.top(index + place, &tree.nodes, 0, 1, 0);
            }
            this.margins.push(end);
            index = end;
        }
        Some(this)
    }

    /// Places node `node` of a tree at a heap place of its top, `level` levels down.
    fn top(&mut self, tree: usize, nodes: &[RankedNode], node: usize, place: usize, level: usize) {
        if level == self.top_levels {
            let bottom = (tree << self.top_levels) + place - (1 << level);
            return self.bottom(bottom, nodes, node, 1);
        }
        match nodes[node] {
            RankedNode::Leaf(_) => self.top(tree, nodes, node, 2 * place, level + 1),
            RankedNode::Split { left, .. } => {
                if let Some(split) = split_of(nodes[node]) {
                    let (line, place) = self.top_place(tree, place);
                    self.tops[line].set(place, &split);
                }
                self.top(tree, nodes, left, 2 * place, level + 1);
                self.top(tree, nodes, left + 1, 2 * place + 1, level + 1);
            }
        }
    }

    /// Line and byte of a heap place of a top. A single split takes a byte, two and three levels take eight.
    fn top_place(&self, tree: usize, place: usize) -> (usize, usize) {
        if self.top_levels == 1 { (tree / 32, tree % 32) } else { (tree / 4, tree % 4 * 8 + place) }
    }

    /// Places a node at a heap place of a bottom.
    fn bottom(&mut self, bottom: usize, nodes: &[RankedNode], node: usize, place: usize) {
        match nodes[node] {
            RankedNode::Leaf(value) => {
                let level = place.ilog2() as usize;
                let first = (place << (BOTTOM_LEVELS - level)) - BOTTOM_LEAVES;
                let count = 1 << (BOTTOM_LEVELS - level);
                self.leaves[bottom * BOTTOM_LEAVES + first..][..count].fill(F::of_f64(value));
            }
            RankedNode::Split { left, .. } => {
                if let Some(split) = split_of(nodes[node]) {
                    self.bottoms[bottom].set(place, &split);
                }
                self.bottom(bottom, nodes, left, 2 * place);
                self.bottom(bottom, nodes, left + 1, 2 * place + 1);
            }
        }
    }

    pub(super) fn bytes(&self) -> usize {
        size_of_val(self.tops.as_slice())
            + size_of_val(self.bottoms.as_slice())
            + size_of_val(self.leaves.as_slice())
    }
}

pub(super) fn split_of(node: RankedNode) -> Option<LineSplit> {
    match node {
        RankedNode::Leaf(_) => None,
        RankedNode::Split { column, rank, missing_left, .. } => {
            Some(LineSplit { column: u8::try_from(column).ok()?, rank, missing_left })
        }
    }
}
