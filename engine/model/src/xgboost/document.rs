//! The shape of XGBoost's model file. One set of structs serves both encodings.
//!
//! Statistics kept for training (`loss_changes`, `parents`, ...) are skipped, but for the hessian sums, which
//! explanations weigh nodes by.
//! Arrays of a tree default to empty so that a missing one is reported with its tree, by the length check.
//! No `flatten` and no untagged enum: they would read numbers as `f64` first and round twice.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Error, IgnoredAny, Unexpected, Visitor};

use super::bounded::{texts, trees};

/// A whole file.
#[derive(Debug, Deserialize)]
pub(crate) struct Document {
    pub(super) learner: Option<Learner>,
    #[serde(default)]
    pub(super) version: Vec<u32>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Learner {
    #[serde(default)]
    pub(super) attributes: Attributes,
    #[serde(default, deserialize_with = "texts")]
    pub(super) feature_names: Vec<String>,
    #[serde(default, deserialize_with = "texts")]
    pub(super) feature_types: Vec<String>,
    pub(super) gradient_booster: GradientBooster,
    pub(super) learner_model_param: LearnerParam,
    pub(super) objective: Objective,
}

/// Free text beside the model. Only what early stopping leaves there is read.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Attributes {
    #[serde(default)]
    pub(super) best_iteration: Option<String>,
}

/// Unknown keys are refused here and in [`BoosterModel`]: what XGBoost adds at these two places, such as
/// dropout weights, changes predictions.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct GradientBooster {
    pub(super) name: String,
    #[serde(default)]
    pub(super) model: Option<BoosterModel>,
    /// Dropout weights beside the trees.
    #[serde(default)]
    pub(super) weight_drop: Vec<f32>,
    /// Where dart kept its trees before XGBoost 3.4.
    #[serde(default)]
    pub(super) gbtree: Option<InnerBooster>,
}

/// The booster inside the booster dart.
#[derive(Debug, Deserialize)]
pub(super) struct InnerBooster {
    pub(super) model: BoosterModel,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct BoosterModel {
    #[serde(default)]
    pub(super) gbtree_model_param: Option<GbtreeParam>,
    #[serde(default, deserialize_with = "trees")]
    pub(super) trees: Vec<Tree>,
    /// The output each tree adds to.
    #[serde(default)]
    pub(super) tree_info: Vec<i64>,
    /// Dropout weights beside the trees, since XGBoost 3.4.
    #[serde(default)]
    pub(super) weight_drop: Vec<f32>,
    /// The first tree of each round, and the number of trees. Absent before XGBoost 2.0.
    #[serde(default)]
    pub(super) iteration_indptr: Vec<usize>,
    /// Names of categories. Rows hold codes, so that names are not needed.
    #[serde(default, rename = "cats")]
    _cats: Option<IgnoredAny>,
    /// The weights of a linear booster.
    #[serde(default, rename = "weights")]
    _weights: Option<IgnoredAny>,
    #[serde(default, rename = "boosted_rounds")]
    _boosted_rounds: Option<IgnoredAny>,
}

/// Parameters are numbers written as text.
#[derive(Debug, Deserialize)]
pub(super) struct GbtreeParam {
    pub(super) num_trees: String,
    #[serde(default)]
    pub(super) num_parallel_tree: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct LearnerParam {
    pub(super) base_score: String,
    pub(super) num_feature: String,
    #[serde(default)]
    pub(super) num_class: Option<String>,
    #[serde(default)]
    pub(super) num_target: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Objective {
    pub(super) name: String,
}

/// One tree: arrays with one element per node.
#[derive(Debug, Deserialize)]
pub(super) struct Tree {
    #[serde(default)]
    pub(super) id: Option<i64>,
    pub(super) tree_param: TreeParam,
    #[serde(default)]
    pub(super) left_children: Vec<i32>,
    #[serde(default)]
    pub(super) right_children: Vec<i32>,
    #[serde(default)]
    pub(super) split_indices: Vec<i32>,
    /// Threshold of a split, value of a leaf.
    #[serde(default)]
    pub(super) split_conditions: Vec<f32>,
    #[serde(default)]
    pub(super) default_left: Vec<Flag>,
    /// 0 numerical, 1 categorical. Absent before XGBoost 1.3.
    #[serde(default)]
    pub(super) split_type: Vec<u8>,
    /// Categories that go right: those of all nodes, one list after the other.
    #[serde(default)]
    pub(super) categories: Vec<i64>,
    /// The nodes that have categories.
    #[serde(default)]
    pub(super) categories_nodes: Vec<i64>,
    /// Where the list of each of these nodes begins, and its length.
    #[serde(default)]
    pub(super) categories_segments: Vec<i64>,
    #[serde(default)]
    pub(super) categories_sizes: Vec<i64>,
    /// Values of vector leaves: since XGBoost 3.1 leaf after leaf, the leaf's number in place of the right
    /// child.
    #[serde(default)]
    pub(super) leaf_weights: Vec<f32>,
    /// Values of vector leaves before XGBoost 3.1: node after node.
    #[serde(default)]
    pub(super) base_weights: Vec<f32>,
    #[serde(default)]
    pub(super) sum_hessian: Vec<f32>,
}

#[derive(Debug, Deserialize)]
pub(super) struct TreeParam {
    pub(super) num_nodes: String,
    /// 0 or 1 when a leaf holds one number.
    #[serde(default)]
    pub(super) size_leaf_vector: Option<String>,
}

/// A boolean, which files since XGBoost 1.6 write as 0 or 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Flag(pub(super) bool);

impl<'de> Deserialize<'de> for Flag {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(FlagVisitor)
    }
}

struct FlagVisitor;

impl Visitor<'_> for FlagVisitor {
    type Value = Flag;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("true, false, 0 or 1")
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Flag, E> {
        Ok(Flag(value))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Flag, E> {
        match value {
            0 => Ok(Flag(false)),
            1 => Ok(Flag(true)),
            _ => Err(E::invalid_value(Unexpected::Unsigned(value), &self)),
        }
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Flag, E> {
        match value {
            0 => Ok(Flag(false)),
            1 => Ok(Flag(true)),
            _ => Err(E::invalid_value(Unexpected::Signed(value), &self)),
        }
    }
}
