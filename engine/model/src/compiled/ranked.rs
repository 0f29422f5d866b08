//! A forest over bytes: each split becomes "byte of a column >= rank", exactly.
//!
//! A column is a feature with up to 255 of its thresholds, or one equality, or one set of categories. Its
//! byte for a row is the number of those thresholds that the row's value has reached (0 to 255), which
//! orders the value among all thresholds that any tree compares it with; a split asks whether the byte is at
//! least the rank of its own threshold. Integer comparisons of ranks give what the comparisons of floats
//! give, so nothing is approximated.
//!
//! A missing value has no rank. It stands as 0 in the bank of bytes that "missing goes left" splits read and
//! as 255 in the bank that the others read.

use std::collections::BTreeMap;

use crate::forest::{Forest, Leaf, Node, Precision, Split, Test, round_to_f32};

/// Columns that the layouts can address.
pub(super) const COLUMNS_MAX: usize = 256;
/// Thresholds of a column: ranks are 1 to 255.
pub(super) const RANKS_MAX: usize = 255;

/// What a column compares.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum ColumnTest {
    /// Counts the numbers that x is at least; ascending, a NaN (never reached) last.
    Reached(Vec<f64>),
    /// 0 when x equals the number, else 1.
    Differs(f64),
    /// 0 when the category of x is in the set, else 1.
    Outside(Vec<u32>),
}

/// Where a byte of the row comes from.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Column {
    pub(super) feature: usize,
    /// Numbers next to zero are missing.
    pub(super) zero_is_missing: bool,
    pub(super) test: ColumnTest,
}

/// A node; the first of a tree is its root, children lie after their parent.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum RankedNode {
    /// Goes right, to `left + 1`, when the column's byte is at least `rank`, which is at least 1.
    Split {
        column: usize,
        rank: u8,
        missing_left: bool,
        left: usize,
    },
    Leaf(f64),
}

/// Nodes of one tree.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct RankedTree {
    pub(super) nodes: Vec<RankedNode>,
    pub(super) depth: usize,
}

impl RankedTree {
    /// Leaves of the tree.
    pub(super) fn leaf_count(&self) -> usize {
        self.nodes.len() / 2 + 1
    }
}

/// The trees of each margin, in the order they are added.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Ranked {
    pub(super) columns: Vec<Column>,
    pub(super) margins: Vec<Vec<RankedTree>>,
}

/// What a split's column is told apart by: feature, zero is missing, and the bits of what it compares.
#[derive(PartialEq, Eq, PartialOrd, Ord, Clone)]
enum Key {
    Reached,
    Differs(u64),
    Outside(Vec<u32>),
}

type ColumnKey = (usize, bool, Key);

impl Ranked {
    /// Ranks the splits of a forest. `None` when a leaf is a vector or a function, or when there are more
    /// than [`COLUMNS_MAX`] columns. O(nodes log nodes).
    pub(super) fn of_forest(forest: &Forest) -> Option<Self> {
        let thresholds = thresholds(forest)?;
        let (columns, starts) = columns(thresholds)?;
        let mut margins = vec![Vec::new(); forest.margin_count()];
        for tree in forest.trees() {
            let base = tree.nodes.start;
            let mut depths = vec![0; tree.nodes.len()];
            let mut nodes = Vec::with_capacity(tree.nodes.len());
            for position in tree.nodes.clone() {
                nodes.push(match forest.node(position) {
                    Node::Leaf(Leaf::Value(value)) => RankedNode::Leaf(value),
                    Node::Leaf(_) => return None,
                    Node::Split(split) => {
                        let (column, rank) = place(&split, forest.inputs(), &columns, &starts)?;
                        let left = split.left - base;
                        depths[left] = depths[position - base] + 1;
                        depths[left + 1] = depths[left];
                        RankedNode::Split { column, rank, missing_left: split.nan_left, left }
                    }
                });
            }
            let depth = depths.into_iter().max().unwrap_or(0);
            margins[tree.margin].push(RankedTree { nodes, depth });
        }
        Some(Self { columns, margins })
    }

    /// All trees.
    pub(super) fn trees(&self) -> impl Iterator<Item = &RankedTree> {
        self.margins.iter().flatten()
    }
}

/// The distinct numbers that each column counts.
fn thresholds(forest: &Forest) -> Option<BTreeMap<ColumnKey, Vec<f64>>> {
    let mut found: BTreeMap<ColumnKey, Vec<f64>> = BTreeMap::new();
    for position in 0..forest.node_count() {
        let Node::Split(split) = forest.node(position) else { continue };
        let numbers = found.entry(key(&split)).or_default();
        numbers.extend(reached_from(split.test, forest.inputs()));
        if found.len() > COLUMNS_MAX {
            return None;
        }
    }
    for numbers in found.values_mut() {
        numbers.sort_unstable_by(f64::total_cmp);
        numbers.dedup_by_key(|number| number.to_bits());
    }
    Some(found)
}

/// Columns, and the first of each key's.
fn columns(thresholds: BTreeMap<ColumnKey, Vec<f64>>) -> Option<(Vec<Column>, BTreeMap<ColumnKey, usize>)> {
    let (mut columns, mut starts) = (Vec::new(), BTreeMap::new());
    for (key, numbers) in thresholds {
        starts.insert(key.clone(), columns.len());
        let (feature, zero_is_missing, test) = key;
        let mut push = |test| columns.push(Column { feature, zero_is_missing, test });
        match test {
            Key::Differs(bits) => push(ColumnTest::Differs(f64::from_bits(bits))),
            Key::Outside(words) => push(ColumnTest::Outside(words)),
            Key::Reached => {
                numbers.chunks(RANKS_MAX).for_each(|chunk| push(ColumnTest::Reached(chunk.to_vec())));
            }
        }
    }
    (columns.len() <= COLUMNS_MAX).then_some((columns, starts))
}

fn key(split: &Split<'_>) -> ColumnKey {
    let test = match split.test {
        Test::Less(_) | Test::LessOrEqual(_) => Key::Reached,
        Test::Equal(number) => Key::Differs((number + 0.0).to_bits()),
        Test::In(words) => Key::Outside(words.to_vec()),
    };
    (split.feature, split.zero_is_missing, test)
}

/// The number from which on x goes right; NaN when no number does. Zeros have one sign, NaN one form.
fn reached_from(test: Test<'_>, inputs: Precision) -> Option<f64> {
    match test {
        Test::Less(threshold) => Some(threshold + 0.0),
        Test::LessOrEqual(f64::INFINITY) => Some(f64::NAN),
        Test::LessOrEqual(threshold) => Some(match inputs {
            Precision::F32 => f64::from(round_to_f32(threshold).next_up()),
            Precision::F64 => threshold.next_up(),
        }),
        Test::Equal(_) | Test::In(_) => None,
    }
}

/// Column and rank of a split.
fn place(
    split: &Split<'_>,
    inputs: Precision,
    columns: &[Column],
    starts: &BTreeMap<ColumnKey, usize>,
) -> Option<(usize, u8)> {
    let start = *starts.get(&key(split))?;
    let Some(number) = reached_from(split.test, inputs) else { return Some((start, 1)) };
    // The columns of one key are full but for the last, and lie side by side in ascending order.
    let chunk = columns[start..].partition_point(|column| match &column.test {
        ColumnTest::Reached(numbers) if column_key_is(column, split) => {
            numbers.last().is_some_and(|last| last.total_cmp(&number).is_lt())
        }
        _ => false,
    });
    let ColumnTest::Reached(numbers) = &columns.get(start + chunk)?.test else { return None };
    let index = numbers.partition_point(|other| other.total_cmp(&number).is_lt());
    Some((start + chunk, u8::try_from(index + 1).ok()?))
}

fn column_key_is(column: &Column, split: &Split<'_>) -> bool {
    column.feature == split.feature && column.zero_is_missing == split.zero_is_missing
}
