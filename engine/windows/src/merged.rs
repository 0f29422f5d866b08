//! Groups of several partitions as one: where a key's rows went to more than one partition, each has a part
//! of its accumulators.

use vencejo_expr::{Type, Value};

use crate::aggregate::Texts;
use crate::group_by::{GroupBy, Place};
use crate::groups::{Groups, Layout};
use crate::key;
use crate::retired::Span;
use crate::sliced::ClosedWalk;
use crate::spec::{Aggregation, Grouping};

/// Groups taken out of operators of one specification, merged by key and window. What merging does to a
/// result is said at the head of the aggregates: nothing, but for rounding and the sketches' stated errors.
/// FIRST_VALUE and LAST_VALUE of rows with equal event times go by the order in which parts are added.
#[derive(Debug)]
pub struct Merged {
    /// With the window in front of the key, where groups have one.
    layout: Layout,
    groups: Groups,
    /// Where groups have windows: those that are whole in all operators seen.
    span: Option<Span>,
    key: Vec<u8>,
}

impl Merged {
    /// No groups yet.
    pub fn new(spec: &Aggregation) -> Self {
        let has_windows = !matches!(spec.grouping, Grouping::Running { .. });
        // Columns of no row: keys come as bytes.
        let window: &[_] = if has_windows { &[(0, Type::Timestamp); 2] } else { &[] };
        let key = [window, &spec.key].concat();
        let layout = Layout::new(&key, &spec.calls, &[]);
        let span = has_windows.then_some(Span { from: i64::MIN, after: i64::MIN, by: i64::MAX });
        Self { groups: Groups::new(&layout), layout, span, key: Vec::new() }
    }

    /// Takes in the running group at a place of an operator of this specification; the operator keeps it.
    ///
    /// # Panics
    /// When the place is not one of `from`, or `from` is of another specification.
    pub fn add(&mut self, from: &GroupBy, place: Place) {
        if let Some((key, state)) = from.group(place) {
            self.groups.merge_group(&self.layout, key, state);
        }
    }

    /// Takes in about `most` groups of closed windows of an operator of this specification that keeps them
    /// ([`Grouping::Window`]'s retention), from `walk` on, which moves on; of one key where it is given.
    /// Whether there are more. What one operator has not closed yet is not shown.
    ///
    /// # Panics
    /// When `from` is of another specification.
    pub fn add_closed(
        &mut self,
        from: &GroupBy,
        walk: &mut ClosedWalk,
        most: usize,
        key: Option<&[u8]>,
    ) -> bool {
        let (Some(sliced), Some(span)) = (from.sliced(), &mut self.span) else { return false };
        let Some(whole) = sliced.closed_windows() else { return false };
        *span = span.and(whole);
        let Self { layout, groups, key: of_window, .. } = self;
        sliced.walk_closed(walk, most, span, key, |key, (start, end), state| {
            of_window.clear();
            key::write([Value::Int(start), Value::Int(end)], of_window);
            of_window.extend_from_slice(key);
            groups.merge_group(layout, of_window, state);
        })
    }

    /// Number of groups.
    pub fn len(&self) -> usize {
        self.groups.table.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes that the groups hold. Cost: a look at every accumulator of no fixed size.
    pub fn bytes(&self) -> usize {
        self.groups.bytes()
    }

    /// The groups, in the order in which their keys were first added; of windows those that are whole.
    pub fn places(&self) -> impl Iterator<Item = Place> {
        let places = self.groups.table.places();
        let is_whole = |&place: &usize| self.span.is_none_or(|span| span.contains(self.window(place)));
        places.filter(is_whole).map(|place| Place(place as u32))
    }

    /// The window of a group.
    fn window(&self, place: usize) -> (i64, i64) {
        let mut window = [Value::Null; 2];
        key::read(self.groups.table.key(place), [Type::Timestamp; 2], &mut window);
        match window {
            [Value::Int(start), Value::Int(end)] => (start, end),
            _ => (i64::MIN, i64::MIN),
        }
    }

    /// Width of a group's row.
    pub fn width(&self) -> usize {
        self.layout.key.len() + usize::from(self.span.is_some()) + self.layout.aggregates.len()
    }

    /// Writes a group's row to the front of `out`, as [`GroupBy::read`], or as it came out when its window
    /// closed.
    ///
    /// # Panics
    /// When `out` is shorter than [`Merged::width`], or the place is not one of these groups.
    pub fn read<'a>(&'a self, place: Place, texts: &'a mut Texts, out: &mut [Value<'a>]) {
        let place = place.index();
        self.layout.read_key(self.groups.table.key(place), out);
        let mut columns = self.layout.key.len();
        if self.span.is_some() {
            let (start, end) = self.window(place);
            out[..columns].rotate_left(2);
            out[columns - 2..=columns].copy_from_slice(&[start, end, end - 1].map(Value::Int));
            columns += 1;
        }
        self.layout.aggregates.read(self.groups.state(&self.layout, place), texts, &mut out[columns..]);
    }
}
