//! Running groups of several partitions as one: where a key's rows went to more than one partition, each has
//! a part of its accumulators.

use vencejo_expr::Value;

use crate::aggregate::Texts;
use crate::group_by::{GroupBy, Place};
use crate::groups::{Groups, Layout};
use crate::spec::Aggregation;

/// Groups taken out of operators of one specification, merged by key. What merging does to a result is said
/// at the head of the aggregates: nothing, but for rounding and the sketches' stated errors. FIRST_VALUE and
/// LAST_VALUE of rows with equal event times go by the order in which parts are added.
#[derive(Debug)]
pub struct Merged {
    layout: Layout,
    groups: Groups,
}

impl Merged {
    /// No groups yet.
    pub fn new(spec: &Aggregation) -> Self {
        let layout = Layout::new(&spec.key, &spec.calls, &[]);
        Self { groups: Groups::new(&layout), layout }
    }

    /// Takes in the group at a place of an operator of this specification; the operator keeps it.
    ///
    /// # Panics
    /// When the place is not one of `from`, or `from` is of another specification.
    pub fn add(&mut self, from: &GroupBy, place: Place) {
        if let Some((key, state)) = from.group(place) {
            self.groups.merge_group(&self.layout, key, state);
        }
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

    /// The groups, in the order in which their keys were first added.
    pub fn places(&self) -> impl Iterator<Item = Place> {
        self.groups.table.places().map(|place| Place(place as u32))
    }

    /// Width of a group's row.
    pub fn width(&self) -> usize {
        self.layout.key.len() + self.layout.aggregates.len()
    }

    /// Writes a group's row to the front of `out`, as [`GroupBy::read`].
    ///
    /// # Panics
    /// When `out` is shorter than [`Merged::width`], or the place is not one of these groups.
    pub fn read<'a>(&'a self, place: Place, texts: &'a mut Texts, out: &mut [Value<'a>]) {
        let place = place.index();
        self.layout.read_key(self.groups.table.key(place), out);
        let aggregates = &mut out[self.layout.key.len()..];
        self.layout.aggregates.read(self.groups.state(&self.layout, place), texts, aggregates);
    }
}
