//! Tabulated QuickScorer: for every state of a group of columns, the leaves of each tree that it can reach.
//!
//! A tree has one bit per leaf. Splits on a column, together with the state of that column, rule leaves out;
//! what a group of columns leaves over is looked up, and what all groups leave over is one leaf per tree. No
//! walk, no dependent load: one AND per group and tree, a count of trailing zeros, an addition. The states of
//! a column are its ranks and "missing". Columns of few states share a group, so that few groups remain.
//!
//! The idea is QuickScorer's (Lucchese et al., SIGIR 2015); the tables replace its scan of thresholds.

use std::ops::Range;

use super::quantise::{Number, WideCells};
use super::ranked::{Column, ColumnTest, RANKS_MAX, Ranked, RankedNode, RankedTree};

/// Trees whose bits lie side by side; each margin's trees are padded to a multiple.
const TREES_AT_ONCE: usize = 16;
/// Blocks of so many trees whose bits are kept at a time, 4 kB of 64 bits each.
const BLOCKS_AT_ONCE: usize = 32;
/// Runs read side by side.
const RUNS_AT_ONCE: usize = 4;
/// Groups of columns.
const GROUPS_MAX: usize = 64;
/// States that columns may have together and still share a group.
const SHARED_STATES_MAX: usize = 256;

/// Bits of a tree's leaves: `u32` or `u64`.
pub(super) trait Bits:
    Copy + Eq + std::ops::BitAnd<Output = Self> + std::ops::Not<Output = Self>
{
    const COUNT: usize;
    const ALL: Self;
    /// Bits `from..to`.
    fn range(from: usize, to: usize) -> Self;
    fn first(self) -> usize;
}

macro_rules! bits {
    ($type:ty) => {
        impl Bits for $type {
            const COUNT: usize = <$type>::BITS as usize;
            const ALL: Self = <$type>::MAX;
            fn range(from: usize, to: usize) -> Self {
                let below = |end: usize| if end >= Self::COUNT { Self::MAX } else { (1 << end) - 1 };
                below(to) & !below(from)
            }
            #[inline(always)]
            fn first(self) -> usize {
                self.trailing_zeros() as usize
            }
        }
    };
}
bits!(u32);
bits!(u64);

/// Columns looked up together.
#[derive(Debug, Clone, PartialEq)]
struct Group {
    /// Each column with its number of states and the factor of its state in the group's.
    columns: Vec<(usize, usize, usize)>,
    /// First of the group's tables, in units of [`TREES_AT_ONCE`] trees.
    at: usize,
}

/// The tables, with room for `LEAVES` leaves per tree, the bits of a `B`.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Tables<F, B, const LEAVES: usize> {
    groups: Vec<Group>,
    /// For each group and state one run of all trees.
    bits: Vec<[B; TREES_AT_ONCE]>,
    /// Length of a run.
    run: usize,
    /// End of each margin's trees in a run.
    margins: Vec<usize>,
    /// Leaves of each tree from left to right.
    leaves: Vec<[F; LEAVES]>,
}

/// States of a column: its ranks, then "missing".
fn states(column: &Column) -> usize {
    match &column.test {
        ColumnTest::Reached(numbers) => numbers.len() + 2,
        ColumnTest::Differs(_) | ColumnTest::Outside(_) => 3,
    }
}

impl<F: Number, B: Bits, const LEAVES: usize> Tables<F, B, LEAVES> {
    /// Builds the tables. `None` when a tree has more leaves than there are bits, there are too many groups,
    /// or the tables would exceed `bytes_max`.
    pub(super) fn new(ranked: &Ranked, bytes_max: usize) -> Option<Self> {
        let leaves = ranked.trees().map(RankedTree::leaf_count).max()?;
        let padded = |trees: &Vec<RankedTree>| trees.len().div_ceil(TREES_AT_ONCE);
        let run = ranked.margins.iter().map(padded).sum::<usize>();
        let (groups, states) = groups(&ranked.columns);
        let bytes = (states * run * TREES_AT_ONCE).checked_mul(size_of::<B>())?;
        if leaves > LEAVES.min(B::COUNT) || groups.len() > GROUPS_MAX || bytes > bytes_max {
            return None;
        }
        let mut this = Self {
            groups: groups.into_iter().map(|(columns, at)| Group { columns, at: at * run }).collect(),
            bits: vec![[B::ALL; TREES_AT_ONCE]; states * run],
            run,
            margins: Vec::new(),
            leaves: vec![[F::of_f64(-0.0); LEAVES]; run * TREES_AT_ONCE],
        };
        let mut end = 0;
        for trees in &ranked.margins {
            for (index, tree) in trees.iter().enumerate() {
                this.tree(end * TREES_AT_ONCE + index, tree);
            }
            end += padded(trees);
            this.margins.push(end);
        }
        Some(this)
    }

    fn tree(&mut self, index: usize, tree: &RankedTree) {
        let spans = spans(tree);
        for (node, (from, _)) in tree.nodes.iter().zip(&spans) {
            match *node {
                RankedNode::Leaf(value) => self.leaves[index][*from] = F::of_f64(value),
                RankedNode::Split { column, rank, missing_left, left } => {
                    let not = |(from, to): (usize, usize)| !B::range(from, to);
                    let kept = [not(spans[left + 1]), not(spans[left])];
                    self.split(index, column, usize::from(rank), missing_left, kept);
                }
            }
        }
    }

    /// Rules out what a split rules out, in each state of its column's group. `kept` when left, when right.
    fn split(&mut self, tree: usize, column: usize, rank: usize, missing_left: bool, kept: [B; 2]) {
        let Some((group, (_, states, factor))) = self.groups.iter().find_map(|group| {
            let found = group.columns.iter().find(|(other, _, _)| *other == column)?;
            Some((group, *found))
        }) else {
            return;
        };
        let combinations: usize = group.columns.iter().map(|(_, states, _)| states).product();
        let at = group.at + tree / TREES_AT_ONCE;
        for combination in 0..combinations {
            let state = combination / factor % states;
            let right = if state == states - 1 { !missing_left } else { state >= rank };
            let bits = &mut self.bits[at + combination * self.run][tree % TREES_AT_ONCE];
            *bits = *bits & kept[usize::from(right)];
        }
    }

    /// Adds the leaves of a row to one sum per margin.
    #[inline(always)]
    pub(super) fn add(&self, cells: &WideCells, sums: &mut [F]) {
        let mut rows: [&[[B; TREES_AT_ONCE]]; GROUPS_MAX] = [&[]; GROUPS_MAX];
        for (group, row) in self.groups.iter().zip(&mut rows) {
            let mut state = 0;
            for (column, states, factor) in &group.columns {
                let cell = usize::from(cells.missing_right[*column]);
                let missing = cells.missing_right[*column] != cells.missing_left[*column];
                state += factor * if missing { states - 1 } else { cell };
            }
            *row = &self.bits[group.at + state * self.run..][..self.run];
        }
        let rows = &rows[..self.groups.len()];
        let mut block = 0;
        for (end, sum) in self.margins.iter().zip(sums) {
            while block < *end {
                let next = (*end).min(block + BLOCKS_AT_ONCE);
                *sum = self.blocks(rows, block..next, *sum);
                block = next;
            }
        }
    }

    /// Adds the leaves of up to [`BLOCKS_AT_ONCE`] blocks of trees. Runs are read one after the other, four
    /// at a time: from a distant cache they come in order only.
    #[inline(always)]
    fn blocks(&self, rows: &[&[[B; TREES_AT_ONCE]]], blocks: Range<usize>, mut sum: F) -> F {
        let mut reached = [[B::ALL; TREES_AT_ONCE]; BLOCKS_AT_ONCE];
        for rows in rows.chunks(RUNS_AT_ONCE) {
            let run = |index: usize| rows.get(index).unwrap_or(&rows[0]).get(blocks.clone()).unwrap_or(&[]);
            let (one, two, three, four) = (run(0), run(1), run(2), run(3));
            let runs = one.iter().zip(two).zip(three).zip(four);
            for (reached, (((one, two), three), four)) in reached.iter_mut().zip(runs) {
                for index in 0..TREES_AT_ONCE {
                    reached[index] = reached[index] & one[index] & two[index] & three[index] & four[index];
                }
            }
        }
        for (block, reached) in blocks.zip(&reached) {
            let trees = &self.leaves[block * TREES_AT_ONCE..][..TREES_AT_ONCE];
            for (leaves, bits) in trees.iter().zip(reached) {
                // No tree has all leaves ruled out; the remainder spares a check of the index.
                sum += leaves[bits.first() % LEAVES];
            }
        }
        sum
    }

    pub(super) fn bytes(&self) -> usize {
        size_of_val(self.bits.as_slice()) + size_of_val(self.leaves.as_slice())
    }
}

/// Columns grouped, each group with the number of states before it, and the number of all states.
#[expect(clippy::type_complexity, reason = "used once")]
fn groups(columns: &[Column]) -> (Vec<(Vec<(usize, usize, usize)>, usize)>, usize) {
    let mut order: Vec<usize> = (0..columns.len()).collect();
    order.sort_by_key(|index| states(&columns[*index]));
    let (mut groups, mut at) = (Vec::new(), 0);
    let (mut members, mut product) = (Vec::new(), 1);
    for column in order {
        let count = states(&columns[column]);
        if !members.is_empty() && product * count > SHARED_STATES_MAX {
            groups.push((std::mem::take(&mut members), at));
            at += product;
            product = 1;
        }
        members.push((column, count, product));
        product *= count;
    }
    if !members.is_empty() {
        groups.push((members, at));
        at += product;
    }
    const _: () = assert!(RANKS_MAX < 256);
    (groups, at)
}

/// The leaves below each node, as a range of places from left to right.
fn spans(tree: &RankedTree) -> Vec<(usize, usize)> {
    let mut spans = vec![(0, 1); tree.nodes.len()];
    for index in (0..tree.nodes.len()).rev() {
        if let RankedNode::Split { left, .. } = tree.nodes[index] {
            let below = |child: usize| spans[child].1;
            spans[index] = (0, below(left) + below(left + 1));
        }
    }
    for index in 0..tree.nodes.len() {
        let (from, to) = spans[index];
        if let RankedNode::Split { left, .. } = tree.nodes[index] {
            let middle = from + spans[left].1;
            spans[left] = (from, middle);
            spans[left + 1] = (middle, to);
        }
    }
    spans
}
