//! ONNX files: the operators `TreeEnsembleRegressor` and `TreeEnsembleClassifier` of `ai.onnx.ml`, versions 1
//! to 3, and `TreeEnsemble` of version 5.
//!
//! The arithmetic is onnxruntime's on one thread: `f32` for inputs of floats and integers, `f64` for doubles;
//! leaves in tree order, then the mean, then the base values. Operators that only pass numbers on may stand
//! beside the trees. Refused by name: PROBIT, other operators, MIN and MAX where a row may find no leaf.
//!
//! The reader of protocol buffers is ours: a file needs four message types of it, borrowed and bounded, for
//! which generated code and its build step would be many times as long.

mod five;
mod graph;
mod nodes;
mod trees;
mod wire;

use graph::Ensemble;
use nodes::Attributes;

use crate::compiled::Compiled;
use crate::error::{ModelError, quotable};
use crate::features::check_count;
use crate::forest::{Aggregate, Categories, Finish, Forest, Precision, Shape};
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
    let is_five = ensemble.operator == graph::ENSEMBLE;
    let attributes = if is_five { five::attributes(&mut ensemble)? } else { Attributes::of(&mut ensemble)? };
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
    // Only version 5 answers in doubles.
    let wide_answers = is_five && inputs == Precision::F64;
    let rules = if ensemble.operator == graph::CLASSIFIER {
        classes(&attributes)?
    } else {
        targets(&attributes, inputs)?
    };
    if wide_answers && rules.link != Link::Identity {
        let advice = "convert with an input of floats, or without a transform";
        return Err(ModelError::unsupported("transforms of doubles are", advice));
    }
    let feature_count = feature_count(&ensemble, &attributes);
    check_count(feature_count)?;
    let shape = Shape {
        inputs,
        sums: inputs,
        categories: Categories::Halves,
        start: rules.start,
        finish: rules.finish,
    };
    let mut forest = Forest::new(feature_count, shape);
    let divide = forest.finish().divide.is_some();
    forest.aggregate_by(rules.aggregate);
    trees::push_all(&attributes, rules.one_margin, rules.absent, &mut forest)?;
    if divide {
        forest.divide_by_trees();
    }
    Ok(Model {
        compiled: Compiled::default(),
        forest,
        output: Output { round: !wide_answers, ..Output::of(rules.link) },
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
    /// What each margin starts as.
    start: Vec<f64>,
    aggregate: Aggregate,
    /// What a leaf holds for an output that it does not name, so that nothing changes; `None` for a sum,
    /// where it is zero.
    absent: Option<f64>,
    /// All leaves add to margin 0, whatever class they name.
    one_margin: bool,
    finish: Finish,
    link: Link,
}

impl Rules {
    /// Sums of leaves.
    fn sum(margins: usize, finish: Finish, link: Link) -> Self {
        let (start, aggregate) = (vec![0.0; margins], Aggregate::Sum);
        Self { start, aggregate, absent: None, one_margin: false, finish, link }
    }
}

fn targets(attributes: &Attributes<'_>, sums: Precision) -> Result<Rules, ModelError> {
    let margins = usize::try_from(attributes.n_targets.unwrap_or(1)).unwrap_or(0);
    check_outputs(margins)?;
    // onnxruntime passes over base values of another number, and over the transform of a single target.
    let add =
        if attributes.base_values.len() == margins { attributes.base_values.clone() } else { Vec::new() };
    let link = transform(attributes)?;
    let link = if margins == 1 { Link::Identity } else { link };
    let mut rules = Rules::sum(margins, Finish { divide: None, multiply: None, add }, link);
    let largest = if sums == Precision::F32 { f64::from(f32::MAX) } else { f64::MAX };
    (rules.aggregate, rules.absent) = match attributes.aggregate_function {
        b"SUM" => return Ok(rules),
        b"AVERAGE" => {
            // Known when all trees are read.
            rules.finish.divide = Some(1.0);
            return Ok(rules);
        }
        b"MIN" => (Aggregate::Min, Some(largest)),
        b"MAX" => (Aggregate::Max, Some(-largest)),
        other => {
            let name = quotable(&String::from_utf8_lossy(other));
            let advice = "convert with SUM, AVERAGE, MIN or MAX";
            return Err(ModelError::unsupported(format!("the aggregate function \"{name}\" is"), advice));
        }
    };
    // A target that no leaf names is 0.
    for target in attributes.target_ids.iter().filter_map(|target| usize::try_from(*target).ok()) {
        if let (Some(start), Some(absent)) = (rules.start.get_mut(target), rules.absent) {
            *start = absent;
        }
    }
    Ok(rules)
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
        return Ok(Rules::sum(classes, finish(base.clone()), link));
    }
    if base.len() > 1 || (first == 1 && !base.is_empty()) {
        let advice = "convert with one base value for two classes";
        return Err(ModelError::unsupported("these base values are", advice));
    }
    if first == 1 {
        return Ok(Rules::sum(2, finish(Vec::new()), link));
    }
    let positive = attributes.target_weights.iter().all(|weight| *weight >= 0.0);
    let link = match link {
        _ if positive => Link::PairOfProbability,
        Link::MirroredSigmoid => Link::PairOfSigmoids,
        _ => Link::PairOfScores,
    };
    Ok(Rules { one_margin: true, ..Rules::sum(1, finish(base.clone()), link) })
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
