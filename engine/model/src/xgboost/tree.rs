//! One tree of the file as nodes that the forest can check.

use super::categories::CategorySets;
use super::document::Tree;
use super::number;
use crate::error::{ModelError, TreeFault};
use crate::forest::build::{FileNode, FileTest, FileTree};
use crate::limits::LEAF_NUMBERS_MAX;

/// Child index that means "none".
const NO_CHILD: i32 = -1;
/// Split index that XGBoost gives to a pruned node.
const DELETED: i32 = i32::MAX;

/// What a tree needs to know about its model.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    /// Index of the tree.
    pub(super) index: usize,
    /// The output its leaves add to.
    pub(super) margin: usize,
    /// Outputs of the model.
    pub(super) outputs: usize,
    /// What dropout left of its leaves.
    pub(super) weight: Option<f32>,
}

/// The nodes of a tree. Linear in their number; allocates.
///
/// # Errors
///
/// Arrays of different lengths, a tree out of order, a node with one child, sets of categories that do not
/// fit.
pub(super) fn file_tree(place: Place, tree: &Tree) -> Result<FileTree, ModelError> {
    let fault = |fault| ModelError::Tree { tree: place.index, node: None, fault };
    if let Some(id) = tree.id
        && usize::try_from(id) != Ok(place.index)
    {
        return Err(fault(TreeFault::Misplaced { id }));
    }
    check_lengths(tree).map_err(fault)?;
    let leaves = Leaves::of(place, tree)?;
    let mut sets = CategorySets::of(tree).map_err(|(node, fault)| ModelError::Tree {
        tree: place.index,
        node,
        fault,
    })?;
    let mut nodes = Vec::with_capacity(tree.left_children.len());
    for node in 0..tree.left_children.len() {
        let at = |fault| ModelError::Tree { tree: place.index, node: Some(node), fault };
        nodes.push(file_node(node, tree, &leaves, &mut sets).map_err(at)?);
    }
    // XGBoost writes one hessian sum per node, but they do not change predictions: a file may lack them.
    let known = tree.sum_hessian.len() == nodes.len();
    let covers =
        if known { tree.sum_hessian.iter().map(|sum| f64::from(*sum)).collect() } else { Vec::new() };
    Ok(FileTree { nodes, margin: place.margin, covers })
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

/// Where the values of leaves lie.
struct Leaves<'a> {
    tree: &'a Tree,
    /// Numbers in a leaf; 1 for one that adds to the tree's own output.
    size: usize,
    weight: Option<f32>,
}

impl<'a> Leaves<'a> {
    fn of(place: Place, tree: &'a Tree) -> Result<Self, ModelError> {
        let declared = tree.tree_param.size_leaf_vector.as_deref().unwrap_or("0");
        let size = number("size_leaf_vector", declared)?.max(1);
        if size > 1 && size != place.outputs {
            let fault = TreeFault::LeafLength { found: size, outputs: place.outputs };
            return Err(ModelError::Tree { tree: place.index, node: None, fault });
        }
        // Leaves may share a row of numbers: a small file must not grow into a large forest.
        let found = tree.left_children.len().saturating_mul(size);
        if size > 1 && found > 2 * LEAF_NUMBERS_MAX {
            let max = LEAF_NUMBERS_MAX;
            return Err(ModelError::Limit { what: "numbers in leaves", found: found / 2, max });
        }
        Ok(Self { tree, size, weight: place.weight })
    }

    /// A leaf as XGBoost adds it: its value times the weight that dropout left, rounded to `f32`.
    fn value(&self, value: f32) -> f64 {
        self.weight.map_or(value, |weight| value * weight).into()
    }

    fn leaf(&self, node: usize) -> Result<FileNode, TreeFault> {
        if self.size == 1 {
            return Ok(FileNode::Leaf(self.value(self.tree.split_conditions[node])));
        }
        let (array, values, row) = match self.tree.leaf_weights.as_slice() {
            [] => ("base_weights", self.tree.base_weights.as_slice(), Some(node)),
            values => ("leaf_weights", values, usize::try_from(self.tree.right_children[node]).ok()),
        };
        let start = row.and_then(|row| row.checked_mul(self.size));
        let values = start.and_then(|start| values.get(start..)?.get(..self.size));
        let nodes = self.tree.left_children.len();
        let missing = TreeFault::ArrayLength { array, found: values.map_or(0, <[f32]>::len), nodes };
        Ok(FileNode::Vector(values.ok_or(missing)?.iter().map(|value| self.value(*value)).collect()))
    }

    /// Whether a node is a leaf: the right child of a vector leaf may be the leaf's number.
    fn is_leaf(&self, left: i32, right: i32) -> bool {
        left == NO_CHILD && (right == NO_CHILD || (self.size > 1 && !self.tree.leaf_weights.is_empty()))
    }
}

/// Node `node`, which is within all arrays.
fn file_node(
    node: usize,
    tree: &Tree,
    leaves: &Leaves<'_>,
    sets: &mut CategorySets,
) -> Result<FileNode, TreeFault> {
    let (left, right) = (tree.left_children[node], tree.right_children[node]);
    let feature = tree.split_indices[node];
    if leaves.is_leaf(left, right) {
        return if feature == DELETED { Ok(FileNode::Deleted) } else { leaves.leaf(node) };
    }
    if left == NO_CHILD || right == NO_CHILD {
        return Err(TreeFault::OneChild);
    }
    let nan_left = tree.default_left[node].0;
    let split = |test, left: i32, right: i32, nan_left| FileNode::Split {
        feature: feature.into(),
        test,
        nan_left,
        zero_is_missing: false,
        left: left.into(),
        right: right.into(),
    };
    // XGBoost's set goes right and everything outside it left; a forest's set goes left.
    match (tree.split_type.get(node).copied().unwrap_or(0), sets.take(node)) {
        (0, None) => Ok(split(FileTest::Less(tree.split_conditions[node].into()), left, right, nan_left)),
        (1, Some(words)) => Ok(split(FileTest::In(words), right, left, !nan_left)),
        _ => Err(TreeFault::SplitType),
    }
}
