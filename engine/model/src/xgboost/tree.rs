//! One tree of the file as nodes that the forest can check.

use super::document::Tree;
use super::number;
use crate::error::{ModelError, TreeFault};
use crate::forest::FileNode;

/// Child index that means "none".
const NO_CHILD: i32 = -1;
/// Split index that XGBoost gives to a pruned node.
const DELETED: i32 = i32::MAX;

/// The nodes of tree `index`. Linear in their number; allocates.
///
/// # Errors
///
/// Arrays of different lengths, a tree out of order, a node with one child, a categorical split, vector
/// leaves.
pub(super) fn nodes(index: usize, tree: &Tree) -> Result<Vec<FileNode>, ModelError> {
    let fault = |fault| ModelError::Tree { tree: index, node: None, fault };
    if let Some(id) = tree.id
        && usize::try_from(id) != Ok(index)
    {
        return Err(fault(TreeFault::Misplaced { id }));
    }
    let leaf_size = tree.tree_param.size_leaf_vector.as_deref().unwrap_or("0");
    if number("size_leaf_vector", leaf_size)? > 1 || !tree.leaf_weights.is_empty() {
        let what = format!("vector leaves (tree {index}) are");
        return Err(ModelError::unsupported(what, "train one model per target"));
    }
    if let Some(node) = categorical_node(tree) {
        let what = format!("categorical splits (tree {index}, node {node}) are");
        return Err(ModelError::unsupported(what, "encode categories as numbers before training"));
    }
    check_lengths(tree).map_err(fault)?;
    (0..tree.left_children.len()).map(|node| file_node(index, node, tree)).collect()
}

/// The first categorical node, by its type or by having categories.
fn categorical_node(tree: &Tree) -> Option<i64> {
    let typed = (0..).zip(&tree.split_type).find_map(|(node, kind)| (*kind != 0).then_some(node));
    typed.or(tree.categories_nodes.first().copied())
}

fn check_lengths(tree: &Tree) -> Result<(), TreeFault> {
    let nodes = tree.left_children.len();
    let declared = tree.tree_param.num_nodes.parse().unwrap_or(usize::MAX);
    if declared != nodes {
        return Err(TreeFault::ArrayLength { array: "left_children", found: nodes, nodes: declared });
    }
    let arrays = [
        ("right_children", tree.right_children.len()),
        ("split_indices", tree.split_indices.len()),
        ("split_conditions", tree.split_conditions.len()),
        ("default_left", tree.default_left.len()),
        // Absent in files that know no categorical splits.
        ("split_type", if tree.split_type.is_empty() { nodes } else { tree.split_type.len() }),
    ];
    match arrays.into_iter().find(|(_, length)| *length != nodes) {
        Some((array, found)) => Err(TreeFault::ArrayLength { array, found, nodes }),
        None => Ok(()),
    }
}

/// Node `node`, which is within all arrays.
fn file_node(index: usize, node: usize, tree: &Tree) -> Result<FileNode, ModelError> {
    let (left, right) = (tree.left_children[node], tree.right_children[node]);
    match (left, right, tree.split_indices[node]) {
        (NO_CHILD, NO_CHILD, DELETED) => Ok(FileNode::Deleted),
        (NO_CHILD, NO_CHILD, _) => Ok(FileNode::Leaf(tree.split_conditions[node])),
        (NO_CHILD, _, _) | (_, NO_CHILD, _) => {
            Err(ModelError::Tree { tree: index, node: Some(node), fault: TreeFault::OneChild })
        }
        (left, right, feature) => Ok(FileNode::Split {
            feature: feature.into(),
            threshold: tree.split_conditions[node],
            left: left.into(),
            right: right.into(),
            missing_left: tree.default_left[node].0,
        }),
    }
}
