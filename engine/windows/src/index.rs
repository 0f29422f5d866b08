//! A hash index in pages that are captured and loaded one by one; how it grows, [`vencejo_types::index`]
//! says. A page that is not in memory is not needed but for the keys in it.

use vencejo_types::index::{ENTRIES_PER_PAGE, mask_of, page_of, split_next};
use vencejo_types::slots::{Slots, tag};

use crate::paged::{Extent, Page, Pages, Visitor};

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

    /// The word at which a look-up of this hash begins.
    #[inline]
    pub fn first_word(&self, hash: u64) -> u64 {
        if self.pages.len() == 0 {
            return 0;
        }
        self.pages.get(self.page_of(hash)).map_or(0, |page| page.first_word(hash))
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
        let old = split_next(pages);
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

    /// Whether all of it is in memory.
    pub fn is_whole(&self) -> bool {
        self.pages.is_whole()
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

impl Page for Slots {
    fn save(&self, out: &mut Vec<u8>) {
        out.reserve(size_of_val(self.words()));
        self.words().iter().for_each(|word| out.extend_from_slice(&word.to_le_bytes()));
    }

    fn load(bytes: &[u8]) -> Option<Self> {
        let (words, rest) = bytes.as_chunks();
        let words = words.iter().map(|&word| u64::from_le_bytes(word)).collect();
        Self::of_words(words).filter(|_| rest.is_empty())
    }

    fn entries(&self) -> usize {
        self.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;
    use vencejo_types::row::key_hash;

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
