//! Keyed state: a run of cells per key, found by the key's hash.
//!
//! A key and its state lie side by side: a look-up touches a slot of the index and one run. A short key
//! fills the run's first cells, padded with zeros (keys of the same columns are a prefix code, so padded
//! keys are equal when the keys are); a longer one lies apart. Places count up in the order in which keys
//! came; a place is used again only after its key was taken out.

use vencejo_types::row::key_hash;

use crate::cell::{Cell, Slab, of_word};
use crate::far::{KEYS_MIN, load_lines};
use crate::index::{Damaged, Index};
use crate::key::INLINE_CELLS_MAX;
use crate::paged::{List, Visitor};

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
    apart: List<Box<[u8]>>,
    apart_free: List<u32>,
    apart_bytes: usize,
    /// Places without a key, to be used again.
    free: List<u32>,
    /// A bit per place that is free; shorter than the places while the last ones are not.
    is_free: List<u64>,
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
            apart: List::default(),
            apart_free: List::default(),
            apart_bytes: 0,
            free: List::default(),
            is_free: List::default(),
        }
    }

    /// The place of a key, if it is there. Cost: one hash and, as a rule, one comparison.
    ///
    /// # Errors
    /// When a page of the key cannot be had.
    #[inline]
    pub fn find(&self, key: &[u8]) -> Result<Option<usize>, Damaged> {
        match self.padded(key) {
            Some(cells) => self.find_padded(self.padded_hash(&cells), &cells),
            None => self.find_apart(key_hash(key), key),
        }
    }

    /// Whether it is too large for the processor's caches ([`crate::Fetch`]), and all in memory: what is not,
    /// is loaded for who needs it alone.
    #[inline]
    pub(crate) fn is_far(&self) -> bool {
        self.len() >= KEYS_MIN && self.index.is_whole() && self.runs.is_whole() && self.apart.is_whole()
    }

    /// The hash by which a key is looked for.
    #[inline]
    pub(crate) fn hash(&self, key: &[u8]) -> u64 {
        match self.padded(key) {
            Some(cells) => self.padded_hash(&cells),
            None => key_hash(key),
        }
    }

    /// Reads the word at which a look-up of this hash begins.
    #[inline]
    pub(crate) fn load_slot(&self, hash: u64) -> u64 {
        self.index.first_word(hash)
    }

    /// Reads the ends of the run that a look-up of this hash comes to, as a rule.
    #[inline]
    pub(crate) fn load_run(&self, hash: u64) -> u64 {
        let run = self.likely_run(hash).unwrap_or_default().as_flattened();
        let (first, last) = (run.first().copied(), run.last().copied());
        u64::from(first.unwrap_or_default() ^ last.unwrap_or_default())
    }

    /// Whether keys lie apart from their runs.
    #[inline]
    pub(crate) fn has_keys_apart(&self) -> bool {
        !self.apart.is_empty()
    }

    /// Reads how long the key of that run is, if it lies apart.
    #[inline]
    pub(crate) fn load_key_head(&self, hash: u64) -> u64 {
        self.likely_key_apart(hash).map_or(0, |key| key.len() as u64)
    }

    /// Reads that key.
    #[inline]
    pub(crate) fn load_key(&self, hash: u64) -> u64 {
        self.likely_key_apart(hash).map_or(0, load_lines)
    }

    #[inline]
    pub(crate) fn likely_key_apart(&self, hash: u64) -> Option<&[u8]> {
        let number = self.apart_number(self.likely_run(hash)?)?;
        self.apart.get(number).map(|key| &**key)
    }

    /// The state that a look-up of this hash comes to, as a rule.
    #[inline]
    pub(crate) fn likely_cells(&self, hash: u64) -> Option<&[Cell]> {
        self.likely_run(hash)?.get(self.key_cells..)
    }

    #[inline]
    fn likely_run(&self, hash: u64) -> Option<&[Cell]> {
        let place = self.index.find(hash, |_| Some(true)).ok().flatten()?;
        self.runs.try_get(place)
    }

    /// The cells of a key that lies beside its state.
    #[inline]
    fn padded(&self, key: &[u8]) -> Option<[Cell; INLINE_CELLS_MAX]> {
        let mut cells = [of_word(0); INLINE_CELLS_MAX];
        cells[..self.key_cells].as_flattened_mut().get_mut(..key.len())?.copy_from_slice(key);
        Some(cells)
    }

    #[inline]
    fn padded_hash(&self, cells: &[Cell; INLINE_CELLS_MAX]) -> u64 {
        key_hash(cells[..self.key_cells].as_flattened())
    }

    #[inline]
    fn find_padded(&self, hash: u64, cells: &[Cell; INLINE_CELLS_MAX]) -> Result<Option<usize>, Damaged> {
        let cells = &cells[..self.key_cells];
        self.index.find(hash, |place| Some(&self.runs.try_get(place)?[..self.key_cells] == cells))
    }

    fn find_apart(&self, hash: u64, key: &[u8]) -> Result<Option<usize>, Damaged> {
        self.index.find(hash, |place| Some(self.try_key(place)? == key))
    }

    /// The place of a key and whether it is new; nothing for a new key when the table has `keys_max`.
    /// Allocates for new keys only.
    ///
    /// # Errors
    /// When a page of the key cannot be had.
    #[inline]
    pub fn find_or_insert(&mut self, key: &[u8], keys_max: usize) -> Result<Option<(usize, bool)>, Damaged> {
        if let Some(cells) = self.padded(key) {
            let hash = self.padded_hash(&cells);
            return match self.find_padded(hash, &cells)? {
                Some(place) => Ok(Some((place, false))),
                None if self.len() >= keys_max => Ok(None),
                None => Ok(Some((self.insert(hash, &cells)?, true))),
            };
        }
        let hash = key_hash(key);
        if let Some(place) = self.find_apart(hash, key)? {
            return Ok(Some((place, false)));
        }
        if self.len() >= keys_max {
            return Ok(None);
        }
        let mut cells = [of_word(0); INLINE_CELLS_MAX];
        cells[0][0] = APART;
        let number = self.put_apart(key)?.to_le_bytes();
        cells[0][4..].copy_from_slice(&number);
        Ok(Some((self.insert(hash, &cells)?, true)))
    }

    fn insert(&mut self, hash: u64, cells: &[Cell; INLINE_CELLS_MAX]) -> Result<usize, Damaged> {
        let cells = &cells[..self.key_cells];
        let place = match self.vacant() {
            Some(place) => {
                self.free.pop();
                let run = self.runs.get_mut(place);
                run[..self.key_cells].copy_from_slice(cells);
                run[self.key_cells..].copy_from_slice(&self.initial);
                if let Some(bits) = self.is_free.get_mut(place / 64) {
                    *bits &= !(1 << (place % 64));
                }
                place
            }
            None => self.runs.push(cells, &self.initial).ok_or(Damaged)?,
        };
        self.index.insert(hash, place);
        Ok(place)
    }

    /// The place to be used again next. One whose pages cannot be had is not.
    fn vacant(&self) -> Option<usize> {
        let place = *self.free.last()? as usize;
        (self.runs.try_get(place).is_some() && self.is_free.get(place / 64).is_some()).then_some(place)
    }

    fn put_apart(&mut self, key: &[u8]) -> Result<u32, Damaged> {
        let vacant = self.apart_free.last().copied();
        if let Some(held) = vacant.and_then(|number| self.apart.get_mut(number as usize)) {
            *held = key.into();
            self.apart_bytes += key.len();
            return self.apart_free.pop().ok_or(Damaged);
        }
        if !self.apart.push(key.into()) {
            return Err(Damaged);
        }
        self.apart_bytes += key.len();
        Ok((self.apart.len() - 1) as u32)
    }

    fn apart_number(&self, run: &[Cell]) -> Option<usize> {
        let first = run[..self.key_cells].first()?;
        let number = u32::from_le_bytes(*first.last_chunk()?);
        (first[0] == APART).then_some(number as usize)
    }

    fn try_key(&self, place: usize) -> Option<&[u8]> {
        let run = self.runs.try_get(place)?;
        match self.apart_number(run) {
            Some(number) => self.apart.get(number).map(|key| &**key),
            None => Some(run[..self.key_cells].as_flattened()),
        }
    }

    /// The bytes of the key at a place; a short key has zeros behind it. None where they cannot be had.
    pub fn key(&self, place: usize) -> &[u8] {
        self.try_key(place).unwrap_or_default()
    }

    /// The key at a place with its state, as [`KeyedTable::key`] and [`KeyedTable::cells`] give them.
    #[inline]
    pub fn entry(&self, place: usize) -> (&[u8], &[Cell]) {
        let (key, cells) = self.runs.get(place).split_at(self.key_cells);
        match self.apart_number(key) {
            Some(number) => (self.apart.get(number).map(|key| &**key).unwrap_or_default(), cells),
            None => (key.as_flattened(), cells),
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

    /// Takes the key at a place out. Its place and its memory are used again. A key that cannot be had stays.
    pub fn remove(&mut self, place: usize) {
        let Some(key) = self.try_key(place) else { return };
        let (hash, length) = (key_hash(key), key.len());
        self.index.remove(hash, place);
        if let Some(number) = self.apart_number(self.runs.get(place)) {
            self.apart_bytes -= length;
            self.apart.take(number);
            self.apart_free.push(number as u32);
        }
        self.free.push(place as u32);
        self.is_free.grow(place / 64 + 1);
        if let Some(bits) = self.is_free.get_mut(place / 64) {
            *bits |= 1 << (place % 64);
        }
    }

    /// The places that have a key, counting up. Those that cannot be had are left out.
    pub fn places(&self) -> impl Iterator<Item = usize> {
        self.places_from(0)
    }

    /// The places from this one on that have a key, counting up.
    pub fn places_from(&self, first: usize) -> impl Iterator<Item = usize> {
        let is_taken = |place: usize| match self.is_free.get(place / 64) {
            Some(bits) => bits >> (place % 64) & 1 == 0,
            None => place / 64 >= self.is_free.len(),
        };
        (first..self.runs.len()).filter(move |&place| is_taken(place) && self.runs.try_get(place).is_some())
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

    /// Shows it.
    pub fn visit(&mut self, visitor: &mut Visitor<'_>) {
        self.runs.visit(visitor);
        self.index.visit(visitor);
        self.apart.visit(visitor);
        self.apart_free.visit(visitor);
        visitor.size(&mut self.apart_bytes);
        self.free.visit(visitor);
        self.is_free.visit(visitor);
    }

    /// Bytes that it holds.
    pub fn bytes(&self) -> usize {
        let lists = self.free.bytes() + self.apart_free.bytes() + self.is_free.bytes();
        self.runs.bytes() + self.index.bytes() + lists + self.apart.bytes() + self.apart_bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cell::{int, of_int};

    #[test]
    fn a_new_key_starts_with_the_initial_state_and_is_found_again() {
        let mut table = KeyedTable::new(2, &[of_int(7), of_int(0)]);
        assert_eq!(table.find(b"a"), Ok(None));
        let (place, new) = table.find_or_insert(b"a", 1).unwrap().unwrap();
        assert!(new);
        table.cells_mut(place)[1] = of_int(5);
        assert_eq!(table.find_or_insert(b"a", 1), Ok(Some((place, false))));
        assert_eq!(table.find_or_insert(b"b", 1), Ok(None));
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
                let (place, new) = table.find_or_insert(&key(number), usize::MAX).unwrap().unwrap();
                assert!(new, "{round} {number}");
                table.cells_mut(place)[0] = of_int(number);
            }
            assert_eq!(table.len(), 10_000);
            for number in 0..10_000 {
                let place = table.find(&key(number)).unwrap().unwrap();
                assert_eq!(int(table.cells(place)[0]), number);
            }
            if round == 1 {
                bytes = table.bytes();
            }
            let places: Vec<usize> = table.places().collect();
            places.into_iter().for_each(|place| table.remove(place));
            assert!(table.len() == 0 && table.places().next().is_none());
            assert_eq!(table.find(&key(3)), Ok(None));
        }
        assert!(table.bytes() <= bytes, "{} > {bytes}", table.bytes());
    }

    #[test]
    fn without_key_columns_there_is_one_key() {
        let mut table = KeyedTable::new(0, &[of_int(0)]);
        assert_eq!(table.find(b""), Ok(None));
        assert_eq!(table.find_or_insert(b"", 1), Ok(Some((0, true))));
        assert_eq!(table.find(b""), Ok(Some(0)));
    }
}
