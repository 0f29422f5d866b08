//! Groups of TUMBLE, HOP and CUMULATE windows.
//!
//! Each slice of time has its groups; a window's groups are merged from its slices when it closes. A HOP
//! takes a row once and merges `size / slide` slices per window; a CUMULATE merges each slice once into the
//! one that its windows begin with. Rows come out by window (its end), within it by slice in order of time,
//! within a slice by first arrival of the key. A gap in time costs nothing: only windows with rows are
//! looked at.

use vencejo_expr::Value;
use vencejo_types::limits::WINDOWS_OPEN_MAX;

use crate::aggregate::{Sides, State, Texts};
use crate::groups::{Groups, Layout, keys_max, recycled};
use crate::key;
use crate::operator::{Downstream, Taken};
use crate::paged::{Left, Visitor};
use crate::retired::{Retired, Span};
use crate::spec::{Aggregation, Windowing};
use crate::table::KeyedTable;
use crate::window::{Slices, is_in_range, length};

/// The groups of a slice.
#[derive(Debug)]
pub(crate) struct Pane {
    pub start: i64,
    pub groups: Box<Groups>,
}

impl Pane {
    pub fn new(layout: &Layout) -> Self {
        Self { start: 0, groups: Box::new(Groups::new(layout)) }
    }

    pub fn visit(&mut self, visitor: &mut Visitor<'_>) {
        visitor.int(&mut self.start);
        self.groups.visit(visitor);
    }

    /// Bytes that it holds elsewhere.
    pub fn bytes(&self) -> usize {
        self.groups.bytes() + size_of::<Groups>()
    }
}

/// How far a walk through the closed windows of an operator has come: a slice by its start, a place in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClosedWalk {
    slice: i64,
    place: usize,
}

impl Default for ClosedWalk {
    fn default() -> Self {
        Self { slice: i64::MIN, place: 0 }
    }
}

/// Closed panes whose memory is kept for the next ones.
const SPARES_MAX: usize = 2;

#[derive(Debug)]
pub(crate) struct Sliced {
    layout: Layout,
    slices: Slices,
    time: usize,
    lateness: i64,
    keys_max: usize,
    /// By start.
    panes: Vec<Pane>,
    /// The pane that took the last row.
    recent: usize,
    spares: Vec<Groups>,
    /// Where closed windows can be merged with those of other partitions.
    retired: Option<Retired>,
    watermark: i64,
    /// The end of the last window that the watermark has closed.
    closed: i64,
    keys: usize,
    left: Left,
    key: Vec<u8>,
    pub late: u64,
    pub refused: u64,
}

impl Sliced {
    /// Nothing where the windowing is by session.
    pub fn new(spec: &Aggregation, windowing: Windowing, lateness: i64, retention: i64) -> Option<Self> {
        Some(Self {
            layout: Layout::new(&spec.key, &spec.calls, &[]),
            slices: Slices::new(windowing)?,
            time: spec.time.unwrap_or(0),
            lateness: if lateness > 0 { length(lateness) } else { 0 },
            keys_max: keys_max(spec),
            panes: Vec::new(),
            recent: 0,
            spares: Vec::new(),
            retired: (retention > 0).then(|| Retired::new(length(retention))),
            watermark: i64::MIN,
            closed: i64::MIN,
            keys: 0,
            left: Left::default(),
            key: Vec::new(),
            late: 0,
            refused: 0,
        })
    }

    pub fn row(&mut self, row: &[Value<'_>], down: &mut dyn Downstream) -> Taken {
        let Value::Int(time) = row[self.time] else {
            self.late += 1;
            return Taken::Late;
        };
        let Some(pane) = self.pane_of(time) else { return self.turned_away(time) };
        key::write_columns(row, &self.layout.key, &mut self.key);
        let pane = &mut self.panes[pane];
        let keys_max = pane.groups.table.len() + (self.keys_max - self.keys);
        let folded = pane.groups.fold(&self.layout, &self.key, row, time, keys_max);
        // Its pages are all in memory.
        let Ok(Some((_, is_new))) = folded else {
            self.refused += 1;
            return Taken::Refused;
        };
        self.keys += usize::from(is_new);
        let slice = pane.start;
        if self.lateness > 0 && slice + self.slices.step <= self.closed {
            self.repeat(slice, down);
        }
        Taken::Yes
    }

    /// Why a row has no pane.
    fn turned_away(&mut self, time: i64) -> Taken {
        if is_in_range(time) && self.is_past(self.slices.slice(time)) {
            self.late += 1;
            return Taken::Late;
        }
        self.refused += 1;
        Taken::Refused
    }

    /// Whether the last window of a slice is gone.
    fn is_past(&self, slice: i64) -> bool {
        self.slices.last_end(slice) - 1 + self.lateness <= self.watermark
    }

    /// Whether the slices of a closed window become one, with which the next one begins.
    fn gathers(&self) -> bool {
        self.slices.cumulates && self.lateness == 0 && self.retired.is_none()
    }

    /// The pane that a time belongs in, made where it is not there.
    #[inline]
    fn pane_of(&mut self, time: i64) -> Option<usize> {
        if let Some(pane) = self.panes.get(self.recent)
            && (pane.start..pane.start + self.slices.step).contains(&time)
        {
            // Panes that are there are not past.
            return Some(self.recent);
        }
        if !is_in_range(time) || self.is_past(self.slices.slice(time)) {
            return None;
        }
        let mut slice = self.slices.slice(time);
        if self.gathers() && slice + self.slices.step <= self.closed {
            // Its slice was merged into the first one.
            slice = self.slices.start(slice + 1);
        }
        let at = match self.panes.binary_search_by_key(&slice, |pane| pane.start) {
            Ok(at) => at,
            Err(_) if self.panes.len() >= WINDOWS_OPEN_MAX => return None,
            Err(at) => {
                let groups = self.spares.pop().unwrap_or_else(|| Groups::new(&self.layout));
                self.panes.insert(at, Pane { start: slice, groups: Box::new(groups) });
                at
            }
        };
        self.recent = at;
        Some(at)
    }

    /// Gives out again the closed windows that take a late row, each for the row's key.
    fn repeat(&self, slice: i64, down: &mut dyn Downstream) {
        let closed = self.slices.ends(slice).take_while(|&end| end <= self.closed);
        for end in closed.filter(|&end| end - 1 + self.lateness > self.watermark) {
            let window = (self.slices.start(end), end);
            let mut cells = self.layout.aggregates.initial().to_vec();
            let mut sides = Sides::default();
            for pane in self.panes_of(window) {
                if let Ok(Some(place)) = pane.groups.table.find(&self.key) {
                    let state = pane.groups.state(&self.layout, place);
                    self.layout.aggregates.merge(&mut cells, &mut sides, state);
                }
            }
            let (mut texts, mut row) = (Texts::default(), vec![Value::Null; self.layout.windowed_width()]);
            let state = State { cells: &cells, sides: &sides };
            self.layout.read_windowed(&self.key, window, state, &mut texts, &mut row);
            down.emit(&row);
        }
    }

    fn range_of(&self, window: (i64, i64)) -> std::ops::Range<usize> {
        let before = |time| self.panes.partition_point(|pane| pane.start < time);
        before(window.0)..before(window.1)
    }

    fn panes_of(&self, window: (i64, i64)) -> &[Pane] {
        &self.panes[self.range_of(window)]
    }

    pub fn watermark(&mut self, watermark: i64, down: &mut dyn Downstream) {
        if watermark <= self.watermark {
            return;
        }
        self.watermark = watermark;
        while let Some(end) = self.next_end().filter(|&end| end - 1 <= watermark) {
            self.close(end, down);
            self.closed = end;
        }
        self.closed = self.closed_by(watermark).max(self.closed);
        let gone = self.panes.partition_point(|pane| self.is_past(pane.start));
        for pane in self.panes.drain(..gone) {
            self.keys -= pane.groups.table.len();
            match &mut self.retired {
                Some(retired) => retired.push(pane),
                None => keep_spare(&mut self.spares, *pane.groups, &mut self.left),
            }
        }
        self.recent = 0;
        let Some(retired) = &mut self.retired else { return };
        while let Some(pane) = retired.let_go(&self.slices, watermark, self.keys_max) {
            keep_spare(&mut self.spares, *pane.groups, &mut self.left);
        }
    }

    fn closed_by(&self, watermark: i64) -> i64 {
        let end = if watermark < 0 { i64::MIN } else { i64::MAX };
        self.slices.closed_by(watermark).unwrap_or(end)
    }

    /// The end of the first window with rows that is not closed.
    fn next_end(&self) -> Option<i64> {
        let at = self.panes.partition_point(|pane| self.slices.last_end(pane.start) <= self.closed);
        let first = self.panes.get(at)?.start + self.slices.step;
        Some(first.max(self.closed.saturating_add(self.slices.step)))
    }

    fn close(&mut self, end: i64, down: &mut dyn Downstream) {
        let window = (self.slices.start(end), end);
        let range = self.range_of(window);
        if self.gathers() {
            self.gather(range.clone(), window.0);
            self.emit(&self.panes[range.start].groups, window, down);
        } else if range.len() == 1 {
            self.emit(&self.panes[range.start].groups, window, down);
        } else {
            let mut merged = self.spares.pop().unwrap_or_else(|| Groups::new(&self.layout));
            for pane in &self.panes[range] {
                merged.merge(&self.layout, &pane.groups);
            }
            self.emit(&merged, window, down);
            keep_spare(&mut self.spares, merged, &mut self.left);
        }
    }

    /// Merges panes into the first of them, which then begins at `start`.
    fn gather(&mut self, range: std::ops::Range<usize>, start: i64) {
        let (first, others) = self.panes[range.clone()].split_at_mut(1);
        first[0].start = start;
        let groups = &mut first[0].groups;
        self.keys -= groups.table.len();
        for pane in others {
            groups.merge(&self.layout, &pane.groups);
            self.keys -= pane.groups.table.len();
        }
        self.keys += groups.table.len();
        for pane in self.panes.drain(range.start + 1..range.end) {
            keep_spare(&mut self.spares, *pane.groups, &mut self.left);
        }
    }

    fn emit(&self, groups: &Groups, window: (i64, i64), down: &mut dyn Downstream) {
        emit_groups(&self.layout, groups, window, down);
    }

    pub fn visit(&mut self, visitor: &mut Visitor<'_>) {
        let panes = visitor.parts(self.panes.len());
        self.panes.resize_with(panes, || Pane::new(&self.layout));
        self.panes.iter_mut().for_each(|pane| pane.visit(visitor));
        if let Some(retired) = &mut self.retired {
            retired.visit(&self.layout, visitor);
        }
        visitor.left(&mut self.left);
        visitor.int(&mut self.watermark);
        visitor.int(&mut self.closed);
        visitor.size(&mut self.keys);
        visitor.word(&mut self.late);
        visitor.word(&mut self.refused);
    }

    /// The closed windows that are whole here; nothing where none are kept.
    pub fn closed_windows(&self) -> Option<Span> {
        self.retired.as_ref().map(|retired| retired.span(self.watermark, self.closed))
    }

    /// Shows groups of closed windows in `span`, slice by slice, each as often as it is in a window; all or
    /// those of one key. About as many as `most`, from `walk` on, which moves on. Whether there are more.
    pub fn walk_closed(
        &self,
        walk: &mut ClosedWalk,
        most: usize,
        span: &Span,
        key: Option<&[u8]>,
        mut show: impl FnMut(&[u8], (i64, i64), State<'_>),
    ) -> bool {
        let retired = self.retired.iter().flat_map(Retired::panes);
        let mut shown = 0;
        for pane in retired.chain(&self.panes).skip_while(|pane| pane.start < walk.slice) {
            let windows = self.slices.ends(pane.start).map(|end| (self.slices.start(end), end));
            let windows: Vec<_> = windows.filter(|&window| span.contains(window)).collect();
            if windows.is_empty() {
                continue;
            }
            if shown >= most {
                *walk = ClosedWalk { slice: pane.start, place: 0 };
                return true;
            }
            shown += 1;
            let groups = &pane.groups;
            let mut show = |place| {
                let (key, state) = (groups.table.key(place), groups.state(&self.layout, place));
                windows.iter().for_each(|&window| show(key, window, state));
            };
            if let Some(key) = key {
                // Its pages are all in memory.
                groups.table.find(key).ok().flatten().map(&mut show);
                continue;
            }
            let first = if pane.start == walk.slice { walk.place } else { 0 };
            for place in groups.table.places_from(first) {
                show(place);
                shown += windows.len();
                if shown >= most {
                    *walk = ClosedWalk { slice: pane.start, place: place + 1 };
                    return true;
                }
            }
        }
        false
    }

    /// Where the key of a row of about the time of the last one is looked for.
    pub fn table(&self) -> Option<&KeyedTable> {
        self.panes.get(self.recent).map(|pane| &pane.groups.table)
    }

    pub fn key_count(&self) -> usize {
        self.keys + self.retired.as_ref().map_or(0, Retired::keys)
    }

    pub fn bytes(&self) -> usize {
        let panes: usize = self.panes.iter().map(Pane::bytes).sum();
        let spares: usize = self.spares.iter().map(Groups::bytes).sum();
        let retired = self.retired.as_ref().map_or(0, Retired::bytes);
        retired + panes + spares + self.panes.capacity() * size_of::<Pane>()
    }
}

fn keep_spare(spares: &mut Vec<Groups>, mut groups: Groups, left: &mut Left) {
    left.save(|visitor| groups.visit(visitor));
    if spares.len() < SPARES_MAX {
        groups.clear();
        spares.push(groups);
    }
}

/// Gives out all groups of a window, in order of their first arrival.
pub(crate) fn emit_groups(layout: &Layout, groups: &Groups, window: (i64, i64), down: &mut dyn Downstream) {
    let (mut spare, mut texts) = (Vec::new(), Texts::default());
    for place in groups.table.places() {
        let mut row = recycled(spare);
        row.resize(layout.windowed_width(), Value::Null);
        let state = groups.state(layout, place);
        layout.read_windowed(groups.table.key(place), window, state, &mut texts, &mut row);
        down.emit(&row);
        spare = recycled(row);
    }
}
