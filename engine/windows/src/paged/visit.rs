//! One walk through an operator's state serves all that is done with it: capturing, opening, hydrating,
//! digesting.
//!
//! [`crate::Operator::visit`] shows a visitor the same words and containers in the same order, whatever it is
//! there for. Words and the sizes of containers make the operator's head; the pages lie apart from it.

use std::collections::BTreeMap;

use super::{Container, Image, Page, PageFault, Pages, SavedPage};
use crate::operator::Operator;
use vencejo_types::limits::STATE_PAGES_MAX;

/// Goes through an operator's state.
#[derive(Debug)]
pub struct Visitor<'v>(Task<'v>);

enum Task<'v> {
    Begin { capture: u32, head: Vec<u8>, containers: u32 },
    End,
    Capture { budget: usize, out: &'v mut Vec<SavedPage>, is_done: bool, fault: Option<PageFault> },
    Restore { head: &'v [u8], image: &'v Image, containers: u32, is_broken: bool },
    Hydrate { budget: usize, is_done: bool, fault: Option<PageFault> },
    Digest { show: &'v mut dyn FnMut(&[u8]), fault: Option<PageFault> },
}

impl std::fmt::Debug for Task<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Begin { .. } => "begin",
            Self::End => "end",
            Self::Capture { .. } => "capture",
            Self::Restore { .. } => "restore",
            Self::Hydrate { .. } => "hydrate",
            Self::Digest { .. } => "digest",
        })
    }
}

/// How many entries the pages of a container have. All pages but the last are full.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Extent {
    pub entries: usize,
    /// 0 where pages are of any length.
    pub per_page: usize,
}

impl Extent {
    pub fn fits(self, page: usize, entries: usize) -> bool {
        let before = page.saturating_mul(self.per_page);
        self.per_page == 0 || entries == self.entries.saturating_sub(before).min(self.per_page)
    }
}

/// What a head cannot be: it belongs to another operator, or is damaged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RestoreError {
    /// The head is none of this operator.
    Head,
    /// A page that the operator cannot do without cannot be had.
    Page(PageFault),
}

impl std::fmt::Display for RestoreError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Head => f.write_str("the head is none of this operator"),
            Self::Page(fault) => fault.fmt(f),
        }
    }
}

impl std::error::Error for RestoreError {}

/// Begins a capture of the operator's state as it is now: its head. `capture` counts up from 1 over the
/// operator's life. Cost: a few words for each container; no page is looked at.
pub fn begin(operator: &mut dyn Operator, capture: u32) -> Vec<u8> {
    let mut visitor = Visitor(Task::Begin { capture, head: Vec::new(), containers: 0 });
    operator.visit(&mut visitor);
    let Task::Begin { head, .. } = visitor.0 else { return Vec::new() };
    head
}

/// Gives up the capture that is under way, if any: nothing is saved for it any more.
pub fn end(operator: &mut dyn Operator) {
    operator.visit(&mut Visitor(Task::End));
}

/// Appends pages of the capture that is under way, those that have been about to change first, until about
/// `budget` bytes are spent; whether it has them all.
///
/// # Errors
/// When a page cannot be had; the capture is to be given up.
pub fn capture_some(
    operator: &mut dyn Operator,
    budget: usize,
    out: &mut Vec<SavedPage>,
) -> Result<bool, PageFault> {
    let mut visitor = Visitor(Task::Capture { budget, out, is_done: true, fault: None });
    operator.visit(&mut visitor);
    match visitor.0 {
        Task::Capture { fault: Some(fault), .. } => Err(fault),
        Task::Capture { is_done, .. } => Ok(is_done),
        _ => Ok(false),
    }
}

/// Opens an image in place of what a new operator of the same specification holds. Pages are loaded when they
/// are touched; those of an operator that needs all of them ([`Operator::serves_early`]) now.
///
/// # Errors
/// When it is none of this operator; the operator is then to be dropped.
pub fn restore(operator: &mut dyn Operator, head: &[u8], image: &Image) -> Result<(), RestoreError> {
    let mut visitor = Visitor(Task::Restore { head, image, containers: 0, is_broken: false });
    operator.visit(&mut visitor);
    if !matches!(visitor.0, Task::Restore { head: [], is_broken: false, .. }) {
        return Err(RestoreError::Head);
    }
    if !operator.serves_early() {
        hydrate_some(operator, usize::MAX).map_err(RestoreError::Page)?;
    }
    Ok(())
}

/// Loads pages that are still in the image alone until about `budget` bytes are spent; whether all were
/// asked for.
///
/// # Errors
/// When pages cannot be had: the first of them, once. The others are loaded.
pub fn hydrate_some(operator: &mut dyn Operator, budget: usize) -> Result<bool, PageFault> {
    let mut visitor = Visitor(Task::Hydrate { budget, is_done: true, fault: None });
    operator.visit(&mut visitor);
    match visitor.0 {
        Task::Hydrate { fault: Some(fault), .. } => Err(fault),
        Task::Hydrate { is_done, .. } => Ok(is_done),
        _ => Ok(false),
    }
}

/// Shows the operator's whole state as bytes, piece by piece: the same state, the same bytes.
///
/// # Errors
/// When a page cannot be had.
pub fn digest(operator: &mut dyn Operator, show: &mut dyn FnMut(&[u8])) -> Result<(), PageFault> {
    let mut visitor = Visitor(Task::Digest { show, fault: None });
    operator.visit(&mut visitor);
    match visitor.0 {
        Task::Digest { fault: Some(fault), .. } => Err(fault),
        _ => Ok(()),
    }
}

impl Visitor<'_> {
    /// A word of state.
    pub(crate) fn word(&mut self, word: &mut u64) {
        match &mut self.0 {
            Task::Begin { head, .. } => head.extend_from_slice(&word.to_le_bytes()),
            Task::Restore { head, is_broken, .. } => {
                match head.split_off(..8).and_then(<[u8]>::first_chunk) {
                    Some(bytes) => *word = u64::from_le_bytes(*bytes),
                    None => *is_broken = true,
                }
            }
            Task::Digest { show, .. } => show(&word.to_le_bytes()),
            Task::End | Task::Capture { .. } | Task::Hydrate { .. } => {}
        }
    }

    pub(crate) fn int(&mut self, int: &mut i64) {
        let mut word = int.cast_unsigned();
        self.word(&mut word);
        *int = word.cast_signed();
    }

    pub(crate) fn size(&mut self, size: &mut usize) {
        let mut word = *size as u64;
        self.word(&mut word);
        *size = word as usize;
    }

    pub(crate) fn flag(&mut self, flag: &mut bool) {
        let mut word = u64::from(*flag);
        self.word(&mut word);
        *flag = word != 0;
    }

    /// How many parts there are: those that the operator has, or those that it is to have.
    pub(crate) fn parts(&mut self, has: usize) -> usize {
        let mut parts = has;
        self.size(&mut parts);
        if let Task::Restore { head, is_broken, .. } = &mut self.0
            && parts > head.len()
        {
            // A part has a word at least.
            *is_broken = true;
            return has;
        }
        parts
    }

    /// An operator's windows, by their ends and starts.
    pub(crate) fn windows<T>(
        &mut self,
        windows: &mut BTreeMap<(i64, i64), T>,
        new: impl Fn() -> T,
        visit: impl Fn(&mut T, &mut Self),
    ) {
        let parts = self.parts(windows.len());
        if let Task::Restore { .. } = self.0 {
            for _ in 0..parts {
                let (mut end, mut start, mut window) = (0, 0, new());
                self.int(&mut end);
                self.int(&mut start);
                visit(&mut window, self);
                windows.insert((end, start), window);
            }
            return;
        }
        for (&(mut end, mut start), window) in windows {
            self.int(&mut end);
            self.int(&mut start);
            visit(window, self);
        }
    }

    /// A container. Where pages are of one length, `extent` is read in front of it.
    pub(crate) fn pages<P: Page>(&mut self, pages: &mut Pages<P>, extent: Extent) {
        self.container(pages, extent);
    }

    fn container(&mut self, pages: &mut dyn Container, extent: Extent) {
        let mut count = pages.count();
        self.size(&mut count);
        match &mut self.0 {
            Task::Begin { capture, containers, .. } => {
                pages.begin(*capture, *containers);
                *containers += 1;
            }
            Task::End => pages.end(),
            Task::Capture { budget, out, is_done, fault } => match pages.capture_some(budget, out) {
                Ok(done) => *is_done &= done,
                Err(found) => *fault = fault.or(Some(found)),
            },
            Task::Restore { image, containers, is_broken, .. } => {
                if count > STATE_PAGES_MAX {
                    *is_broken = true;
                    return;
                }
                pages.open(image, *containers, count, extent);
                *containers += 1;
            }
            Task::Hydrate { budget, is_done, fault } => match pages.hydrate_some(budget) {
                Ok(done) => *is_done &= done,
                Err(found) => *fault = fault.or(Some(found)),
            },
            Task::Digest { show, fault } => {
                if let Err(found) = pages.digest(*show) {
                    *fault = fault.or(Some(found));
                }
            }
        }
    }

    /// The pages of parts that have gone while a capture was under way.
    pub(crate) fn left(&mut self, left: &mut Left) {
        match &mut self.0 {
            Task::Begin { .. } | Task::End => *left = Left::default(),
            Task::Capture { out, fault, .. } => {
                out.append(&mut left.pages);
                *fault = fault.or(left.fault);
            }
            Task::Restore { .. } | Task::Hydrate { .. } | Task::Digest { .. } => {}
        }
    }
}

/// Pages of parts of an operator (windows) that went while a capture was under way.
#[derive(Debug, Default)]
pub(crate) struct Left {
    pages: Vec<SavedPage>,
    fault: Option<PageFault>,
}

impl Left {
    /// Saves what the capture under way has not saved of a part that is about to go. Costs nothing where
    /// there is none.
    pub fn save(&mut self, mut visit: impl FnMut(&mut Visitor<'_>)) {
        let out = &mut self.pages;
        let mut visitor = Visitor(Task::Capture { budget: usize::MAX, out, is_done: true, fault: None });
        visit(&mut visitor);
        if let Task::Capture { fault, .. } = visitor.0 {
            self.fault = self.fault.or(fault);
        }
    }
}
