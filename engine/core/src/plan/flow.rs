//! The dataflow of an app: what its streams' rows go through until they leave, or stay in a table.
//!
//! engine/sql makes it; engine/core pushes rows and watermarks along its edges. Rows between nodes are slices
//! of values.

use std::sync::Arc;

use vencejo_expr::{Program, Type};
use vencejo_rules::spec::{Order, RuleSetSpec};
use vencejo_types::ViewId;
use vencejo_types::schema::Schema;
use vencejo_windows::spec::{
    Aggregation, Assignment, Grouping, IntervalJoin, OverAggregation, TopN, WindowJoin,
};
pub use vencejo_windows::spec::{Keep, OrderBy};

/// All queries of an app as one graph.
#[derive(Debug, Default)]
pub struct Flow {
    /// The nodes, each behind those that feed it.
    pub nodes: Vec<Node>,
    /// Per stream, where its rows go.
    pub inputs: Vec<Vec<Edge>>,
    /// What leaves: `vencejo run` prints it, subscribers follow it.
    pub outputs: Vec<Output>,
    /// What look-ups and queries read; [`ViewId`] is the place in this list.
    pub tables: Vec<Table>,
}

impl Flow {
    /// Whether something in it waits for a watermark, or for engine time.
    pub fn waits_for_time(&self) -> bool {
        self.nodes.iter().any(|node| match &node.operator {
            Operator::Calc(_)
            | Operator::Lookup(_)
            | Operator::Keep(_)
            | Operator::Emit(_)
            | Operator::Matches(_)
            | Operator::Alert(_) => false,
            Operator::Aggregate(spec) => !matches!(spec.grouping, Grouping::Running { ttl: None }),
            Operator::Assign(_)
            | Operator::Over(_)
            | Operator::IntervalJoin(..)
            | Operator::WindowJoin(..)
            | Operator::TopN(_)
            | Operator::Rules(_) => true,
        })
    }

    /// Whether something in it ends by engine time.
    pub fn lives_by_engine_time(&self) -> bool {
        self.nodes.iter().any(|node| match &node.operator {
            Operator::Aggregate(spec) => matches!(spec.grouping, Grouping::Running { ttl: Some(_) }),
            // In the order of arrival WITHIN runs out although no row comes.
            Operator::Rules(spec) => {
                spec.order == Order::Arrival && spec.rules.iter().any(|rule| rule.within.is_some())
            }
            _ => false,
        })
    }
}

/// A way into a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Edge {
    /// Place of the node in [`Flow::nodes`].
    pub node: usize,
    /// 0, but for the right side of a join, which is 1.
    pub port: usize,
}

/// An operator in its place.
#[derive(Debug)]
pub struct Node {
    /// What it does.
    pub operator: Operator,
    /// Where the rows that it gives go.
    pub outputs: Vec<Edge>,
    /// The types of their columns.
    pub columns: Vec<Type>,
    /// How many inputs each port has: a port's watermark is the least of theirs.
    pub inputs: Vec<usize>,
    /// For `app explain`: the view or query that it belongs to.
    pub name: String,
}

/// What a node does with a row or a watermark.
#[derive(Debug)]
pub enum Operator {
    /// SELECT and WHERE over single rows.
    Calc(Calc),
    /// A look-up by key.
    Lookup(FlowLookup),
    /// A window table function without GROUP BY.
    Assign(Assignment),
    /// GROUP BY.
    Aggregate(Aggregation),
    /// OVER.
    Over(OverAggregation),
    /// Two streams near each other in time.
    IntervalJoin(IntervalJoin, Option<Program>),
    /// Two windowed inputs.
    WindowJoin(WindowJoin, Option<Program>),
    /// The first rows of each window.
    TopN(TopN),
    /// Keeps the latest row of each key, for [`TableSource::Kept`].
    Keep(Keep),
    /// Gives rows to the rim: place in [`Flow::outputs`].
    Emit(usize),
    /// MATCH_RECOGNIZE. Its nth edge leads to the nth rule's [`Operator::Matches`] or [`Operator::Alert`].
    Rules(Arc<RuleSetSpec>),
    /// A rule's matches as rows.
    Matches(Matches),
    /// CREATE RULE: a rule's matches as alerts.
    Alert(AlertSpec),
}

/// What becomes of a rule's matches in a query.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Matches {
    /// How long behind its last row a match may come out, in milliseconds of event time: so far their
    /// watermark stays back.
    pub delay_millis: i64,
}

/// What becomes of a rule's matches where they raise alerts.
#[derive(Debug)]
pub struct AlertSpec {
    /// Place in [`Flow::outputs`].
    pub output: usize,
    /// SELECT and WHERE over a match's row: a match that WHERE does not let through raises nothing.
    pub calc: Calc,
    /// How bad it is.
    pub severity: Severity,
    /// After an alert, matches of the same key within so many milliseconds of event time raise none.
    pub cooldown_millis: i64,
}

/// How bad what an alert tells of is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// For the record.
    Info,
    /// To be looked at.
    Warning,
    /// To be acted on at once.
    Critical,
}

impl Severity {
    /// The name that apps write.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Critical => "critical",
        }
    }
}

/// `SELECT columns WHERE condition` over single rows; input 0 of the program is the row.
#[derive(Debug)]
pub struct Calc {
    /// Output 0 is the condition when `filtered`; the columns follow.
    pub program: Program,
    /// Whether there is a condition; a row passes where it is TRUE.
    pub filtered: bool,
}

/// `LEFT JOIN table ON key`. Rows that come out: the input's columns, then the table's, NULL where the key is
/// not there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FlowLookup {
    /// The table.
    pub table: ViewId,
    /// The input's columns that make the table's key, in key order.
    pub key: Vec<(usize, Type)>,
}

/// Rows that leave.
#[derive(Debug)]
pub struct Output {
    /// The view's name, or that of the query.
    pub name: String,
    /// Their columns.
    pub schema: Arc<Schema>,
}

/// A materialized view, as look-ups and queries see it.
#[derive(Debug)]
pub struct Table {
    /// Its name.
    pub name: String,
    /// Its columns; the key is what look-ups go by (window columns are not part of it).
    pub schema: Arc<Schema>,
    /// Where its rows are.
    pub source: TableSource,
    /// Positions in the key of the columns by which all streams behind it are partitioned: a key's partition
    /// has all of its row. Nothing where partitions have parts of one row.
    pub partition: Option<Vec<usize>>,
}

impl Table {
    /// Whether each partition has whole rows; else a partition holds partial aggregates.
    pub const fn is_local(&self) -> bool {
        self.partition.is_some()
    }
}

/// Parts of rows, in the closed windows of an aggregation.
#[derive(Debug)]
pub struct Parts {
    /// Place of the aggregation among the nodes. It keeps closed windows' groups.
    pub node: usize,
    /// HAVING and SELECT over the aggregation's rows.
    pub calc: Calc,
}

/// Where a table's rows are.
#[derive(Debug)]
pub enum TableSource {
    /// In the groups of an aggregation that has no window: a row is computed when it is read. The key's
    /// columns come first in the aggregation's rows; the calculation gives the table's columns.
    Running {
        /// Place of the aggregation among the nodes.
        node: usize,
        /// HAVING and SELECT over the aggregation's rows.
        calc: Calc,
    },
    /// In a [`Keep`] node.
    Kept {
        /// Its place among the nodes.
        node: usize,
        /// Where partitions have parts of the rows that can be merged: the aggregation of their windows.
        parts: Option<Parts>,
    },
}
