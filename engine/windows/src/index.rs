//! A hash index in pages: linear hashing (Litwin, "Linear hashing: a new tool for file and table addressing",
//! VLDB 1980) over small indexes of [`Slots`].
//!
//! The lower bits of a hash's tag say which page. When there are too many entries for the pages, one page, in
//! turn, is split in two: so growing never touches more than a page, of however many, and a page that is not
//! in memory is not needed but for the keys in it. A page that is too full all the same grows by itself.

use crate::paged::{Extent, Pages, Visitor};
use crate::slots::{Slots, tag};

/// Entries per page, on average. As pages are split in turn, each has half to twice as many.
const ENTRIES_PER_PAGE: usize = 256;

/// A page that the answer depends on cannot be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Damaged;

/// From hashes to places.
#[derive(Debug, Default)]
pub struct Index {
    pages: Pages<Slots>,
    len: usize,
    /// The next power of two of the number of pages, less 1; 0 where there is none.
    mask: usize,
}

fn mask_of(pages: usize) -> usize {
    pages.next_power_of_two() - 1
}

/// The page of a tag where there are `pages` pages, at least one, whose mask this is.
#[inline]
fn page_of(tag: u32, pages: usize, mask: usize) -> usize {
    let page = tag as usize & mask;
    // Pages in the upper half come one by one; until then their entries are in the lower half.
    if page < pages { page } else { page & (mask >> 1) }
}

impl Index {
    #[inline]
    fn page_of(&self, hash: u64) -> usize {
        page_of(tag(hash), self.pages.len(), self.mask)
    }

    /// The place of the entry with this hash for which `is_it` holds. `is_it` says nothing where it cannot
    /// know.
    ///
    /// # Errors
    /// When a page is needed that cannot be had.
    #[inline]
    pub fn find(
        &self,
        hash: u64,
        mut is_it: impl FnMut(usize) -> Option<bool>,
    ) -> Result<Option<usize>, Damaged> {
        if self.pages.len() == 0 {
            return Ok(None);
        }
        let page = self.pages.get(self.page_of(hash)).ok_or(Damaged)?;
        let mut knows = true;
        let found = page.find(hash, |place| {
            let answer = is_it(place);
            knows &= answer.is_some();
            answer.unwrap_or(true)
        });
        if knows { Ok(found) } else { Err(Damaged) }
    }

    /// Adds an entry that is not there: [`Index::find`] has said so. `place` is less than 2^32 - 1.
    pub fn insert(&mut self, hash: u64, place: usize) {
        if self.len >= self.pages.len() * ENTRIES_PER_PAGE {
            self.grow();
        }
        let number = self.page_of(hash);
        if let Some(page) = self.pages.get_mut(number) {
            page.insert(hash, place);
            self.len += 1;
        }
    }

    /// Adds a page, and splits the one that has had its entries.
    fn grow(&mut self) {
        let pages = self.pages.len();
        if pages == 0 {
            return self.pages.push(Slots::default());
        }
        let old = pages - (pages + 1).next_power_of_two() / 2;
        // A page that cannot be had is not split: others get fuller.
        if let Some(page) = self.pages.get_mut(old) {
            let mask = mask_of(pages + 1);
            let new = page.split(|tag| page_of(tag, pages + 1, mask) == pages);
            self.pages.push(new);
            self.mask = mask;
        }
    }

    /// Takes an entry out, if it is there.
    pub fn remove(&mut self, hash: u64, place: usize) {
        if self.pages.len() == 0 {
            return;
        }
        let number = self.page_of(hash);
        if let Some(page) = self.pages.get_mut(number)
            && page.remove(hash, place)
        {
            self.len -= 1;
        }
    }

    /// Forgets all entries.
    pub fn clear(&mut self) {
        self.pages.clear();
        (self.len, self.mask) = (0, 0);
    }

    /// Shows it.
    pub fn visit(&mut self, visitor: &mut Visitor<'_>) {
        visitor.size(&mut self.len);
        visitor.pages(&mut self.pages, Extent { entries: self.len, per_page: 0 });
        self.mask = mask_of(self.pages.len());
    }

    /// Bytes that it holds.
    pub fn bytes(&self) -> usize {
        self.pages.held().map(Slots::bytes).sum::<usize>() + self.pages.list_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;
    use vencejo_types::row::key_hash;

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
                let found = index.find(hash(key), |at| Some(twin.get(&key) == Some(&at)));
                prop_assert_eq!(found, Ok(twin.get(&key).copied()));
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
                prop_assert_eq!(index.find(hash(*key), |at| Some(at == place)), Ok(Some(place)));
            }
            prop_assert_eq!(index.len, twin.len());
        }
    }
}
