//! Keys of rows, as bytes beside their state.

use vencejo_expr::{Type, Value};

use crate::cell::Cell;

pub use vencejo_expr::key::{read, write};

/// Most cells of a key that lies beside its state; a longer one lies apart.
pub(crate) const INLINE_CELLS_MAX: usize = 4;
/// Cells for keys that have strings in them: strings of up to 19 bytes lie beside the state.
const INLINE_CELLS_OF_TEXT: usize = 3;

/// Puts the key of a row in place of what `out` holds.
pub(crate) fn write_columns(row: &[Value<'_>], columns: &[(usize, Type)], out: &mut Vec<u8>) {
    out.clear();
    write(columns.iter().map(|&(column, _)| row[column]), out);
}

/// How many cells a key of such columns takes where it lies beside its state.
pub(crate) fn inline_cells(columns: &[(usize, Type)]) -> usize {
    if columns.iter().any(|&(_, column_type)| column_type == Type::String) {
        return INLINE_CELLS_OF_TEXT;
    }
    (columns.len() * 9).div_ceil(size_of::<Cell>()).min(INLINE_CELLS_MAX)
}
