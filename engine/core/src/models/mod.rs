//! Models while they serve: versions, who of them answers, and how that changes.
//!
//! A model of the app has a [`Roster`] in every partition. It holds versions; one is the champion, one may
//! be the challenger that answers a share of the decisions, one may run as a shadow beside them. A
//! [`ModelChange`] is an event of the partition like any other, so between two decisions a swap has
//! happened whole or not at all, and the same events give the same answers.

mod figures;
mod fit;
mod image;
mod roster;

use std::fmt;
use std::sync::Arc;

use vencejo_model::Model;
use vencejo_types::row::{Row, key_hash};
use vencejo_types::schema::Schema;

pub use figures::{ShadowFigures, VariantCounts};
pub use fit::{Misfit, check_fit};
pub(crate) use image::RosterV1;
pub(crate) use roster::Choice;
pub use roster::{Installed, Role, Roster};

/// Buckets that the hash of a decision falls into; a challenger of weight w has the first w * 100.
const BUCKETS: u64 = 10_000;

/// One version of a model; never changes, and is shared by the partitions.
#[derive(Debug)]
pub struct ModelVersion {
    /// What decisions report as the model's version.
    pub label: String,
    /// By what two versions under one label are told apart; see [`Self::content_of`].
    pub content: u64,
    /// The ensemble.
    pub model: Model,
}

impl ModelVersion {
    /// XXH3-64 of the model file; of its trees up to the best iteration the complement, as they are another
    /// model.
    pub fn content_of(file: &[u8], best_iteration: bool) -> u64 {
        let hash = key_hash(file);
        if best_iteration { !hash } else { hash }
    }

    /// The label of a file that nobody named: the hash of its content.
    pub fn label_of(content: u64) -> String {
        format!("{content:016x}")
    }
}

/// A challenger's share of the decisions, in whole percent: 1 to 99.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Weight(u8);

impl Weight {
    /// A challenger's share unless another is asked for.
    pub const DEFAULT: Self = Self(20);

    /// Nothing below 1 and above 99: with 0 there is no challenger, with 100 it is the champion.
    pub const fn from_percent(percent: u8) -> Option<Self> {
        match percent {
            1..=99 => Some(Self(percent)),
            _ => None,
        }
    }

    /// In percent.
    pub const fn percent(self) -> u8 {
        self.0
    }
}

/// Which of a model's two serving versions answers a decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Variant {
    /// The version that answers, where there is no challenger.
    Champion,
    /// The version that answers its share.
    Challenger,
}

impl Variant {
    /// As MODEL_VARIANT answers.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Champion => "champion",
            Self::Challenger => "challenger",
        }
    }

    /// The variant of a decision while a challenger has this weight: XXH3-64 of the model's name, a zero
    /// byte and the key bytes (SPEC.md, section 7) of the columns that the decision splits by; modulo 10,000;
    /// below 100 for each percent it is the challenger. `key` is working memory.
    pub fn of(
        model: &str,
        row: Row<'_>,
        schema: &Schema,
        split_by: &[usize],
        weight: Weight,
        key: &mut Vec<u8>,
    ) -> Self {
        key.clear();
        key.extend_from_slice(model.as_bytes());
        key.push(0);
        row.write_key(schema, split_by, key);
        if key_hash(key) % BUCKETS < u64::from(weight.0) * (BUCKETS / 100) {
            Self::Challenger
        } else {
            Self::Champion
        }
    }
}

/// What happens to a model's roster.
#[derive(Clone, Debug)]
pub enum ModelChange {
    /// A version is there from now on, without a say. With `shadow_rows`, it runs beside the next so many
    /// predictions of the partition; any shadow before it ends. The same version again is the same.
    Install {
        /// The version.
        version: Arc<ModelVersion>,
        /// Predictions that it is compared with.
        shadow_rows: u64,
    },
    /// The version with this label answers every decision.
    Activate {
        /// Its label.
        label: String,
    },
    /// The version with this label answers its share of the decisions, the champion the others.
    Split {
        /// Its label.
        label: String,
        /// Its share.
        weight: Weight,
    },
    /// Who answered before the last Activate or Split answers again.
    Rollback,
}

/// Why a change is not made; the roster is as it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ModelRefusal {
    /// No version has this label.
    UnknownVersion,
    /// A version of another content has this label.
    LabelTaken,
    /// The champion cannot be its own challenger.
    IsChampion,
    /// Nothing was activated before.
    NothingBefore,
}

impl fmt::Display for ModelRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::UnknownVersion => "no version has this label",
            Self::LabelTaken => "another file has this label; give the new one a label of its own",
            Self::IsChampion => "this version is the champion; a challenger is another one",
            Self::NothingBefore => "nothing was activated since the start; there is nothing to go back to",
        })
    }
}

impl std::error::Error for ModelRefusal {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_are_shares() {
        let shares: Vec<_> = (0..=u8::MAX).filter_map(Weight::from_percent).map(Weight::percent).collect();
        assert_eq!(shares, (1..=99).collect::<Vec<u8>>());
        assert_eq!(Weight::from_percent(20), Some(Weight::DEFAULT));
    }
}
