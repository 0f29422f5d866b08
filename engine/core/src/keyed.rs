//! Keyed state: one row of 64-bit cells per key, found by the key's hash.
//!
//! Keys keep the order in which they came; nothing here ever iterates over the hash table, so the same
//! events give the same bytes.

use hashbrown::HashTable;
use vencejo_types::limits::VIEW_KEYS_MAX;
use vencejo_types::row::key_hash;

/// Rows of `width` cells by key.
#[derive(Debug)]
pub struct KeyedTable {
    width: usize,
    index: HashTable<(u64, u32)>,
    keys: Vec<Box<[u8]>>,
    cells: Vec<i64>,
    refused: u64,
}

impl KeyedTable {
    /// An empty table whose rows have `width` cells.
    pub fn new(width: usize) -> Self {
        Self { width, index: HashTable::new(), keys: Vec::new(), cells: Vec::new(), refused: 0 }
    }

    /// The place of a key, if it is there. Cost: one hash and, as a rule, one comparison.
    pub fn find(&self, key: &[u8]) -> Option<usize> {
        let hash = key_hash(key);
        let found = self.index.find(hash, |&(_, place)| *self.keys[place as usize] == *key);
        found.map(|&(_, place)| place as usize)
    }

    /// The place of a key, added with all cells 0 where it is new. Nothing when the table is full
    /// ([`VIEW_KEYS_MAX`]): the key is counted as refused. Allocates for a new key only.
    pub fn find_or_insert(&mut self, key: &[u8]) -> Option<usize> {
        if let Some(place) = self.find(key) {
            return Some(place);
        }
        if self.keys.len() >= VIEW_KEYS_MAX {
            self.refused += 1;
            return None;
        }
        let place = self.keys.len();
        let entry = (key_hash(key), u32::try_from(place).expect("VIEW_KEYS_MAX fits 32 bits"));
        self.index.insert_unique(entry.0, entry, |&(hash, _)| hash);
        self.keys.push(key.into());
        self.cells.resize(self.cells.len() + self.width, 0);
        Some(place)
    }

    /// The cells of the key at this place.
    pub fn cells(&self, place: usize) -> &[i64] {
        &self.cells[place * self.width..(place + 1) * self.width]
    }

    /// The cells of the key at this place, to be changed.
    pub fn cells_mut(&mut self, place: usize) -> &mut [i64] {
        &mut self.cells[place * self.width..(place + 1) * self.width]
    }

    /// Number of keys.
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Whether there is no key.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// How many times a new key was refused because the table was full.
    pub fn refused(&self) -> u64 {
        self.refused
    }
}

const _: () = assert!(VIEW_KEYS_MAX <= u32::MAX as usize);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_key_starts_at_zero_and_is_found_again() {
        let mut table = KeyedTable::new(2);
        assert_eq!(table.find(b"a"), None);
        let place = table.find_or_insert(b"a").unwrap();
        table.cells_mut(place)[1] += 5;
        assert_eq!(table.find_or_insert(b"a"), Some(place));
        assert_eq!(table.cells(place), [0, 5]);
        assert_eq!(table.len(), 1);
    }

    #[test]
    fn many_keys_stay_apart() {
        let mut table = KeyedTable::new(1);
        for number in 0..10_000_i64 {
            let place = table.find_or_insert(&number.to_le_bytes()).unwrap();
            table.cells_mut(place)[0] = number;
        }
        for number in 0..10_000_i64 {
            let place = table.find(&number.to_le_bytes()).unwrap();
            assert_eq!(table.cells(place), [number]);
        }
    }
}
