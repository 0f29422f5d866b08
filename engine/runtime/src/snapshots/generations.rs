//! Which snapshots are kept, and so how far the journal must reach back.

use std::time::Duration;

use vencejo_journal::Journal;
use vencejo_journal::snapshot::Snapshot;

/// Generations that are kept in any case.
const KEPT_MIN: usize = 2;
/// Snapshots that lie at least so many parts of what is to be kept apart are kept for it.
const PARTS: u64 = 8;

/// How far back one can restore, beyond the older of two snapshots.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Keep {
    /// No further.
    #[default]
    Snapshots,
    /// So long, by the engine's time.
    Time(Duration),
    /// As far as so many bytes of journal reach.
    Bytes(u64),
    /// To the beginning: the journal is never cut.
    All,
}

impl Keep {
    /// At least so long, too.
    #[must_use]
    pub fn and_at_least(self, duration: Duration) -> Self {
        match self {
            Self::Snapshots => Self::Time(duration),
            Self::Time(kept) => Self::Time(kept.max(duration)),
            // Bytes are a bound that the operator has set.
            Self::Bytes(_) | Self::All => self,
        }
    }
}

/// A snapshot that can be opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Generation {
    pub(crate) number: u64,
    /// By partition, the last event in it.
    pub(crate) sequences: Vec<u64>,
    /// Of the last event in it.
    pub(crate) tick: i64,
}

impl Generation {
    pub(crate) fn of(snapshot: &Snapshot) -> Self {
        let number = snapshot.generation();
        let sequences = snapshot.partitions().map(|at| at.sequence).collect();
        Self { number, sequences, tick: snapshot.partitions().map(|at| at.tick).max().unwrap_or(0) }
    }
}

/// What is not needed any more.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Dispensable {
    /// Numbers of generations.
    pub(crate) generations: Vec<u64>,
    /// The journal, as far as its events are among these, by partition.
    pub(crate) behind: Option<Vec<u64>>,
}

/// Takes those that may go out of the generations (ascending).
pub(crate) fn take_dispensable(
    generations: &mut Vec<Generation>,
    keep: Keep,
    journal: &Journal,
) -> Dispensable {
    let newest = generations.last().map_or(0, |generation| generation.tick);
    let (limit, distances) = match keep {
        Keep::Snapshots | Keep::All => (0, vec![0; generations.len()]),
        Keep::Time(duration) => {
            let age = |generation: &Generation| newest.saturating_sub(generation.tick).cast_unsigned();
            let limit = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
            (limit, generations.iter().map(age).collect())
        }
        Keep::Bytes(bytes) => {
            // A generation whose journal cannot be measured is taken for the nearest, and stays.
            let behind = |generation: &Generation| journal.bytes_behind(&generation.sequences).unwrap_or(0);
            (bytes, generations.iter().map(behind).collect::<Vec<_>>())
        }
    };
    let is_bound = matches!(keep, Keep::Bytes(_));
    let mut stays = staying(&distances, limit, is_bound).into_iter();
    let mut gone = Vec::new();
    generations.retain(|generation| {
        let stays = stays.next().unwrap_or(true);
        if !stays {
            gone.push(generation.number);
        }
        stays
    });
    let cuts = match keep {
        Keep::All => false,
        Keep::Snapshots => true,
        // Until a snapshot lies so far back, the journal's own beginning is what one restores from.
        Keep::Time(_) => distances.iter().any(|&distance| distance >= limit),
        Keep::Bytes(bytes) => journal.bytes().is_ok_and(|there| there > bytes),
    };
    let oldest = generations.first().filter(|_| cuts && generations.len() >= KEPT_MIN);
    Dispensable { generations: gone, behind: oldest.map(|oldest| oldest.sequences.clone()) }
}

/// Which stay, of generations (ascending) that lie so far back. The first one that is as far back as asked
/// for is the last that is needed; where the limit is a bound, it is one too many.
fn staying(distances: &[u64], limit: u64, is_bound: bool) -> Vec<bool> {
    let always = distances.len().saturating_sub(KEPT_MIN);
    let reaches = |at: usize| distances[at] >= limit;
    let first = match (0..distances.len()).rev().find(|&at| reaches(at)) {
        None => 0,
        Some(at) if is_bound && distances[at] > limit => at + 1,
        Some(at) => at,
    };
    let mut last = None;
    let mut stays = vec![false; distances.len()];
    for at in 0..distances.len() {
        let is_apart = last.is_none_or(|last: u64| last - distances[at].min(last) >= limit / PARTS);
        if at >= always || (at >= first && is_apart && limit > 0) {
            stays[at] = true;
            last = Some(distances[at]);
        }
    }
    stays
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes a snapshot every `step`, so many times; how far back those that are left lie.
    fn kept_after(times: u64, step: u64, limit: u64, is_bound: bool) -> Vec<u64> {
        let mut kept: Vec<u64> = Vec::new();
        for now in 1..=times {
            kept.push(now * step);
            let distances: Vec<u64> = kept.iter().map(|at| now * step - at).collect();
            let mut stays = staying(&distances, limit, is_bound).into_iter();
            kept.retain(|_| stays.next().unwrap());
        }
        kept.iter().map(|at| times * step - at).collect()
    }

    #[test]
    fn two_are_kept_where_no_more_is_asked_for() {
        assert_eq!(kept_after(1, 5, 0, false), [0]);
        assert_eq!(kept_after(9, 5, 0, false), [5, 0]);
    }

    #[test]
    fn whatever_the_moment_one_lies_far_enough_back_and_they_are_few() {
        for times in 1..400 {
            let kept = kept_after(times, 5, 240, false);
            let oldest = kept[0];
            assert!(oldest >= 240.min((times - 1) * 5), "{kept:?}");
            assert!(oldest <= 240 + 240 / 8 + 5, "{kept:?}");
            assert!(kept.len() <= 11, "{kept:?}");
        }
    }

    #[test]
    fn a_bound_is_not_passed_but_by_the_two_that_are_always_kept() {
        for times in 3..400 {
            let kept = kept_after(times, 5, 240, true);
            assert!(kept[0] <= 240 && kept[0] >= 200.min((times - 1) * 5), "{kept:?}");
        }
        assert_eq!(kept_after(9, 500, 240, true), [500, 0]);
    }
}
