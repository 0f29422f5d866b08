//! Reading tables: the row of a key, in the table's columns.

use bumpalo::Bump;
use vencejo_expr::Value;
use vencejo_types::ViewId;
use vencejo_windows::{Damaged, Far, GroupBy, Kept, Place, Texts};

use super::pass::{Source, calc_row};
use super::slot::{Slot, Work};
use crate::plan::flow::{Calc, Flow, TableSource};

/// What a table's rows are made of.
pub(crate) enum TableRows<'a> {
    /// Groups, with HAVING and SELECT over them.
    Running(&'a GroupBy, &'a Calc),
    /// Rows as they are.
    Kept(&'a Kept),
}

impl<'a> TableRows<'a> {
    /// What the rows of keys are read from; nothing where it fits the processor's caches.
    pub(super) fn far(&self) -> Option<Far<'a>> {
        match *self {
            Self::Running(groups, _) => Far::of(groups),
            Self::Kept(kept) => Far::of_rows(kept),
        }
    }
}

/// The node whose groups are the rows of `table`.
pub(super) fn running_node(flow: &Flow, table: ViewId) -> Option<usize> {
    match flow.tables.get(table.index())?.source {
        TableSource::Running { node, .. } => Some(node),
        TableSource::Kept { .. } => None,
    }
}

/// What the rows of `table` are made of.
pub(super) fn rows<'a>(flow: &'a Flow, slots: &'a [Slot], table: ViewId) -> Option<TableRows<'a>> {
    match &flow.tables.get(table.index())?.source {
        TableSource::Running { node, calc } => {
            groups(slots, *node).map(|groups| TableRows::Running(groups, calc))
        }
        TableSource::Kept { node, .. } => match &slots[*node].work {
            Work::Kept(kept) => Some(TableRows::Kept(kept)),
            _ => None,
        },
    }
}

/// The aggregation that has parts of a table's rows in its closed windows.
pub(super) fn parts<'a>(flow: &Flow, slots: &'a [Slot], table: ViewId) -> Option<&'a GroupBy> {
    let TableSource::Kept { parts: Some(parts), .. } = &flow.tables.get(table.index())?.source else {
        return None;
    };
    groups(slots, parts.node)
}

/// The groups of a node.
fn groups(slots: &[Slot], node: usize) -> Option<&GroupBy> {
    match &slots[node].work {
        Work::Groups(groups) => Some(groups),
        _ => None,
    }
}

/// The row of `table` that has this key. Running groups are computed as they are now; a row that HAVING does
/// not let through is not there.
///
/// # Errors
/// When the key may be there, in a page of the restored image that cannot be had.
pub(super) fn find<'a>(
    flow: &'a Flow,
    slots: &'a [Slot],
    table: ViewId,
    key: &[u8],
    texts: &'a mut Texts,
    arena: &'a Bump,
) -> Result<Option<&'a [Value<'a>]>, Damaged> {
    let Some(rows) = rows(flow, slots, table) else { return Ok(None) };
    match rows {
        TableRows::Running(groups, calc) => {
            let Some(place) = groups.find(key)? else { return Ok(None) };
            Ok(read(groups, calc, place, texts, arena))
        }
        TableRows::Kept(kept) => {
            let Some(place) = kept.find(key)? else { return Ok(None) };
            let row = arena.alloc_slice_fill_copy(kept.width(), Value::Null);
            kept.read(place, texts, row);
            Ok(Some(row))
        }
    }
}

/// The row of a group; nothing where HAVING does not let it through.
pub(super) fn read<'a>(
    groups: &'a GroupBy,
    calc: &'a Calc,
    place: Place,
    texts: &'a mut Texts,
    arena: &'a Bump,
) -> Option<&'a [Value<'a>]> {
    let row = arena.alloc_slice_fill_copy(groups.width(), Value::Null);
    groups.read(place, texts, row);
    calc_row(calc, Source::Values(row), arena)
}

/// The groups of a running table.
pub(super) fn groups_mut<'a>(flow: &Flow, slots: &'a mut [Slot], table: ViewId) -> Option<&'a mut GroupBy> {
    match &mut slots[running_node(flow, table)?].work {
        Work::Groups(groups) => Some(groups),
        _ => None,
    }
}
