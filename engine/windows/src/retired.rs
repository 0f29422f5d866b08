//! Slices whose windows have all closed, kept so that their groups can be merged with those of other
//! partitions: a row that came out once cannot.

use std::collections::VecDeque;

use vencejo_types::limits::WINDOWS_OPEN_MAX;

use crate::groups::Layout;
use crate::paged::Visitor;
use crate::sliced::Pane;
use crate::window::Slices;

/// Which closed windows are whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    /// They begin at this time or later.
    pub from: i64,
    /// They end behind this time.
    pub after: i64,
    /// They end by this time.
    pub by: i64,
}

impl Span {
    /// Windows that are whole in both.
    pub fn and(self, other: Self) -> Self {
        Self {
            from: self.from.max(other.from),
            after: self.after.max(other.after),
            by: self.by.min(other.by),
        }
    }

    pub fn contains(&self, (start, end): (i64, i64)) -> bool {
        start >= self.from && end > self.after && end <= self.by
    }
}

/// Slices by start, the oldest first.
#[derive(Debug)]
pub(crate) struct Retired {
    /// How long behind the watermark a window can be merged, in milliseconds.
    retention: i64,
    panes: VecDeque<Pane>,
    keys: usize,
    /// A limit has let slices go: windows that begin before this are not whole.
    whole_from: i64,
}

impl Retired {
    pub fn new(retention: i64) -> Self {
        Self { retention, panes: VecDeque::new(), keys: 0, whole_from: i64::MIN }
    }

    pub fn push(&mut self, pane: Pane) {
        self.keys += pane.groups.table.len();
        self.panes.push_back(pane);
    }

    /// The oldest slice, where its windows are too old by this watermark, or slices or groups too many.
    pub fn let_go(&mut self, slices: &Slices, watermark: i64, keys_max: usize) -> Option<Pane> {
        let oldest = self.panes.front()?;
        let is_old = slices.last_end(oldest.start) <= self.after(watermark);
        if !is_old {
            let is_too_much = self.panes.len() > WINDOWS_OPEN_MAX || self.keys > keys_max;
            if !is_too_much {
                return None;
            }
            self.whole_from = oldest.start + slices.step;
        }
        self.keys -= oldest.groups.table.len();
        self.panes.pop_front()
    }

    /// Windows that end by this time are too old.
    fn after(&self, watermark: i64) -> i64 {
        watermark.saturating_sub(self.retention).saturating_add(1)
    }

    /// The windows that are whole, where the last closed one ends at `closed`.
    pub fn span(&self, watermark: i64, closed: i64) -> Span {
        Span { from: self.whole_from, after: self.after(watermark), by: closed }
    }

    pub fn panes(&self) -> impl Iterator<Item = &Pane> {
        self.panes.iter()
    }

    pub fn keys(&self) -> usize {
        self.keys
    }

    pub fn visit(&mut self, layout: &Layout, visitor: &mut Visitor<'_>) {
        let panes = visitor.parts(self.panes.len());
        self.panes.resize_with(panes, || Pane::new(layout));
        self.panes.iter_mut().for_each(|pane| pane.visit(visitor));
        visitor.size(&mut self.keys);
        visitor.int(&mut self.whole_from);
    }

    pub fn bytes(&self) -> usize {
        self.panes.iter().map(Pane::bytes).sum::<usize>() + self.panes.capacity() * size_of::<Pane>()
    }
}
