//! XGBoost's model files: from the document to a checked [`Model`].
//!
//! Layouts of versions 1.0 to 3.4 are read: gbtree and dart, one or several outputs, vector leaves,
//! categorical splits. Refused by name: the booster gblinear, objectives not listed in `objective.rs`.

mod bounded;
mod categories;
mod document;
mod objective;
mod tree;

pub(crate) use document::Document;

use document::{BoosterModel, GradientBooster, Learner, LearnerParam};
use objective::Objective;
use tree::Place;

use crate::compiled::Compiled;
use crate::error::{ModelError, quotable};
use crate::features::{check_count, check_names_differ, check_texts};
use crate::forest::{Categories, Finish, Forest, Precision, Shape};
use crate::format::{Format, Library};
use crate::json::json_error;
use crate::limits::{OUTPUTS_MAX, TREES_MAX};
use crate::model::Model;
use crate::output::Output;
use crate::ubjson;

/// Reads a JSON file.
///
/// # Errors
///
/// Text that is not JSON, cut off, or of another shape.
pub(crate) fn document_from_json(bytes: &[u8]) -> Result<Document, ModelError> {
    serde_json::from_slice(bytes).map_err(|error| json_error(&error, bytes))
}

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
    let Learner {
        attributes,
        feature_names,
        feature_types,
        gradient_booster,
        learner_model_param: param,
        objective,
    } = learner;
    let (booster, weights) = booster_model(gradient_booster)?;
    let rules = Objective::of_name(&objective.name).ok_or_else(|| unknown_objective(&objective.name))?;
    let outputs = output_count(&param)?;
    if objective.name == "reg:expectileerror" && outputs > 1 {
        // Their margins are steps from one expectile to the next, not the expectiles.
        let what = "several expectiles in one model are";
        return Err(ModelError::unsupported(what, "train one model per expectile"));
    }
    let (base_score, start) = base(&param, rules, outputs)?;
    let feature_count = number("num_feature", &param.num_feature)?;
    check_count(feature_count)?;
    check_texts("feature names", &feature_names, feature_count)?;
    check_texts("feature types", &feature_types, feature_count)?;
    check_names_differ(&feature_names)?;
    let best = best_iteration(attributes.best_iteration.as_deref(), &booster, outputs)?;
    Ok(Model {
        compiled: Compiled::default(),
        forest: forest(&booster, &weights, feature_count, start)?,
        output: Output::of(rules.link),
        library: Library::Xgboost,
        base_score,
        objective: objective.name,
        feature_names,
        feature_types,
        version: version(&document.version),
        best,
    })
}

fn unknown_objective(name: &str) -> ModelError {
    let what = format!("the objective \"{}\" is", quotable(name));
    ModelError::unsupported(what, format!("train with one of {}", Objective::names()))
}

/// The trees' part of the file, and dropout's weight of each tree; no weights when there was no dropout.
///
/// dart keeps its trees in an inner booster. Since XGBoost 3.4 it calls itself gbtree and keeps the weights
/// beside the trees.
fn booster_model(booster: GradientBooster) -> Result<(BoosterModel, Vec<f32>), ModelError> {
    let missing = ModelError::NotAModel { why: "its booster has no \"model\"" };
    let GradientBooster { name, model, weight_drop, gbtree } = booster;
    let mut model = match (name.as_str(), model, gbtree) {
        ("gbtree" | "dart", Some(model), None) => model,
        ("dart", None, Some(inner)) => inner.model,
        ("gbtree" | "dart", ..) => return Err(missing),
        (other, ..) => {
            let what = format!("the booster \"{}\" is", quotable(other));
            return Err(ModelError::unsupported(what, "train with booster=gbtree or booster=dart"));
        }
    };
    let weights = match (weight_drop.is_empty(), model.weight_drop.is_empty()) {
        (false, true) => weight_drop,
        (true, _) => std::mem::take(&mut model.weight_drop),
        (false, false) => {
            let detail = "weights of trees (weight_drop) stand in two places".into();
            return Err(ModelError::Contradiction { detail });
        }
    };
    let (found, expected) = (weights.len(), model.trees.len());
    if found != expected && (found > 0 || name == "dart") {
        return Err(ModelError::Count { what: "weights of trees (weight_drop)", found, expected });
    }
    if weights.iter().any(|weight| !weight.is_finite()) {
        return Err(ModelError::Contradiction {
            detail: "a weight of a tree (weight_drop) is no number".into(),
        });
    }
    Ok((model, weights))
}

/// Classes or targets.
fn output_count(param: &LearnerParam) -> Result<usize, ModelError> {
    let count = |name, text: &Option<String>| text.as_deref().map_or(Ok(0), |text| number(name, text));
    let classes = count("num_class", &param.num_class)?;
    let targets = count("num_target", &param.num_target)?;
    if classes > 1 && targets > 1 {
        let advice = "train one model per target";
        return Err(ModelError::unsupported("several targets of several classes are", advice));
    }
    let found = classes.max(targets).max(1);
    if found > OUTPUTS_MAX {
        return Err(ModelError::Limit { what: "outputs", found, max: OUTPUTS_MAX });
    }
    Ok(found)
}

/// The first base score and the margin of each output before any tree. Files since XGBoost 3.1 write a list,
/// "[5E-1]", with one score or one per output.
fn base(param: &LearnerParam, rules: Objective, outputs: usize) -> Result<(f32, Vec<f64>), ModelError> {
    let refused =
        || ModelError::parameter("base_score", &param.base_score, "a number that the objective can predict");
    let text = param.base_score.trim();
    let list = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    let mut scores = Vec::new();
    for score in list.split(',').take(OUTPUTS_MAX + 1) {
        scores.push(score.trim().parse::<f32>().map_err(|_| refused())?);
    }
    let first = *scores.first().ok_or_else(refused)?;
    if scores.len() == 1 {
        scores = vec![first; outputs];
    }
    if scores.len() != outputs {
        return Err(ModelError::Count { what: "base scores", found: scores.len(), expected: outputs });
    }
    let margins = scores.into_iter().map(|score| rules.base.margin(score).map(f64::from));
    Ok((first, margins.collect::<Option<_>>().ok_or_else(refused)?))
}

/// The best iteration and the trees up to it, where early stopping recorded one.
fn best_iteration(
    text: Option<&str>,
    booster: &BoosterModel,
    outputs: usize,
) -> Result<Option<(usize, usize)>, ModelError> {
    let Some(text) = text else { return Ok(None) };
    let best = number("best_iteration", text)?;
    let trees = match booster.iteration_indptr.as_slice() {
        [] => {
            let parallel = booster.gbtree_model_param.as_ref().and_then(|p| p.num_parallel_tree.as_deref());
            let parallel = parallel.map_or(Ok(1), |text| number("num_parallel_tree", text))?.max(1);
            best.checked_add(1).and_then(|rounds| rounds.checked_mul(parallel)?.checked_mul(outputs))
        }
        starts => best.checked_add(1).and_then(|next| starts.get(next).copied()),
    };
    let trees = trees.filter(|trees| *trees <= booster.trees.len());
    let refused = || ModelError::parameter("best_iteration", text, "one of the model's rounds");
    Ok(Some((best, trees.ok_or_else(refused)?)))
}

fn forest(
    booster: &BoosterModel,
    weights: &[f32],
    feature_count: usize,
    start: Vec<f64>,
) -> Result<Forest, ModelError> {
    let found = booster.trees.len();
    let param = booster.gbtree_model_param.as_ref();
    let param = param.ok_or(ModelError::NotAModel { why: "its booster has no \"gbtree_model_param\"" })?;
    let expected = number("num_trees", &param.num_trees)?;
    if found != expected {
        return Err(ModelError::Count { what: "trees", found, expected });
    }
    if found > TREES_MAX {
        return Err(ModelError::Limit { what: "trees", found, max: TREES_MAX });
    }
    let infos = &booster.tree_info;
    if !infos.is_empty() && infos.len() != found {
        return Err(ModelError::Count { what: "entries in tree_info", found: infos.len(), expected: found });
    }
    let outputs = start.len();
    let shape = Shape {
        inputs: Precision::F32,
        sums: Precision::F32,
        categories: Categories::NonNegative,
        start,
        finish: Finish::default(),
    };
    let mut forest = Forest::new(feature_count, shape);
    for (index, tree) in booster.trees.iter().enumerate() {
        let margin = usize::try_from(infos.get(index).copied().unwrap_or(0)).unwrap_or(usize::MAX);
        let place = Place { index, margin, outputs, weight: weights.get(index).copied() };
        forest.push(&tree::file_tree(place, tree)?)?;
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
