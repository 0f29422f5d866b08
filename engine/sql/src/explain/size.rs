//! Bytes that state takes, as far as the plan tells.

use vencejo_expr::Type;

/// Of the hash index for each key, at its mean load.
const INDEX: usize = 16;
/// Of a cell.
const CELL: usize = 8;
/// What a string is taken to have.
const STRING: usize = 16;

/// A key with its place in the index.
pub(super) fn key(columns: &[(usize, Type)]) -> usize {
    let bytes: usize =
        columns.iter().map(|&(_, ty)| 1 + if ty == Type::String { 4 + STRING } else { 8 }).sum();
    INDEX + bytes.next_multiple_of(CELL)
}

/// A row that is kept.
pub(super) fn row(columns: &[Type]) -> usize {
    columns.iter().map(|&ty| CELL + if ty == Type::String { STRING } else { 0 }).sum()
}
