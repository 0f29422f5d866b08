//! Bytes that state takes, as far as the plan tells.

use vencejo_expr::Type;
use vencejo_windows::spec::{AggregateFunction, Aggregation, Grouping};

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

/// A group.
pub(super) fn group(aggregation: &Aggregation) -> usize {
    let cells: usize =
        aggregation.calls.iter().map(|call| cells(call.function, call.argument.map(|(_, ty)| ty))).sum();
    let header = match aggregation.grouping {
        // When a row came last.
        Grouping::Running { ttl: Some(_) } => CELL,
        Grouping::Running { ttl: None } | Grouping::Window { .. } | Grouping::Given { .. } => 0,
    };
    key(&aggregation.key) + header + cells * CELL
}

/// Cells of an accumulator.
fn cells(function: AggregateFunction, argument: Option<Type>) -> usize {
    use AggregateFunction as F;
    match (function, argument) {
        (
            F::CountRows
            | F::Count
            | F::ApproxCountDistinct
            | F::ApproxPercentile { .. }
            | F::ApproxTopK { .. },
            _,
        )
        | (F::Sum, Some(Type::Double)) => 1,
        (F::Sum | F::Min | F::Max, _) | (F::Avg, Some(Type::Double)) => 2,
        (F::Avg | F::FirstValue | F::LastValue | F::Ewma { .. }, _)
        | (F::StddevPop | F::StddevSamp | F::VarPop | F::VarSamp, _) => 3,
    }
}
