//! Bit planes: 256 rows at once, a bit of each.
//!
//! For a block of rows every comparison that any tree asks for is made once: a mask of 256 bits per column,
//! rank and direction of missing values, whatever the number of splits that share it. A tree is walked for
//! all rows together: the set of rows that reach a split is cut in two by its mask. Each split owns one bit
//! of the leaves' labels, which its right-going rows turn; the planes of these bits, transposed, are a byte
//! per row that names its leaf (`run.rs`). Leaves are then added row by row, in tree order.
//!
//! Trees of at most eight levels are padded to full ones, and their program is no more than masks in
//! depth-first order. Others are a list of operations, with labels that `labels.rs` finds.

mod labels;
mod run;

use super::quantise::Number;
use super::ranked::{Column, ColumnTest, Ranked, RankedNode, RankedTree};
use labels::Labels;

pub(crate) use run::Scratch;
pub(super) use run::{Mask, RowSet};

/// Rows of a block.
pub(super) const ROWS: usize = 256;
/// Leaves that a byte can name.
const LEAVES_MAX: usize = 256;
/// Levels of a full tree.
const LEVELS_MAX: usize = 8;
/// Masks of a block, 512 kB: what a second-level cache holds.
const MASKS_MAX: usize = 1 << 14;
/// Trees whose leaves are added together.
const TREES_AT_ONCE: usize = 8;
/// The mask of splits that send every row left.
const NO_ROW: u16 = 0;
/// The mask of splits that send every row right.
const ALL_ROWS: u16 = 1;
/// Operations of a tree.
const OPERATIONS_MAX: usize = 511;
/// A full tree may have this many times the splits of the tree it stands for: they cost a third.
const FULL_TIMES: usize = 3;

/// Where the masks of a column lie: rank 1 first.
#[derive(Debug, Clone, PartialEq)]
struct ColumnMasks {
    ranks: usize,
    /// The masks in which missing values go right.
    missing_right: Option<usize>,
    /// The masks in which missing values go left.
    missing_left: Option<usize>,
}

/// Cuts the rows at a place in two.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Operation {
    mask: u16,
    /// Place of the rows; those that go left and right are put to the places 2i + 1 and 2i + 2, where i is
    /// the operation's own.
    place: u16,
    /// Bit of the label that going right turns.
    bit: u8,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Program {
    /// Levels, and the first of 2^levels - 1 masks in depth-first order.
    Full { levels: usize, at: usize },
    /// A range of operations.
    Listed { at: usize, end: usize },
}

#[derive(Debug, Clone, PartialEq)]
struct Tree {
    program: Program,
    /// First of its leaves, in the order of their labels.
    leaves: usize,
}

/// The programs of a forest.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Planes<F> {
    columns: Vec<ColumnMasks>,
    masks: usize,
    splits: Vec<u16>,
    operations: Vec<Operation>,
    trees: Vec<Tree>,
    /// End of each margin's trees.
    margins: Vec<usize>,
    leaves: Vec<F>,
}

impl<F: Number> Planes<F> {
    /// Compiles the trees. `None` when one has too many leaves, there are too many masks, or the programs
    /// would exceed `bytes_max`.
    pub(super) fn new(ranked: &Ranked, bytes_max: usize) -> Option<Self> {
        if ranked.trees().map(RankedTree::leaf_count).max()? > LEAVES_MAX {
            return None;
        }
        let (columns, masks) = column_masks(ranked);
        if masks > MASKS_MAX {
            return None;
        }
        let mut this = Self {
            columns,
            masks,
            splits: Vec::new(),
            operations: Vec::new(),
            trees: Vec::new(),
            margins: Vec::new(),
            leaves: Vec::new(),
        };
        for trees in &ranked.margins {
            for tree in trees {
                this.push(tree)?;
            }
            this.margins.push(this.trees.len());
        }
        // A byte always names a place that is there.
        this.leaves.extend([F::default(); LEAVES_MAX]);
        (this.bytes() <= bytes_max).then_some(this)
    }

    fn push(&mut self, tree: &RankedTree) -> Option<()> {
        let leaves = self.leaves.len();
        let full = tree.depth <= LEVELS_MAX && 1 << tree.depth <= FULL_TIMES * tree.leaf_count();
        let program = if full {
            let at = self.splits.len();
            self.full(tree, 0, tree.depth)?;
            Program::Full { levels: tree.depth, at }
        } else {
            self.listed(tree)?
        };
        self.trees.push(Tree { program, leaves });
        Some(())
    }

    /// Appends a node with `levels` levels of splits, and the leaves below it.
    fn full(&mut self, tree: &RankedTree, node: usize, levels: usize) -> Option<()> {
        match tree.nodes[node] {
            RankedNode::Leaf(value) => {
                self.splits.extend(std::iter::repeat_n(NO_ROW, (1 << levels) - 1));
                self.leaves.extend(std::iter::repeat_n(F::of_f64(value), 1 << levels));
            }
            RankedNode::Split { left, .. } => {
                let mask = self.mask(tree.nodes[node])?;
                self.splits.push(mask);
                self.full(tree, left, levels - 1)?;
                self.full(tree, left + 1, levels - 1)?;
            }
        }
        Some(())
    }

    fn listed(&mut self, tree: &RankedTree) -> Option<Program> {
        let labels = Labels::new(tree);
        let (at, leaves) = (self.operations.len(), self.leaves.len());
        self.leaves.extend(std::iter::repeat_n(F::default(), labels.count()));
        let mut places = vec![0; tree.nodes.len()];
        for (index, node) in tree.nodes.iter().enumerate() {
            match *node {
                RankedNode::Leaf(value) => self.leaves[leaves + labels.of(index)] = F::of_f64(value),
                RankedNode::Split { left, .. } => {
                    let turned = labels.of(left) ^ labels.of(left + 1);
                    // The left child keeps its parent's label: only those that go right turn bits.
                    let mut mask = self.mask(*node)?;
                    let mut place = places[index];
                    let children = 2 * (self.operations.len() - at) + 1;
                    places[left] = u16::try_from(children).ok()?;
                    places[left + 1] = u16::try_from(children + 1).ok()?;
                    for bit in (0..8).filter(|bit| turned >> bit & 1 == 1) {
                        self.operations.push(Operation { mask, place, bit });
                        (mask, place) = (ALL_ROWS, places[left + 1]);
                    }
                }
            }
        }
        let end = self.operations.len();
        (end - at <= OPERATIONS_MAX).then_some(Program::Listed { at, end })
    }

    /// The mask of a split.
    fn mask(&self, node: RankedNode) -> Option<u16> {
        let RankedNode::Split { column, rank, missing_left, .. } = node else { return None };
        let masks = &self.columns[column];
        let first = if missing_left { masks.missing_left? } else { masks.missing_right? };
        u16::try_from(first + usize::from(rank) - 1).ok()
    }

    pub(super) fn bytes(&self) -> usize {
        size_of_val(self.splits.as_slice())
            + size_of_val(self.operations.as_slice())
            + size_of_val(self.trees.as_slice())
            + size_of_val(self.leaves.as_slice())
            + self.masks * size_of::<Mask>()
    }
}

/// Where each column's masks lie, behind the two that belong to none, and the number of all.
fn column_masks(ranked: &Ranked) -> (Vec<ColumnMasks>, usize) {
    let mut used = vec![[false; 2]; ranked.columns.len()];
    for node in ranked.trees().flat_map(|tree| &tree.nodes) {
        if let RankedNode::Split { column, missing_left, .. } = *node {
            used[column][usize::from(missing_left)] = true;
        }
    }
    let mut count = usize::from(ALL_ROWS) + 1;
    let masks = ranked.columns.iter().zip(used).map(|(column, [right, left])| {
        let ranks = ranks(column);
        let mut place = |used: bool| {
            let at = used.then_some(count);
            count += if used { ranks } else { 0 };
            at
        };
        ColumnMasks { ranks, missing_right: place(right), missing_left: place(left) }
    });
    (masks.collect(), count)
}

/// The highest rank of a column.
fn ranks(column: &Column) -> usize {
    match &column.test {
        ColumnTest::Reached(numbers) => numbers.len(),
        ColumnTest::Differs(_) | ColumnTest::Outside(_) => 1,
    }
}
