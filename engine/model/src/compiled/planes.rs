//! Byte planes: many rows at once, a byte of each.
//!
//! A block of rows is quantised into columns. A tree is a short program over blocks of bytes that computes
//! each row's leaf, bottom up: a split compares its column's bytes with its rank and chooses between what its
//! children computed. Any tree of at most 256 leaves fits, whatever its shape; the cost is a comparison and a
//! choice per split for 32 rows. The larger child comes first, so that a stack of nine blocks is enough.

use super::quantise::{Number, WideCells};
use super::ranked::{Ranked, RankedNode, RankedTree};

/// Rows of a block.
pub(super) const ROWS: usize = 256;
/// Blocks of intermediate results: a tree of 2^n leaves needs n.
const STACK: usize = 9;
/// Leaves that a byte can name.
const LEAVES_MAX: usize = 256;
/// Columns times two banks that a block has room for.
pub(super) const PLANES_MAX: usize = 128;

type Plane = [u8; ROWS];

/// How a split's children are found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Both are leaves: this one and the next.
    Leaves,
    /// The left is a leaf, the right on the stack.
    LeftLeaf,
    /// The right is a leaf, the left on the stack.
    RightLeaf,
    /// Both are on the stack, the right above the left.
    LeftFirst,
    /// Both are on the stack, the left above the right.
    RightFirst,
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct Operation {
    kind: Kind,
    plane: u8,
    rank: u8,
    leaf: u8,
}

#[derive(Debug, Clone, PartialEq)]
struct Program {
    /// End of its operations.
    end: usize,
    /// First of its leaves.
    leaves: usize,
}

/// The programs of a forest.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Planes<F> {
    operations: Vec<Operation>,
    programs: Vec<Program>,
    /// End of each margin's programs.
    margins: Vec<usize>,
    leaves: Vec<F>,
    columns: usize,
}

/// Room for a block.
pub(super) struct Block {
    planes: [Plane; PLANES_MAX],
}

impl Block {
    pub(super) fn new() -> Self {
        Self { planes: [[0; ROWS]; PLANES_MAX] }
    }

    /// Takes a row's bytes.
    #[inline(always)]
    pub(super) fn set(&mut self, columns: usize, row: usize, cells: &WideCells) {
        let (right, left) = self.planes.split_at_mut(PLANES_MAX / 2);
        for column in 0..columns {
            right[column][row] = cells.missing_right[column];
            left[column][row] = cells.missing_left[column];
        }
    }
}

impl<F: Number> Planes<F> {
    /// Compiles the trees. `None` when one has too many leaves, there are too many columns, or the programs
    /// would exceed `bytes_max`.
    pub(super) fn new(ranked: &Ranked, bytes_max: usize) -> Option<Self> {
        let leaves = ranked.trees().map(RankedTree::leaf_count).max()?;
        if leaves > LEAVES_MAX || ranked.columns.len() > PLANES_MAX / 2 {
            return None;
        }
        let mut this = Self {
            operations: Vec::new(),
            programs: Vec::new(),
            margins: Vec::new(),
            leaves: Vec::new(),
            columns: ranked.columns.len(),
        };
        for trees in &ranked.margins {
            for tree in trees {
                let first = this.leaves.len();
                let sizes = sizes(tree);
                this.compile(tree, &sizes, 0, first)?;
                this.programs.push(Program { end: this.operations.len(), leaves: first });
            }
            this.margins.push(this.programs.len());
        }
        (this.bytes() <= bytes_max).then_some(this)
    }

    /// Columns of a row.
    pub(super) fn column_count(&self) -> usize {
        self.columns
    }

    fn compile(&mut self, tree: &RankedTree, sizes: &[usize], node: usize, first: usize) -> Option<()> {
        let RankedNode::Split { column, rank, missing_left, left } = tree.nodes[node] else {
            return if node == 0 { self.leaf(tree, 0, first).map(|_| ()) } else { None };
        };
        let plane = u8::try_from(column + if missing_left { PLANES_MAX / 2 } else { 0 }).ok()?;
        let is_leaf = |node: usize| matches!(tree.nodes[node], RankedNode::Leaf(_));
        let (kind, leaf) = match (is_leaf(left), is_leaf(left + 1)) {
            (true, true) => {
                let leaf = self.leaf(tree, left, first)?;
                self.leaf(tree, left + 1, first)?;
                (Kind::Leaves, leaf)
            }
            (true, false) => {
                self.compile(tree, sizes, left + 1, first)?;
                (Kind::LeftLeaf, self.leaf(tree, left, first)?)
            }
            (false, true) => {
                self.compile(tree, sizes, left, first)?;
                (Kind::RightLeaf, self.leaf(tree, left + 1, first)?)
            }
            (false, false) => {
                let left_first = sizes[left] >= sizes[left + 1];
                let (one, other) = if left_first { (left, left + 1) } else { (left + 1, left) };
                self.compile(tree, sizes, one, first)?;
                self.compile(tree, sizes, other, first)?;
                (if left_first { Kind::LeftFirst } else { Kind::RightFirst }, 0)
            }
        };
        self.operations.push(Operation { kind, plane, rank, leaf });
        Some(())
    }

    fn leaf(&mut self, tree: &RankedTree, node: usize, first: usize) -> Option<u8> {
        let RankedNode::Leaf(value) = tree.nodes[node] else { return None };
        self.leaves.push(F::of_f64(value));
        u8::try_from(self.leaves.len() - 1 - first).ok()
    }

    /// Adds the leaves of a block of rows to their sums of one margin.
    #[inline(always)]
    pub(super) fn add(&self, block: &Block, margin: usize, sums: &mut [F; ROWS]) {
        let mut stack = [[0; ROWS]; STACK];
        let first = if margin == 0 { 0 } else { self.margins[margin - 1] };
        let mut from = if first == 0 { 0 } else { self.programs[first - 1].end };
        for program in &self.programs[first..self.margins[margin]] {
            let mut height = 0;
            for operation in &self.operations[from..program.end] {
                height = step(
                    operation,
                    &block.planes[usize::from(operation.plane) % PLANES_MAX],
                    &mut stack,
                    height,
                );
            }
            if from == program.end {
                stack[0] = [0; ROWS];
            }
            from = program.end;
            let leaves = &self.leaves[program.leaves..];
            for (sum, leaf) in sums.iter_mut().zip(&stack[0]) {
                *sum += leaves[usize::from(*leaf)];
            }
        }
    }

    pub(super) fn bytes(&self) -> usize {
        size_of_val(self.operations.as_slice())
            + size_of_val(self.programs.as_slice())
            + size_of_val(self.leaves.as_slice())
    }
}

/// Does an operation, and gives the new height of the stack.
#[inline(always)]
fn step(operation: &Operation, plane: &Plane, stack: &mut [Plane; STACK], height: usize) -> usize {
    let Operation { kind, rank, leaf, .. } = *operation;
    match kind {
        Kind::Leaves => {
            for (out, x) in stack[height % STACK].iter_mut().zip(plane) {
                *out = leaf + u8::from(*x >= rank);
            }
            height + 1
        }
        Kind::LeftLeaf => {
            for (out, x) in stack[(height - 1) % STACK].iter_mut().zip(plane) {
                *out = choose(leaf, *out, *x >= rank);
            }
            height
        }
        Kind::RightLeaf => {
            for (out, x) in stack[(height - 1) % STACK].iter_mut().zip(plane) {
                *out = choose(*out, leaf, *x >= rank);
            }
            height
        }
        Kind::LeftFirst | Kind::RightFirst => {
            let (below, above) = stack.split_at_mut((height - 1) % STACK);
            let Some(low) = below.last_mut() else { return height };
            let planes = low.iter_mut().zip(&above[0]).zip(plane);
            if kind == Kind::LeftFirst {
                planes.for_each(|((low, high), x)| *low = choose(*low, *high, *x >= rank));
            } else {
                planes.for_each(|((low, high), x)| *low = choose(*high, *low, *x >= rank));
            }
            height - 1
        }
    }
}

/// Bits, not a branch: an `if` is compiled to one, 22 us a row of 500x6 instead of 1.
#[inline(always)]
fn choose(left: u8, right: u8, goes_right: bool) -> u8 {
    let mask = u8::from(goes_right).wrapping_neg();
    (right & mask) | (left & !mask)
}

/// Leaves below each node.
fn sizes(tree: &RankedTree) -> Vec<usize> {
    let mut sizes = vec![1; tree.nodes.len()];
    for index in (0..tree.nodes.len()).rev() {
        if let RankedNode::Split { left, .. } = tree.nodes[index] {
            sizes[index] = sizes[left] + sizes[left + 1];
        }
    }
    sizes
}
