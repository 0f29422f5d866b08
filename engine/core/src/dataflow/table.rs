//! Reading tables: the row of a key, in the table's columns.

use bumpalo::Bump;
use vencejo_expr::Value;
use vencejo_types::ViewId;
use vencejo_windows::Texts;

use super::pass::{Source, calc_row};
use super::slot::{Slot, Work};
use crate::plan::flow::{Flow, TableSource};

/// The row of `table` that has this key. Running groups are computed as they are now; a row that HAVING does
/// not let through is not there.
pub(super) fn find<'a>(
    flow: &'a Flow,
    slots: &'a [Slot],
    table: ViewId,
    key: &[u8],
    texts: &'a mut Texts,
    arena: &'a Bump,
) -> Option<&'a [Value<'a>]> {
    let (node, calc) = match &flow.tables[table.index()].source {
        TableSource::Running { node, calc } => (*node, Some(calc)),
        TableSource::Kept { node } => (*node, None),
    };
    let columns = flow.nodes[node].columns.len();
    let row: &'a mut [Value<'a>] = arena.alloc_slice_fill_copy(columns, Value::Null);
    match &slots[node].work {
        Work::Groups(groups) => groups.read(groups.find(key)?, texts, row),
        Work::Kept(kept) => kept.read(kept.find(key)?, texts, row),
        Work::Stateless | Work::Away | Work::Rules(_) | Work::Alerts(_) | Work::Other(_) => return None,
    }
    match calc {
        Some(calc) => calc_row(calc, Source::Values(row), arena),
        None => Some(row),
    }
}
