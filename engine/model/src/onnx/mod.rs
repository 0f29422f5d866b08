//! ONNX files: the operators `TreeEnsembleRegressor` and `TreeEnsembleClassifier` of `ai.onnx.ml`, versions 1
//! to 3.
//!
//! The arithmetic is onnxruntime's on one thread: `f32` for inputs of floats and integers, `f64` for doubles;
//! leaves in tree order, then the mean, then the base values. Operators that only pass numbers on may stand
//! beside the trees. Refused by name: `TreeEnsemble` of version 5, MIN and MAX, PROBIT, other operators.
//!
//! The reader of protocol buffers is ours: a file needs four message types of it, borrowed and bounded, for
//! which generated code and its build step would be many times as long.

mod graph;
mod nodes;
mod trees;
mod wire;

use graph::Ensemble;
use nodes::Attributes;

use crate::compiled::Compiled;
use crate::error::{ModelError, quotable};
use crate::features::check_count;
use crate::forest::{Categories, Finish, Forest, Precision, Shape};
use crate::format::{Format, Library};
use crate::limits::OUTPUTS_MAX;
use crate::model::Model;
use crate::output::{Link, Output};

fn layout(detail: impl Into<String>) -> ModelError {
    ModelError::Layout { format: Format::Onnx, detail: detail.into() }
}

/// Reads and checks a file.
///
/// # Errors
///
/// A damaged message, another graph, what is unsupported or inconsistent.
pub(crate) fn parse(bytes: &[u8]) -> Result<Model, ModelError> {
    let mut ensemble = graph::ensemble(bytes)?;
    let attributes = Attributes::of(&mut ensemble)?;
    let inputs = match ensemble.input_type {
        graph::FLOAT | graph::INT32 | graph::INT64 => Precision::F32,
        graph::DOUBLE => Precision::F64,
        _ => {
            let advice = "convert with an input of floats or doubles";
            return Err(ModelError::unsupported("inputs that are no numbers are", advice));
        }
    };
    if inputs == Precision::F32 && attributes.has_doubles {
        return Err(ModelError::Contradiction {
            detail: "its thresholds are doubles and its input is not".into(),
        });
    }
    let classifier = ensemble.operator == "TreeEnsembleClassifier";
    let rules = if classifier { classes(&attributes)? } else { targets(&attributes)? };
    let feature_count = feature_count(&ensemble, &attributes);
    check_count(feature_count)?;
    let shape = Shape {
        inputs,
        sums: inputs,
        categories: Categories::NonNegative,
        start: vec![0.0; rules.margins],
        finish: rules.finish,
    };
    let mut forest = Forest::new(feature_count, shape);
    let divide = forest.finish().divide.is_some();
    trees::push_all(&attributes, rules.one_margin, &mut forest)?;
    if divide {
        forest.divide_by_trees();
    }
    Ok(Model {
        compiled: Compiled::default(),
        forest,
        output: Output { round: true, ..Output::of(rules.link) },
        library: Library::Onnx,
        base_score: 0.0,
        objective: ensemble.operator.to_owned(),
        feature_names: Vec::new(),
        feature_types: Vec::new(),
        version: [0; 3],
        best: None,
    })
}

/// What the graph's input declares, else what the splits need.
fn feature_count(ensemble: &Ensemble<'_>, attributes: &Attributes<'_>) -> usize {
    let needed = attributes.nodes_featureids.iter().max().copied().unwrap_or(0);
    let needed = usize::try_from(needed).map_or(usize::MAX, |largest| largest.saturating_add(1));
    ensemble.input_columns.filter(|columns| *columns > 0).unwrap_or(needed)
}

/// What surrounds the trees.
struct Rules {
    margins: usize,
    /// All leaves add to margin 0, whatever class they name.
    one_margin: bool,
    finish: Finish,
    link: Link,
}

fn targets(attributes: &Attributes<'_>) -> Result<Rules, ModelError> {
    let margins = usize::try_from(attributes.n_targets.unwrap_or(1)).unwrap_or(0);
    check_outputs(margins)?;
    let divide = match attributes.aggregate_function {
        b"SUM" => None,
        // Known when all trees are read.
        b"AVERAGE" => Some(1.0),
        other => {
            let name = quotable(&String::from_utf8_lossy(other));
            let advice = "convert a model whose trees are summed or averaged";
            return Err(ModelError::unsupported(format!("the aggregate function \"{name}\" is"), advice));
        }
    };
    // onnxruntime passes over base values of another number, and over the transform of a single target.
    let add =
        if attributes.base_values.len() == margins { attributes.base_values.clone() } else { Vec::new() };
    let link = transform(attributes)?;
    let link = if margins == 1 { Link::Identity } else { link };
    Ok(Rules { margins, one_margin: false, finish: Finish { divide, multiply: None, add }, link })
}

fn classes(attributes: &Attributes<'_>) -> Result<Rules, ModelError> {
    let classes = attributes.class_labels;
    check_outputs(classes)?;
    if classes == 1 {
        let advice = "train with two classes or more";
        return Err(ModelError::unsupported("classifiers of a single class are", advice));
    }
    let link = transform(attributes)?;
    let base = &attributes.base_values;
    let finish = |add| Finish { divide: None, multiply: None, add };
    let first = attributes.target_ids.first().copied().unwrap_or(0);
    let one_class = attributes.target_ids.iter().all(|class| *class == first);
    if classes > 2 || !one_class {
        if !base.is_empty() && (base.len() != classes || classes == 2) {
            let advice = "convert with one base value per class and three classes or more";
            return Err(ModelError::unsupported("these base values are", advice));
        }
        return Ok(Rules { margins: classes, one_margin: false, finish: finish(base.clone()), link });
    }
    if base.len() > 1 || (first == 1 && !base.is_empty()) {
        let advice = "convert with one base value for two classes";
        return Err(ModelError::unsupported("these base values are", advice));
    }
    if first == 1 {
        return Ok(Rules { margins: 2, one_margin: false, finish: finish(Vec::new()), link });
    }
    let positive = attributes.target_weights.iter().all(|weight| *weight >= 0.0);
    let link = match link {
        _ if positive => Link::PairOfProbability,
        Link::MirroredSigmoid => Link::PairOfSigmoids,
        _ => Link::PairOfScores,
    };
    Ok(Rules { margins: 1, one_margin: true, finish: finish(base.clone()), link })
}

fn transform(attributes: &Attributes<'_>) -> Result<Link, ModelError> {
    match attributes.post_transform {
        b"NONE" => Ok(Link::Identity),
        b"LOGISTIC" => Ok(Link::MirroredSigmoid),
        b"SOFTMAX" => Ok(Link::Softmax(Precision::F32)),
        b"SOFTMAX_ZERO" => Ok(Link::SoftmaxZero),
        other => {
            let name = quotable(&String::from_utf8_lossy(other));
            let advice = "convert with NONE, LOGISTIC or SOFTMAX";
            Err(ModelError::unsupported(format!("the transform \"{name}\" is"), advice))
        }
    }
}

fn check_outputs(found: usize) -> Result<(), ModelError> {
    match found {
        1..=OUTPUTS_MAX => Ok(()),
        _ => Err(ModelError::Limit { what: "outputs", found, max: OUTPUTS_MAX }),
    }
}
