//! Shapley values of one tree in polynomial time.
//!
//! Source: Lundberg, Erion, Lee: "Consistent Individualized Feature Attribution for Tree Ensembles" (2018),
//! algorithm 2. A path keeps, for each distinct feature on it, the share of training data that flows on when
//! the feature is unknown and whether the row flows on when it is known, and the weights of all subsets of a
//! size.

use super::Explainer;
use crate::forest::{Feature, Leaf, Node, TreeView};

/// One distinct feature of a path. The first step has none.
#[derive(Debug, Clone, Copy)]
struct Step {
    feature: Option<usize>,
    /// Share of training data that flows on when the feature is unknown.
    unknown: f64,
    /// 1 when the row itself flows on, else 0.
    known: f64,
    /// Weight of the subsets with as many features as there are steps before this one.
    weight: f64,
}

#[derive(Debug, Clone)]
struct Path {
    steps: Vec<Step>,
}

/// A count as a number. Paths have at most 257 steps.
#[expect(clippy::cast_precision_loss, reason = "paths are short")]
fn number(count: usize) -> f64 {
    count as f64
}

impl Path {
    /// The path with one more feature.
    fn extend(&mut self, feature: Option<usize>, unknown: f64, known: f64) {
        let before = self.steps.len();
        let weight = if before == 0 { 1.0 } else { 0.0 };
        self.steps.push(Step { feature, unknown, known, weight });
        let steps = number(before + 1);
        for index in (0..before).rev() {
            let weight = self.steps[index].weight;
            self.steps[index + 1].weight += known * weight * number(index + 1) / steps;
            self.steps[index].weight = unknown * weight * number(before - index) / steps;
        }
    }

    /// Calls back with the subset weights, from the largest size down, as if step `index` were not on the
    /// path.
    fn each_weight_without(&self, index: usize, mut each: impl FnMut(usize, f64)) {
        let last = self.steps.len() - 1;
        let steps = number(last + 1);
        let Step { unknown, known, .. } = self.steps[index];
        let mut next = self.steps[last].weight;
        for size in (0..last).rev() {
            let weight = self.steps[size].weight;
            if known != 0.0 {
                let without = next * steps / (number(size + 1) * known);
                each(size, without);
                next = weight - without * unknown * number(last - size) / steps;
            } else if unknown != 0.0 {
                each(size, weight * steps / (unknown * number(last - size)));
            } else {
                each(size, 0.0);
            }
        }
    }

    /// The path without step `index`.
    fn unwind(&mut self, index: usize) {
        let mut weights = vec![0.0; self.steps.len()];
        self.each_weight_without(index, |size, weight| weights[size] = weight);
        self.steps.remove(index);
        for (step, weight) in self.steps.iter_mut().zip(weights) {
            step.weight = weight;
        }
    }

    /// The sum of subset weights without step `index`.
    fn sum_without(&self, index: usize) -> f64 {
        let mut sum = 0.0;
        self.each_weight_without(index, |_, weight| sum += weight);
        sum
    }
}

/// Adds the contributions of a tree.
pub(super) fn add_tree<T: Feature>(explainer: &Explainer<'_>, tree: &TreeView, row: &[T], out: &mut [f64]) {
    let mut walk = Walk { explainer, tree, row, out };
    walk.visit(
        tree.nodes.start,
        Path { steps: Vec::new() },
        Step { feature: None, unknown: 1.0, known: 1.0, weight: 0.0 },
    );
}

struct Walk<'a, T> {
    explainer: &'a Explainer<'a>,
    tree: &'a TreeView,
    row: &'a [T],
    out: &'a mut [f64],
}

impl<T: Feature> Walk<'_, T> {
    /// Visits a node with the path to its parent and the step that leads here. As deep as the tree, which
    /// [`crate::limits::DEPTH_MAX`] bounds.
    fn visit(&mut self, position: usize, mut path: Path, step: Step) {
        path.extend(step.feature, step.unknown, step.known);
        let split = match self.explainer.forest.node(position) {
            Node::Leaf(leaf) => return self.add_leaf(leaf, &path),
            Node::Split(split) => split,
        };
        let feature = Some(split.feature);
        let (mut unknown, mut known) = (1.0, 1.0);
        if let Some(earlier) = path.steps.iter().position(|step| step.feature == feature) {
            // A feature counts once: its earlier step is taken back and merged into this one.
            (unknown, known) = (path.steps[earlier].unknown, path.steps[earlier].known);
            path.unwind(earlier);
        }
        let shares = self.explainer.shares(position, split.left);
        let goes_left = self.explainer.forest.row_goes_left(position, self.row);
        for (side, share) in shares.into_iter().enumerate() {
            let hot = goes_left == (side == 0);
            let known = if hot { known } else { 0.0 };
            let step = Step { feature, unknown: unknown * share, known, weight: 0.0 };
            self.visit(split.left + side, path.clone(), step);
        }
    }

    fn add_leaf(&mut self, leaf: Leaf<'_>, path: &Path) {
        let width = self.explainer.width;
        for (index, step) in path.steps.iter().enumerate() {
            let Some(feature) = step.feature else { continue };
            let weight = path.sum_without(index) * (step.known - step.unknown);
            for output in 0..width {
                let value = super::leaf_number(leaf, self.tree.margin, output, width);
                self.out[self.explainer.place(self.tree, output, feature)] += weight * value;
            }
        }
    }
}
