//! LightGBM's objective line: the name and what it does to raw scores.

use crate::error::{ModelError, quotable};
use crate::forest::Precision::F64;
use crate::output::Link;

/// Objectives whose raw score is the prediction.
const IDENTITY: [&str; 11] = [
    "regression",
    "regression_l1",
    "huber",
    "fair",
    "quantile",
    "mape",
    "lambdarank",
    "rank_xendcg",
    "mean_squared_error",
    "mae",
    "custom",
];

/// The link of an objective line such as `binary sigmoid:1`. No line means a custom objective: raw scores.
///
/// # Errors
///
/// An unknown objective, or a slope that is no positive number.
pub(super) fn link(line: &str) -> Result<Link, ModelError> {
    let mut words = line.split_ascii_whitespace();
    let name = words.next().unwrap_or("custom");
    let rest: Vec<&str> = words.collect();
    match name {
        "binary" | "multiclassova" => Ok(Link::Sigmoid(F64, slope(&rest)?)),
        "cross_entropy" | "xentropy" => Ok(Link::Sigmoid(F64, 1.0)),
        "cross_entropy_lambda" | "xentlambda" => Ok(Link::Softplus),
        "multiclass" => Ok(Link::Softmax(F64)),
        "poisson" | "gamma" | "tweedie" => Ok(Link::Exp(F64)),
        _ if IDENTITY.contains(&name) && rest.contains(&"sqrt") => Ok(Link::SignedSquare),
        _ if IDENTITY.contains(&name) => Ok(Link::Identity),
        _ => {
            let what = format!("the objective \"{}\" is", quotable(name));
            Err(ModelError::unsupported(what, "train with one of LightGBM's own objectives"))
        }
    }
}

fn slope(words: &[&str]) -> Result<f64, ModelError> {
    let Some(text) = words.iter().find_map(|word| word.strip_prefix("sigmoid:")) else { return Ok(1.0) };
    let slope = text.parse::<f64>().ok().filter(|slope| *slope > 0.0 && slope.is_finite());
    slope.ok_or_else(|| ModelError::parameter("sigmoid", text, "a positive number"))
}
