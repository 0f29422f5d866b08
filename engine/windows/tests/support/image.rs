//! Images in memory, as a file layer keeps them, and what can go wrong with one.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use vencejo_windows::Operator;
use vencejo_windows::paged::{self, Image, PageAt, PageFault, PageSource, SavedPage};

/// An operator's image: its head, and pages by container and number.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Saved {
    pub head: Vec<u8>,
    pub pages: BTreeMap<(u32, u32), Vec<u8>>,
    pub damaged: BTreeSet<(u32, u32)>,
}

impl PageSource for Saved {
    fn page(&self, at: PageAt, out: &mut Vec<u8>) -> Result<(), PageFault> {
        let key = (at.container, at.page);
        let page = self.pages.get(&key).filter(|_| !self.damaged.contains(&key)).ok_or(PageFault(at))?;
        out.extend_from_slice(page);
        Ok(())
    }
}

impl Saved {
    /// Takes in pages; none comes twice.
    pub fn take(&mut self, pages: Vec<SavedPage>) {
        for SavedPage { container, page, bytes } in pages {
            assert!(self.pages.insert((container, page), bytes).is_none(), "{container} {page} came twice");
        }
    }

    /// The whole image of an operator as it is now.
    pub fn of(operator: &mut dyn Operator, capture: u32) -> Self {
        let mut saved = Self { head: paged::begin(operator, capture), ..Self::default() };
        let mut pages = Vec::new();
        while !paged::capture_some(operator, 10_000, &mut pages).unwrap() {}
        saved.take(pages);
        saved
    }

    /// Opens it in a new operator.
    pub fn restore(&self, mut operator: Box<dyn Operator>) -> Box<dyn Operator> {
        let image = Image { source: Arc::new(self.clone()), owner: 7 };
        paged::restore(&mut *operator, &self.head, &image).unwrap();
        operator
    }
}

/// All bytes of an operator's state.
pub fn bytes(operator: &mut dyn Operator) -> Vec<u8> {
    let mut bytes = Vec::new();
    paged::digest(operator, &mut |piece| bytes.extend_from_slice(piece)).unwrap();
    bytes
}
