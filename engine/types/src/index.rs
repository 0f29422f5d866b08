//! A hash index: from a hash to the place of an entry that lies elsewhere. Linear hashing (Litwin, "Linear
//! hashing: a new tool for file and table addressing", VLDB 1980) over small indexes of [`Slots`].
//!
//! The lower bits of a hash's tag say which page. When there are too many entries for the pages, one page, in
//! turn, is split in two: so growing never touches more than a page, of however many. A page that is too full
//! all the same grows by itself.

use crate::slots::{Slots, tag};

/// Entries per page, on average. As pages are split in turn, each has half to twice as many.
pub const ENTRIES_PER_PAGE: usize = 256;

/// The next power of two of a number of pages, at least one, less 1.
pub const fn mask_of(pages: usize) -> usize {
    pages.next_power_of_two() - 1
}

/// The page of a tag where there are `pages` pages, at least one, whose mask this is.
#[inline]
pub const fn page_of(tag: u32, pages: usize, mask: usize) -> usize {
    let page = tag as usize & mask;
    // Pages in the upper half come one by one; until then their entries are in the lower half.
    if page < pages { page } else { page & (mask >> 1) }
}

/// The page, of at least one, that is split when a page is added.
pub const fn split_next(pages: usize) -> usize {
    pages - (pages + 1).next_power_of_two() / 2
}

/// From hashes to places.
#[derive(Clone, Debug, Default)]
pub struct Index {
    pages: Vec<Slots>,
    len: usize,
    /// [`mask_of`] the pages; 0 where there is none.
    mask: usize,
}

impl Index {
    #[inline]
    fn page_of(&self, hash: u64) -> usize {
        page_of(tag(hash), self.pages.len(), self.mask)
    }

    /// The place of the entry with this hash for which `is_it` holds.
    #[inline]
    pub fn find(&self, hash: u64, is_it: impl FnMut(usize) -> bool) -> Option<usize> {
        if self.pages.is_empty() {
            return None;
        }
        self.pages[self.page_of(hash)].find(hash, is_it)
    }

    /// Adds an entry that is not there. `place` is less than 2^32 - 1.
    pub fn insert(&mut self, hash: u64, place: usize) {
        if self.len >= self.pages.len() * ENTRIES_PER_PAGE {
            self.grow();
        }
        let page = self.page_of(hash);
        self.pages[page].insert(hash, place);
        self.len += 1;
    }

    /// Adds a page, and splits the one that has had its entries.
    fn grow(&mut self) {
        let pages = self.pages.len();
        if pages == 0 {
            return self.pages.push(Slots::default());
        }
        let mask = mask_of(pages + 1);
        let new = self.pages[split_next(pages)].split(|tag| page_of(tag, pages + 1, mask) == pages);
        self.pages.push(new);
        self.mask = mask;
    }

    /// Takes an entry out, if it is there.
    pub fn remove(&mut self, hash: u64, place: usize) {
        if self.pages.is_empty() {
            return;
        }
        let page = self.page_of(hash);
        if self.pages[page].remove(hash, place) {
            self.len -= 1;
        }
    }

    /// Bytes that it holds.
    pub fn bytes(&self) -> usize {
        self.pages.iter().map(Slots::bytes).sum::<usize>() + self.pages.capacity() * size_of::<Slots>()
    }
}

#[cfg(test)]
#[allow(clippy::cast_possible_truncation, reason = "a test counts little")]
mod tests {
    use super::*;
    use crate::row::key_hash;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    #[test]
    fn every_page_is_split_in_turn() {
        for pages in 1..100 {
            for tag in 0..1_000 {
                let of = |pages| page_of(tag, pages, mask_of(pages));
                let (before, after) = (of(pages), of(pages + 1));
                let split = pages - (pages + 1).next_power_of_two() / 2;
                assert!(after == before || (before, after) == (split, pages), "{tag} of {pages} pages");
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(8))]
        /// Enough keys for dozens of pages; some hashes are equal in all that a slot holds.
        #[test]
        fn equals_a_map(steps in prop::collection::vec((0_u8..5, any::<u16>()), 9_000)) {
            let hash = |key: u16| if key.is_multiple_of(50) { 7 << 32 } else { key_hash(&key.to_le_bytes()) };
            let (mut index, mut twin) = (Index::default(), BTreeMap::new());
            for (place, (step, key)) in steps.into_iter().enumerate() {
                let found = index.find(hash(key), |at| twin.get(&key) == Some(&at));
                prop_assert_eq!(found, twin.get(&key).copied());
                match twin.get(&key) {
                    None => {
                        index.insert(hash(key), place);
                        twin.insert(key, place);
                    }
                    Some(&place) if step == 0 => {
                        index.remove(hash(key), place);
                        twin.remove(&key);
                    }
                    Some(_) => {}
                }
            }
            for (key, &place) in &twin {
                prop_assert_eq!(index.find(hash(*key), |at| at == place), Some(place));
            }
            prop_assert_eq!(index.len, twin.len());
        }
    }
}
