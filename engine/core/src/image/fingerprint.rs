//! What the app declares of a model, in a number.

use vencejo_types::row::key_hash;

use crate::plan::ModelSlot;

/// What the app declares of a model.
pub(crate) fn of_model(slot: &ModelSlot) -> u64 {
    let version = |version: &crate::models::ModelVersion| (version.label.clone(), version.content);
    let challenger = slot.challenger.as_ref().map(|(it, weight)| (version(it), weight.percent()));
    let declared = (&slot.name, &slot.inputs, &slot.output, version(&slot.champion), challenger);
    key_hash(format!("{declared:?}").as_bytes())
}
