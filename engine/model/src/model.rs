//! A checked model and its evaluation.

use crate::catboost;
use crate::compiled::Compiled;
use crate::error::ModelError;
use crate::forest::{Feature, Forest, Precision, round_to_f32};
use crate::format::{Format, Library};
use crate::lightgbm;
use crate::limits::FILE_BYTES_MAX;
use crate::onnx;
use crate::output::Output;
use crate::workspace::Workspace;
use crate::xgboost;

/// A checked tree ensemble, ready to evaluate. Immutable; share it behind an `Arc`.
///
/// A row gives one or several *margins* (sums of leaves: one per class or target), and the objective's link
/// turns them into *predictions*, of which there may be fewer (the class) or more (both classes).
#[derive(Debug, Clone, PartialEq)]
pub struct Model {
    pub(crate) forest: Forest,
    /// What evaluates the forest; nothing until [`Self::compile`].
    pub(crate) compiled: Compiled,
    pub(crate) output: Output,
    pub(crate) library: Library,
    pub(crate) base_score: f32,
    pub(crate) objective: String,
    pub(crate) feature_names: Vec<String>,
    pub(crate) feature_types: Vec<String>,
    pub(crate) version: [u32; 3],
    /// The best iteration that early stopping recorded, and the trees up to and with it.
    pub(crate) best: Option<(usize, usize)>,
}

impl Model {
    /// Reads and checks a model file; its format is told from its content.
    ///
    /// Time and memory are linear in the size of the file, which is at most [`FILE_BYTES_MAX`], but for sets
    /// of categories and leaves of several numbers: few bytes may ask for many there, up to the limits that
    /// [`crate::limits`] has for them. Lengths that a file claims are compared with its size first.
    ///
    /// # Errors
    ///
    /// Any file that is not a complete, sound model of a supported kind. See [`ModelError`].
    pub fn parse(bytes: &[u8]) -> Result<Self, ModelError> {
        if bytes.len() > FILE_BYTES_MAX {
            return Err(ModelError::TooLarge { bytes: bytes.len() });
        }
        match Format::detect(bytes)? {
            Format::Json if catboost::is_catboost(bytes) => catboost::parse(bytes),
            Format::Json => xgboost::model(xgboost::document_from_json(bytes)?),
            Format::Ubjson => xgboost::model(xgboost::document_from_ubjson(bytes)?),
            Format::Lightgbm => lightgbm::parse(bytes),
            Format::Onnx => onnx::parse(bytes),
        }
    }

    /// The same model cut behind the best iteration that early stopping recorded, as XGBoost's scikit
    /// interface predicts. Unchanged when the file records none; LightGBM saves such models already cut.
    #[must_use]
    pub fn with_best_iteration(mut self) -> Self {
        if let Some((_, trees)) = self.best {
            self.forest.keep_trees(trees);
            self.compiled = Compiled::default();
        }
        self
    }

    /// Scratch memory for the calls below. Allocates; make one per thread and keep it.
    #[must_use]
    pub fn workspace(&self) -> Workspace {
        Workspace { margins: vec![0.0; self.margin_count()], scratch: self.compiled.scratch() }
    }

    /// Writes the margins of a row: base values and one leaf per tree, before the link.
    ///
    /// `row[i]` is feature `i` in training order, as `f32` or `f64` (see [`Feature`]). NaN is missing; a row
    /// that is too short reads as missing at its end; what lies beyond [`Self::feature_count`] is ignored.
    /// All trees count, whatever early stopping recorded; see [`Self::with_best_iteration`].
    ///
    /// Equal to the library's raw scores bit for bit. Never allocates.
    ///
    /// # Panics
    ///
    /// When `out` is not [`Self::margin_count`] long.
    pub fn margin_into<T: Feature>(&self, row: &[T], _workspace: &mut Workspace, out: &mut [f64]) {
        self.compiled.margins(&self.forest, row, out);
    }

    /// Writes the predictions of a row: its margins after the objective's link. Rows as in
    /// [`Self::margin_into`].
    ///
    /// Equal to the library's answer bit for bit where the link is the identity, within 4 ulp elsewhere.
    /// Never allocates.
    ///
    /// # Panics
    ///
    /// When `out` is not [`Self::output_count`] long, or the workspace is of another model.
    pub fn predict_into<T: Feature>(&self, row: &[T], workspace: &mut Workspace, out: &mut [f64]) {
        self.compiled.margins(&self.forest, row, &mut workspace.margins);
        self.output.apply(&mut workspace.margins, out);
    }

    /// Writes the margins of many rows, each [`Self::feature_count`] long, one after the other. A model
    /// without features gives nothing.
    ///
    /// # Panics
    ///
    /// When `out` has not [`Self::margin_count`] numbers per row.
    pub fn margin_batch_into<T: Feature>(&self, rows: &[T], workspace: &mut Workspace, out: &mut [f64]) {
        self.compiled.margins_of_rows(&self.forest, rows, &mut workspace.scratch, out);
    }

    /// Writes the predictions of many rows, each [`Self::feature_count`] long, one after the other. A model
    /// without features gives nothing.
    ///
    /// # Panics
    ///
    /// When `out` has not [`Self::output_count`] numbers per row.
    pub fn predict_batch_into<T: Feature>(&self, rows: &[T], workspace: &mut Workspace, out: &mut [f64]) {
        if self.output_count() == self.margin_count() {
            self.compiled.margins_of_rows(&self.forest, rows, &mut workspace.scratch, out);
            for out in out.chunks_exact_mut(self.margin_count()) {
                workspace.margins.copy_from_slice(out);
                self.output.apply(&mut workspace.margins, out);
            }
            return;
        }
        let rows = rows.chunks_exact(self.feature_count().max(1));
        for (row, out) in rows.zip(out.chunks_exact_mut(self.output_count())) {
            self.predict_into(row, workspace, out);
        }
    }

    /// The first margin, as `f32`: for XGBoost's models of one output nothing is lost. Allocates only when
    /// the model has several margins.
    #[must_use]
    pub fn predict_margin(&self, row: &[f32]) -> f32 {
        let mut margins = [0.0];
        if self.margin_count() == 1 {
            self.compiled.margins(&self.forest, row, &mut margins);
            return round_to_f32(margins[0]);
        }
        let mut margins = vec![0.0; self.margin_count()];
        self.compiled.margins(&self.forest, row, &mut margins);
        round_to_f32(margins[0])
    }

    /// The first prediction, as `f32`. Allocates only when the model has several margins or predictions.
    #[must_use]
    pub fn predict(&self, row: &[f32]) -> f32 {
        if self.margin_count() == 1 && self.output_count() == 1 {
            let (mut margins, mut out) = ([0.0], [0.0]);
            self.compiled.margins(&self.forest, row, &mut margins);
            self.output.apply(&mut margins, &mut out);
            return round_to_f32(out[0]);
        }
        let mut out = vec![0.0; self.output_count()];
        self.predict_into(row, &mut self.workspace(), &mut out);
        round_to_f32(out[0])
    }

    /// Margins of a row; at least 1.
    #[must_use]
    pub fn margin_count(&self) -> usize {
        self.forest.margin_count()
    }

    /// Predictions of a row; at least 1.
    #[must_use]
    pub fn output_count(&self) -> usize {
        self.output.count(self.margin_count())
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

    /// Bytes that the trees take in memory.
    #[must_use]
    pub fn tree_bytes(&self) -> usize {
        self.forest.bytes()
    }

    /// The library whose file this was.
    #[must_use]
    pub fn library(&self) -> Library {
        self.library
    }

    /// Whether the library answers in 32-bit floats, as XGBoost does and ONNX unless doubles come in.
    #[must_use]
    pub fn answers_are_f32(&self) -> bool {
        self.output.round || self.forest.sums() == Precision::F32
    }

    /// The objective in the library's words, such as `reg:squarederror`, `binary sigmoid:1` or `RMSE`. ONNX
    /// files have none: there it is the operator's name.
    #[must_use]
    pub fn objective(&self) -> &str {
        &self.objective
    }

    /// XGBoost: the prediction before any tree, in prediction space, as the file stores it; the first one of
    /// several. 0 for the other libraries.
    #[must_use]
    pub fn base_score(&self) -> f32 {
        self.base_score
    }

    /// The best iteration that early stopping recorded, from 0.
    #[must_use]
    pub fn best_iteration(&self) -> Option<usize> {
        self.best.map(|(iteration, _)| iteration)
    }

    /// Major, minor and patch version of the library that wrote the file; zeros when it does not say.
    #[must_use]
    pub fn version(&self) -> [u32; 3] {
        self.version
    }
}
