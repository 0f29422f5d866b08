//! Tables that the processor's caches do not hold: where the memory of several keys is asked for together,
//! its answers come at one time.
//!
//! A look-up waits for a slot of the index, then for a run. Loads of which none needs another's value
//! overlap; those of one look-up do not, and the work between two look-ups is more than a processor looks
//! ahead. So the slots of several keys are loaded in a row, then their runs, and what is done with them then
//! finds them near. Measured (`cargo bench -p bench-micro --bench windows`): an event among 1 M keys takes
//! 132 ns (running) and 160 ns (TUMBLE), with 16 keys at a time 138 and 161, without it 415 and 371. Loads
//! right behind each key's hash, and not in a row, gain nothing but a quarter: 302 and 270.

use std::hint::black_box;

use crate::operator::Operator;
use crate::table::KeyedTable;

/// Keys from which on a table counts as far: about where its slots and runs leave the second cache.
const KEYS_MIN: usize = 1 << 14;
/// Keys whose memory is fetched together: as many as a core has loads under way, and some more.
pub const FETCH_KEYS_MAX: usize = 32;

/// The table in which an operator looks its rows' keys up, where it is far.
#[derive(Clone, Copy, Debug)]
pub struct Far<'t>(&'t KeyedTable);

impl<'t> Far<'t> {
    /// That of an operator; nothing where it fits the caches.
    #[inline]
    pub fn of(operator: &'t dyn Operator) -> Option<Self> {
        operator.table().filter(|table| table.len() >= KEYS_MIN).map(Self)
    }
}

/// Fetches the memory of several keys, of one operator or of several. Nothing that can be seen changes.
#[derive(Debug, Default)]
pub struct Fetch<'t> {
    sought: [Option<(&'t KeyedTable, u64)>; FETCH_KEYS_MAX],
    len: usize,
}

impl<'t> Fetch<'t> {
    /// Adds a key. One too many is left out.
    #[inline]
    pub fn add(&mut self, Far(table): Far<'t>, key: &[u8]) {
        if let Some(sought) = self.sought.get_mut(self.len) {
            *sought = Some((table, table.hash(key)));
            self.len += 1;
        }
    }

    /// Fetches: a loop over loads and little else, then another.
    #[inline]
    pub fn fetch(self) {
        let sought = || self.sought[..self.len].iter().flatten();
        black_box(sought().fold(0, |seen, (table, hash)| seen ^ table.load_slot(*hash)));
        black_box(sought().fold(0, |seen, (table, hash)| seen ^ table.load_run(*hash)));
    }
}
