//! The rows that a query has found, within their limits.

use bumpalo::Bump;
use vencejo_expr::Value;
use vencejo_types::limits::{QUERY_BYTES_MAX, QUERY_ROWS_MAX};
use vencejo_types::row::RowWriter;
use vencejo_windows::order;

use super::QueryError;
use crate::dataflow::{Source, calc_row};
use crate::plan::query::Query;
use crate::write_values;

#[derive(Debug, Default)]
pub(super) struct Answer {
    rows: Vec<Found>,
    bytes: usize,
    writer: RowWriter,
}

#[derive(Debug)]
struct Found {
    /// The key by which it is sorted.
    order: Vec<u8>,
    row: Vec<u8>,
}

impl Answer {
    /// Takes a row of the table, if the query wants it. Whether the answer is complete by that.
    pub(super) fn take(
        &mut self,
        query: &Query,
        row: &[Value<'_>],
        arena: &Bump,
    ) -> Result<bool, QueryError> {
        let limit = query.limit.unwrap_or(QUERY_ROWS_MAX);
        if query.limit == Some(0) {
            return Ok(true);
        }
        let Some(columns) = calc_row(&query.calc, Source::Values(row), arena) else { return Ok(false) };
        let mut found = Found { order: Vec::new(), row: Vec::new() };
        order::write(columns, &query.order, &mut found.order);
        let answer = &columns[..query.answer.columns().len()];
        write_values(answer, &query.answer, &mut self.writer, &mut found.row)
            .map_err(|_| QueryError::RowLength)?;
        self.bytes += found.order.len() + found.row.len();
        self.rows.push(found);
        if query.limit.is_none() && self.rows.len() > limit {
            return Err(QueryError::Rows);
        }
        // At twice the limit, so that a row is sorted about twice.
        if self.rows.len() >= limit * 2 || self.bytes > QUERY_BYTES_MAX {
            self.cut(limit);
        }
        if self.bytes > QUERY_BYTES_MAX {
            return Err(QueryError::Bytes);
        }
        Ok(query.order.is_empty() && query.limit == Some(self.rows.len()))
    }

    /// The rows in their order.
    pub(super) fn finish(mut self, query: &Query) -> Vec<Vec<u8>> {
        self.cut(query.limit.unwrap_or(QUERY_ROWS_MAX));
        self.rows.into_iter().map(|found| found.row).collect()
    }

    /// Sorts, and keeps the first rows.
    fn cut(&mut self, limit: usize) {
        // Stable: equal rows stay in the order in which they were found.
        self.rows.sort_by(|a, b| a.order.cmp(&b.order));
        self.rows.truncate(limit);
        self.bytes = self.rows.iter().map(|found| found.order.len() + found.row.len()).sum();
    }
}
