//! A question about the rows that a table holds now.

use std::sync::Arc;

use vencejo_types::ViewId;
use vencejo_types::schema::Schema;

use super::flow::{Calc, OrderBy};

/// `SELECT ... FROM view WHERE ... ORDER BY ... LIMIT n`, planned for one app.
#[derive(Debug)]
pub struct Query {
    /// The view's table.
    pub table: ViewId,
    /// WHERE over the table's rows; the answer's columns, and behind them what they are ordered by.
    pub calc: Calc,
    /// The columns of the answer.
    pub answer: Arc<Schema>,
    /// ORDER BY, over the columns of the calculation.
    pub order: Vec<OrderBy>,
    /// Most rows of the answer, where there is a LIMIT.
    pub limit: Option<usize>,
    /// Where WHERE asks for one key.
    pub key: Option<Key>,
}

/// One key of a table, as bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// As the table has it.
    pub bytes: Vec<u8>,
    /// The key by which its streams are partitioned, where the table is local: that key's partition has the
    /// row.
    pub partition: Option<Vec<u8>>,
}
