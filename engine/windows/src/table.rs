//! Keyed state: a run of cells per key, found by the key's hash.
//!
//! A key and its state lie side by side: a look-up touches a slot of the index and one run. A short key
//! fills the run's first cells, padded with zeros (keys of the same columns are a prefix code, so padded
//! keys are equal when the keys are); a longer one lies apart. Places count up in the order in which keys
//! came; a place is used again only after its key was taken out.

use vencejo_types::row::key_hash;

use crate::cell::{Cell, Slab, of_word};
use crate::key::INLINE_CELLS_MAX;
use vencejo_types::index::Index;

/// First byte of the cells of a key that lies apart; a key begins with 0 or 1.
const APART: u8 = 0xff;

/// Runs of cells by key.
#[derive(Debug)]
pub struct KeyedTable {
    key_cells: usize,
    initial: Box<[Cell]>,
    runs: Slab,
    index: Index,
    /// The long keys.
    apart: Vec<Box<[u8]>>,
    apart_free: Vec<u32>,
    apart_bytes: usize,
    /// Places without a key, to be used again.
    free: Vec<u32>,
    /// A bit per place that is free; shorter than the places while the last ones are not.
    is_free: Vec<u64>,
}

impl KeyedTable {
    /// An empty table. A key of up to `key_cells` cells lies beside its state; a new key's state is
    /// `initial`.
    pub fn new(key_cells: usize, initial: &[Cell]) -> Self {
        let key_cells = key_cells.min(INLINE_CELLS_MAX);
        Self {
            key_cells,
            initial: initial.into(),
            runs: Slab::new(key_cells + initial.len()),
            index: Index::default(),
            apart: Vec::new(),
            apart_free: Vec::new(),
            apart_bytes: 0,
            free: Vec::new(),
            is_free: Vec::new(),
        }
    }

    /// The place of a key, if it is there. Cost: one hash and, as a rule, one comparison.
    #[inline]
    pub fn find(&self, key: &[u8]) -> Option<usize> {
        match self.padded(key) {
            Some(cells) => self.find_padded(key_hash(cells[..self.key_cells].as_flattened()), &cells),
            None => self.find_apart(key_hash(key), key),
        }
    }

    /// The cells of a key that lies beside its state.
    #[inline]
    fn padded(&self, key: &[u8]) -> Option<[Cell; INLINE_CELLS_MAX]> {
        let mut cells = [of_word(0); INLINE_CELLS_MAX];
        cells[..self.key_cells].as_flattened_mut().get_mut(..key.len())?.copy_from_slice(key);
        Some(cells)
    }

    #[inline]
    fn find_padded(&self, hash: u64, cells: &[Cell; INLINE_CELLS_MAX]) -> Option<usize> {
        self.index.find(hash, |place| self.runs.get(place)[..self.key_cells] == cells[..self.key_cells])
    }

    fn find_apart(&self, hash: u64, key: &[u8]) -> Option<usize> {
        self.index.find(hash, |place| self.key(place) == key)
    }

    /// The place of a key and whether it is new; nothing for a new key when the table has `keys_max`.
    /// Allocates for new keys only.
    #[inline]
    pub fn find_or_insert(&mut self, key: &[u8], keys_max: usize) -> Option<(usize, bool)> {
        if let Some(cells) = self.padded(key) {
            let hash = key_hash(cells[..self.key_cells].as_flattened());
            return match self.find_padded(hash, &cells) {
                Some(place) => Some((place, false)),
                None if self.len() >= keys_max => None,
                None => Some((self.insert(hash, &cells), true)),
            };
        }
        let hash = key_hash(key);
        if let Some(place) = self.find_apart(hash, key) {
            return Some((place, false));
        }
        if self.len() >= keys_max {
            return None;
        }
        let mut cells = [of_word(0); INLINE_CELLS_MAX];
        cells[0][0] = APART;
        let number = self.put_apart(key).to_ne_bytes();
        cells[0][4..].copy_from_slice(&number);
        Some((self.insert(hash, &cells), true))
    }

    fn insert(&mut self, hash: u64, cells: &[Cell; INLINE_CELLS_MAX]) -> usize {
        let cells = &cells[..self.key_cells];
        let place = if let Some(place) = self.free.pop() {
            let place = place as usize;
            let run = self.runs.get_mut(place);
            run[..self.key_cells].copy_from_slice(cells);
            run[self.key_cells..].copy_from_slice(&self.initial);
            self.is_free[place / 64] &= !(1 << (place % 64));
            place
        } else {
            self.runs.push(cells, &self.initial)
        };
        self.index.insert(hash, place);
        place
    }

    fn put_apart(&mut self, key: &[u8]) -> u32 {
        self.apart_bytes += key.len();
        if let Some(number) = self.apart_free.pop() {
            self.apart[number as usize] = key.into();
            return number;
        }
        self.apart.push(key.into());
        (self.apart.len() - 1) as u32
    }

    fn apart_number(&self, place: usize) -> Option<usize> {
        let first = self.runs.get(place)[..self.key_cells].first()?;
        let number = u32::from_ne_bytes(*first.last_chunk()?);
        (first[0] == APART).then_some(number as usize)
    }

    /// The bytes of the key at a place; a short key has zeros behind it.
    pub fn key(&self, place: usize) -> &[u8] {
        match self.apart_number(place) {
            Some(number) => &self.apart[number],
            None => self.runs.get(place)[..self.key_cells].as_flattened(),
        }
    }

    /// The state of the key at a place.
    #[inline]
    pub fn cells(&self, place: usize) -> &[Cell] {
        &self.runs.get(place)[self.key_cells..]
    }

    /// The state of the key at a place, to be changed.
    #[inline]
    pub fn cells_mut(&mut self, place: usize) -> &mut [Cell] {
        &mut self.runs.get_mut(place)[self.key_cells..]
    }

    /// Takes the key at a place out. Its place and its memory are used again.
    pub fn remove(&mut self, place: usize) {
        let hash = key_hash(self.key(place));
        self.index.remove(hash, place);
        if let Some(number) = self.apart_number(place) {
            self.apart_bytes -= self.apart[number].len();
            self.apart[number] = Box::default();
            self.apart_free.push(number as u32);
        }
        self.free.push(place as u32);
        if self.is_free.len() <= place / 64 {
            self.is_free.resize(place / 64 + 1, 0);
        }
        self.is_free[place / 64] |= 1 << (place % 64);
    }

    /// The places that have a key, counting up.
    pub fn places(&self) -> impl Iterator<Item = usize> {
        self.places_from(0)
    }

    /// The places from this one on that have a key, counting up.
    pub fn places_from(&self, first: usize) -> impl Iterator<Item = usize> {
        let is_free =
            |place: usize| self.is_free.get(place / 64).is_some_and(|bits| bits >> (place % 64) & 1 == 1);
        (first..self.runs.len()).filter(move |&place| !is_free(place))
    }

    /// Number of keys.
    pub fn len(&self) -> usize {
        self.runs.len() - self.free.len()
    }

    /// Forgets all keys and keeps most of the memory.
    pub fn clear(&mut self) {
        self.runs.clear();
        self.index.clear();
        self.apart.clear();
        self.apart_free.clear();
        self.apart_bytes = 0;
        self.free.clear();
        self.is_free.clear();
    }

    /// Bytes that it holds.
    pub fn bytes(&self) -> usize {
        let lists = self.free.capacity() * 4 + self.apart_free.capacity() * 4 + self.is_free.capacity() * 8;
        let apart = self.apart.capacity() * size_of::<Box<[u8]>>() + self.apart_bytes;
        self.runs.bytes() + self.index.bytes() + lists + apart
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cell::{int, of_int};

    #[test]
    fn a_new_key_starts_with_the_initial_state_and_is_found_again() {
        let mut table = KeyedTable::new(2, &[of_int(7), of_int(0)]);
        assert_eq!(table.find(b"a"), None);
        let (place, new) = table.find_or_insert(b"a", 1).unwrap();
        assert!(new);
        table.cells_mut(place)[1] = of_int(5);
        assert_eq!(table.find_or_insert(b"a", 1), Some((place, false)));
        assert_eq!(table.find_or_insert(b"b", 1), None);
        assert_eq!(table.cells(place), [of_int(7), of_int(5)]);
    }

    #[test]
    fn keys_come_and_go_and_their_memory_is_used_again() {
        let mut table = KeyedTable::new(3, &[of_int(-1)]);
        let key = |number: i64| {
            let mut key = Vec::new();
            let text = "x".repeat((number % 40) as usize) + &number.to_string();
            crate::key::write([vencejo_expr::Value::Str(&text)], &mut key);
            key
        };
        let mut bytes = 0;
        for round in 0..5 {
            for number in 0..10_000 {
                let (place, new) = table.find_or_insert(&key(number), usize::MAX).unwrap();
                assert!(new, "{round} {number}");
                table.cells_mut(place)[0] = of_int(number);
            }
            assert_eq!(table.len(), 10_000);
            for number in 0..10_000 {
                let place = table.find(&key(number)).unwrap();
                assert_eq!(int(table.cells(place)[0]), number);
            }
            if round == 1 {
                bytes = table.bytes();
            }
            let places: Vec<usize> = table.places().collect();
            places.into_iter().for_each(|place| table.remove(place));
            assert!(table.len() == 0 && table.places().next().is_none());
            assert_eq!(table.find(&key(3)), None);
        }
        assert!(table.bytes() <= bytes, "{} > {bytes}", table.bytes());
    }

    #[test]
    fn without_key_columns_there_is_one_key() {
        let mut table = KeyedTable::new(0, &[of_int(0)]);
        assert_eq!(table.find(b""), None);
        assert_eq!(table.find_or_insert(b"", 1), Some((0, true)));
        assert_eq!(table.find(b""), Some(0));
    }
}
