//! The keys of which rules remember something.

use vencejo_types::index::Index;
use vencejo_types::row::key_hash;

use crate::row_log::RowLog;
use crate::runs::RuleRuns;

/// What is remembered of a key.
#[derive(Debug, Default)]
pub(crate) struct KeyState {
    pub log: RowLog,
    /// By rule.
    pub rules: Vec<RuleRuns>,
}

impl KeyState {
    /// Where a rule's runs are, or where they would be.
    pub fn find(&self, rule: u32) -> Result<usize, usize> {
        self.rules.binary_search_by_key(&rule, |runs| runs.rule)
    }
}

#[derive(Debug, Default)]
struct Entry {
    key: Box<[u8]>,
    state: KeyState,
}

/// Keys by their bytes. Places count up; that of a key that left is used again.
#[derive(Debug, Default)]
pub(crate) struct Keys {
    index: Index,
    entries: Vec<Entry>,
    free: Vec<u32>,
}

impl Keys {
    pub fn find(&self, key: &[u8]) -> Option<usize> {
        self.index.find(key_hash(key), |place| *self.entries[place].key == *key)
    }

    pub fn len(&self) -> usize {
        self.entries.len() - self.free.len()
    }

    /// Adds a key that is not there.
    pub fn insert(&mut self, key: &[u8], state: KeyState) -> usize {
        let entry = Entry { key: key.into(), state };
        let place = match self.free.pop() {
            Some(place) => {
                self.entries[place as usize] = entry;
                place as usize
            }
            None => {
                self.entries.push(entry);
                self.entries.len() - 1
            }
        };
        self.index.insert(key_hash(key), place);
        place
    }

    /// Takes a key out.
    pub fn remove(&mut self, place: usize) {
        let entry = std::mem::take(&mut self.entries[place]);
        self.index.remove(key_hash(&entry.key), place);
        self.free.push(place as u32);
    }

    /// The key at a place and its state.
    pub fn at(&self, place: usize) -> (&[u8], &KeyState) {
        let Entry { key, state } = &self.entries[place];
        (key, state)
    }

    /// The key at a place and its state, to be changed.
    pub fn at_mut(&mut self, place: usize) -> (&[u8], &mut KeyState) {
        let Entry { key, state } = &mut self.entries[place];
        (key, state)
    }

    pub fn bytes(&self) -> usize {
        let of_entry = |entry: &Entry| {
            let rules: usize = entry.state.rules.iter().map(RuleRuns::bytes).sum();
            entry.key.len() + entry.state.log.bytes() + rules
        };
        let inside: usize = self.entries.iter().map(of_entry).sum();
        let spare: usize =
            self.entries.iter().map(|entry| entry.state.rules.capacity() * size_of::<RuleRuns>()).sum();
        let places = self.entries.capacity() * size_of::<Entry>() + self.free.capacity() * size_of::<u32>();
        self.index.bytes() + places + inside + spare
    }

    /// How many places there are; some may have no key.
    pub fn places(&self) -> usize {
        self.entries.len()
    }
}
