//! CatBoost's model files in JSON.
//!
//! Float features with symmetric trees, and with the trees of the policies Depthwise and Lossguide. Inputs
//! and borders are `f32`, a number goes right when it is above the border, leaves are summed as `f64` in tree
//! order, then scaled and shifted. Refused by name: categorical, text and embedding features.

mod document;
mod tree;

use document::{Document, FloatFeature};
use tree::Features;

use crate::compiled::Compiled;
use crate::error::{ModelError, quotable};
use crate::features::{check_count, check_names_differ};
use crate::forest::{Categories, Finish, Forest, Precision, Shape};
use crate::format::{Format, Library};
use crate::json::json_error;
use crate::limits::{NODES_MAX, OUTPUTS_MAX};
use crate::model::Model;
use crate::output::{Link, Output};

/// What to do about features that are no numbers.
const ENCODE: &str = "encode them as numbers before training";

/// Objects in a file.
const OBJECTS_MAX: usize = 2 * NODES_MAX;

/// Losses whose raw value is the prediction.
const RAW: [&str; 23] = [
    "RMSE",
    "MAE",
    "Quantile",
    "MultiQuantile",
    "MAPE",
    "Lq",
    "Huber",
    "Expectile",
    "LogCosh",
    "MultiRMSE",
    "MultiRMSEWithMissingValues",
    "QueryRMSE",
    "QuerySoftMax",
    "PairLogit",
    "PairLogitPairwise",
    "YetiRank",
    "YetiRankPairwise",
    "LambdaMart",
    "StochasticRank",
    "StochasticFilter",
    "QueryCrossEntropy",
    "Cox",
    "",
];

/// Whether a JSON file is CatBoost's, told from its first key.
pub(crate) fn is_catboost(bytes: &[u8]) -> bool {
    const KEYS: [&[u8]; 6] =
        [b"ctr_data", b"features_info", b"model_info", b"oblivious_trees", b"scale_and_bias", b"trees"];
    let Some(start) = bytes.iter().position(|byte| *byte == b'"') else { return false };
    let key = &bytes[start + 1..];
    KEYS.iter().any(|known| key.strip_prefix(*known).is_some_and(|rest| rest.first() == Some(&b'"')))
}

/// Reads and checks a file.
///
/// # Errors
///
/// Text that is no JSON, of another shape, unsupported or inconsistent.
pub(crate) fn parse(bytes: &[u8]) -> Result<Model, ModelError> {
    // A node in memory is many times as long as its text: two objects per node are enough.
    let found = bytes.iter().filter(|byte| **byte == b'{').count();
    if found > OBJECTS_MAX {
        return Err(ModelError::Limit { what: "objects", found, max: OBJECTS_MAX });
    }
    let document: Document = serde_json::from_slice(bytes).map_err(|error| json_error(&error, bytes))?;
    refuse_other_features(&document)?;
    let link = link(&document.model_info.params.loss_function.kind)?;
    let floats = &document.features_info.float_features;
    let feature_count = floats.iter().map(|feature| feature.flat_feature_index.saturating_add(1)).max();
    let feature_count = feature_count.unwrap_or(0);
    check_count(feature_count)?;
    check_count(floats.len())?;
    let shape = shape(&document)?;
    let outputs = shape.start.len();
    let mut forest = Forest::new(feature_count, shape);
    let features = Features::of(floats);
    match (&document.oblivious_trees, &document.trees) {
        (Some(trees), None) => {
            for (index, tree) in trees.iter().enumerate() {
                forest.push(&tree::oblivious(index, tree, &features, outputs)?)?;
            }
        }
        (None, Some(trees)) => {
            for (index, tree) in trees.iter().enumerate() {
                forest.push(&tree::branching(index, tree, &features)?)?;
            }
        }
        (Some(_), Some(_)) => {
            return Err(ModelError::Contradiction { detail: "it has trees of two kinds".into() });
        }
        (None, None) => return Err(ModelError::NotAModel { why: "it has no \"oblivious_trees\"" }),
    }
    Ok(Model {
        compiled: Compiled::default(),
        forest,
        output: Output::of(link),
        library: Library::Catboost,
        base_score: 0.0,
        objective: document.model_info.params.loss_function.kind,
        feature_names: names(floats, feature_count)?,
        feature_types: Vec::new(),
        version: [0; 3],
        best: None,
    })
}

fn refuse_other_features(document: &Document) -> Result<(), ModelError> {
    let info = &document.features_info;
    let kinds = [
        ("categorical features (one-hot and ctr splits) are", &info.categorical_features),
        ("text features are", &info.text_features),
        ("embedding features are", &info.embedding_features),
    ];
    match kinds.into_iter().find(|(_, features)| !features.is_empty()) {
        Some((what, _)) => Err(ModelError::unsupported(what, ENCODE)),
        None => Ok(()),
    }
}

/// What CatBoost's own classifiers and regressors show for a loss.
fn link(loss: &str) -> Result<Link, ModelError> {
    match loss {
        "Logloss" | "CrossEntropy" | "MultiClassOneVsAll" | "MultiLogloss" | "MultiCrossEntropy" => {
            Ok(Link::Sigmoid(Precision::F64, 1.0))
        }
        "MultiClass" => Ok(Link::Softmax(Precision::F64)),
        "Poisson" | "Tweedie" => Ok(Link::Exp(Precision::F64)),
        _ if RAW.contains(&loss) => Ok(Link::Identity),
        _ => {
            let what = format!("the loss function \"{}\" is", quotable(loss));
            Err(ModelError::unsupported(what, "train with RMSE, Logloss, MultiClass or another plain loss"))
        }
    }
}

/// As many outputs as there are biases.
fn shape(document: &Document) -> Result<Shape, ModelError> {
    let (scale, biases) = match &document.scale_and_bias {
        Some((scale, biases)) => (*scale, biases.as_slice().to_vec()),
        None => (1.0, vec![0.0]),
    };
    let found = biases.len();
    if !(1..=OUTPUTS_MAX).contains(&found) {
        return Err(ModelError::Limit { what: "outputs", found, max: OUTPUTS_MAX });
    }
    if !scale.is_finite() || biases.iter().any(|bias| !bias.is_finite()) {
        return Err(ModelError::Layout {
            format: Format::Json,
            detail: "scale_and_bias holds what is no number".into(),
        });
    }
    Ok(Shape {
        inputs: Precision::F32,
        sums: Precision::F64,
        categories: Categories::NonNegative,
        start: vec![0.0; found],
        finish: Finish { divide: None, multiply: Some(scale), add: biases },
    })
}

/// Names by place, when every feature has one.
fn names(floats: &[FloatFeature], count: usize) -> Result<Vec<String>, ModelError> {
    let mut names = vec![String::new(); count];
    for feature in floats {
        names[feature.flat_feature_index].clone_from(&feature.feature_id);
    }
    if names.iter().any(String::is_empty) {
        return Ok(Vec::new());
    }
    check_names_differ(&names)?;
    Ok(names)
}
