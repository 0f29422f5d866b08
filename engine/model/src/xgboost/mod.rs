//! XGBoost's model files: from the document to a checked [`Model`].
//!
//! Layouts of versions 1.0 to 3.4 are read. Refused by name: boosters other than gbtree, dropout weights,
//! several outputs (classes, targets, vector leaves), categorical splits, objectives not listed in
//! `objective.rs`.

mod document;
mod json;
mod tree;

pub(crate) use document::Document;
pub(crate) use json::document_from_json;

use std::collections::BTreeSet;

use document::{BoosterModel, GradientBooster, Learner, LearnerParam};

use crate::error::{ModelError, quotable};
use crate::forest::Forest;
use crate::format::Format;
use crate::limits::{FEATURES_MAX, TREES_MAX};
use crate::model::Model;
use crate::objective::Link;
use crate::ubjson;

/// What to do about a model with several outputs.
const ONE_OUTPUT: &str = "train one model per output";

/// Reads a UBJSON file.
///
/// # Errors
///
/// Bytes that are not UBJSON, cut off, or of another shape.
pub(crate) fn document_from_ubjson(bytes: &[u8]) -> Result<Document, ModelError> {
    ubjson::from_slice(bytes).map_err(|error| {
        let (format, detail) = (Format::Ubjson, error.to_string());
        match error.kind {
            ubjson::Fault::Truncated => ModelError::Truncated { format, detail },
            ubjson::Fault::Shape(_) => ModelError::Layout { format, detail },
            _ => ModelError::Damaged { format, detail },
        }
    })
}

/// Checks a document and builds the model.
///
/// # Errors
///
/// What is unsupported, inconsistent or beyond a limit.
pub(crate) fn model(document: Document) -> Result<Model, ModelError> {
    let learner = document.learner.ok_or(ModelError::NotAModel { why: "it has no \"learner\"" })?;
    let Learner { feature_names, feature_types, gradient_booster, learner_model_param, objective } = learner;
    let booster = booster_model(gradient_booster)?;
    let link = Link::of_objective(&objective.name).ok_or_else(|| unknown_objective(&objective.name))?;
    let outputs =
        [("num_class", &learner_model_param.num_class), ("num_target", &learner_model_param.num_target)];
    for (name, count) in outputs {
        if count.as_deref().map_or(Ok(0), |text| number(name, text))? > 1 {
            return Err(ModelError::unsupported(format!("several outputs ({name}) are"), ONE_OUTPUT));
        }
    }
    let (base_score, base_margin) = base(&learner_model_param, link)?;
    let feature_count = feature_count(&learner_model_param)?;
    check_feature_texts("feature names", &feature_names, feature_count)?;
    check_feature_texts("feature types", &feature_types, feature_count)?;
    check_names_differ(&feature_names)?;
    Ok(Model {
        forest: forest(&booster, feature_count)?,
        link,
        base_score,
        base_margin,
        objective: objective.name,
        feature_names,
        feature_types,
        version: version(&document.version),
    })
}

fn unknown_objective(name: &str) -> ModelError {
    let what = format!("the objective \"{}\" is", quotable(name));
    ModelError::unsupported(what, format!("train with one of {}", Link::objectives()))
}

/// The trees' part of the file, once the booster is known to be a plain sum of trees.
fn booster_model(booster: GradientBooster) -> Result<BoosterModel, ModelError> {
    const GBTREE: &str = "train with booster=gbtree and without dropout";
    let dropped = booster.model.as_ref().is_some_and(|model| !model.weight_drop.is_empty());
    match booster.name.as_str() {
        "gbtree" if dropped || !booster.weight_drop.is_empty() => {
            Err(ModelError::unsupported("dart's dropout weights (weight_drop) are", GBTREE))
        }
        "gbtree" => booster.model.ok_or(ModelError::NotAModel { why: "its booster has no \"model\"" }),
        "dart" => Err(ModelError::unsupported("the booster dart (dropout weights) is", GBTREE)),
        other => Err(ModelError::unsupported(format!("the booster \"{}\" is", quotable(other)), GBTREE)),
    }
}

/// Score and margin before any tree. Files since XGBoost 3.1 write the score as a list, "[5E-1]".
fn base(param: &LearnerParam, link: Link) -> Result<(f32, f32), ModelError> {
    let text = param.base_score.trim();
    let single = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text).trim();
    if single.contains(',') {
        return Err(ModelError::unsupported("several outputs (base_score) are", ONE_OUTPUT));
    }
    let score = single.parse::<f32>().ok();
    score.and_then(|score| Some((score, link.margin(score)?))).ok_or_else(|| {
        ModelError::parameter("base_score", &param.base_score, "a number that the objective can predict")
    })
}

fn feature_count(param: &LearnerParam) -> Result<usize, ModelError> {
    let count = number("num_feature", &param.num_feature)?;
    if count > FEATURES_MAX {
        return Err(ModelError::Limit { what: "features", found: count, max: FEATURES_MAX });
    }
    Ok(count)
}

fn check_feature_texts(what: &'static str, texts: &[String], features: usize) -> Result<(), ModelError> {
    if !texts.is_empty() && texts.len() != features {
        return Err(ModelError::Count { what, found: texts.len(), expected: features });
    }
    Ok(())
}

fn check_names_differ(names: &[String]) -> Result<(), ModelError> {
    let mut seen = BTreeSet::new();
    match names.iter().find(|name| !seen.insert(*name)) {
        Some(name) => Err(ModelError::FeatureNameTwice { name: quotable(name) }),
        None => Ok(()),
    }
}

fn forest(booster: &BoosterModel, feature_count: usize) -> Result<Forest, ModelError> {
    let found = booster.trees.len();
    let param = booster.gbtree_model_param.as_ref();
    let param = param.ok_or(ModelError::NotAModel { why: "its booster has no \"gbtree_model_param\"" })?;
    let declared = number("num_trees", &param.num_trees)?;
    if found != declared {
        return Err(ModelError::Count { what: "trees", found, expected: declared });
    }
    if found > TREES_MAX {
        return Err(ModelError::Limit { what: "trees", found, max: TREES_MAX });
    }
    if !booster.tree_info.is_empty() && booster.tree_info.len() != found {
        return Err(ModelError::Count {
            what: "entries in tree_info",
            found: booster.tree_info.len(),
            expected: found,
        });
    }
    if booster.tree_info.iter().any(|output| *output != 0) {
        return Err(ModelError::unsupported("several outputs (tree_info) are", ONE_OUTPUT));
    }
    let mut forest = Forest::new(feature_count);
    for (index, tree) in booster.trees.iter().enumerate() {
        forest.push(&tree::nodes(index, tree)?)?;
    }
    Ok(forest)
}

/// A parameter that is a count, written as text.
fn number(name: &'static str, text: &str) -> Result<usize, ModelError> {
    text.parse().map_err(|_| ModelError::parameter(name, text, "a whole number"))
}

fn version(parts: &[u32]) -> [u32; 3] {
    let part = |index: usize| parts.get(index).copied().unwrap_or(0);
    [part(0), part(1), part(2)]
}
