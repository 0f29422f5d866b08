//! Reading tables: the row of a key, in the table's columns.

use bumpalo::Bump;
use vencejo_expr::Value;
use vencejo_types::ViewId;
use vencejo_windows::{Damaged, Texts};

use super::pass::{Source, calc_row};
use super::slot::{Slot, Work};
use crate::plan::flow::{Flow, TableSource};

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
    let (node, calc) = match &flow.tables[table.index()].source {
        TableSource::Running { node, calc } => (*node, Some(calc)),
        TableSource::Kept { node } => (*node, None),
    };
    let columns = flow.nodes[node].columns.len();
    let row: &'a mut [Value<'a>] = arena.alloc_slice_fill_copy(columns, Value::Null);
    match &slots[node].work {
        Work::Groups(groups) => match groups.find(key)? {
            Some(place) => groups.read(place, texts, row),
            None => return Ok(None),
        },
        Work::Kept(kept) => match kept.find(key)? {
            Some(place) => kept.read(place, texts, row),
            None => return Ok(None),
        },
        Work::Stateless | Work::Away | Work::Other(_) => return Ok(None),
    }
    Ok(match calc {
        Some(calc) => calc_row(calc, Source::Values(row), arena),
        None => Some(row),
    })
}
