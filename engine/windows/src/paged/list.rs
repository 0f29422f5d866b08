//! Entries by place, in pages.

use super::{Extent, Pages, Stored, Visitor};

/// Entries by place. Growing moves nothing but a short first page.
#[derive(Debug)]
pub(crate) struct List<T> {
    pages: Pages<Vec<T>>,
    len: usize,
}

impl<T> Default for List<T> {
    fn default() -> Self {
        Self { pages: Pages::default(), len: 0 }
    }
}

impl<T: Stored> List<T> {
    const PAGE_BITS: u32 = T::PER_PAGE.ilog2();
    const MASK: usize = T::PER_PAGE - 1;

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The entry at a place; nothing past the end, and where its page cannot be had.
    #[inline]
    pub fn get(&self, place: usize) -> Option<&T> {
        if place >= self.len {
            return None;
        }
        self.pages.get(place >> Self::PAGE_BITS)?.get(place & Self::MASK)
    }

    /// The entry at a place, to be changed; nothing past the end, and where its page cannot be had.
    #[inline]
    pub fn get_mut(&mut self, place: usize) -> Option<&mut T> {
        if place >= self.len {
            return None;
        }
        self.pages.get_mut(place >> Self::PAGE_BITS)?.get_mut(place & Self::MASK)
    }

    /// The last entry; nothing where there is none, and where its page cannot be had.
    pub fn last(&self) -> Option<&T> {
        self.get(self.len.checked_sub(1)?)
    }

    /// Appends an entry; whether there was room for it: none where the last page cannot be had.
    pub fn push(&mut self, entry: T) -> bool {
        let page = self.len >> Self::PAGE_BITS;
        if page == self.pages.len() {
            let room = if page == 0 { 0 } else { T::PER_PAGE };
            self.pages.push(Vec::with_capacity(room));
        }
        let Some(page) = self.pages.get_mut(page) else { return false };
        page.push(entry);
        self.len += 1;
        true
    }

    /// Whether an entry can be appended.
    pub fn has_room(&self) -> bool {
        let page = self.len >> Self::PAGE_BITS;
        page == self.pages.len() || self.pages.get(page).is_some()
    }

    /// Takes the last entry; nothing where there is none, and where its page cannot be had.
    pub fn pop(&mut self) -> Option<T> {
        let last = self.len.checked_sub(1)?;
        let page = self.pages.get_mut(last >> Self::PAGE_BITS)?;
        let entry = page.pop()?;
        self.len = last;
        if last & Self::MASK == 0 && last > 0 {
            self.pages.pop();
        }
        Some(entry)
    }

    /// Drops all entries.
    pub fn clear(&mut self) {
        self.pages.clear();
        self.len = 0;
    }

    /// The entries by place; those whose page cannot be had are left out.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        (0..self.pages.len()).filter_map(|page| self.pages.get(page)).flatten()
    }

    /// Whether all of it is in memory.
    pub fn is_whole(&self) -> bool {
        self.pages.is_whole()
    }

    /// Shows it.
    pub fn visit(&mut self, visitor: &mut Visitor<'_>) {
        visitor.size(&mut self.len);
        visitor.pages(&mut self.pages, Extent { entries: self.len, per_page: T::PER_PAGE });
    }

    /// Bytes that it holds, without what entries hold elsewhere.
    pub fn bytes(&self) -> usize {
        let pages: usize = self.pages.held().map(|page| page.capacity() * size_of::<T>()).sum();
        pages + self.pages.list_bytes()
    }

    /// The entries that are in memory.
    pub fn held(&self) -> impl Iterator<Item = &T> {
        self.pages.held().flatten()
    }
}

/// For owners that have all their pages in memory ([`crate::Operator::serves_early`] does not hold).
impl<T: Stored> std::ops::Index<usize> for List<T> {
    type Output = T;

    fn index(&self, place: usize) -> &T {
        self.get(place).expect("a place that was given out, in a page that is in memory")
    }
}

impl<T: Stored> std::ops::IndexMut<usize> for List<T> {
    fn index_mut(&mut self, place: usize) -> &mut T {
        self.get_mut(place).expect("a place that was given out, in a page that is in memory")
    }
}

impl<T: Stored + Default> List<T> {
    /// Appends entries until there are `len`.
    pub fn grow(&mut self, len: usize) {
        while self.len < len && self.push(T::default()) {}
    }

    /// Takes an entry out and leaves an empty one in its place.
    pub fn take(&mut self, place: usize) -> T {
        self.get_mut(place).map(std::mem::take).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::paged::Page;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn equals_a_vector(steps in prop::collection::vec((0_u8..4, any::<u32>()), 0..6_000)) {
            let (mut list, mut twin) = (List::<u32>::default(), Vec::new());
            for (step, number) in steps {
                match step {
                    0 => prop_assert_eq!(list.pop(), twin.pop()),
                    1 if !twin.is_empty() => {
                        let place = number as usize % twin.len();
                        twin[place] = number;
                        *list.get_mut(place).unwrap() = number;
                    }
                    _ => {
                        twin.push(number);
                        prop_assert!(list.push(number));
                    }
                }
                prop_assert_eq!((list.len(), list.last()), (twin.len(), twin.last()));
            }
            prop_assert_eq!(list.iter().copied().collect::<Vec<_>>(), twin);
        }

        #[test]
        fn a_page_of_keys_comes_back(
            keys in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..20), 0..9),
        ) {
            let page: Vec<Box<[u8]>> = keys.into_iter().map(Vec::into_boxed_slice).collect();
            let mut bytes = Vec::new();
            page.save(&mut bytes);
            // Where it lies in memory does not matter.
            for shift in 0..4 {
                let moved = [vec![0; shift], bytes.clone()].concat();
                prop_assert_eq!(Vec::load(&moved[shift..]), Some(page.clone()));
            }
        }
    }
}
