//! Tables of the paths: trees of at most 32 leaves, of any shape.
//!
//! A tree is one line of up to 31 splits, compared at once, and for each leaf two words: which outcomes its
//! path cares about and what they must be. Four comparisons of eight leaves find the
//! only one whose path agrees.

use super::quantise::Number;
use super::ranked::{Ranked, RankedNode, RankedTree};
use super::walk::{Line, WALK_COLUMNS_MAX, split_of};

/// Leaves of a tree.
pub(super) const LEAVES: usize = 32;

/// A tree of the paths.
#[derive(Debug, Clone, PartialEq)]
#[repr(align(64))]
pub(super) struct Tree {
    pub(super) line: Line,
    /// The outcomes on each leaf's path; leaves lie where [`position`] says.
    pub(super) cares: [u32; LEAVES],
    /// What those outcomes are.
    pub(super) wants: [u32; LEAVES],
}

/// The tables. Built by [`Paths::new`] only, which keeps what `simd.rs` relies on:
///
/// - `leaves.len() == trees.len() * 32`;
/// - `margins` are ascending ends of ranges of `trees`, the last is their count;
/// - the columns of all lines are below `16 * halves`, and `halves` is 1 to 4.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Paths<F> {
    pub(super) halves: usize,
    pub(super) margins: Vec<usize>,
    pub(super) trees: Vec<Tree>,
    /// In the order of the bits that the comparisons give.
    pub(super) leaves: Vec<F>,
}

impl<F: Number> Paths<F> {
    /// Builds the tables. `None` when a tree has too many leaves, there are too many columns, or the tables
    /// would exceed `bytes_max`.
    pub(super) fn new(ranked: &Ranked, bytes_max: usize) -> Option<Self> {
        let leaves = ranked.trees().map(RankedTree::leaf_count).max()?;
        let columns = ranked.columns.len();
        let bytes = ranked.trees().count() * (size_of::<Tree>() + LEAVES * size_of::<F>());
        if leaves > LEAVES || columns > WALK_COLUMNS_MAX || bytes > bytes_max {
            return None;
        }
        let mut this = Self {
            halves: columns.div_ceil(16).max(1),
            margins: Vec::new(),
            trees: Vec::new(),
            leaves: Vec::new(),
        };
        for trees in &ranked.margins {
            trees.iter().for_each(|tree| this.push(tree));
            this.margins.push(this.trees.len());
        }
        Some(this)
    }

    fn push(&mut self, tree: &RankedTree) {
        // A word that no outcomes give stands where there is no leaf.
        let mut entry = Tree { line: Line::empty(), cares: [0; LEAVES], wants: [1; LEAVES] };
        let mut values = [F::default(); LEAVES];
        let (mut splits, mut leaves) = (0, 0);
        let mut paths = vec![(0_u32, 0_u32); tree.nodes.len()];
        for (index, node) in tree.nodes.iter().enumerate() {
            let (cares, wants) = paths[index];
            match *node {
                RankedNode::Leaf(value) => {
                    entry.cares[position(leaves)] = cares;
                    entry.wants[position(leaves)] = wants;
                    values[leaves] = F::of_f64(value);
                    leaves += 1;
                }
                RankedNode::Split { left, .. } => {
                    if let Some(split) = split_of(*node) {
                        entry.line.set(splits, &split);
                    }
                    let bit = 1 << splits;
                    paths[left] = (cares | bit, wants);
                    paths[left + 1] = (cares | bit, wants | bit);
                    splits += 1;
                }
            }
        }
        self.trees.push(entry);
        self.leaves.extend(values);
    }

    pub(super) fn bytes(&self) -> usize {
        size_of_val(self.trees.as_slice()) + size_of_val(self.leaves.as_slice())
    }
}

/// Where the words of the leaf lie whose comparison ends as bit `bit`: narrowing four registers of eight
/// words to one of 32 bytes works in halves.
fn position(bit: usize) -> usize {
    let (half, within) = (bit / 16, bit % 16);
    within / 4 * 8 + half * 4 + within % 4
}
