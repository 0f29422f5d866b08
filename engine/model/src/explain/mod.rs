//! Which features moved one prediction, and by how much.
//!
//! Two attributions of a margin, after the same weights of nodes (how much training data each saw):
//!
//! - paths ([`Explainer::paths_into`]): at each split on the row's path, the change of the mean from parent
//!   to child is the split feature's, as XGBoost's `approx_contribs` has it. Fast: one step per level and
//!   tree, nothing allocated. It favours features near the root.
//! - `TreeSHAP` ([`Explainer::shap_into`]): exact Shapley values for path-dependent feature perturbation, as
//!   XGBoost's `pred_contribs` and LightGBM's `pred_contrib` give them. For offline use: it visits every
//!   leaf.
//!
//! Both add up: bias plus contributions is the margin, but for rounding. They are kept in `f64`.

mod shap;

use std::fmt;

use crate::forest::{Feature, Forest, Leaf, Node, TreeView};
use crate::model::Model;

/// Why a model cannot be explained.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExplainError {
    /// The file does not say how much training data each node saw. ONNX files never do.
    NoWeights,
    /// The trees have linear leaves.
    LinearLeaves,
}

impl std::error::Error for ExplainError {}

impl fmt::Display for ExplainError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoWeights => {
                "The model cannot be explained because its file holds no weights of nodes; \
                 load the file of the library that trained it."
            }
            Self::LinearLeaves => {
                "The model cannot be explained because its leaves are linear; train with linear_tree=false."
            }
        })
    }
}

/// Explains predictions of one model. Keep it as long as the model: making it visits every node.
#[derive(Debug)]
pub struct Explainer<'a> {
    forest: &'a Forest,
    /// The mean of the leaves below each node. Per node one number, or one per margin.
    means: Vec<f64>,
    /// Numbers per node in `means`.
    width: usize,
}

impl Model {
    /// An explainer of this model. Allocates one number per node, with vector leaves one per margin too.
    ///
    /// # Errors
    ///
    /// Nodes without weights, or linear leaves.
    pub fn explainer(&self) -> Result<Explainer<'_>, ExplainError> {
        Explainer::new(&self.forest)
    }

    /// Length of an explanation: per margin one number per feature, then the bias.
    #[must_use]
    pub fn explanation_len(&self) -> usize {
        self.margin_count() * (self.feature_count() + 1)
    }
}

impl<'a> Explainer<'a> {
    fn new(forest: &'a Forest) -> Result<Self, ExplainError> {
        let (mut vectors, mut weights) = (false, true);
        for position in 0..forest.node_count() {
            match forest.node(position) {
                Node::Leaf(Leaf::Linear(_)) => return Err(ExplainError::LinearLeaves),
                Node::Leaf(Leaf::Vector(_)) => vectors = true,
                Node::Leaf(Leaf::Value(_)) | Node::Split(_) => {}
            }
            weights &= forest.cover(position).is_some_and(|weight| weight.is_finite() && weight >= 0.0);
        }
        if !weights {
            return Err(ExplainError::NoWeights);
        }
        let width = if vectors { forest.margin_count() } else { 1 };
        let mut explainer = Self { forest, means: vec![0.0; forest.node_count() * width], width };
        explainer.fill_means();
        Ok(explainer)
    }

    /// Children lie after their parents: from the back, both are known when the parent is reached.
    fn fill_means(&mut self) {
        let width = self.width;
        for tree in self.forest.trees() {
            for position in tree.nodes.clone().rev() {
                for index in 0..width {
                    let mean = match self.forest.node(position) {
                        Node::Leaf(leaf) => leaf_number(leaf, tree.margin, index, width),
                        Node::Split(split) => {
                            let [left, right] = self.shares(position, split.left);
                            let below = |child: usize| self.means[child * width + index];
                            left * below(split.left) + right * below(split.left + 1)
                        }
                    };
                    self.means[position * width + index] = mean;
                }
            }
        }
    }

    /// The shares of training data that went left and right; halves where there was none.
    fn shares(&self, position: usize, left: usize) -> [f64; 2] {
        let weight = |position: usize| self.forest.cover(position).unwrap_or(0.0);
        let (whole, left, right) = (weight(position), weight(left), weight(left + 1));
        if whole > 0.0 && left + right > 0.0 {
            [left / (left + right), right / (left + right)]
        } else {
            [0.5; 2]
        }
    }

    /// Writes the path attribution of a row: per margin one number per feature, then the bias.
    ///
    /// Rows as in [`Model::margin_into`]. Allocates nothing. Cost: one step per level and tree.
    ///
    /// # Panics
    ///
    /// When `out` is not [`Model::explanation_len`] long.
    pub fn paths_into<T: Feature>(&self, row: &[T], out: &mut [f64]) {
        self.begin(out);
        for tree in self.forest.trees() {
            let mut position = tree.nodes.start;
            while let Node::Split(split) = self.forest.node(position) {
                let child = split.left + usize::from(!self.forest.row_goes_left(position, row));
                for index in 0..self.width {
                    let change = self.mean(child, index) - self.mean(position, index);
                    out[self.place(&tree, index, split.feature)] += change;
                }
                position = child;
            }
        }
        self.end(out);
    }

    /// Writes the Shapley values of a row: per margin one number per feature, then the bias.
    ///
    /// Rows as in [`Model::margin_into`]. Allocates. Cost: leaves times depth squared.
    ///
    /// # Panics
    ///
    /// When `out` is not [`Model::explanation_len`] long.
    pub fn shap_into<T: Feature>(&self, row: &[T], out: &mut [f64]) {
        self.begin(out);
        for tree in self.forest.trees() {
            shap::add_tree(self, &tree, row, out);
        }
        self.end(out);
    }

    /// Starts with the base margin and every root's mean as bias.
    fn begin(&self, out: &mut [f64]) {
        let features = self.forest.feature_count();
        let expected = self.forest.margin_count() * (features + 1);
        assert!(out.len() == expected, "an explanation has {expected} numbers, not {}", out.len());
        out.fill(0.0);
        for (margin, start) in self.forest.start().iter().enumerate() {
            out[margin * (features + 1) + features] = *start;
        }
        for tree in self.forest.trees() {
            for index in 0..self.width {
                out[self.place(&tree, index, features)] += self.mean(tree.nodes.start, index);
            }
        }
    }

    /// Does to the contributions what the forest does to its sums.
    fn end(&self, out: &mut [f64]) {
        let (finish, features) = (self.forest.finish(), self.forest.feature_count());
        let factor = finish.multiply.unwrap_or(1.0) / finish.divide.unwrap_or(1.0);
        out.iter_mut().for_each(|x| *x *= factor);
        for (margin, add) in finish.add.iter().enumerate() {
            out[margin * (features + 1) + features] += add;
        }
    }

    fn mean(&self, position: usize, index: usize) -> f64 {
        self.means[position * self.width + index]
    }

    /// Where the contribution of a feature stands; the bias follows the last feature.
    fn place(&self, tree: &TreeView, index: usize, feature: usize) -> usize {
        let margin = if self.width == 1 { tree.margin } else { index };
        margin * (self.forest.feature_count() + 1) + feature
    }
}

/// What a leaf adds to number `index` of `width`. In a forest with vector leaves, plain leaves add to one
/// margin.
fn leaf_number(leaf: Leaf<'_>, margin: usize, index: usize, width: usize) -> f64 {
    match leaf {
        Leaf::Value(value) if width == 1 || margin == index => value,
        Leaf::Vector(values) => values[index],
        Leaf::Value(_) | Leaf::Linear(_) => 0.0,
    }
}
