//! Tables that the processor's caches do not hold: where the memory of several keys is asked for together,
//! its answers come at one time.
//!
//! A look-up waits for a slot of the index, then for a run. Loads of which none needs another's value
//! overlap; those of one look-up do not, and the work between two look-ups is more than a processor looks
//! ahead. So the slots of several keys are loaded in a row, then their runs, and what is done with them then
//! finds them near. Measured (`cargo bench -p bench-micro --bench windows`): an event among 1 M keys takes
//! 125 ns (running) and 146 ns (TUMBLE), with 16 keys at a time 137 and 160, without it 415 and 371. Loads
//! right behind each key's hash, and not in a row, gain nothing but a quarter: 302 and 270.
//!
//! A decision looks keys up in several tables, and decisions wait together: all of their slots are loaded in
//! a row, then all runs, then what those lead to, a kept row or a long key.

use std::hint::black_box;

use crate::kept::Kept;
use crate::operator::Operator;
use crate::table::KeyedTable;

/// Keys from which on a table counts as far: about where its slots and runs leave the second cache.
pub(crate) const KEYS_MIN: usize = 1 << 14;
/// What a processor reads from memory at once.
const LINE_BYTES: usize = 64;
/// Rows whose keys are fetched together: as many as a core has loads under way, and some more.
pub const FETCH_KEYS_MAX: usize = 32;

/// A table that the caches do not hold, and where the rows lie that it leads to, if they are to be read.
#[derive(Clone, Copy, Debug)]
pub struct Far<'o> {
    table: &'o KeyedTable,
    rows: Option<&'o Kept>,
}

impl<'o> Far<'o> {
    /// The table in which an operator looks its rows' keys up.
    #[inline]
    pub fn of<O: Operator + ?Sized>(operator: &'o O) -> Option<Self> {
        Self::from(operator.table()?, None)
    }

    /// The table of rows that are looked up and read.
    #[inline]
    pub fn of_rows(kept: &'o Kept) -> Option<Self> {
        Self::from(kept.table()?, Some(kept))
    }

    #[inline]
    fn from(table: &'o KeyedTable, rows: Option<&'o Kept>) -> Option<Self> {
        table.is_far().then_some(Self { table, rows })
    }
}

/// Up to `KEYS` keys of a table whose memory is fetched. Nothing that can be seen changes.
#[derive(Debug)]
pub struct Fetch<'o, const KEYS: usize> {
    far: Far<'o>,
    hashes: [u64; KEYS],
    len: usize,
}

impl<'o, const KEYS: usize> Fetch<'o, KEYS> {
    /// None yet.
    #[inline]
    pub fn new(far: Far<'o>) -> Self {
        Self { far, hashes: [0; KEYS], len: 0 }
    }

    /// Adds a key. One too many is left out.
    #[inline]
    pub fn add(&mut self, key: &[u8]) {
        if let Some(hash) = self.hashes.get_mut(self.len) {
            *hash = self.far.table.hash(key);
            self.len += 1;
        }
    }

    /// Fetches.
    #[inline]
    pub fn fetch(self) {
        Self::fetch_all(std::iter::once(&self));
    }

    /// Fetches what several operators need, all of it together: a loop over loads and little else, then
    /// another, each for what the one before has found.
    #[inline]
    pub fn fetch_all<'f>(all: impl Iterator<Item = &'f Self> + Clone)
    where
        'o: 'f,
    {
        all.clone().for_each(|of| of.each(KeyedTable::load_slot));
        all.clone().for_each(|of| of.each(KeyedTable::load_run));
        let apart = all.clone().filter(|of| of.far.table.has_keys_apart());
        let rows = all.filter_map(|of| Some((of, of.far.rows?)));
        apart.clone().for_each(|of| of.each(KeyedTable::load_key_head));
        rows.clone().for_each(|(of, rows)| of.each(|_, hash| rows.load_head(hash)));
        apart.for_each(|of| of.each(KeyedTable::load_key));
        rows.for_each(|(of, rows)| of.each(|_, hash| rows.load_row(hash)));
    }

    #[inline]
    fn each(&self, load: impl Fn(&KeyedTable, u64) -> u64) {
        let (table, hashes) = (self.far.table, &self.hashes[..self.len]);
        black_box(hashes.iter().fold(0, |seen, &hash| seen ^ load(table, hash)));
    }
}

/// Reads a byte of each line of memory that these lie in.
#[inline]
pub(crate) fn load_lines(bytes: &[u8]) -> u64 {
    let last = bytes.last().copied().unwrap_or_default();
    u64::from(bytes.iter().step_by(LINE_BYTES).fold(last, |seen, byte| seen ^ byte))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::Keep;
    use crate::{Downstream, key};
    use vencejo_expr::{Type, Value};

    struct Nobody;

    impl Downstream for Nobody {
        fn emit(&mut self, _row: &[Value<'_>]) {}
    }

    /// Too long to lie beside its state.
    fn name(number: i64) -> String {
        format!("a placement with quite a long name, {number}")
    }

    const FAR: i64 = KEYS_MIN.cast_signed() as i64;

    fn kept(count: i64) -> Kept {
        let mut kept = Kept::new(&Keep { key: vec![(0, Type::String)], window_end: None, retention: 0 });
        for number in 0..count {
            let (name, value) = (name(number), Value::Int(number));
            let _ = kept.row(0, &[Value::Str(&name), value], &mut Nobody);
        }
        kept
    }

    #[test]
    fn a_table_is_far_from_a_size_on() {
        assert!(Far::of(&kept(FAR - 1)).is_none());
        assert!(Far::of(&kept(FAR)).is_some());
    }

    #[test]
    fn what_is_fetched_is_what_the_look_up_reads() {
        let kept = kept(FAR);
        let table = kept.table().expect("it has one");
        let (mut bytes, mut others) = (Vec::new(), 0);
        for number in 0..FAR {
            bytes.clear();
            let text = name(number);
            key::write([Value::Str(&text)], &mut bytes);
            let hash = table.hash(&bytes);
            let mut row = [Value::Null; 2];
            if let Some(found) = kept.likely(hash) {
                found.row.read(&mut row);
            }
            let is_it = table.likely_key_apart(hash) == Some(&bytes) && row[1] == Value::Int(number);
            others += i64::from(!is_it);
        }
        // The hash's short form is another key's as well, now and then.
        assert!(others < FAR / 100, "{others}");
    }
}
