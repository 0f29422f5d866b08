//! A checked model and its evaluation.

use crate::error::ModelError;
use crate::forest::Forest;
use crate::format::Format;
use crate::limits::FILE_BYTES_MAX;
use crate::objective::Link;
use crate::xgboost;

/// A checked tree ensemble, ready to evaluate. Immutable; share it behind an `Arc`.
#[derive(Debug, Clone, PartialEq)]
pub struct Model {
    pub(crate) forest: Forest,
    pub(crate) link: Link,
    pub(crate) base_score: f32,
    pub(crate) base_margin: f32,
    pub(crate) objective: String,
    pub(crate) feature_names: Vec<String>,
    pub(crate) feature_types: Vec<String>,
    pub(crate) version: [u32; 3],
}

impl Model {
    /// Reads and checks a model file, JSON or UBJSON by content.
    ///
    /// Time and memory are linear in the size of the file, which is at most [`FILE_BYTES_MAX`]; lengths that
    /// a file claims are compared with its size before anything is allocated.
    ///
    /// # Errors
    ///
    /// Any file that is not a complete, sound model of a supported kind. See [`ModelError`].
    pub fn parse(bytes: &[u8]) -> Result<Self, ModelError> {
        if bytes.len() > FILE_BYTES_MAX {
            return Err(ModelError::TooLarge { bytes: bytes.len() });
        }
        let document = match Format::detect(bytes)? {
            Format::Json => xgboost::document_from_json(bytes)?,
            Format::Ubjson => xgboost::document_from_ubjson(bytes)?,
        };
        xgboost::model(document)
    }

    /// The sum of the base margin and one leaf per tree, before the link is applied.
    ///
    /// `row[i]` is feature `i` in training order. NaN is missing; a row that is too short reads as missing at
    /// its end; what lies beyond [`Self::feature_count`] is ignored. All trees count, whatever early stopping
    /// recorded, as `Booster.predict` does by default.
    ///
    /// Equal to XGBoost's `output_margin` bit for bit. Cost: one step per level and tree. Never allocates and
    /// never panics.
    #[must_use]
    pub fn predict_margin(&self, row: &[f32]) -> f32 {
        self.forest.sum(self.base_margin, row)
    }

    /// The prediction: [`Self::predict_margin`] with the objective's link applied.
    ///
    /// Equal to XGBoost's answer bit for bit where the link is the identity, within 4 ulp where it is a
    /// logarithm or a logit.
    #[must_use]
    pub fn predict(&self, row: &[f32]) -> f32 {
        self.link.prediction(self.predict_margin(row))
    }

    /// Features the model was trained on: the length of a full row.
    #[must_use]
    pub fn feature_count(&self) -> usize {
        self.forest.feature_count()
    }

    /// Names of the features in row order. Empty when the file has none, else one per feature, all different.
    #[must_use]
    pub fn feature_names(&self) -> &[String] {
        &self.feature_names
    }

    /// Types of the features in XGBoost's words ("float", "int", "q", "i", "c"), in row order. Empty when the
    /// file has none, else one per feature.
    #[must_use]
    pub fn feature_types(&self) -> &[String] {
        &self.feature_types
    }

    /// Trees, those of boosted forests counted one by one.
    #[must_use]
    pub fn tree_count(&self) -> usize {
        self.forest.tree_count()
    }

    /// Splits and leaves of all trees. Pruned nodes do not count.
    #[must_use]
    pub fn node_count(&self) -> usize {
        self.forest.node_count()
    }

    /// Splits on the longest way from a root to a leaf; 0 when every tree is a single leaf.
    #[must_use]
    pub fn depth_max(&self) -> usize {
        self.forest.depth_max()
    }

    /// The objective's name, such as `reg:squarederror`.
    #[must_use]
    pub fn objective(&self) -> &str {
        &self.objective
    }

    /// The prediction before any tree, in prediction space, as the file stores it.
    #[must_use]
    pub fn base_score(&self) -> f32 {
        self.base_score
    }

    /// Major, minor and patch version of the XGBoost that wrote the file; zeros when it does not say.
    #[must_use]
    pub fn version(&self) -> [u32; 3] {
        self.version
    }
}
