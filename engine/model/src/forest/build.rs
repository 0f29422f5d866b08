//! The way into a forest: trees as files describe them are checked and stored.

use std::ops::Range;

use super::{Aggregate, Forest, Kind, Precision, Shape, Stored, StoredLinear};
use crate::error::{ModelError, TreeFault};
use crate::limits::{DEPTH_MAX, LEAF_NUMBERS_MAX, NODES_MAX, SET_WORDS_MAX, TREES_MAX};

/// The comparison of a file's split; it goes left when it holds. See [`super::Test`].
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum FileTest {
    Less(f64),
    LessOrEqual(f64),
    Equal(f64),
    /// Words of a set of categories.
    In(Vec<u32>),
}

/// A node as a file describes it, with positions local to its tree. The first node is the root.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum FileNode {
    Split {
        /// Index into the row.
        feature: i64,
        test: FileTest,
        /// Where NaN goes.
        nan_left: bool,
        /// Whether zero goes there too.
        zero_is_missing: bool,
        /// Position of the left child.
        left: i64,
        /// Position of the right child.
        right: i64,
    },
    /// Adds to the margin of its tree.
    Leaf(f64),
    /// Adds to each margin.
    Vector(Vec<f64>),
    /// Adds a linear function to the margin of its tree.
    Linear { fallback: f64, constant: f64, terms: Vec<(u32, f64)> },
    /// Cut off by pruning. It may stay in the file but nothing may lead to it.
    Deleted,
}

/// One tree of a file.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct FileTree {
    pub(crate) nodes: Vec<FileNode>,
    /// The margin its leaves add to.
    pub(crate) margin: usize,
    /// Training weight per node, or empty.
    pub(crate) covers: Vec<f64>,
}

impl Forest {
    /// An empty forest over rows of `feature_count` features. `shape.start` has an element per margin.
    pub(crate) fn new(feature_count: usize, shape: Shape) -> Self {
        Self {
            nodes: Vec::new(),
            covers: Vec::new(),
            trees: Vec::new(),
            set_words: Vec::new(),
            sets: Vec::new(),
            vectors: Vec::new(),
            linear: Vec::new(),
            terms: Vec::new(),
            feature_count,
            depth_max: 0,
            aggregate: Aggregate::Sum,
            shape,
        }
    }

    /// Checks a tree and appends it. Linear in its nodes; allocates.
    ///
    /// # Errors
    ///
    /// A limit exceeded, or a node that breaks one of the rules at the head of `forest/mod.rs`. The forest
    /// must then be dropped: it may hold a part of the tree.
    pub(crate) fn push(&mut self, tree: &FileTree) -> Result<(), ModelError> {
        let number = self.trees.len();
        let fault = |node, fault| ModelError::Tree { tree: number, node, fault };
        if number >= TREES_MAX {
            return Err(ModelError::Limit { what: "trees", found: number + 1, max: TREES_MAX });
        }
        if tree.nodes.is_empty() {
            return Err(fault(None, TreeFault::NoNodes));
        }
        let margin = u32::try_from(tree.margin).ok().filter(|_| tree.margin < self.margin_count());
        let outputs = self.margin_count();
        let margin =
            margin.ok_or(fault(None, TreeFault::OutputOutOfRange { output: tree.margin, outputs }))?;
        let base = self.nodes.len();
        let has_covers = self.covers.len() == base && tree.covers.len() == tree.nodes.len();
        self.trees.push((position(base)?, margin));
        let mut walk = Walk::new(tree.nodes.len());
        walk.reach(0, 0).map_err(|kind| fault(Some(0), kind))?;
        let mut next = 0;
        while let Some(&(index, depth)) = walk.order.get(next) {
            next += 1;
            self.depth_max = self.depth_max.max(depth);
            let left = position(base + walk.order.len())?;
            self.store(&tree.nodes[index], left).map_err(|refusal| refusal.at(number, index))?;
            walk.reach_children(&tree.nodes[index], depth).map_err(|kind| fault(Some(index), kind))?;
            if has_covers {
                self.covers.push(tree.covers[index]);
            }
        }
        if !has_covers {
            self.covers.clear();
        }
        let unreached = |(index, node): (usize, &FileNode)| {
            (!walk.reached[index] && *node != FileNode::Deleted).then_some(index)
        };
        match tree.nodes.iter().enumerate().find_map(unreached) {
            Some(index) => Err(fault(Some(index), TreeFault::Unreached)),
            None => Ok(()),
        }
    }

    /// Makes the margins keep the smallest or largest leaf instead of adding; all leaves must be vectors.
    pub(crate) fn aggregate_by(&mut self, aggregate: Aggregate) {
        self.aggregate = aggregate;
    }

    /// Makes the finish divide by the number of trees, once all are in.
    #[expect(clippy::cast_precision_loss, reason = "there are few trees")]
    pub(crate) fn divide_by_trees(&mut self) {
        self.shape.finish.divide = Some(self.trees.len().max(1) as f64);
    }

    /// The first `count` trees, the others dropped.
    pub(crate) fn keep_trees(&mut self, count: usize) {
        let Some((end, _)) = self.trees.get(count) else { return };
        let end = *end as usize;
        self.nodes.truncate(end);
        self.covers.truncate(end);
        self.trees.truncate(count);
    }

    /// Checks what a node says about itself and stores it. `left` is the position its left child will take.
    fn store(&mut self, node: &FileNode, left: u32) -> Result<(), Refusal> {
        let empty = Stored {
            value: 0.0,
            feature: 0,
            left: 0,
            detail: 0,
            kind: Kind::Value,
            nan_left: false,
            zero_is_missing: false,
        };
        let stored = match node {
            FileNode::Deleted => return Err(TreeFault::DeletedReached.into()),
            FileNode::Leaf(value) => Stored { value: finite(*value)?, ..empty },
            FileNode::Vector(values) => {
                Stored { kind: Kind::Vector, detail: self.keep_vector(values)?, ..empty }
            }
            FileNode::Linear { fallback, constant, terms } => {
                let detail = self.keep_linear(*fallback, *constant, terms)?;
                Stored { kind: Kind::Linear, detail, ..empty }
            }
            FileNode::Split { feature, test, nan_left, zero_is_missing, .. } => {
                let (kind, value, detail) = self.keep_test(test)?;
                let feature = self.feature(*feature)?;
                let (nan_left, zero_is_missing) = (*nan_left, *zero_is_missing);
                Stored { value, feature, left, detail, kind, nan_left, zero_is_missing }
            }
        };
        self.nodes.push(stored);
        Ok(())
    }

    fn feature(&self, feature: i64) -> Result<u32, TreeFault> {
        let features = self.feature_count;
        let inside = |index: &u32| (*index as usize) < features;
        let index = u32::try_from(feature).ok().filter(inside);
        index.ok_or(TreeFault::FeatureOutOfRange { feature, features })
    }

    fn keep_test(&mut self, test: &FileTest) -> Result<(Kind, f64, u32), Refusal> {
        let (kind, threshold) = match test {
            FileTest::Less(threshold) => (Kind::Less, *threshold),
            FileTest::LessOrEqual(threshold) => (Kind::LessOrEqual, *threshold),
            FileTest::Equal(threshold) => (Kind::Equal, *threshold),
            FileTest::In(words) => {
                let range = append(&mut self.set_words, words, "words of category sets", SET_WORDS_MAX)?;
                self.sets.push(range);
                return Ok((Kind::In, 0.0, index(self.sets.len() - 1)));
            }
        };
        if threshold.is_nan() {
            return Err(TreeFault::ThresholdNan.into());
        }
        debug_assert!(self.shape.inputs.round(threshold).to_bits() == threshold.to_bits());
        Ok((kind, threshold, 0))
    }

    fn keep_vector(&mut self, values: &[f64]) -> Result<u32, Refusal> {
        let (found, margins) = (values.len(), self.margin_count());
        if found != margins {
            return Err(TreeFault::LeafLength { found, outputs: margins }.into());
        }
        values.iter().try_for_each(|value| finite(*value).map(|_| ()))?;
        let range = append(&mut self.vectors, values, "numbers in leaves", LEAF_NUMBERS_MAX)?;
        Ok(index(range.start / margins))
    }

    fn keep_linear(&mut self, fallback: f64, constant: f64, terms: &[(u32, f64)]) -> Result<u32, Refusal> {
        debug_assert_eq!(self.shape.sums, Precision::F64);
        finite(fallback)?;
        finite(constant)?;
        for (feature, coefficient) in terms {
            self.feature(i64::from(*feature))?;
            finite(*coefficient)?;
        }
        let terms = append(&mut self.terms, terms, "numbers in leaves", LEAF_NUMBERS_MAX)?;
        self.linear.push(StoredLinear { fallback, constant, terms });
        Ok(index(self.linear.len() - 1))
    }
}

/// Why a node was not stored.
enum Refusal {
    Fault(TreeFault),
    Limit(ModelError),
}

impl Refusal {
    fn at(self, tree: usize, node: usize) -> ModelError {
        match self {
            Self::Fault(fault) => ModelError::Tree { tree, node: Some(node), fault },
            Self::Limit(error) => error,
        }
    }
}

impl From<TreeFault> for Refusal {
    fn from(fault: TreeFault) -> Self {
        Self::Fault(fault)
    }
}

fn finite(value: f64) -> Result<f64, TreeFault> {
    if value.is_finite() { Ok(value) } else { Err(TreeFault::LeafNotFinite) }
}

/// Appends within a limit, and gives the place.
fn append<T: Copy>(
    to: &mut Vec<T>,
    from: &[T],
    what: &'static str,
    max: usize,
) -> Result<Range<usize>, Refusal> {
    let (start, found) = (to.len(), to.len() + from.len());
    if found > max {
        return Err(Refusal::Limit(ModelError::Limit { what, found, max }));
    }
    to.extend_from_slice(from);
    Ok(start..found)
}

/// An index into one of the side tables, which have no more elements than there are nodes.
fn index(index: usize) -> u32 {
    u32::try_from(index).expect("side tables are no longer than NODES_MAX or LEAF_NUMBERS_MAX")
}

/// A node position that fits, or the limit it breaks.
fn position(index: usize) -> Result<u32, ModelError> {
    match u32::try_from(index) {
        Ok(position) if index <= NODES_MAX => Ok(position),
        _ => Err(ModelError::Limit { what: "nodes", found: index, max: NODES_MAX }),
    }
}

/// The nodes of one tree reached so far.
struct Walk {
    reached: Vec<bool>,
    /// Index and depth of each node, in the order reached.
    order: Vec<(usize, usize)>,
}

impl Walk {
    fn new(nodes: usize) -> Self {
        Self { reached: vec![false; nodes], order: Vec::with_capacity(nodes) }
    }

    fn reach_children(&mut self, node: &FileNode, depth: usize) -> Result<(), TreeFault> {
        let FileNode::Split { left, right, .. } = node else { return Ok(()) };
        self.reach(*left, depth + 1)?;
        self.reach(*right, depth + 1)
    }

    fn reach(&mut self, child: i64, depth: usize) -> Result<(), TreeFault> {
        if depth > DEPTH_MAX {
            return Err(TreeFault::TooDeep);
        }
        let nodes = self.reached.len();
        let index = usize::try_from(child).unwrap_or(usize::MAX);
        match self.reached.get_mut(index) {
            None => Err(TreeFault::ChildOutOfRange { child, nodes }),
            Some(reached) if *reached => Err(TreeFault::ReachedTwice { child }),
            Some(reached) => {
                *reached = true;
                self.order.push((index, depth));
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests;
