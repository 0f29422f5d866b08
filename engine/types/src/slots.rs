//! A small hash index: from a hash to the place of an entry that lies elsewhere.
//!
//! Open addressing with linear probing; a slot holds 32 bits of the hash beside the place, so that a probe
//! touches one cache line and, as a rule, one entry. The slot follows from the hash's upper bits: keys of one
//! partition share their lower ones, and growing walks old and new slots in the same order. Nothing iterates
//! over the slots, but for [`Slots::split`].

/// From hashes to places.
#[derive(Clone, Debug, Default)]
pub struct Slots {
    /// Hash in the upper half, place + 1 in the lower; 0 is empty.
    slots: Vec<u64>,
    len: usize,
}

const SLOTS_MIN: usize = 8;

/// The bits of a hash that a slot holds.
pub const fn tag(hash: u64) -> u32 {
    (hash >> 32) as u32
}

impl Slots {
    /// An index that is as large as it would have grown with `len` entries; [`Slots::put`] adds them.
    fn with_room(len: usize) -> Self {
        let mut slots = if len == 0 { 0 } else { SLOTS_MIN };
        while len * 8 > slots * 5 {
            slots *= 2;
        }
        Self { slots: vec![0; slots], len }
    }

    /// The slot at which to look first.
    fn home(&self, tag: u32) -> usize {
        ((u64::from(tag) * self.slots.len() as u64) >> 32) as usize
    }

    fn next(&self, slot: usize) -> usize {
        (slot + 1) & (self.slots.len() - 1)
    }

    /// The place of the entry with this hash for which `is_it` holds.
    #[inline]
    pub fn find(&self, hash: u64, mut is_it: impl FnMut(usize) -> bool) -> Option<usize> {
        if self.slots.is_empty() {
            return None;
        }
        let tag = tag(hash);
        let mut slot = self.home(tag);
        loop {
            let entry = self.slots[slot];
            if entry == 0 {
                return None;
            }
            let place = (entry & 0xffff_ffff) as usize - 1;
            if (entry >> 32) as u32 == tag && is_it(place) {
                return Some(place);
            }
            slot = self.next(slot);
        }
    }

    /// The word at which a look-up of this hash begins.
    #[inline]
    pub fn first_word(&self, hash: u64) -> u64 {
        self.slots.get(self.home(tag(hash))).copied().unwrap_or_default()
    }

    /// Adds an entry that is not there. `place` is less than 2^32 - 1.
    pub fn insert(&mut self, hash: u64, place: usize) {
        if (self.len + 1) * 8 > self.slots.len() * 5 {
            self.grow();
        }
        self.put(hash & !0xffff_ffff | (place as u64 + 1));
        self.len += 1;
    }

    fn put(&mut self, entry: u64) {
        let mut slot = self.home((entry >> 32) as u32);
        while self.slots[slot] != 0 {
            slot = self.next(slot);
        }
        self.slots[slot] = entry;
    }

    fn grow(&mut self) {
        let slots = vec![0; (self.slots.len() * 2).max(SLOTS_MIN)];
        let old = std::mem::replace(&mut self.slots, slots);
        old.into_iter().filter(|&entry| entry != 0).for_each(|entry| self.put(entry));
    }

    /// Takes an entry out; whether it was there. The entries behind it move up, so that no mark stays.
    pub fn remove(&mut self, hash: u64, place: usize) -> bool {
        if self.slots.is_empty() {
            return false;
        }
        let entry = hash & !0xffff_ffff | (place as u64 + 1);
        let mut hole = self.home((entry >> 32) as u32);
        while self.slots[hole] != entry {
            if self.slots[hole] == 0 {
                return false;
            }
            hole = self.next(hole);
        }
        self.len -= 1;
        let mut slot = self.next(hole);
        let mask = self.slots.len() - 1;
        while self.slots[slot] != 0 {
            let home = self.home((self.slots[slot] >> 32) as u32);
            // It may move into the hole unless its home lies behind the hole.
            if slot.wrapping_sub(home) & mask >= slot.wrapping_sub(hole) & mask {
                self.slots[hole] = self.slots[slot];
                hole = slot;
            }
            slot = self.next(slot);
        }
        self.slots[hole] = 0;
        true
    }

    /// Moves the entries to a new index whose tag says so; both are as large as they need to be. The same
    /// entries give the same slots.
    pub fn split(&mut self, moves: impl Fn(u32) -> bool) -> Self {
        let entries = || self.slots.iter().copied().filter(|&entry| entry != 0);
        let moves = |entry: u64| moves((entry >> 32) as u32);
        let going = entries().filter(|&entry| moves(entry)).count();
        let (mut stay, mut go) = (Self::with_room(self.len - going), Self::with_room(going));
        for entry in entries() {
            if moves(entry) { go.put(entry) } else { stay.put(entry) }
        }
        *self = stay;
        go
    }

    /// What it holds, in words; [`Slots::of_words`] makes the same of them.
    pub fn words(&self) -> &[u64] {
        &self.slots
    }

    /// The index of these words; nothing where they are none's.
    pub fn of_words(slots: Vec<u64>) -> Option<Self> {
        let len = slots.iter().filter(|&&slot| slot != 0).count();
        let is_one = slots.is_empty() || slots.len().is_power_of_two() && len < slots.len();
        is_one.then_some(Self { slots, len })
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Bytes that it holds.
    pub fn bytes(&self) -> usize {
        self.slots.capacity() * size_of::<u64>()
    }
}

#[cfg(test)]
#[allow(clippy::cast_possible_truncation, reason = "a test counts little")]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    proptest! {
        /// Few hashes, so that entries collide and probes wrap around the end.
        #[test]
        fn equals_a_map(steps in prop::collection::vec((any::<bool>(), 0_u64..40), 0..400)) {
            let hash = |key: u64| if key.is_multiple_of(3) { u64::MAX - key % 5 } else { key << 59 };
            let (mut index, mut twin) = (Slots::default(), BTreeMap::new());
            for (add, key) in steps {
                let place = key as usize;
                let found = index.find(hash(key), |place| place == key as usize);
                prop_assert_eq!(found, twin.get(&key).copied());
                if add && found.is_none() {
                    index.insert(hash(key), place);
                    twin.insert(key, place);
                } else if !add {
                    index.remove(hash(key), place);
                    twin.remove(&key);
                }
                for key in 0..40 {
                    let found = index.find(hash(key), |place| place == key as usize);
                    prop_assert_eq!(found, twin.get(&key).copied());
                }
            }
        }
    }
}
