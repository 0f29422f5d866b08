//! Rules about features that all formats share.

use std::collections::BTreeSet;

use crate::error::{ModelError, quotable};
use crate::limits::FEATURES_MAX;

/// Refuses more features than [`FEATURES_MAX`].
pub(crate) fn check_count(found: usize) -> Result<(), ModelError> {
    match found {
        0..=FEATURES_MAX => Ok(()),
        _ => Err(ModelError::Limit { what: "features", found, max: FEATURES_MAX }),
    }
}

/// Refuses a list that is neither empty nor one text per feature.
pub(crate) fn check_texts(what: &'static str, texts: &[String], features: usize) -> Result<(), ModelError> {
    if !texts.is_empty() && texts.len() != features {
        return Err(ModelError::Count { what, found: texts.len(), expected: features });
    }
    Ok(())
}

/// Refuses a name that stands twice.
pub(crate) fn check_names_differ(names: &[String]) -> Result<(), ModelError> {
    let mut seen = BTreeSet::new();
    match names.iter().find(|name| !seen.insert(*name)) {
        Some(name) => Err(ModelError::FeatureNameTwice { name: quotable(name) }),
        None => Ok(()),
    }
}
