//! The shape of CatBoost's JSON file. What does not change predictions is skipped.

use serde::Deserialize;
use serde::de::IgnoredAny;

#[derive(Debug, Deserialize)]
pub(super) struct Document {
    pub(super) features_info: FeaturesInfo,
    /// Symmetric trees: a level has one split.
    #[serde(default)]
    pub(super) oblivious_trees: Option<Vec<ObliviousTree>>,
    /// Trees of the policies Depthwise and Lossguide.
    #[serde(default)]
    pub(super) trees: Option<Vec<Branch>>,
    #[serde(default)]
    pub(super) scale_and_bias: Option<(f64, Numbers)>,
    #[serde(default)]
    pub(super) model_info: ModelInfo,
}

#[derive(Debug, Deserialize)]
pub(super) struct FeaturesInfo {
    #[serde(default)]
    pub(super) float_features: Vec<FloatFeature>,
    #[serde(default)]
    pub(super) categorical_features: Vec<IgnoredAny>,
    #[serde(default)]
    pub(super) text_features: Vec<IgnoredAny>,
    #[serde(default)]
    pub(super) embedding_features: Vec<IgnoredAny>,
}

#[derive(Debug, Deserialize)]
pub(super) struct FloatFeature {
    /// Place in the row.
    pub(super) flat_feature_index: usize,
    #[serde(default)]
    pub(super) feature_id: String,
    /// What NaN counts as: `AsTrue` above every border, `AsFalse` and `AsIs` below.
    #[serde(default)]
    pub(super) nan_value_treatment: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct ObliviousTree {
    /// Leaf after leaf; bit k of a leaf's number is the outcome of split k.
    pub(super) leaf_values: Vec<f64>,
    #[serde(default)]
    pub(super) leaf_weights: Vec<f64>,
    #[serde(default)]
    pub(super) splits: Option<Vec<Split>>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Split {
    /// Absent in splits of other kinds.
    #[serde(default)]
    pub(super) border: Option<f32>,
    /// Place among the float features.
    #[serde(default)]
    pub(super) float_feature_index: Option<usize>,
    #[serde(default)]
    pub(super) split_type: String,
}

/// A node of a tree that is not symmetric: a split with two branches, or a leaf.
#[derive(Debug, Deserialize)]
pub(super) struct Branch {
    #[serde(default)]
    pub(super) split: Option<Split>,
    #[serde(default)]
    pub(super) left: Option<Box<Branch>>,
    #[serde(default)]
    pub(super) right: Option<Box<Branch>>,
    #[serde(default)]
    pub(super) value: Option<Numbers>,
    #[serde(default)]
    pub(super) weight: Option<f64>,
}

/// One number, or one per output.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Numbers {
    One(f64),
    Many(Vec<f64>),
}

impl Numbers {
    pub(super) fn as_slice(&self) -> &[f64] {
        match self {
            Self::One(number) => std::slice::from_ref(number),
            Self::Many(numbers) => numbers,
        }
    }
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct ModelInfo {
    #[serde(default)]
    pub(super) params: Params,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct Params {
    #[serde(default)]
    pub(super) loss_function: LossFunction,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct LossFunction {
    #[serde(default, rename = "type")]
    pub(super) kind: String,
}
