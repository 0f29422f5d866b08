//! One tree of the file as nodes that the forest can check.
//!
//! A tree of n leaves has n - 1 splits, numbered from 0; a child below 0 is the leaf `-child - 1`. Here the
//! splits come first and the leaves behind them.

use std::str::FromStr;

use super::Block;
use crate::error::{ModelError, TreeFault};
use crate::forest::ZERO;
use crate::forest::build::{FileNode, FileTest, FileTree};
use crate::limits::{LEAF_NUMBERS_MAX, NODES_MAX, SET_WORDS_MAX};

/// Bits of `decision_type`.
const CATEGORICAL: u8 = 1;
const DEFAULT_LEFT: u8 = 2;

/// The arrays of a tree's splits.
struct Splits {
    features: Vec<i64>,
    thresholds: Vec<f64>,
    kinds: Vec<u8>,
    left: Vec<i64>,
    right: Vec<i64>,
    /// Where each set of categories begins among the words.
    boundaries: Vec<usize>,
    words: Vec<u32>,
}

/// The nodes of tree `index`. Linear in the block; allocates.
///
/// # Errors
///
/// A line that is missing, of the wrong length or not a list of numbers.
pub(super) fn file_tree(index: usize, margin: usize, block: &Block<'_>) -> Result<FileTree, ModelError> {
    let tree = Reader { index, block };
    let [leaves]: [usize; 1] =
        tree.list("num_leaves", 1)?.try_into().map_err(|_| tree.fault(TreeFault::NoNodes))?;
    if leaves == 0 {
        return Err(tree.fault(TreeFault::NoNodes));
    }
    if leaves > NODES_MAX {
        return Err(ModelError::Limit { what: "nodes", found: leaves, max: NODES_MAX });
    }
    let values = tree.list::<f64>("leaf_value", leaves)?;
    let splits = splits(&tree, leaves - 1)?;
    let mut nodes = Vec::with_capacity(2 * leaves - 1);
    let mut words = 0;
    for split in 0..leaves - 1 {
        let at = |fault| ModelError::Tree { tree: index, node: Some(split), fault };
        nodes.push(split_node(&splits, split, leaves).map_err(at)?);
        // Splits may share a set: a small file must not grow into a large forest.
        if let Some(FileNode::Split { test: FileTest::In(set), .. }) = nodes.last() {
            words += set.len();
        }
        if words > SET_WORDS_MAX {
            let what = "words of category sets";
            return Err(ModelError::Limit { what, found: words, max: SET_WORDS_MAX });
        }
    }
    nodes.extend(leaf_nodes(&tree, values)?);
    Ok(FileTree { covers: covers(&tree, leaves), nodes, margin })
}

fn splits(tree: &Reader<'_>, count: usize) -> Result<Splits, ModelError> {
    let sets = if count == 0 { 0 } else { tree.optional::<usize>("num_cat")?.unwrap_or(0) };
    let list = |key| if sets == 0 { Ok(Vec::new()) } else { tree.whole(key) };
    let boundaries: Vec<usize> = list("cat_boundaries")?.into_iter().map(|word: u32| word as usize).collect();
    if sets > 0 && boundaries.len() != sets.saturating_add(1) {
        let (found, nodes) = (boundaries.len(), sets.saturating_add(1));
        return Err(tree.fault(TreeFault::ArrayLength { array: "cat_boundaries", found, nodes }));
    }
    Ok(Splits {
        features: tree.list("split_feature", count)?,
        thresholds: tree.list("threshold", count)?,
        kinds: tree.list("decision_type", count)?,
        left: tree.list("left_child", count)?,
        right: tree.list("right_child", count)?,
        boundaries,
        words: list("cat_threshold")?,
    })
}

fn split_node(splits: &Splits, split: usize, leaves: usize) -> Result<FileNode, TreeFault> {
    let (kind, threshold) = (splits.kinds[split], splits.thresholds[split]);
    if threshold.is_nan() {
        return Err(TreeFault::ThresholdNan);
    }
    let node = |test, nan_left, zero_is_missing| FileNode::Split {
        feature: splits.features[split],
        test,
        nan_left,
        zero_is_missing,
        left: child(splits.left[split], leaves),
        right: child(splits.right[split], leaves),
    };
    if kind & CATEGORICAL != 0 {
        // NaN and what is no category go right.
        return Ok(node(FileTest::In(set(splits, threshold).ok_or(TreeFault::Categories)?), false, false));
    }
    let test = FileTest::LessOrEqual(outside_zero(threshold));
    let default_left = kind & DEFAULT_LEFT != 0;
    match kind >> 2 {
        // NaN counts as 0.
        0 => Ok(node(test, 0.0 <= threshold, false)),
        // 0 is missing, and NaN counts as 0.
        1 => Ok(node(test, default_left, true)),
        // NaN is missing.
        2 => Ok(node(test, default_left, false)),
        _ => Err(TreeFault::SplitType),
    }
}

/// The position of a child among splits and leaves.
fn child(child: i64, leaves: usize) -> i64 {
    // Leaves are at most NODES_MAX.
    let splits = i64::try_from(leaves).unwrap_or(i64::MAX) - 1;
    if child >= 0 {
        // A split that does not exist must not become a leaf.
        return if child < splits { child } else { i64::MAX };
    }
    splits.saturating_add(!child)
}

/// LightGBM takes |x| <= [`ZERO`] for 0 before it compares. The same comes of moving a threshold in that
/// range to its end, so that the walk need not look for zeros.
fn outside_zero(threshold: f64) -> f64 {
    if (0.0..ZERO).contains(&threshold) {
        ZERO
    } else if (-ZERO..0.0).contains(&threshold) {
        (-ZERO).next_down()
    } else {
        threshold
    }
}

/// The words of the set whose number stands in place of the threshold.
fn set(splits: &Splits, number: f64) -> Option<Vec<u32>> {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "out of range ends in no set"
    )]
    let number = if number >= 0.0 { number as usize } else { return None };
    let (start, end) = (*splits.boundaries.get(number)?, *splits.boundaries.get(number.checked_add(1)?)?);
    Some(splits.words.get(start..end)?.to_vec())
}

/// Leaves, plain or linear.
fn leaf_nodes(tree: &Reader<'_>, values: Vec<f64>) -> Result<Vec<FileNode>, ModelError> {
    if tree.optional::<u8>("is_linear")?.unwrap_or(0) == 0 {
        return Ok(values.into_iter().map(FileNode::Leaf).collect());
    }
    let constants = tree.list::<f64>("leaf_const", values.len())?;
    let counts = tree.list::<usize>("num_features", values.len())?;
    let features = tree.whole::<u32>("leaf_features")?;
    let coefficients = tree.whole::<f64>("leaf_coeff")?;
    let total = counts.iter().fold(0_usize, |total, count| total.saturating_add(*count));
    for (array, found) in [("leaf_features", features.len()), ("leaf_coeff", coefficients.len())] {
        if found != total {
            return Err(tree.fault(TreeFault::ArrayLength { array, found, nodes: total }));
        }
    }
    let mut terms = features.into_iter().zip(coefficients);
    let leaves = values.into_iter().zip(constants).zip(counts);
    Ok(leaves
        .map(|((fallback, constant), count)| FileNode::Linear {
            fallback,
            constant,
            terms: terms.by_ref().take(count).collect(),
        })
        .collect())
}

/// Rows per node in training, or nothing when the file does not say.
fn covers(tree: &Reader<'_>, leaves: usize) -> Vec<f64> {
    let splits = tree.list::<f64>("internal_count", leaves - 1);
    let counts = tree.list::<f64>("leaf_count", leaves);
    match (splits, counts) {
        (Ok(splits), Ok(counts)) => [splits, counts].concat(),
        _ => Vec::new(),
    }
}

/// A block that knows its tree.
struct Reader<'a> {
    index: usize,
    block: &'a Block<'a>,
}

impl Reader<'_> {
    fn fault(&self, fault: TreeFault) -> ModelError {
        ModelError::Tree { tree: self.index, node: None, fault }
    }

    /// All numbers of a line. A line that is missing has none.
    fn whole<T: FromStr>(&self, key: &'static str) -> Result<Vec<T>, ModelError> {
        let text = self.block.get(key).unwrap_or_default();
        let parse = |word: &str| word.parse().map_err(|_| self.fault(TreeFault::Number { array: key }));
        // One more than there may be is enough to refuse them.
        text.split_ascii_whitespace().take(LEAF_NUMBERS_MAX + 1).map(parse).collect()
    }

    /// The numbers of a line that must have so many.
    fn list<T: FromStr>(&self, key: &'static str, count: usize) -> Result<Vec<T>, ModelError> {
        let numbers = self.whole(key)?;
        let found = numbers.len();
        if found != count {
            return Err(self.fault(TreeFault::ArrayLength { array: key, found, nodes: count }));
        }
        Ok(numbers)
    }

    /// The first number of a line that may be missing.
    fn optional<T: FromStr>(&self, key: &'static str) -> Result<Option<T>, ModelError> {
        Ok(self.whole(key)?.into_iter().next())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thresholds_near_zero_move_so_that_small_numbers_count_as_zero() {
        for threshold in [0.0, -0.0, ZERO, -ZERO, 1e-40, -1e-40, ZERO.next_up(), (-ZERO).next_down(), 1.0] {
            for x in [0.0, -0.0, 1e-36, -1e-36, ZERO, -ZERO, ZERO.next_up(), (-ZERO).next_down(), 5e-324, 2.0]
            {
                let snapped = if x.abs() <= ZERO { 0.0 } else { x };
                assert_eq!(x <= outside_zero(threshold), snapped <= threshold, "{x} {threshold}");
            }
        }
    }

    #[test]
    fn children_are_splits_or_leaves() {
        assert_eq!([child(1, 3), child(-1, 3), child(-3, 3), child(2, 3)], [1, 2, 4, i64::MAX]);
        assert_eq!(child(i64::MIN, 3), i64::MAX);
    }
}
