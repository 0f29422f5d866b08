//! The versions of one model in one partition, and their roles.

use std::sync::Arc;

use vencejo_types::Tick;
use vencejo_types::limits::{MODEL_HISTORY_MAX, MODEL_VERSIONS_MAX};

use super::{ModelChange, ModelRefusal, ModelVersion, ShadowFigures, Variant, VariantCounts, Weight};
use crate::plan::ModelSlot;

/// A version in a roster.
#[derive(Clone, Debug)]
pub struct Installed {
    /// The version.
    pub version: Arc<ModelVersion>,
    /// When it was installed; nothing where the app declares it.
    pub installed: Option<Tick>,
    /// What it answered as champion.
    pub as_champion: VariantCounts,
    /// What it answered as challenger.
    pub as_challenger: VariantCounts,
    /// Its last run as a shadow.
    pub shadow: ShadowFigures,
}

/// What a version is there for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Answers what the challenger does not.
    Champion,
    /// Answers its share.
    Challenger,
    /// Runs beside them for so many more predictions.
    Shadow {
        /// Predictions to come.
        rows_left: u64,
    },
    /// A rollback would have it answer again.
    Previous,
    /// None; the oldest of these makes room for a new version.
    Idle,
}

/// Who answers: places among the versions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Arrangement {
    pub(super) champion: usize,
    pub(super) challenger: Option<(usize, Weight)>,
}

/// See the module's head.
#[derive(Clone, Debug)]
pub struct Roster {
    /// In the order of their installation; at most [`MODEL_VERSIONS_MAX`].
    pub(super) versions: Vec<Installed>,
    pub(super) now: Arrangement,
    /// Place, and predictions to come.
    pub(super) shadow: Option<(usize, u64)>,
    /// Arrangements before this one, the last one last; at most [`MODEL_HISTORY_MAX`].
    pub(super) history: Vec<Arrangement>,
    /// How often the arrangement changed.
    pub(super) revision: u64,
}

/// A decision's version of a model.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Choice {
    pub(crate) place: usize,
    pub(crate) variant: Variant,
}

/// Roles that keep a version: champion and challenger, now and before.
const ROLES_MAX: usize = 4;
const _: () = assert!(ROLES_MAX + 1 < MODEL_VERSIONS_MAX);

impl Roster {
    /// What the app declares.
    pub(crate) fn new(slot: &ModelSlot) -> Self {
        let installed = |version: &Arc<ModelVersion>| Installed {
            version: Arc::clone(version),
            installed: None,
            as_champion: VariantCounts::default(),
            as_challenger: VariantCounts::default(),
            shadow: ShadowFigures::default(),
        };
        let mut versions = vec![installed(&slot.champion)];
        let mut now = Arrangement { champion: 0, challenger: None };
        if let Some((challenger, weight)) = &slot.challenger {
            versions.push(installed(challenger));
            now.challenger = Some((1, *weight));
        }
        Self { versions, now, shadow: None, history: Vec::new(), revision: 0 }
    }

    /// The versions, the oldest first.
    pub fn versions(&self) -> &[Installed] {
        &self.versions
    }

    /// The role of the version at this place.
    pub fn role(&self, place: usize) -> Role {
        let is_in = |arrangement: &Arrangement| {
            arrangement.champion == place || arrangement.challenger.is_some_and(|(it, _)| it == place)
        };
        match (self.now.challenger, self.shadow) {
            _ if self.now.champion == place => Role::Champion,
            (Some((challenger, _)), _) if challenger == place => Role::Challenger,
            (_, Some((shadow, rows_left))) if shadow == place => Role::Shadow { rows_left },
            _ if self.history.last().is_some_and(is_in) => Role::Previous,
            _ => Role::Idle,
        }
    }

    /// The challenger's share, while there is one.
    pub fn weight(&self) -> Option<Weight> {
        self.now.challenger.map(|(_, weight)| weight)
    }

    /// How often it changed who answers: equal numbers, no change in between.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// The version that answers a decision; `variant` is asked only where there is a challenger.
    pub(crate) fn choose(&self, variant: impl FnOnce(Weight) -> Variant) -> Choice {
        let Some((challenger, weight)) = self.now.challenger else {
            return Choice { place: self.now.champion, variant: Variant::Champion };
        };
        let variant = variant(weight);
        let place = if variant == Variant::Challenger { challenger } else { self.now.champion };
        Choice { place, variant }
    }

    /// The place of the shadow, if one is to run once more behind `rows` in this decision.
    pub(crate) fn shadow(&self, rows: u64) -> Option<usize> {
        self.shadow.filter(|&(_, rows_left)| rows < rows_left).map(|(place, _)| place)
    }

    /// Counts a decision for which the model predicted.
    pub(crate) fn count(&mut self, choice: Choice, fell_back: bool, shadow: &ShadowFigures) {
        let version = &mut self.versions[choice.place];
        let counts = match choice.variant {
            Variant::Champion => &mut version.as_champion,
            Variant::Challenger => &mut version.as_challenger,
        };
        counts.decisions += 1;
        counts.fallbacks += u64::from(fell_back);
        if let Some((place, rows_left)) = &mut self.shadow {
            self.versions[*place].shadow.add(shadow);
            *rows_left = rows_left.saturating_sub(shadow.rows);
            if *rows_left == 0 {
                self.shadow = None;
            }
        }
    }

    /// The shadow runs no more: it may be what made the core panic.
    pub(crate) fn end_shadow(&mut self) {
        self.shadow = None;
    }

    /// Makes a change.
    pub(crate) fn change(&mut self, change: &ModelChange, tick: Tick) -> Result<(), ModelRefusal> {
        match change {
            ModelChange::Install { version, shadow_rows } => self.install(version, *shadow_rows, tick),
            ModelChange::Activate { label } => {
                let champion = self.place(label).ok_or(ModelRefusal::UnknownVersion)?;
                self.arrange(Arrangement { champion, challenger: None });
                Ok(())
            }
            ModelChange::Split { label, weight } => {
                let challenger = self.place(label).ok_or(ModelRefusal::UnknownVersion)?;
                let champion = self.now.champion;
                if challenger == champion {
                    return Err(ModelRefusal::IsChampion);
                }
                self.arrange(Arrangement { champion, challenger: Some((challenger, *weight)) });
                Ok(())
            }
            ModelChange::Rollback => {
                self.now = self.history.pop().ok_or(ModelRefusal::NothingBefore)?;
                self.arranged();
                Ok(())
            }
        }
    }

    fn place(&self, label: &str) -> Option<usize> {
        self.versions.iter().position(|installed| installed.version.label == label)
    }

    fn install(
        &mut self,
        version: &Arc<ModelVersion>,
        shadow_rows: u64,
        tick: Tick,
    ) -> Result<(), ModelRefusal> {
        let place = match self.place(&version.label) {
            Some(place) if self.versions[place].version.content != version.content => {
                return Err(ModelRefusal::LabelTaken);
            }
            Some(place) => place,
            None => {
                self.shadow = None;
                self.make_room();
                self.versions.push(Installed {
                    version: Arc::clone(version),
                    installed: Some(tick),
                    as_champion: VariantCounts::default(),
                    as_challenger: VariantCounts::default(),
                    shadow: ShadowFigures::default(),
                });
                self.versions.len() - 1
            }
        };
        self.shadow = None;
        if shadow_rows > 0 && !matches!(self.role(place), Role::Champion | Role::Challenger) {
            self.versions[place].shadow = ShadowFigures::default();
            self.shadow = Some((place, shadow_rows));
        }
        Ok(())
    }

    /// Lets the oldest version without a role go, where all places are taken. There is no shadow now.
    fn make_room(&mut self) {
        if self.versions.len() < MODEL_VERSIONS_MAX {
            return;
        }
        let idle = (0..self.versions.len()).find(|&place| self.role(place) == Role::Idle);
        let gone = idle.expect("there are fewer roles than places");
        self.versions.remove(gone);
        let uses = |it: &Arrangement| it.champion == gone || it.challenger.is_some_and(|c| c.0 == gone);
        // What lies behind an arrangement that cannot be had again is out of reach, too.
        let reachable = self.history.iter().rposition(uses).map_or(0, |last| last + 1);
        self.history.drain(..reachable);
        let shift = |place: &mut usize| *place -= usize::from(*place > gone);
        for arrangement in self.history.iter_mut().chain([&mut self.now]) {
            shift(&mut arrangement.champion);
            if let Some((challenger, _)) = &mut arrangement.challenger {
                shift(challenger);
            }
        }
    }

    /// From now on it is these who answer. No change where they do already.
    fn arrange(&mut self, next: Arrangement) {
        if next == self.now {
            return;
        }
        if self.history.len() == MODEL_HISTORY_MAX {
            self.history.remove(0);
        }
        self.history.push(self.now);
        self.now = next;
        self.arranged();
    }

    fn arranged(&mut self) {
        self.revision += 1;
        let answers = |place| matches!(self.role(place), Role::Champion | Role::Challenger);
        if self.shadow.is_some_and(|(place, _)| answers(place)) {
            self.shadow = None;
        }
    }
}
