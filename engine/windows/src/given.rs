//! Groups of windows that rows bring along: a windowed input grouped by its window.
//!
//! Rows come out by window (its end, then its start), within it by first arrival of the key.

use std::collections::BTreeMap;

use vencejo_expr::Value;
use vencejo_types::limits::WINDOWS_OPEN_MAX;

use crate::groups::{Groups, Layout, keys_max};
use crate::key;
use crate::operator::{Downstream, Taken};
use crate::paged::{Left, Visitor};
use crate::sliced::emit_groups;
use crate::spec::Aggregation;

#[derive(Debug)]
pub(crate) struct Given {
    layout: Layout,
    time: Option<usize>,
    start: usize,
    end: usize,
    /// By end, then start.
    windows: BTreeMap<(i64, i64), Groups>,
    watermark: i64,
    keys_max: usize,
    keys: usize,
    left: Left,
    key: Vec<u8>,
    pub late: u64,
    pub refused: u64,
}

impl Given {
    pub fn new(spec: &Aggregation, start: usize, end: usize) -> Self {
        Self {
            layout: Layout::new(&spec.key, &spec.calls, &[]),
            time: spec.time,
            start,
            end,
            windows: BTreeMap::new(),
            watermark: i64::MIN,
            keys_max: keys_max(spec),
            keys: 0,
            left: Left::default(),
            key: Vec::new(),
            late: 0,
            refused: 0,
        }
    }

    pub fn row(&mut self, row: &[Value<'_>]) -> Taken {
        let Some((start, end)) = open_window(row, self.start, self.end, self.watermark) else {
            self.late += 1;
            return Taken::Late;
        };
        let time = match self.time.map(|time| row[time]) {
            Some(Value::Int(time)) => time,
            _ => start,
        };
        if self.windows.len() >= WINDOWS_OPEN_MAX && !self.windows.contains_key(&(end, start)) {
            self.refused += 1;
            return Taken::Refused;
        }
        key::write_columns(row, &self.layout.key, &mut self.key);
        let groups = self.windows.entry((end, start)).or_insert_with(|| Groups::new(&self.layout));
        let keys_max = groups.table.len() + (self.keys_max - self.keys);
        // Its pages are all in memory.
        let Ok(Some((_, is_new))) = groups.fold(&self.layout, &self.key, row, time, keys_max) else {
            self.refused += 1;
            return Taken::Refused;
        };
        self.keys += usize::from(is_new);
        Taken::Yes
    }

    pub fn watermark(&mut self, watermark: i64, down: &mut dyn Downstream) {
        self.watermark = self.watermark.max(watermark);
        while let Some(window) = self.windows.first_entry() {
            let (end, start) = *window.key();
            if !is_closed(end, self.watermark) {
                return;
            }
            let mut groups = window.remove();
            self.left.save(|visitor| groups.visit(visitor));
            self.keys -= groups.table.len();
            emit_groups(&self.layout, &groups, (start, end), down);
        }
    }

    pub fn visit(&mut self, visitor: &mut Visitor<'_>) {
        let layout = &self.layout;
        visitor.windows(&mut self.windows, || Groups::new(layout), Groups::visit);
        visitor.left(&mut self.left);
        visitor.int(&mut self.watermark);
        visitor.size(&mut self.keys);
        visitor.word(&mut self.late);
        visitor.word(&mut self.refused);
    }

    pub fn key_count(&self) -> usize {
        self.keys
    }

    pub fn bytes(&self) -> usize {
        self.windows.values().map(|groups| groups.bytes() + size_of::<Groups>() + 32).sum()
    }
}

/// Whether a watermark closes the windows that end there.
pub(crate) fn is_closed(end: i64, watermark: i64) -> bool {
    end.saturating_sub(1) <= watermark
}

/// The window in a row's columns; nothing where it is NULL or closed.
pub(crate) fn open_window(row: &[Value<'_>], start: usize, end: usize, watermark: i64) -> Option<(i64, i64)> {
    match (row[start], row[end]) {
        (Value::Int(start), Value::Int(end)) if !is_closed(end, watermark) => Some((start, end)),
        _ => None,
    }
}
