//! The flat lists of nodes and weights as trees that the forest can check.

use std::collections::{BTreeMap, BTreeSet};

use super::nodes::Attributes;
use crate::error::{ModelError, TreeFault, quotable};
use crate::forest::Forest;
use crate::forest::build::{FileNode, FileTest, FileTree};
use crate::limits::LEAF_NUMBERS_MAX;

/// A weight: the leaf's tree and node, the output, the number.
type Weight = ((i64, i64), usize, f64);

/// Checks all trees and appends them. `absent` is [`Tree::absent`].
/// A tree's nodes stand together; its first node is the root.
pub(super) fn push_all(
    attributes: &Attributes<'_>,
    one_margin: bool,
    absent: Option<f64>,
    forest: &mut Forest,
) -> Result<(), ModelError> {
    let weights = weights(attributes, one_margin, forest.margin_count())?;
    let ids = &attributes.nodes_treeids;
    let mut seen = BTreeMap::new();
    let mut start = 0;
    while start < ids.len() {
        let length = ids[start..].iter().take_while(|id| **id == ids[start]).count();
        let index = forest.tree_count();
        if let Some(first) = seen.insert(ids[start], index) {
            let detail = format!("the nodes of tree {first} do not stand together");
            return Err(ModelError::Contradiction { detail });
        }
        let tree = Tree { attributes, weights: &weights, absent, index, start, length };
        forest.push(&tree.file_tree(forest.margin_count())?)?;
        start += length;
    }
    Ok(())
}

/// All weights, sorted by leaf.
fn weights(attributes: &Attributes<'_>, one_margin: bool, margins: usize) -> Result<Vec<Weight>, ModelError> {
    let mut weights = Vec::with_capacity(attributes.target_ids.len());
    for (index, output) in attributes.target_ids.iter().enumerate() {
        let place = (attributes.target_treeids[index], attributes.target_nodeids[index]);
        let output = if one_margin { Some(0) } else { usize::try_from(*output).ok() };
        let Some(output) = output.filter(|output| *output < margins) else {
            let (tree, node) = place;
            let detail = format!("the weight of tree {tree}, node {node} names an output it does not have");
            return Err(ModelError::Contradiction { detail });
        };
        weights.push((place, output, attributes.target_weights[index]));
    }
    weights.sort_by_key(|(place, ..)| *place);
    Ok(weights)
}

/// One tree among the lists.
struct Tree<'a> {
    attributes: &'a Attributes<'a>,
    weights: &'a [Weight],
    /// What stands for an output that a leaf does not name, where leaves are compared and not added.
    absent: Option<f64>,
    index: usize,
    start: usize,
    length: usize,
}

impl Tree<'_> {
    fn file_tree(&self, margins: usize) -> Result<FileTree, ModelError> {
        let mut places = BTreeMap::new();
        for node in 0..self.length {
            let id = self.attributes.nodes_nodeids[self.start + node];
            let place = i64::try_from(node).unwrap_or(i64::MAX);
            if places.insert(id, place).is_some() {
                return Err(self.fault(node, TreeFault::NodeTwice));
            }
        }
        let margin = match self.absent {
            None => self.margin(),
            Some(_) => {
                self.check_outputs_are_alike()?;
                None
            }
        };
        // Only a tree whose leaves name several outputs needs a number per output in each.
        if margin.is_none() && self.length.saturating_mul(margins) > 2 * LEAF_NUMBERS_MAX {
            let found = self.length.saturating_mul(margins) / 2;
            return Err(ModelError::Limit { what: "numbers in leaves", found, max: LEAF_NUMBERS_MAX });
        }
        let mut nodes = Vec::with_capacity(self.length);
        for node in 0..self.length {
            nodes.push(match self.attributes.nodes_modes[self.start + node] {
                b"LEAF" => self.leaf(node, margin.map_or(Some(margins), |_| None))?,
                mode => self.split(node, mode, &places)?,
            });
        }
        Ok(FileTree { nodes, margin: margin.unwrap_or(0), covers: Vec::new() })
    }

    fn fault(&self, node: usize, fault: TreeFault) -> ModelError {
        ModelError::Tree { tree: self.index, node: Some(node), fault }
    }

    fn weights(&self, node: usize) -> &[Weight] {
        let place = self.start + node;
        let id = (self.attributes.nodes_treeids[place], self.attributes.nodes_nodeids[place]);
        let first = self.weights.partition_point(|(place, ..)| *place < id);
        let end = self.weights.partition_point(|(place, ..)| *place <= id);
        &self.weights[first..end]
    }

    /// The output that all leaves add to, when there is only one.
    fn margin(&self) -> Option<usize> {
        let is_leaf = |node: &usize| self.attributes.nodes_modes[self.start + node] == b"LEAF";
        let mut outputs = (0..self.length).filter(is_leaf).flat_map(|node| self.weights(node));
        let first = outputs.next()?.1;
        outputs.all(|(_, output, _)| *output == first).then_some(first)
    }

    /// Refuses a tree that gives an output to some rows only: that output would have to begin as nothing.
    fn check_outputs_are_alike(&self) -> Result<(), ModelError> {
        let is_leaf = |node: &usize| self.attributes.nodes_modes[self.start + node] == b"LEAF";
        let outputs =
            |node: usize| self.weights(node).iter().map(|(_, output, _)| *output).collect::<BTreeSet<_>>();
        let mut leaves = (0..self.length).filter(is_leaf).map(outputs);
        let first = leaves.next().unwrap_or_default();
        if leaves.all(|outputs| outputs == first) {
            return Ok(());
        }
        let what =
            format!("MIN and MAX over leaves of different targets in one tree (tree {}) are", self.index);
        Err(ModelError::unsupported(what, "convert with SUM or AVERAGE, or with a tree per target"))
    }

    /// A leaf of one number, or of one per output.
    fn leaf(&self, node: usize, outputs: Option<usize>) -> Result<FileNode, ModelError> {
        let weights = self.weights(node);
        let Some(outputs) = outputs else {
            return match weights {
                [(_, _, weight)] => Ok(FileNode::Leaf(*weight)),
                [] => Err(self.fault(node, TreeFault::NoWeight)),
                _ => Err(self.fault(node, TreeFault::WeightTwice)),
            };
        };
        if weights.is_empty() {
            return Err(self.fault(node, TreeFault::NoWeight));
        }
        let mut values = vec![self.absent.unwrap_or(0.0); outputs];
        let mut named = vec![false; outputs];
        for (_, output, weight) in weights {
            if std::mem::replace(&mut named[*output], true) {
                return Err(self.fault(node, TreeFault::WeightTwice));
            }
            values[*output] = *weight;
        }
        Ok(FileNode::Vector(values))
    }

    fn split(&self, node: usize, mode: &[u8], places: &BTreeMap<i64, i64>) -> Result<FileNode, ModelError> {
        let place = self.start + node;
        let child = |id: i64| places.get(&id).copied().unwrap_or(i64::MAX);
        let when_true = child(self.attributes.nodes_truenodeids[place]);
        let when_false = child(self.attributes.nodes_falsenodeids[place]);
        let threshold = self.attributes.nodes_values[place];
        if let Some(words) = self.attributes.sets.get(&place) {
            let (test, nan_left) = (FileTest::In(words.clone()), self.tracks_true(place));
            return Ok(self.node(place, test, nan_left, (when_true, when_false)));
        }
        // NaN passes no comparison but "not equal", unless the node says that it does.
        let tracks_true = self.tracks_true(place);
        let (test, swap, nan_true) = match mode {
            b"BRANCH_LEQ" => (FileTest::LessOrEqual(threshold), false, tracks_true),
            b"BRANCH_LT" => (FileTest::Less(threshold), false, tracks_true),
            b"BRANCH_GT" => (FileTest::LessOrEqual(threshold), true, tracks_true),
            b"BRANCH_GTE" => (FileTest::Less(threshold), true, tracks_true),
            b"BRANCH_EQ" => (FileTest::Equal(threshold), false, tracks_true),
            b"BRANCH_NEQ" => (FileTest::Equal(threshold), true, true),
            other => {
                let name = quotable(&String::from_utf8_lossy(other));
                let what = format!("the node mode \"{name}\" (tree {}, node {node}) is", self.index);
                return Err(ModelError::unsupported(what, "convert with target_opset={\"ai.onnx.ml\": 3}"));
            }
        };
        let children = if swap { (when_false, when_true) } else { (when_true, when_false) };
        Ok(self.node(place, test, nan_true != swap, children))
    }

    fn tracks_true(&self, place: usize) -> bool {
        self.attributes.nodes_missing.get(place).is_some_and(|flag| *flag == 1)
    }

    fn node(&self, place: usize, test: FileTest, nan_left: bool, (left, right): (i64, i64)) -> FileNode {
        let feature = self.attributes.nodes_featureids[place];
        FileNode::Split { feature, test, nan_left, zero_is_missing: false, left, right }
    }
}
