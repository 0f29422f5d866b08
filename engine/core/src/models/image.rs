//! Rosters in images: versions by label and content; the models themselves are the caller's.

use std::sync::Arc;

use vencejo_types::Tick;

use super::roster::{Arrangement, Installed, Roster};
use super::{ShadowFigures, VariantCounts, Weight};
use crate::image::{Versions, of_model};
use crate::plan::ModelSlot;

/// Of a version: label, content, when it was installed, decisions and fallbacks as champion and as
/// challenger, its last run as a shadow.
type VersionV1 = (String, u64, Option<i64>, (u64, u64), (u64, u64), (u64, u64, f64, f64, u64));

/// Who answers: champion, and challenger with its share.
type ArrangementV1 = (u64, Option<(u64, u8)>);

/// Of a roster: the model's name, what the app declared of it, versions, who answers, the shadow with the
/// predictions to come, who answered before, how often that changed.
pub(crate) type RosterV1 =
    (String, u64, Vec<VersionV1>, ArrangementV1, Option<(u64, u64)>, Vec<ArrangementV1>, u64);

impl Installed {
    fn to_v1(&self) -> VersionV1 {
        let counts = |counts: VariantCounts| (counts.decisions, counts.fallbacks);
        let ShadowFigures { rows, compared, difference_sum, difference_max, not_finite } = self.shadow;
        (
            self.version.label.clone(),
            self.version.content,
            self.installed.map(|tick| tick.0),
            counts(self.as_champion),
            counts(self.as_challenger),
            (rows, compared, difference_sum, difference_max, not_finite),
        )
    }
}

impl Arrangement {
    fn to_v1(self) -> ArrangementV1 {
        let challenger = self.challenger.map(|(place, weight)| (place as u64, weight.percent()));
        (self.champion as u64, challenger)
    }

    /// Nothing where it names a version that is not there.
    fn from_v1((champion, challenger): ArrangementV1, versions: usize) -> Option<Self> {
        let place = |place: u64| usize::try_from(place).ok().filter(|&place| place < versions);
        let challenger = match challenger {
            None => None,
            Some((challenger, percent)) => Some((place(challenger)?, Weight::from_percent(percent)?)),
        };
        Some(Self { champion: place(champion)?, challenger })
    }
}

impl Roster {
    pub(crate) fn to_v1(&self, slot: &ModelSlot) -> RosterV1 {
        (
            slot.name.clone(),
            of_model(slot),
            self.versions.iter().map(Installed::to_v1).collect(),
            self.now.to_v1(),
            self.shadow.map(|(place, rows_left)| (place as u64, rows_left)),
            self.history.iter().map(|before| before.to_v1()).collect(),
            self.revision,
        )
    }

    /// What an image says of this model, whose roster is as the app declares it; nothing where the app
    /// declares another than it did, or a version cannot be had.
    pub(crate) fn opened(
        &self,
        slot: &ModelSlot,
        (_, declared, versions, now, shadow, history, revision): &RosterV1,
        find: &mut Versions<'_>,
    ) -> Option<Self> {
        if *declared != of_model(slot) {
            return None;
        }
        let counts = |&(decisions, fallbacks): &(u64, u64)| VariantCounts { decisions, fallbacks };
        let mut installed = |(label, content, tick, champion, challenger, shadow): &VersionV1| {
            let own = self.versions.iter().map(|own| &own.version);
            let mut own = own.filter(|own| own.label == *label && own.content == *content);
            let version = own.next().map(Arc::clone).or_else(|| find(&slot.name, label, *content))?;
            let (rows, compared, difference_sum, difference_max, not_finite) = *shadow;
            Some(Installed {
                version,
                installed: tick.map(Tick),
                as_champion: counts(champion),
                as_challenger: counts(challenger),
                shadow: ShadowFigures { rows, compared, difference_sum, difference_max, not_finite },
            })
        };
        let versions: Vec<Installed> = versions.iter().map(&mut installed).collect::<Option<_>>()?;
        let arranged = |&arrangement: &ArrangementV1| Arrangement::from_v1(arrangement, versions.len());
        let history = history.iter().map(arranged).collect::<Option<_>>()?;
        let place = |place: u64| usize::try_from(place).ok().filter(|&place| place < versions.len());
        let shadow = shadow.and_then(|(shadow, rows_left)| Some((place(shadow)?, rows_left)));
        let (now, revision) = (arranged(now)?, *revision);
        Some(Self { versions, now, shadow, history, revision })
    }
}
