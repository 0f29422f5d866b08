//! The keys of which rules remember something.

use vencejo_types::index::Index;
use vencejo_types::row::key_hash;

use crate::row_log::RowLog;

/// What is remembered of a key.
#[derive(Debug, Default)]
pub(crate) struct KeyState {
    pub key: Vec<u8>,
    pub log: RowLog,
    /// The rules that have runs or rows to look back on, and the place of those in the pool; by rule.
    pub rules: Vec<(u32, u32)>,
    /// How many matches each rule has given out, for those that gave any; by rule.
    pub numbers: Vec<(u32, u64)>,
}

impl KeyState {
    /// Whether there is nothing to remember.
    pub fn is_blank(&self) -> bool {
        self.rules.is_empty() && self.numbers.is_empty()
    }
}

/// Keys by their bytes. Places count up; that of a key that left is used again, with its memory.
#[derive(Debug, Default)]
pub(crate) struct Keys {
    index: Index,
    states: Vec<KeyState>,
    free: Vec<u32>,
    len: usize,
}

impl Keys {
    pub fn find(&self, key: &[u8]) -> Option<usize> {
        self.index.find(key_hash(key), |place| self.states[place].key == key)
    }

    pub fn len(&self) -> usize {
        self.len
    }

    /// A place for a key that is not there. Until it is admitted, it is not found.
    pub fn lend(&mut self, key: &[u8]) -> usize {
        let place = self.free.pop().map_or(self.states.len(), |place| place as usize);
        if place == self.states.len() {
            self.states.push(KeyState::default());
        }
        let held = &mut self.states[place].key;
        held.clear();
        held.extend_from_slice(key);
        place
    }

    /// Lets a key be found.
    pub fn admit(&mut self, place: usize) {
        self.index.insert(key_hash(&self.states[place].key), place);
        self.len += 1;
    }

    /// Takes a blank key back that was not admitted.
    pub fn give_back(&mut self, place: usize) {
        self.free.push(place as u32);
    }

    /// Takes a blank key out.
    pub fn remove(&mut self, place: usize) {
        self.index.remove(key_hash(&self.states[place].key), place);
        self.len -= 1;
        self.free.push(place as u32);
    }

    pub fn at_mut(&mut self, place: usize) -> &mut KeyState {
        &mut self.states[place]
    }

    /// How many places there are; some may have no key.
    pub fn places(&self) -> usize {
        self.states.len()
    }

    pub fn bytes(&self) -> usize {
        let inside = |state: &KeyState| {
            state.key.capacity()
                + state.log.bytes()
                + state.rules.capacity() * size_of::<(u32, u32)>()
                + state.numbers.capacity() * size_of::<(u32, u64)>()
        };
        let places = self.states.capacity() * size_of::<KeyState>() + self.free.capacity() * size_of::<u32>();
        self.index.bytes() + places + self.states.iter().map(inside).sum::<usize>()
    }
}
