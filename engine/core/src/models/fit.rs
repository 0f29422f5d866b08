//! Whether a model file fits the declaration that it is to serve.

use std::fmt;

use vencejo_model::Model;

/// Why it does not: the same words for an app that declares it and for a version pushed later.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Misfit {
    /// PREDICT takes one number.
    Outputs {
        /// The model's.
        outputs: usize,
    },
    /// INPUT and the model differ in number.
    Count {
        /// What INPUT declares.
        declared: usize,
        /// What the model takes.
        features: usize,
        /// Their names, where the file has them.
        names: Vec<String>,
    },
    /// INPUT names another feature, or in another order.
    Name {
        /// The first place that differs, from 0.
        index: usize,
        /// What INPUT says.
        input: String,
        /// What the model says.
        names: Vec<String>,
    },
}

impl Misfit {
    /// What helps to mend it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Count { names, .. } if !names.is_empty() => {
                Some(format!("its features are {}", names.join(", ")))
            }
            Self::Name { names, .. } => Some(format!("INPUT is in the model's order: {}", names.join(", "))),
            Self::Outputs { .. } | Self::Count { .. } => None,
        }
    }
}

impl fmt::Display for Misfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Outputs { outputs } => write!(f, "the model has {outputs} outputs; PREDICT takes one"),
            Self::Count { declared, features, .. } => {
                write!(f, "INPUT names {declared}, the model has {features} features")
            }
            Self::Name { index, input, names } => {
                let (place, feature) = (index + 1, &names[*index]);
                write!(f, "input {place} is '{input}'; the model's feature {place} is '{feature}'")
            }
        }
    }
}

/// Compares a model with the inputs that the app declares for it. Where the file names no features, their
/// number is all that can be compared.
///
/// # Errors
/// The first difference.
pub fn check_fit(model: &Model, inputs: &[String]) -> Result<(), Misfit> {
    if model.output_count() != 1 {
        return Err(Misfit::Outputs { outputs: model.output_count() });
    }
    let names = model.feature_names();
    if model.feature_count() != inputs.len() {
        let (declared, features) = (inputs.len(), model.feature_count());
        return Err(Misfit::Count { declared, features, names: names.to_vec() });
    }
    match inputs.iter().zip(names).position(|(input, name)| input != name) {
        Some(index) => Err(Misfit::Name { index, input: inputs[index].clone(), names: names.to_vec() }),
        None => Ok(()),
    }
}
