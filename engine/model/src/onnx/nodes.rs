//! The operator's attributes by name, checked for their lengths.

use std::collections::BTreeMap;

use super::graph::{Attribute, DOUBLE, Ensemble};
use super::layout;
use crate::error::ModelError;

/// What the operators call the same things. `class_*` of a classifier stands under `target_*` here, and what
/// version 5 says is translated (`five.rs`).
#[derive(Debug, Default)]
pub(super) struct Attributes<'a> {
    pub(super) nodes_treeids: Vec<i64>,
    pub(super) nodes_nodeids: Vec<i64>,
    pub(super) nodes_featureids: Vec<i64>,
    pub(super) nodes_values: Vec<f64>,
    pub(super) nodes_modes: Vec<&'a [u8]>,
    pub(super) nodes_truenodeids: Vec<i64>,
    pub(super) nodes_falsenodeids: Vec<i64>,
    /// Empty, or one per node.
    pub(super) nodes_missing: Vec<i64>,
    /// Words of the sets of nodes with the mode `BRANCH_MEMBER`, by place in the lists.
    pub(super) sets: BTreeMap<usize, Vec<u32>>,
    pub(super) target_treeids: Vec<i64>,
    pub(super) target_nodeids: Vec<i64>,
    pub(super) target_ids: Vec<i64>,
    pub(super) target_weights: Vec<f64>,
    pub(super) base_values: Vec<f64>,
    pub(super) n_targets: Option<u64>,
    pub(super) class_labels: usize,
    pub(super) aggregate_function: &'a [u8],
    pub(super) post_transform: &'a [u8],
    /// One of the lists is a tensor of doubles.
    pub(super) has_doubles: bool,
}

impl<'a> Attributes<'a> {
    pub(super) fn of(ensemble: &mut Ensemble<'a>) -> Result<Self, ModelError> {
        let mut all = Self { aggregate_function: b"SUM", post_transform: b"NONE", ..Self::default() };
        for attribute in ensemble.attributes.drain(..) {
            all.take(attribute);
        }
        all.check()?;
        Ok(all)
    }

    fn take(&mut self, attribute: Attribute<'a>) {
        let integers = attribute.integers;
        let floats = || -> Vec<f64> { attribute.floats.iter().map(|x| f64::from(*x)).collect() };
        let tensor = attribute.tensor;
        self.has_doubles |= attribute.tensor_type == DOUBLE;
        match attribute.name {
            "nodes_treeids" => self.nodes_treeids = integers,
            "nodes_nodeids" => self.nodes_nodeids = integers,
            "nodes_featureids" => self.nodes_featureids = integers,
            "nodes_modes" => self.nodes_modes = attribute.strings,
            "nodes_truenodeids" => self.nodes_truenodeids = integers,
            "nodes_falsenodeids" => self.nodes_falsenodeids = integers,
            "nodes_missing_value_tracks_true" => self.nodes_missing = integers,
            "target_treeids" | "class_treeids" => self.target_treeids = integers,
            "target_nodeids" | "class_nodeids" => self.target_nodeids = integers,
            "target_ids" | "class_ids" => self.target_ids = integers,
            "nodes_values" => self.nodes_values = floats(),
            "target_weights" | "class_weights" => self.target_weights = floats(),
            "base_values" => self.base_values = floats(),
            "nodes_values_as_tensor" => self.nodes_values = tensor,
            "target_weights_as_tensor" | "class_weights_as_tensor" => {
                self.target_weights = tensor;
            }
            "base_values_as_tensor" => self.base_values = tensor,
            "n_targets" => self.n_targets = attribute.integer,
            "classlabels_int64s" => self.class_labels = integers.len(),
            "classlabels_strings" => self.class_labels = attribute.strings.len(),
            "aggregate_function" => self.aggregate_function = attribute.text.unwrap_or(b"SUM"),
            "post_transform" => self.post_transform = attribute.text.unwrap_or(b"NONE"),
            // Hit rates and names do not change predictions.
            _ => {}
        }
    }

    pub(super) fn check(&self) -> Result<(), ModelError> {
        let nodes = self.nodes_treeids.len();
        let missing = if self.nodes_missing.is_empty() { nodes } else { self.nodes_missing.len() };
        let lists = [
            ("nodes_nodeids", self.nodes_nodeids.len()),
            ("nodes_featureids", self.nodes_featureids.len()),
            ("nodes_values", self.nodes_values.len()),
            ("nodes_modes", self.nodes_modes.len()),
            ("nodes_truenodeids", self.nodes_truenodeids.len()),
            ("nodes_falsenodeids", self.nodes_falsenodeids.len()),
            ("nodes_missing_value_tracks_true", missing),
        ];
        let targets = self.target_ids.len();
        let of_targets = [
            ("target_treeids", self.target_treeids.len()),
            ("target_nodeids", self.target_nodeids.len()),
            ("target_weights", self.target_weights.len()),
        ];
        for (expected, lists) in [(nodes, &lists[..]), (targets, &of_targets[..])] {
            if let Some((name, found)) = lists.iter().find(|(_, found)| *found != expected) {
                return Err(layout(format!("{name} has {found} elements where there are {expected}")));
            }
        }
        if self.base_values.iter().any(|value| !value.is_finite()) {
            return Err(layout("a base value is no number"));
        }
        Ok(())
    }
}
