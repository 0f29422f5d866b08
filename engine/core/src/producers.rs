//! Who numbers rows, and how far each has come: what makes a row count once, however often it is sent.

use std::collections::BTreeMap;

use vencejo_types::limits::PRODUCERS_MAX;
use vencejo_types::{Origin, Sequence};

/// What a partition knows of its producers. At most [`PRODUCERS_MAX`]: for a further one, the half that was
/// quiet longest is forgotten.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Producers {
    known: BTreeMap<u64, Producer>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Producer {
    epoch: u32,
    /// Number of its last row.
    last: u64,
    /// That row's place in the partition.
    sequence: Sequence,
}

/// Of a producer: its number, its epoch, the number of its last row, that row's place in the partition.
pub(crate) type ProducerV1 = (u64, u32, u64, u64);

/// What becomes of rows that a producer has numbered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// They go on where the last ones ended, but for so many at the front, which are known already.
    Fresh {
        /// Rows that are known.
        known: u64,
    },
    /// Rows before them are missing.
    Gap {
        /// The number that is due.
        expected: u64,
    },
    /// A later life of the producer has numbered rows since.
    Fenced {
        /// That life's epoch.
        epoch: u32,
    },
}

impl Producers {
    /// What becomes of `count` rows, of which the first is numbered by `first`.
    pub fn check(&self, first: Origin, count: u64) -> Admission {
        let last = match self.known.get(&first.producer) {
            Some(known) if known.epoch > first.epoch => return Admission::Fenced { epoch: known.epoch },
            Some(known) if known.epoch == first.epoch => known.last,
            _ => 0,
        };
        match (last + 1).checked_sub(first.number) {
            Some(known) => Admission::Fresh { known: known.min(count) },
            None => Admission::Gap { expected: last + 1 },
        }
    }

    /// Notes a row, which has this place in the partition.
    pub(crate) fn note(&mut self, origin: Origin, sequence: Sequence) {
        if self.known.len() >= PRODUCERS_MAX && !self.known.contains_key(&origin.producer) {
            self.forget_half();
        }
        let producer = Producer { epoch: origin.epoch, last: origin.number, sequence };
        self.known.insert(origin.producer, producer);
    }

    /// How many are known.
    pub fn len(&self) -> usize {
        self.known.len()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.known.is_empty()
    }

    /// As images have them.
    pub(crate) fn to_v1(&self) -> Vec<ProducerV1> {
        let known = self.known.iter();
        known.map(|(&producer, &it)| (producer, it.epoch, it.last, it.sequence.0)).collect()
    }

    /// What an image has.
    pub(crate) fn from_v1(v1: Vec<ProducerV1>) -> Self {
        let producer = |(producer, epoch, last, sequence)| {
            (producer, Producer { epoch, last, sequence: Sequence(sequence) })
        };
        Self { known: v1.into_iter().map(producer).collect() }
    }

    fn forget_half(&mut self) {
        let mut sequences: Vec<_> = self.known.values().map(|producer| producer.sequence).collect();
        sequences.sort_unstable();
        let middle = sequences[sequences.len() / 2];
        self.known.retain(|_, producer| producer.sequence > middle);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin(producer: u64, epoch: u32, number: u64) -> Origin {
        Origin { producer, epoch, number }
    }

    #[test]
    fn a_duplicate_is_known_a_gap_is_told_an_old_life_is_fenced() {
        let mut producers = Producers::default();
        let fresh = |known| Admission::Fresh { known };
        for (number, sequence) in [(1, 10), (2, 11), (3, 15)] {
            producers.note(origin(7, 2, number), Sequence(sequence));
        }
        for (first, count, expected) in [
            (origin(7, 2, 4), 5, fresh(0)),
            (origin(7, 2, 3), 5, fresh(1)),
            (origin(7, 2, 1), 5, fresh(3)),
            (origin(7, 2, 1), 2, fresh(2)),
            (origin(7, 2, 5), 1, Admission::Gap { expected: 4 }),
            (origin(7, 3, 1), 1, fresh(0)),
            (origin(7, 3, 2), 1, Admission::Gap { expected: 1 }),
            (origin(7, 1, 4), 1, Admission::Fenced { epoch: 2 }),
            (origin(8, 0, 1), 1, fresh(0)),
            (origin(8, 9, 2), 1, Admission::Gap { expected: 1 }),
        ] {
            assert_eq!(producers.check(first, count), expected, "{first:?} {count}");
        }
    }

    #[test]
    fn who_was_quiet_longest_is_forgotten() {
        let mut producers = Producers::default();
        for producer in 0..PRODUCERS_MAX as u64 {
            producers.note(origin(producer, 1, 1), Sequence(producer + 1));
        }
        producers.note(origin(0, 1, 2), Sequence(u64::MAX));
        producers.note(origin(u64::MAX, 1, 1), Sequence(u64::MAX));
        assert!(producers.len() <= PRODUCERS_MAX / 2 + 1);
        assert_eq!(producers.check(origin(0, 1, 3), 1), Admission::Fresh { known: 0 });
        assert_eq!(producers.check(origin(1, 1, 2), 1), Admission::Gap { expected: 1 });
    }
}
