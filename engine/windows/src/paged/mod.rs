//! State in pages: what is captured page by page while it changes, and loaded page by page from an image.
//!
//! All state that grows lies in pages of about 256 entries. A capture begins everywhere at once, between two
//! rows, and costs each container a few words; from then on a page that is about to change is saved first,
//! and the others are saved when there is time. So an image shows one moment, and nothing waits for it.
//! Where no capture runs, a write costs one comparison of a number in the page's own line.
//!
//! A container opened from an image has no pages in memory: each is asked of a [`PageSource`] when it is
//! first touched, reads included, and the others when there is time. The source has checked the bytes; a
//! page that it cannot give stays away, and whoever needs it says so.

mod archive;
mod heap;
mod list;
mod visit;

use std::cell::{Cell as Counter, OnceCell};
use std::sync::Arc;

pub(crate) use archive::Stored;
pub(crate) use heap::Heap;
pub(crate) use list::List;
pub(crate) use visit::{Extent, Left};
pub use visit::{RestoreError, Visitor, begin, capture_some, digest, end, hydrate_some, restore};

/// Where a page lies in an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PageAt {
    /// The operator's number, as whoever opened the image gave it.
    pub owner: u32,
    /// The container, counted in the order in which its operator shows them.
    pub container: u32,
    /// The page's number in its container.
    pub page: u32,
}

/// A page cannot be had: it is damaged or missing. Why is known to the source, which reports it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageFault(pub PageAt);

impl std::fmt::Display for PageFault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let PageAt { owner, container, page } = self.0;
        write!(f, "page {page} of container {container} of operator {owner} cannot be had")
    }
}

impl std::error::Error for PageFault {}

/// Gives the pages of an image. Length, checksum and fingerprint are its business: what it gives, is what was
/// saved.
pub trait PageSource: Send + Sync + std::fmt::Debug {
    /// Appends the bytes of a page.
    ///
    /// # Errors
    /// When it cannot be had, or is not what was saved. It may be asked again.
    fn page(&self, at: PageAt, out: &mut Vec<u8>) -> Result<(), PageFault>;
}

/// A page on its way to an image.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SavedPage {
    /// See [`PageAt::container`].
    pub container: u32,
    /// See [`PageAt::page`].
    pub page: u32,
    /// What it holds.
    pub bytes: Vec<u8>,
}

/// The image that an operator is opened from.
#[derive(Clone, Debug)]
pub struct Image {
    /// Gives its pages.
    pub source: Arc<dyn PageSource>,
    /// The operator's number in it.
    pub owner: u32,
}

/// What a page holds.
pub(crate) trait Page: Sized {
    /// Appends its bytes: of equal pages the same.
    fn save(&self, out: &mut Vec<u8>);

    /// The page that bytes are; nothing where they are none.
    fn load(bytes: &[u8]) -> Option<Self>;

    /// How many entries it has.
    fn entries(&self) -> usize;
}

/// Pages by number.
#[derive(Debug)]
pub(crate) struct Pages<P> {
    slots: Vec<Slot<P>>,
    /// The last capture that began.
    capture: u32,
    saving: Option<Box<Saving>>,
    opened: Option<Box<Opened>>,
}

#[derive(Debug)]
struct Slot<P> {
    /// Nothing while it lies in the image alone.
    page: OnceCell<P>,
    /// The last capture that has it, or that it is too young for.
    saved: u32,
}

/// A capture that is under way.
#[derive(Debug)]
struct Saving {
    container: u32,
    /// The first page that it has not come to.
    next: usize,
    /// Pages when it began.
    end: usize,
    /// Saved because they were about to change.
    out: Vec<SavedPage>,
    /// A page that was about to change and could not be had: there will be no image.
    fault: Option<PageFault>,
}

/// An image whose pages are not all in memory.
#[derive(Debug)]
struct Opened {
    image: Image,
    container: u32,
    extent: Extent,
    missing: Counter<usize>,
    /// The first page that hydration has not come to.
    next: usize,
    /// Bytes that were read.
    read: Counter<usize>,
}

impl Opened {
    fn at(&self, page: usize) -> PageAt {
        PageAt { owner: self.image.owner, container: self.container, page: page as u32 }
    }

    fn read<P: Page>(&self, number: usize) -> Option<P> {
        let mut bytes = Vec::new();
        self.image.source.page(self.at(number), &mut bytes).ok()?;
        self.read.set(self.read.get() + bytes.len().max(1));
        P::load(&bytes).filter(|page| self.extent.fits(number, page.entries()))
    }
}

impl<P> Default for Pages<P> {
    fn default() -> Self {
        Self { slots: Vec::new(), capture: 0, saving: None, opened: None }
    }
}

impl<P: Page> Pages<P> {
    /// How many pages there are.
    pub fn len(&self) -> usize {
        self.slots.len()
    }

    /// A page; nothing where it cannot be had.
    ///
    /// # Panics
    /// When there is no such page.
    #[inline]
    pub fn get(&self, number: usize) -> Option<&P> {
        match self.slots[number].page.get() {
            Some(page) => Some(page),
            None => self.fetch(number),
        }
    }

    /// A page, to be changed; nothing where it cannot be had.
    ///
    /// # Panics
    /// When there is no such page.
    #[inline]
    pub fn get_mut(&mut self, number: usize) -> Option<&mut P> {
        let slot = &self.slots[number];
        if slot.saved != self.capture || slot.page.get().is_none() {
            self.prepare(number)?;
        }
        self.slots[number].page.get_mut()
    }

    /// Has a page saved and loaded before it changes.
    #[cold]
    fn prepare(&mut self, number: usize) -> Option<()> {
        self.keep_for_capture(number);
        self.get(number).map(|_| ())
    }

    /// Loads a page from the image.
    #[cold]
    fn fetch(&self, number: usize) -> Option<&P> {
        let opened = self.opened.as_deref()?;
        let page = opened.read(number)?;
        opened.missing.set(opened.missing.get() - 1);
        Some(self.slots[number].page.get_or_init(|| page))
    }

    /// Appends a page.
    pub fn push(&mut self, page: P) {
        self.slots.push(Slot { page: OnceCell::from(page), saved: self.capture });
    }

    /// Drops the last page.
    pub fn pop(&mut self) {
        if let Some(last) = self.slots.len().checked_sub(1) {
            self.keep_for_capture(last);
            self.forget(last);
            self.slots.pop();
        }
    }

    /// Drops all pages.
    pub fn clear(&mut self) {
        (0..self.slots.len()).for_each(|number| self.keep_for_capture(number));
        self.slots.clear();
        self.opened = None;
    }

    /// Saves a page, unless the capture that is under way has it.
    fn keep_for_capture(&mut self, number: usize) {
        if self.slots[number].saved == self.capture {
            return;
        }
        self.slots[number].saved = self.capture;
        let Some(mut saving) = self.saving.take() else { return };
        match self.saved(number, saving.container) {
            Ok(page) => saving.out.push(page),
            Err(fault) => saving.fault = Some(fault),
        }
        self.saving = Some(saving);
    }

    fn saved(&self, number: usize, container: u32) -> Result<SavedPage, PageFault> {
        let mut bytes = Vec::new();
        self.get(number).ok_or_else(|| self.fault(number))?.save(&mut bytes);
        Ok(SavedPage { container, page: number as u32, bytes })
    }

    fn fault(&self, page: usize) -> PageFault {
        let nowhere = PageAt { owner: u32::MAX, container: u32::MAX, page: page as u32 };
        PageFault(self.opened.as_deref().map_or(nowhere, |opened| opened.at(page)))
    }

    /// A page that goes is not missing any more.
    fn forget(&mut self, number: usize) {
        if let Some(opened) = &self.opened
            && self.slots[number].page.get().is_none()
        {
            opened.missing.set(opened.missing.get() - 1);
        }
    }

    /// Whether every page is in memory.
    pub fn is_whole(&self) -> bool {
        self.opened.as_deref().is_none_or(|opened| opened.missing.get() == 0)
    }

    /// The pages that are in memory.
    pub fn held(&self) -> impl Iterator<Item = &P> {
        self.slots.iter().filter_map(|slot| slot.page.get())
    }

    /// Bytes of the list of pages itself.
    pub fn list_bytes(&self) -> usize {
        self.slots.capacity() * size_of::<Slot<P>>()
    }
}

/// A container of pages, whatever they hold, as a [`Visitor`] sees it.
pub(crate) trait Container {
    /// How many pages there are.
    fn count(&self) -> usize;

    /// A capture begins. One that was under way is given up.
    fn begin(&mut self, capture: u32, container: u32);

    /// The capture that is under way is given up.
    fn end(&mut self);

    /// Saves pages until about `budget` bytes are spent; whether all are saved.
    ///
    /// # Errors
    /// When a page cannot be had; the capture is given up.
    fn capture_some(&mut self, budget: &mut usize, out: &mut Vec<SavedPage>) -> Result<bool, PageFault>;

    /// Takes the place of what it holds: `pages` pages, to be loaded when they are touched.
    fn open(&mut self, image: &Image, container: u32, pages: usize, extent: Extent);

    /// Loads pages until about `budget` bytes are spent; whether all were asked for.
    ///
    /// # Errors
    /// When pages cannot be had: the first of them, once. The others are loaded.
    fn hydrate_some(&mut self, budget: &mut usize) -> Result<bool, PageFault>;

    /// Shows the bytes of all pages.
    ///
    /// # Errors
    /// When a page cannot be had.
    fn digest(&self, show: &mut dyn FnMut(&[u8])) -> Result<(), PageFault>;
}

impl<P: Page> Container for Pages<P> {
    fn count(&self) -> usize {
        self.len()
    }

    fn begin(&mut self, capture: u32, container: u32) {
        self.capture = capture;
        let (next, end, out) = (0, self.len(), Vec::new());
        self.saving = Some(Box::new(Saving { container, next, end, out, fault: None }));
    }

    fn end(&mut self) {
        self.saving = None;
    }

    fn capture_some(&mut self, budget: &mut usize, out: &mut Vec<SavedPage>) -> Result<bool, PageFault> {
        let Some(mut saving) = self.saving.take() else { return Ok(true) };
        if let Some(fault) = saving.fault {
            return Err(fault);
        }
        for page in saving.out.drain(..) {
            *budget = budget.saturating_sub(page.bytes.len());
            out.push(page);
        }
        while *budget > 0 && saving.next < saving.end {
            let number = saving.next;
            saving.next += 1;
            let capture = self.capture;
            if self.slots.get(number).is_none_or(|slot| slot.saved == capture) {
                continue;
            }
            self.slots[number].saved = capture;
            let page = self.saved(number, saving.container)?;
            *budget = budget.saturating_sub(page.bytes.len().max(1));
            out.push(page);
        }
        let is_done = saving.next >= saving.end;
        if !is_done {
            self.saving = Some(saving);
        }
        Ok(is_done)
    }

    fn open(&mut self, image: &Image, container: u32, pages: usize, extent: Extent) {
        let empty = || Slot { page: OnceCell::new(), saved: 0 };
        *self = Self::default();
        self.slots.resize_with(pages, empty);
        let (missing, read) = (Counter::new(pages), Counter::new(0));
        let opened = Opened { image: image.clone(), container, extent, missing, next: 0, read };
        self.opened = (pages > 0).then(|| Box::new(opened));
    }

    fn hydrate_some(&mut self, budget: &mut usize) -> Result<bool, PageFault> {
        let mut first_fault = None;
        while let Some(opened) = self.opened.as_deref_mut().filter(|opened| opened.next < self.slots.len()) {
            if *budget == 0 {
                return Ok(false);
            }
            let (number, before) = (opened.next, opened.read.get());
            opened.next += 1;
            if self.get(number).is_none() {
                first_fault = first_fault.or(Some(self.fault(number)));
            }
            let read = self.opened.as_deref().map_or(0, |opened| opened.read.get() - before);
            *budget = budget.saturating_sub(read);
        }
        if self.is_whole() {
            self.opened = None;
        }
        first_fault.map_or(Ok(true), Err)
    }

    fn digest(&self, show: &mut dyn FnMut(&[u8])) -> Result<(), PageFault> {
        let mut bytes = Vec::new();
        for number in 0..self.len() {
            bytes.clear();
            self.get(number).ok_or_else(|| self.fault(number))?.save(&mut bytes);
            show(&bytes);
        }
        Ok(())
    }
}
