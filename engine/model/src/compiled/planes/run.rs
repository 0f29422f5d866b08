//! Evaluation of bit planes.

use super::super::quantise::{Counter, Number, Portable, Quantiser};
use super::{
    ALL_ROWS, ColumnMasks, LEAVES_MAX, LEVELS_MAX, NO_ROW, OPERATIONS_MAX, Operation, Planes, Program, ROWS,
    TREES_AT_ONCE, Tree,
};
use crate::forest::Feature;

/// A bit per row of a block; bit `r % 64` of word `r / 64` is that of row `r`.
pub(in super::super) type Mask = [u64; ROWS / 64];

/// A bit per row, as masks are while rows are computed with.
pub(in super::super) trait RowSet: Copy {
    /// What the CPU must have.
    type Cpu: Counter;
    fn load(cpu: Self::Cpu, mask: &Mask) -> Self;
    fn store(self, mask: &mut Mask);
    fn and(self, other: Self) -> Self;
    /// What is in `self` and not in `other`.
    fn without(self, other: Self) -> Self;
    fn or(self, other: Self) -> Self;
    fn xor(self, other: Self) -> Self;
    /// A byte per row: bit `b` of it is the row's bit in plane `b`.
    fn labels(planes: &[Self; 8], labels: &mut [u8; ROWS]);
}

impl RowSet for Mask {
    type Cpu = Portable;
    #[inline(always)]
    fn load(_: Portable, mask: &Mask) -> Self {
        *mask
    }
    #[inline(always)]
    fn store(self, mask: &mut Mask) {
        *mask = self;
    }
    #[inline(always)]
    fn and(self, other: Self) -> Self {
        std::array::from_fn(|i| self[i] & other[i])
    }
    #[inline(always)]
    fn without(self, other: Self) -> Self {
        std::array::from_fn(|i| self[i] & !other[i])
    }
    #[inline(always)]
    fn or(self, other: Self) -> Self {
        std::array::from_fn(|i| self[i] | other[i])
    }
    #[inline(always)]
    fn xor(self, other: Self) -> Self {
        std::array::from_fn(|i| self[i] ^ other[i])
    }
    #[inline(always)]
    fn labels(planes: &[Self; 8], labels: &mut [u8; ROWS]) {
        for (group, labels) in labels.as_chunks_mut::<8>().0.iter_mut().enumerate() {
            let byte = |plane: &Mask| plane[group / 8] >> (group % 8 * 8) & 0xff;
            let bytes = planes.iter().rev().fold(0, |bytes, plane| bytes << 8 | byte(plane));
            *labels = transposed(bytes).to_le_bytes();
        }
    }
}

/// A matrix of 8 x 8 bits, a byte per row, with rows and columns exchanged.
fn transposed(x: u64) -> u64 {
    let exchange = |x: u64, bits: u64, by: u32| {
        let turned = (x ^ x >> by) & bits;
        x ^ turned ^ turned << by
    };
    let x = exchange(x, 0x00aa_00aa_00aa_00aa, 7);
    let x = exchange(x, 0x0000_cccc_0000_cccc, 14);
    exchange(x, 0x0000_0000_f0f0_f0f0, 28)
}

/// Room for the masks of a block.
#[derive(Debug, Clone, Default)]
pub(crate) struct Scratch {
    words: Vec<u64>,
}

impl Scratch {
    /// Words of a cache line, to begin at the start of one.
    const ALIGNED: usize = 8;

    /// Makes room for what [`Planes::masks`] is. Does nothing when there is room.
    pub(in super::super) fn reserve(&mut self, masks: usize) {
        let words = masks * size_of::<Mask>() / size_of::<u64>() + Self::ALIGNED;
        if self.words.len() < words {
            self.words = vec![0; words];
        }
    }

    /// Bytes of the room.
    #[cfg(test)]
    pub(in super::super) fn bytes(&self) -> usize {
        size_of_val(self.words.as_slice())
    }

    fn masks(&mut self, count: usize) -> &mut [Mask] {
        let start = self.words.as_ptr().align_offset(64).min(Self::ALIGNED);
        &mut self.words[start..].as_chunks_mut().0[..count]
    }
}

impl<F: Number> Planes<F> {
    /// Masks of a block.
    pub(in super::super) fn mask_count(&self) -> usize {
        self.masks
    }

    /// Makes the masks of up to [`ROWS`] rows of `features` numbers each.
    #[inline(always)]
    pub(in super::super) fn compare<S: RowSet, T: Feature>(
        &self,
        quantiser: &Quantiser,
        cpu: S::Cpu,
        (rows, features): (&[T], usize),
        scratch: &mut Scratch,
    ) {
        scratch.reserve(self.masks);
        let masks = scratch.masks(self.masks);
        masks[usize::from(NO_ROW)] = [0; ROWS / 64];
        masks[usize::from(ALL_ROWS)] = [u64::MAX; ROWS / 64];
        let mut at_rank = [[0_u8; ROWS / 8]; 256];
        for (index, column) in self.columns.iter().enumerate() {
            let (mut ranks, mut missing) = ([0_u8; ROWS], [0; ROWS / 8]);
            let mut row = 0;
            quantiser.column(cpu, index, (rows, features), |rank, is_missing| {
                ranks[row % ROWS] = rank;
                if is_missing {
                    ranks[row % ROWS] = 0;
                    missing[row / 8 % (ROWS / 8)] |= 1 << (row % 8);
                }
                row += 1;
            });
            // Every eighth row, then the ones after them: a byte that holds eight rows is not loaded again
            // while its last value is on the way to memory.
            for bit in 0..8 {
                for byte in 0..ROWS / 8 {
                    at_rank[usize::from(ranks[byte * 8 + bit])][byte] |= 1 << bit;
                }
            }
            column_masks::<S>(cpu, column, &mut at_rank, &missing, masks);
        }
    }

    /// Adds the leaves of the rows that [`Self::compare`] saw to their sums of one margin.
    #[inline(always)]
    pub(in super::super) fn add<S: RowSet>(
        &self,
        cpu: S::Cpu,
        scratch: &mut Scratch,
        margin: usize,
        sums: &mut [F; ROWS],
    ) {
        let masks: &[Mask] = scratch.masks(self.masks);
        let first = if margin == 0 { 0 } else { self.margins[margin - 1] };
        let mut labels = [[0; ROWS]; TREES_AT_ONCE];
        let mut places = [[0; ROWS / 64]; 2 * OPERATIONS_MAX + 2];
        for trees in self.trees[first..self.margins[margin]].chunks(TREES_AT_ONCE) {
            for (tree, labels) in trees.iter().zip(&mut labels) {
                let mut planes = [S::load(cpu, &[0; ROWS / 64]); 8];
                match tree.program {
                    Program::Full { levels, at } => full(cpu, &self.splits[at..], levels, masks, &mut planes),
                    Program::Listed { at, end } => {
                        listed(cpu, &self.operations[at..end], &mut places, masks, &mut planes);
                    }
                }
                S::labels(&planes, labels);
            }
            self.add_leaves(trees, &labels, sums);
        }
    }

    #[inline(always)]
    fn add_leaves(&self, trees: &[Tree], labels: &[[u8; ROWS]; TREES_AT_ONCE], sums: &mut [F; ROWS]) {
        let leaves = |tree: &Tree| &self.leaves[tree.leaves..][..LEAVES_MAX];
        if let Ok(trees) = <&[Tree; TREES_AT_ONCE]>::try_from(trees) {
            let [a, b, c, d, e, f, g, h] = trees;
            let (a, b, c, d) = (leaves(a), leaves(b), leaves(c), leaves(d));
            let (e, f, g, h) = (leaves(e), leaves(f), leaves(g), leaves(h));
            for (row, sum) in sums.iter_mut().enumerate() {
                let label = |tree: usize| usize::from(labels[tree][row]);
                let mut total = *sum;
                total += a[label(0)];
                total += b[label(1)];
                total += c[label(2)];
                total += d[label(3)];
                total += e[label(4)];
                total += f[label(5)];
                total += g[label(6)];
                total += h[label(7)];
                *sum = total;
            }
            return;
        }
        for (tree, labels) in trees.iter().zip(labels) {
            let leaves = leaves(tree);
            for (sum, label) in sums.iter_mut().zip(labels) {
                *sum += leaves[usize::from(*label)];
            }
        }
    }
}

/// The masks of one column. Empties `at_rank`.
#[inline(always)]
fn column_masks<S: RowSet>(
    cpu: S::Cpu,
    column: &ColumnMasks,
    at_rank: &mut [[u8; ROWS / 8]; 256],
    missing: &[u8; ROWS / 8],
    masks: &mut [Mask],
) {
    let set = |bytes: &[u8; ROWS / 8]| {
        let words = bytes.as_chunks::<8>().0;
        S::load(cpu, &std::array::from_fn(|word| u64::from_le_bytes(words[word])))
    };
    let missing = set(missing);
    let mut reached = S::load(cpu, &[0; ROWS / 64]);
    for rank in (1..=column.ranks).rev() {
        let at_rank = &mut at_rank[rank % 256];
        reached = reached.or(set(at_rank));
        *at_rank = [0; ROWS / 8];
        if let Some(at) = column.missing_right {
            reached.or(missing).store(&mut masks[at + rank - 1]);
        }
        if let Some(at) = column.missing_left {
            reached.store(&mut masks[at + rank - 1]);
        }
    }
    at_rank[0] = [0; ROWS / 8];
}

/// Walks a list of operations.
#[inline(always)]
fn listed<S: RowSet>(
    cpu: S::Cpu,
    operations: &[Operation],
    places: &mut [Mask; 2 * OPERATIONS_MAX + 2],
    masks: &[Mask],
    planes: &mut [S; 8],
) {
    places[0] = [u64::MAX; ROWS / 64];
    let mut turned = [[0; ROWS / 64]; 8];
    for (operation, child) in operations.iter().zip((1..).step_by(2)) {
        let rows = S::load(cpu, &places[usize::from(operation.place) % places.len()]);
        let mask = S::load(cpu, &masks[usize::from(operation.mask)]);
        let right = rows.and(mask);
        rows.without(mask).store(&mut places[child]);
        right.store(&mut places[child + 1]);
        let plane = &mut turned[usize::from(operation.bit) % 8];
        S::load(cpu, plane).xor(right).store(plane);
    }
    for (plane, turned) in planes.iter_mut().zip(&turned) {
        *plane = S::load(cpu, turned);
    }
}

/// Walks a full tree: each level has a plane, the lowest the first.
#[inline(always)]
fn full<S: RowSet>(cpu: S::Cpu, splits: &[u16], levels: usize, masks: &[Mask], planes: &mut [S; 8]) {
    let all = S::load(cpu, &[u64::MAX; ROWS / 64]);
    // With its length known, the compiler knows every place inside.
    let walk = |levels: usize| Walk::<S> { cpu, splits: &splits[..(1 << levels) - 1], masks };
    match levels {
        0 => {}
        1 => walk(1).levels_1(0, all, planes),
        2 => walk(2).levels_2(0, all, planes),
        3 => walk(3).levels_3(0, all, planes),
        4 => walk(4).levels_4(0, all, planes),
        5 => walk(5).levels_5(0, all, planes),
        6 => walk(6).levels_6(0, all, planes),
        7 => walk(7).levels_7(0, all, planes),
        _ => walk(8).levels_8(0, all, planes),
    }
}

#[derive(Clone, Copy)]
struct Walk<'a, S: RowSet> {
    cpu: S::Cpu,
    splits: &'a [u16],
    masks: &'a [Mask],
}

/// A function for each number of levels, of which the compiler makes straight code.
macro_rules! levels {
    ($($name:ident $level:literal $below:ident,)*) => {
        impl<S: RowSet> Walk<'_, S> {
            #[inline(always)]
            fn levels_0(self, _: usize, _: S, _: &mut [S; 8]) {}
            $(
                #[inline(always)]
                fn $name(self, at: usize, rows: S, planes: &mut [S; 8]) {
                    let mask = S::load(self.cpu, &self.masks[usize::from(self.splits[at])]);
                    let right = rows.and(mask);
                    planes[$level - 1] = planes[$level - 1].or(right);
                    self.$below(at + 1, rows.without(mask), planes);
                    self.$below(at + (1 << ($level - 1)), right, planes);
                }
            )*
        }
    };
}
levels! {
    levels_1 1 levels_0,
    levels_2 2 levels_1,
    levels_3 3 levels_2,
    levels_4 4 levels_3,
    levels_5 5 levels_4,
    levels_6 6 levels_5,
}

impl<S: RowSet> Walk<'_, S> {
    /// Four trees of six levels, one after the other, below two.
    #[inline(always)]
    fn levels_8(self, at: usize, rows: S, planes: &mut [S; 8]) {
        let mask = S::load(self.cpu, &self.masks[usize::from(self.splits[at])]);
        let right = rows.and(mask);
        planes[7] = right;
        for (at, rows) in [(at + 1, rows.without(mask)), (at + 128, right)] {
            self.levels_7(at, rows, planes);
        }
    }

    /// Two trees of six levels, one after the other, below one.
    #[inline(always)]
    fn levels_7(self, at: usize, rows: S, planes: &mut [S; 8]) {
        let mask = S::load(self.cpu, &self.masks[usize::from(self.splits[at])]);
        let right = rows.and(mask);
        planes[6] = planes[6].or(right);
        for (at, rows) in [(at + 1, rows.without(mask)), (at + 64, right)] {
            self.levels_6(at, rows, planes);
        }
    }
}

const _: () = assert!(LEVELS_MAX == 8 && 1 << LEVELS_MAX == LEAVES_MAX);
