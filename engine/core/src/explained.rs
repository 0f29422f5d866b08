//! Why a rule did not match: its partial matches that came to nothing, where somebody asks.

use std::ops::Range;

use vencejo_expr::Value;
use vencejo_rules::spec::RuleSetSpec;
use vencejo_rules::{MatchedRow, Miss, MissEnd, Wait};
use vencejo_types::row::RowWriter;
use vencejo_types::schema::{Column, Schema};

use crate::plan::App;
use crate::plan::flow::Operator;
use crate::write_values;

/// A partial match that came to nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missed {
    /// The key: a row of [`ExplainedRows::key`], in [`crate::Effects::bytes`].
    pub key: Range<usize>,
    /// The rows that it had taken.
    pub rows: Vec<MatchedRow>,
    /// What it waited for.
    pub waits: Vec<Wait>,
    /// What ended it.
    pub end: MissedEnd,
}

/// Why a partial match came to nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MissedEnd {
    /// This row was none that it waited for.
    Row {
        /// Its place in its partition.
        sequence: u64,
        /// Its event time, in milliseconds.
        time: i64,
        /// A row of [`ExplainedRows::row`], in [`crate::Effects::bytes`].
        row: Range<usize>,
    },
    /// WITHIN ran out.
    TimedOut,
    /// The input ended.
    InputEnded,
    /// A limit let it go.
    LetGo,
}

/// The rows that a rule sees, in the columns that it can name, and its key.
#[derive(Debug)]
pub struct ExplainedRows {
    /// The key's columns.
    pub key: Schema,
    /// The columns that the rule can name.
    pub row: Schema,
    /// Their places in the rows of the rule's set.
    places: Vec<usize>,
}

impl ExplainedRows {
    /// Of a rule: the place of its [`Operator::Rules`] among the nodes, and its own among those rules.
    /// Nothing where there is no such rule.
    pub fn of(app: &App, (node, place): (usize, usize)) -> Option<Self> {
        let Operator::Rules(spec) = &app.flow.nodes.get(node)?.operator else { return None };
        let named = &spec.rules.get(place)?.wording.columns;
        let key = spec.key.iter().map(|&(column, _)| {
            let name = named.iter().find(|&&(_, place)| place == column).map(|(name, _)| name.clone());
            column_of(spec, name.unwrap_or_else(|| format!("key {column}")), column)
        });
        let row = named.iter().map(|(name, place)| column_of(spec, name.clone(), *place));
        Some(Self {
            key: Schema::new(key.collect(), Vec::new()),
            row: Schema::new(row.collect(), Vec::new()),
            places: named.iter().map(|&(_, place)| place).collect(),
        })
    }
}

fn column_of(spec: &RuleSetSpec, name: String, place: usize) -> Column {
    Column { name, column_type: spec.input[place].column_type(), nullable: true }
}

/// The rule that is explained, and what came to nothing of it in a transition.
#[derive(Debug)]
pub(crate) struct Explained {
    rows: ExplainedRows,
    missed: Vec<Missed>,
}

impl Explained {
    pub fn new(rows: ExplainedRows) -> Self {
        Self { rows, missed: Vec::new() }
    }

    pub fn missed(&self) -> &[Missed] {
        &self.missed
    }

    pub fn begin(&mut self) {
        self.missed.clear();
    }

    /// Notes a miss. One whose values pass the longest row is left out.
    pub fn take(&mut self, miss: &Miss<'_>, writer: &mut RowWriter, bytes: &mut Vec<u8>) {
        let mut write = |values: &[Value<'_>], schema: &Schema| {
            let start = bytes.len();
            write_values(values, schema, writer, bytes).ok().map(|()| start..bytes.len())
        };
        let Some(key) = write(miss.key, &self.rows.key) else { return };
        let end = match miss.end {
            MissEnd::Row { sequence, time, row } => {
                let values: Vec<Value<'_>> = self.rows.places.iter().map(|&place| row[place]).collect();
                let Some(row) = write(&values, &self.rows.row) else { return };
                MissedEnd::Row { sequence, time, row }
            }
            MissEnd::TimedOut => MissedEnd::TimedOut,
            MissEnd::InputEnded => MissedEnd::InputEnded,
            MissEnd::LetGo => MissedEnd::LetGo,
        };
        self.missed.push(Missed { key, rows: miss.rows.to_vec(), waits: miss.waits.to_vec(), end });
    }
}
