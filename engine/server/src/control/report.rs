//! The rosters of all partitions as one.

use std::sync::Arc;

use serde_json::{Value, json};
use vencejo_core::PartitionState;
use vencejo_core::models::{Installed, ModelVersion, Role, ShadowFigures, Weight};
use vencejo_runtime::Router;
use vencejo_types::ModelId;

use super::unavailable;
use vencejo_gateway::ControlRefusal;

/// A model's versions, merged over the partitions.
pub struct Report {
    /// The oldest first.
    pub versions: Vec<Version>,
    /// The challenger's share.
    pub weight: Option<Weight>,
    /// Whether the partitions agree on who is there and answers.
    pub consistent: bool,
    /// As [`super::Engine::revision`].
    pub revision: u64,
}

/// A version: its role in the first partition, its figures of all.
pub struct Version {
    /// The version and its figures.
    pub installed: Installed,
    /// Its role.
    pub role: Role,
}

/// A partition's roster.
struct Seen {
    versions: Vec<Version>,
    weight: Option<Weight>,
    revision: u64,
}

impl Report {
    /// Asks all partitions.
    ///
    /// # Errors
    /// When a partition does not answer.
    pub async fn of(router: &Router, model: ModelId) -> Result<Self, ControlRefusal> {
        let seen = router.inspect(move |state| look(state, model)).await.map_err(unavailable)?;
        let mut seen = seen.into_iter();
        let first = seen.next().expect("an engine has a partition");
        let Seen { versions, weight, revision } = first;
        let mut report = Self { versions, weight, consistent: true, revision };
        for other in seen {
            report.merge(other);
        }
        Ok(report)
    }

    /// The version with this label.
    pub fn find(&self, label: &str) -> Option<&Version> {
        self.versions.iter().find(|version| version.installed.version.label == label)
    }

    /// The labels.
    pub fn labels(&self) -> impl Iterator<Item = &str> {
        self.versions.iter().map(|version| version.installed.version.label.as_str())
    }

    /// The label of the version in this role.
    pub fn label_of(&self, role: Role) -> Option<&str> {
        let version = self.versions.iter().find(|version| version.role == role)?;
        Some(&version.installed.version.label)
    }

    fn merge(&mut self, other: Seen) {
        let agree = |version: &Version, theirs: &Version| {
            let same = version.installed.version.label == theirs.installed.version.label;
            // A shadow ends when its partition has seen enough.
            let role = |role| if matches!(role, Role::Shadow { .. }) { Role::Idle } else { role };
            same && role(version.role) == role(theirs.role)
        };
        self.consistent &= self.weight == other.weight
            && self.versions.len() == other.versions.len()
            && self.versions.iter().zip(&other.versions).all(|(ours, theirs)| agree(ours, theirs));
        self.revision += other.revision;
        for theirs in other.versions {
            let label = &theirs.installed.version.label;
            match self.versions.iter_mut().find(|ours| ours.installed.version.label == *label) {
                Some(ours) => ours.add(&theirs),
                None => self.versions.push(theirs),
            }
        }
    }

    /// As `model.list` answers.
    pub fn to_json(&self, model: &str) -> Value {
        let versions: Vec<_> = self.versions.iter().map(|version| version.to_json(self.weight)).collect();
        json!({"model": model, "consistent": self.consistent, "versions": versions})
    }
}

fn look(state: &PartitionState, model: ModelId) -> Seen {
    let roster = state.roster(model);
    let versions = roster.versions().iter().enumerate();
    let versions =
        versions.map(|(place, installed)| Version { installed: installed.clone(), role: roster.role(place) });
    Seen { versions: versions.collect(), weight: roster.weight(), revision: roster.revision() }
}

impl Version {
    fn add(&mut self, other: &Self) {
        self.installed.as_champion.add(other.installed.as_champion);
        self.installed.as_challenger.add(other.installed.as_challenger);
        self.installed.shadow.add(&other.installed.shadow);
        if let (Role::Idle, Role::Shadow { .. }) = (self.role, other.role) {
            self.role = other.role;
        }
    }

    fn to_json(&self, challenger: Option<Weight>) -> Value {
        let Installed { version, installed, as_champion, as_challenger, shadow } = &self.installed;
        let ModelVersion { label, content, model } = Arc::as_ref(version);
        let challenger = challenger.map(Weight::percent);
        let (role, weight) = match self.role {
            Role::Champion => ("champion", Some(100 - challenger.unwrap_or(0))),
            Role::Challenger => ("challenger", challenger),
            Role::Shadow { .. } => ("shadow", None),
            Role::Previous => ("previous", None),
            Role::Idle => ("idle", None),
        };
        json!({
            "version": label, "role": role, "weight": weight,
            "decisions": as_champion.decisions + as_challenger.decisions,
            "fallbacks": as_champion.fallbacks + as_challenger.fallbacks,
            "as_champion": {"decisions": as_champion.decisions, "fallbacks": as_champion.fallbacks},
            "as_challenger": {"decisions": as_challenger.decisions, "fallbacks": as_challenger.fallbacks},
            "shadow": (shadow.rows > 0).then(|| shadow_to_json(shadow)),
            "installed_micros": installed.map(|tick| tick.0),
            "content": format!("{content:016x}"),
            "trees": model.tree_count(), "layout": model.layout().to_string(),
        })
    }
}

/// A shadow's figures.
pub fn shadow_to_json(shadow: &ShadowFigures) -> Value {
    json!({
        "rows": shadow.rows, "compared": shadow.compared, "mean_difference": shadow.difference_mean(),
        "max_difference": (shadow.compared > 0).then_some(shadow.difference_max),
        "not_finite": shadow.not_finite,
    })
}
