//! Trees of the file as nodes that the forest can check.

use super::ENCODE;
use super::document::{Branch, FloatFeature, Numbers, ObliviousTree, Split};
use crate::error::{ModelError, TreeFault, quotable};
use crate::forest::build::{FileNode, FileTest, FileTree};

/// Levels of a symmetric tree: CatBoost stops at 16.
const LEVELS_MAX: usize = 24;

/// The float features by their number: place in the row, and whether NaN goes right.
pub(super) struct Features {
    places: Vec<(i64, bool)>,
}

impl Features {
    pub(super) fn of(floats: &[FloatFeature]) -> Self {
        let place = |feature: &FloatFeature| {
            let index = i64::try_from(feature.flat_feature_index).unwrap_or(i64::MAX);
            (index, feature.nan_value_treatment == "AsTrue")
        };
        Self { places: floats.iter().map(place).collect() }
    }

    /// A split with its children.
    fn node(
        &self,
        tree: usize,
        node: usize,
        split: &Split,
        children: [i64; 2],
    ) -> Result<FileNode, ModelError> {
        if !matches!(split.split_type.as_str(), "" | "FloatFeature") {
            let kind = quotable(&split.split_type);
            let what = format!("splits of the type \"{kind}\" (tree {tree}, node {node}) are");
            return Err(ModelError::unsupported(what, ENCODE));
        }
        let fault = |fault| ModelError::Tree { tree, node: Some(node), fault };
        let (Some(border), Some(number)) = (split.border, split.float_feature_index) else {
            return Err(fault(TreeFault::SplitType));
        };
        let features = self.places.len();
        let feature = i64::try_from(number).unwrap_or(i64::MAX);
        let place = self.places.get(number);
        let (feature, nan_right) = *place.ok_or(fault(TreeFault::FeatureOutOfRange { feature, features }))?;
        Ok(FileNode::Split {
            feature,
            test: FileTest::LessOrEqual(border.into()),
            nan_left: !nan_right,
            zero_is_missing: false,
            left: children[0],
            right: children[1],
        })
    }
}

fn leaf(values: &[f64]) -> FileNode {
    match values {
        [value] => FileNode::Leaf(*value),
        values => FileNode::Vector(values.to_vec()),
    }
}

/// A symmetric tree, spelled out: level by level, node p of a level is reached by the outcomes in p's bits.
/// Linear in its leaves.
pub(super) fn oblivious(
    index: usize,
    tree: &ObliviousTree,
    features: &Features,
    outputs: usize,
) -> Result<FileTree, ModelError> {
    let fault = |fault| ModelError::Tree { tree: index, node: None, fault };
    let splits = tree.splits.as_deref().unwrap_or_default();
    let levels = splits.len();
    if levels > LEVELS_MAX {
        return Err(fault(TreeFault::TooDeep));
    }
    let (found, leaves) = (tree.leaf_values.len(), 1_usize << levels);
    if found != leaves * outputs {
        let nodes = leaves * outputs;
        return Err(fault(TreeFault::ArrayLength { array: "leaf_values", found, nodes }));
    }
    let mut nodes = Vec::with_capacity(2 * leaves - 1);
    for (level, split) in splits.iter().enumerate() {
        let next = position((2 << level) - 1);
        for path in 0..1_usize << level {
            let children = [next + position(path), next + position(path | 1 << level)];
            nodes.push(features.node(index, nodes.len(), split, children)?);
        }
    }
    nodes.extend(tree.leaf_values.chunks_exact(outputs).map(leaf));
    Ok(FileTree { covers: covers(tree, levels), nodes, margin: 0 })
}

/// Training weights of all nodes from those of the leaves.
fn covers(tree: &ObliviousTree, levels: usize) -> Vec<f64> {
    if tree.leaf_weights.len() != 1 << levels {
        return Vec::new();
    }
    let mut below = tree.leaf_weights.clone();
    let mut levels_up = vec![below.clone()];
    for level in (0..levels).rev() {
        below = (0..1_usize << level).map(|path| below[path] + below[path | 1 << level]).collect();
        levels_up.push(below.clone());
    }
    levels_up.into_iter().rev().flatten().collect()
}

fn position(index: usize) -> i64 {
    i64::try_from(index).unwrap_or(i64::MAX)
}

/// A tree that is not symmetric. serde_json bounds its depth.
pub(super) fn branching(index: usize, root: &Branch, features: &Features) -> Result<FileTree, ModelError> {
    let mut tree = FileTree::default();
    append(index, root, features, &mut tree)?;
    if tree.covers.iter().any(|weight| weight.is_nan()) {
        tree.covers.clear();
    }
    Ok(tree)
}

/// Appends a branch and gives its weight, NaN when the file does not say.
fn append(
    index: usize,
    branch: &Branch,
    features: &Features,
    tree: &mut FileTree,
) -> Result<f64, ModelError> {
    let node = tree.nodes.len();
    let fault = |fault| ModelError::Tree { tree: index, node: Some(node), fault };
    tree.nodes.push(FileNode::Deleted);
    tree.covers.push(f64::NAN);
    let weight = match (&branch.split, &branch.left, &branch.right, &branch.value) {
        (None, None, None, Some(value)) => {
            tree.nodes[node] = leaf(Numbers::as_slice(value));
            branch.weight.unwrap_or(f64::NAN)
        }
        (Some(split), Some(left), Some(right), None) => {
            let first = position(tree.nodes.len());
            let left = append(index, left, features, tree)?;
            let second = position(tree.nodes.len());
            let right = append(index, right, features, tree)?;
            tree.nodes[node] = features.node(index, node, split, [first, second])?;
            left + right
        }
        (None, ..) => return Err(fault(TreeFault::SplitType)),
        _ => return Err(fault(TreeFault::OneChild)),
    };
    tree.covers[node] = weight;
    Ok(weight)
}
