//! What keeps state at a node, whatever it is, as an image has it: a head, and pages in containers.

use std::sync::Arc;

use vencejo_windows::paged::{self, Image, PageAt, PageFault, PageSource, RestoreError, SavedPage};

use crate::dataflow::Keeper;

/// Gives pages that are asked for by their numbers, one after the other.
pub(super) struct Pages<'a> {
    pub source: &'a Arc<dyn PageSource>,
    pub owner: u32,
    next: u32,
    fault: Option<PageFault>,
}

impl<'a> Pages<'a> {
    pub fn new(source: &'a Arc<dyn PageSource>, owner: u32) -> Self {
        Self { source, owner, next: 0, fault: None }
    }

    pub fn get(&mut self, page: u32, out: &mut Vec<u8>) -> bool {
        let at = PageAt { owner: self.owner, container: 0, page };
        self.source.page(at, out).inspect_err(|fault| self.fault = Some(*fault)).is_ok()
    }

    pub fn next(&mut self) -> Option<Vec<u8>> {
        let (mut bytes, page) = (Vec::new(), self.next);
        self.next += 1;
        self.get(page, &mut bytes).then_some(bytes)
    }

    /// Why there is nothing: a page that cannot be had, or bytes that are none.
    pub fn error(&self) -> RestoreError {
        self.fault.map_or(RestoreError::Head, RestoreError::Page)
    }
}

impl Keeper<'_> {
    /// Begins a capture: the head. `capture` counts them.
    pub(super) fn begin(self, capture: u32) -> Vec<u8> {
        match self {
            Self::Operator(operator) => paged::begin(operator, capture),
            Self::Rules(rules) => rules.begin_capture(),
            Self::Cooldown(cooldown) => cooldown.begin_capture(),
        }
    }

    /// Gives up the capture that is under way, if any.
    pub(super) fn end(self) {
        match self {
            Self::Operator(operator) => paged::end(operator),
            Self::Rules(rules) => rules.end_capture(),
            Self::Cooldown(cooldown) => cooldown.end_capture(),
        }
    }

    /// Appends pages until about `budget` bytes are spent; whether these were all. `given` counts the pages
    /// that are numbered as they come.
    pub(super) fn capture_some(
        self,
        budget: usize,
        given: &mut u32,
        out: &mut Vec<SavedPage>,
    ) -> Result<bool, PageFault> {
        match self {
            Self::Operator(operator) => paged::capture_some(operator, budget, out),
            Self::Rules(rules) => {
                let (mut left, mut pages) = (budget, Vec::new());
                let is_done = rules.capture_some(&mut left, &mut pages);
                let saved = pages.into_iter().map(|page| SavedPage {
                    container: 0,
                    page: page.number,
                    bytes: page.bytes,
                });
                out.extend(saved);
                Ok(is_done)
            }
            Self::Cooldown(cooldown) => Ok(cooldown.capture_some(&mut numbered(budget, given, out))),
        }
    }

    /// Goes on from an image.
    pub(super) fn restore(
        self,
        head: &[u8],
        source: &Arc<dyn PageSource>,
        owner: u32,
    ) -> Result<(), RestoreError> {
        let mut pages = Pages::new(source, owner);
        match self {
            Self::Operator(operator) => {
                paged::restore(operator, head, &Image { source: Arc::clone(source), owner })
            }
            Self::Rules(rules) => {
                let restored = rules.restore(head, &mut |page, out| pages.get(page, out));
                restored.map_err(|_| pages.error())
            }
            Self::Cooldown(cooldown) => {
                let restored = cooldown.restore(head, &mut || pages.next());
                restored.ok_or_else(|| pages.error())
            }
        }
    }

    /// Loads pages until about `budget` bytes are spent; whether all were asked for.
    pub(super) fn hydrate_some(self, budget: usize) -> Result<bool, PageFault> {
        match self {
            Self::Operator(operator) => paged::hydrate_some(operator, budget),
            Self::Rules(_) | Self::Cooldown(_) => Ok(true),
        }
    }

    /// Shows all of it as bytes.
    pub(super) fn digest(self, show: &mut dyn FnMut(&[u8])) -> Result<(), PageFault> {
        match self {
            Self::Operator(operator) => return paged::digest(operator, show),
            Self::Rules(rules) => rules.digest(show),
            Self::Cooldown(cooldown) => cooldown.digest(show),
        }
        Ok(())
    }
}

/// Takes pages that are numbered as they come until about `budget` bytes are spent.
pub(super) fn numbered<'a>(
    mut budget: usize,
    given: &'a mut u32,
    out: &'a mut Vec<SavedPage>,
) -> impl FnMut(Vec<u8>) -> bool + 'a {
    move |bytes| {
        budget = budget.saturating_sub(bytes.len().max(1));
        out.push(SavedPage { container: 0, page: *given, bytes });
        *given += 1;
        budget > 0
    }
}
