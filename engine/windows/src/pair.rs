//! What joins give out: rows of both sides side by side, NULLs in place of a side that has none.

use vencejo_expr::Value;

use crate::groups::recycled;
use crate::operator::Downstream;
use crate::packed::PackedRow;
use crate::spec::{JoinKind, JoinSide};

/// Which side of a join.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Left,
    Right,
}

/// Writes the rows of a join.
#[derive(Debug)]
pub(crate) struct Pairs {
    kind: JoinKind,
    left_width: usize,
    right_width: usize,
    spare: Vec<Value<'static>>,
}

impl Pairs {
    pub fn new(kind: JoinKind, left: &JoinSide, right: &JoinSide) -> Self {
        Self { kind, left_width: left.input.len(), right_width: right.input.len(), spare: Vec::new() }
    }

    /// Whether a pair passes the condition; it comes out, unless the join is of another kind.
    pub fn meet(&mut self, left: &[Value<'_>], right: &PackedRow, down: &mut dyn Downstream) -> bool {
        let mut pair = recycled(std::mem::take(&mut self.spare));
        pair.extend_from_slice(left);
        right.append(&mut pair);
        self.finish(pair, down)
    }

    /// [`Pairs::meet`] with the left side kept.
    pub fn meet_kept(&mut self, left: &PackedRow, right: &[Value<'_>], down: &mut dyn Downstream) -> bool {
        let mut pair = recycled(std::mem::take(&mut self.spare));
        left.append(&mut pair);
        pair.extend_from_slice(right);
        self.finish(pair, down)
    }

    fn finish(&mut self, pair: Vec<Value<'_>>, down: &mut dyn Downstream) -> bool {
        let holds = down.holds(&pair);
        if holds && !matches!(self.kind, JoinKind::Semi | JoinKind::Anti) {
            down.emit(&pair);
        }
        self.spare = recycled(pair);
        holds
    }

    /// Gives out a row that has no partner, where the join does so.
    pub fn alone(&mut self, side: Side, row: &[Value<'_>], down: &mut dyn Downstream) {
        let mut pair = recycled(std::mem::take(&mut self.spare));
        match (side, self.kind) {
            (Side::Left, JoinKind::Left | JoinKind::Full) => {
                pair.extend_from_slice(row);
                pair.resize(self.left_width + self.right_width, Value::Null);
                down.emit(&pair);
            }
            (Side::Right, JoinKind::Right | JoinKind::Full) => {
                pair.resize(self.left_width, Value::Null);
                pair.extend_from_slice(row);
                down.emit(&pair);
            }
            (Side::Left, JoinKind::Anti) => down.emit(row),
            _ => {}
        }
        self.spare = recycled(pair);
    }

    /// [`Pairs::alone`] of a kept row.
    pub fn alone_kept(&mut self, side: Side, row: &PackedRow, down: &mut dyn Downstream) {
        let mut values = Vec::new();
        row.append(&mut values);
        self.alone(side, &values, down);
    }
}
