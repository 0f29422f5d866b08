//! Tables that the processor's caches do not hold: where the memory of several keys is asked for together,
//! its answers come at one time.
//!
//! A look-up waits for a slot of the index, then for a run. Loads of which none needs another's value
//! overlap; those of one look-up do not, and the work between two look-ups is more than a processor looks
//! ahead. So the slots of several keys are loaded in a row, then their runs, and what is done with them then
//! finds them near. Measured (`cargo bench -p bench-micro --bench windows`): an event among 1 M keys takes
//! 125 ns (running) and 146 ns (TUMBLE), with 16 keys at a time 137 and 160, without it 415 and 371. Loads
//! right behind each key's hash, and not in a row, gain nothing but a quarter: 302 and 270.

use std::hint::black_box;

use crate::operator::Operator;
use crate::table::KeyedTable;

/// Keys from which on a table counts as far: about where its slots and runs leave the second cache.
const KEYS_MIN: usize = 1 << 14;
/// Keys whose memory is fetched together: as many as a core has loads under way, and some more.
pub const FETCH_KEYS_MAX: usize = 32;

/// Keys of an operator whose memory is fetched. Nothing that can be seen changes.
#[derive(Debug)]
pub struct Fetch<'t> {
    table: &'t KeyedTable,
    hashes: [u64; FETCH_KEYS_MAX],
    len: usize,
}

impl<'t> Fetch<'t> {
    /// None yet, of the table in which an operator looks its rows' keys up; nothing where it fits the caches.
    #[inline]
    pub fn of(operator: &'t dyn Operator) -> Option<Self> {
        let table = operator.table().filter(|table| table.len() >= KEYS_MIN)?;
        Some(Self { table, hashes: [0; FETCH_KEYS_MAX], len: 0 })
    }

    /// Adds a key. One too many is left out.
    #[inline]
    pub fn add(&mut self, key: &[u8]) {
        if let Some(hash) = self.hashes.get_mut(self.len) {
            *hash = self.table.hash(key);
            self.len += 1;
        }
    }

    /// Fetches: a loop over loads and little else, then another.
    #[inline]
    pub fn fetch(self) {
        let (table, hashes) = (self.table, &self.hashes[..self.len]);
        black_box(hashes.iter().fold(0, |seen, &hash| seen ^ table.load_slot(hash)));
        black_box(hashes.iter().fold(0, |seen, &hash| seen ^ table.load_run(hash)));
    }
}
