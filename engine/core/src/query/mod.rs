//! Queries of current state: what they have found so far, partition by partition, slice by slice.
//!
//! A [`Scan`] goes from one partition to the next and looks at a bounded number of rows at a time, so that a
//! partition's requests wait for a slice and not for a table. It is no snapshot: rows that change while it is
//! under way are seen as they were before or after. Groups of which partitions have parts are merged first,
//! and read when every partition has been seen.

mod answer;

use std::fmt;
use std::sync::Arc;

use bumpalo::Bump;
use vencejo_expr::Value;
use vencejo_types::limits::{
    QUERY_BYTES_MAX, QUERY_GROUPS_BYTES_MAX, QUERY_GROUPS_MAX, QUERY_ROWS_MAX, QUERY_SLICE_ROWS_MAX,
    ROW_BYTES_MAX,
};
use vencejo_windows::spec::Aggregation;
use vencejo_windows::{ClosedWalk, Damaged, GroupBy, Kept, Merged, Place, Texts};

use crate::dataflow::{Source, TableRows, calc_row};
use crate::plan::App;
use crate::plan::flow::{Calc, Operator, Table, TableSource};
use crate::plan::query::Query;
use crate::state::PartitionState;
use answer::Answer;

/// Why a query has no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QueryError {
    /// The app was replaced under it: it has to be planned again.
    Replaced,
    /// It has more rows than an answer may.
    Rows,
    /// Its rows have more bytes than an answer may.
    Bytes,
    /// Partitions hold parts of more groups than can be merged.
    Groups,
    /// One of its rows is longer than a row may be.
    RowLength,
    /// A page of the snapshot that a partition was restored from cannot be had.
    Damaged,
}

impl From<Damaged> for QueryError {
    fn from(_: Damaged) -> Self {
        Self::Damaged
    }
}

impl fmt::Display for QueryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Replaced => f.write_str("the app was replaced meanwhile; repeat the query"),
            Self::Rows => write!(f, "the answer has more than {QUERY_ROWS_MAX} rows; add WHERE or LIMIT"),
            Self::Bytes => write!(
                f,
                "the answer has more than {QUERY_BYTES_MAX} bytes; add WHERE or LIMIT, or select fewer columns"
            ),
            Self::Groups => write!(
                f,
                "partitions hold parts of the view's groups, and these are too many to merge (at most \
                 {QUERY_GROUPS_MAX} of {QUERY_GROUPS_BYTES_MAX} bytes); ask for one key in WHERE"
            ),
            Self::Damaged => f.write_str("the key lies in a damaged page of the snapshot that was restored"),
            Self::RowLength => {
                write!(f, "a row of the answer is longer than {ROW_BYTES_MAX} bytes; select fewer columns")
            }
        }
    }
}

impl std::error::Error for QueryError {}

/// What is left to look at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// More of this partition.
    More,
    /// The next partition.
    NextPartition,
    /// Nothing: the answer has all the rows that it may have.
    Complete,
}

/// A query under way.
#[derive(Debug)]
pub struct Scan {
    app: Arc<App>,
    query: Arc<Query>,
    answer: Answer,
    /// Groups of which partitions have parts.
    merged: Option<Merged>,
    /// Where the next slice of the partition begins: a place, and how many of its rows are done.
    next: (usize, usize),
    /// The same in windows of which partitions have parts.
    walk: ClosedWalk,
    arena: Bump,
    texts: Texts,
}

impl Scan {
    /// A query that has not looked at anything yet. `partitions` is how many the engine has: one alone has
    /// whole groups.
    pub fn new(app: Arc<App>, query: Arc<Query>, partitions: u32) -> Self {
        let table = &app.flow.tables[query.table.index()];
        let in_parts = !table.is_local() && partitions > 1;
        let merged = specification(&app, table).filter(|_| in_parts).map(Merged::new);
        let (answer, arena, texts) = (Answer::default(), Bump::new(), Texts::default());
        Self { query, answer, merged, next: (0, 0), walk: ClosedWalk::default(), arena, texts, app }
    }

    /// Looks at the next slice of a partition.
    ///
    /// # Errors
    /// When a limit is passed, or the partition has another app by now.
    pub fn slice(&mut self, state: &PartitionState) -> Result<Progress, QueryError> {
        if !Arc::ptr_eq(state.app(), &self.app) {
            return Err(QueryError::Replaced);
        }
        let progress = match state.table(self.query.table) {
            Some(TableRows::Kept(_)) if self.merged.is_some() => Ok(self.closed(state)),
            Some(TableRows::Running(groups, calc)) => self.running(groups, calc),
            Some(TableRows::Kept(kept)) => self.kept(kept),
            None => Ok(Progress::NextPartition),
        }?;
        if progress == Progress::NextPartition {
            self.next = (0, 0);
            self.walk = ClosedWalk::default();
            if self.merged.as_ref().is_some_and(is_too_large) {
                return Err(QueryError::Groups);
            }
        }
        Ok(progress)
    }

    /// The rows of the answer, once every partition was seen or the answer is complete. Cost: reading the
    /// merged groups, and sorting.
    ///
    /// # Errors
    /// When a limit is passed.
    pub fn finish(mut self) -> Result<Vec<Vec<u8>>, QueryError> {
        let app = Arc::clone(&self.app);
        if let Some(merged) = self.merged.take()
            && let Some((_, calc)) = aggregation(&app.flow.tables[self.query.table.index()])
        {
            for place in merged.places() {
                if self.group(&Groups::Merged(&merged), place, calc)? {
                    break;
                }
            }
        }
        Ok(self.answer.finish(&self.query))
    }

    /// A slice of a running table: its groups are read, or merged where they are parts.
    fn running(&mut self, groups: &GroupBy, calc: &Calc) -> Result<Progress, QueryError> {
        if let Some(key) = &self.query.key {
            let found = groups.find(&key.bytes)?;
            let complete = found.map(|place| self.take(groups, place, calc)).transpose()?;
            return Ok(if complete == Some(true) { Progress::Complete } else { Progress::NextPartition });
        }
        for place in groups.places_from(self.next.0).take(QUERY_SLICE_ROWS_MAX) {
            self.next.0 = place.index() + 1;
            if self.take(groups, place, calc)? {
                return Ok(Progress::Complete);
            }
        }
        let more = groups.places_from(self.next.0).next().is_some();
        Ok(if more { Progress::More } else { Progress::NextPartition })
    }

    /// Takes a group of a partition. Whether the answer is complete by that.
    fn take(&mut self, groups: &GroupBy, place: Place, calc: &Calc) -> Result<bool, QueryError> {
        let Some(merged) = &mut self.merged else {
            return self.group(&Groups::Whole(groups), place, calc);
        };
        merged.add(groups, place);
        // Now and then, because counting the bytes looks at every group.
        if merged.len().is_power_of_two() && is_too_large(merged) {
            return Err(QueryError::Groups);
        }
        Ok(false)
    }

    /// Takes a whole group into the answer. Whether that is complete by it.
    fn group(&mut self, groups: &Groups<'_>, place: Place, calc: &Calc) -> Result<bool, QueryError> {
        let Self { arena, texts, answer, query, .. } = self;
        arena.reset();
        let row = arena.alloc_slice_fill_copy(groups.width(), Value::Null);
        groups.read(place, texts, row);
        match calc_row(calc, Source::Values(row), arena) {
            Some(row) => answer.take(query, row, arena),
            None => Ok(false),
        }
    }

    /// A slice of closed windows, of which partitions have parts.
    fn closed(&mut self, state: &PartitionState) -> Progress {
        let Self { merged, query, walk, .. } = self;
        let (Some(merged), Some(groups)) = (merged, state.parts(query.table)) else {
            return Progress::NextPartition;
        };
        let key = query.key.as_ref().map(|key| &*key.bytes);
        let more = merged.add_closed(groups, walk, QUERY_SLICE_ROWS_MAX, key);
        // Enough to say that it is too much.
        if more && !is_too_large(merged) { Progress::More } else { Progress::NextPartition }
    }

    /// A slice of a table that keeps rows.
    fn kept(&mut self, kept: &Kept) -> Result<Progress, QueryError> {
        let one = self.query.key.is_some();
        let mut left = QUERY_SLICE_ROWS_MAX;
        loop {
            let place = match &self.query.key {
                Some(key) => kept.find(&key.bytes)?,
                None => kept.places_from(self.next.0).next(),
            };
            let Some(place) = place else { return Ok(Progress::NextPartition) };
            let skip = if place.index() == self.next.0 { self.next.1 } else { 0 };
            let mut taken = Ok(false);
            let mut seen = 0;
            let Self { arena, answer, query, .. } = self;
            kept.history(place, skip, |row| {
                if seen == left {
                    return false;
                }
                seen += 1;
                arena.reset();
                taken = answer.take(query, row, arena);
                taken == Ok(false)
            });
            if taken? {
                return Ok(Progress::Complete);
            }
            left -= seen;
            if left == 0 {
                self.next = (place.index(), skip + seen);
                return Ok(Progress::More);
            }
            if one {
                return Ok(Progress::NextPartition);
            }
            self.next = (place.index() + 1, 0);
        }
    }
}

fn is_too_large(merged: &Merged) -> bool {
    merged.len() > QUERY_GROUPS_MAX || merged.bytes() > QUERY_GROUPS_BYTES_MAX
}

/// Where a group is whole.
enum Groups<'g> {
    Whole(&'g GroupBy),
    Merged(&'g Merged),
}

impl Groups<'_> {
    fn width(&self) -> usize {
        match self {
            Self::Whole(groups) => groups.width(),
            Self::Merged(groups) => groups.width(),
        }
    }

    fn read<'a>(&'a self, place: Place, texts: &'a mut Texts, out: &mut [Value<'a>]) {
        match self {
            Self::Whole(groups) => groups.read(place, texts, out),
            Self::Merged(groups) => groups.read(place, texts, out),
        }
    }
}

/// The node of the aggregation whose groups a table shows, and the calculation over them.
fn aggregation(table: &Table) -> Option<(usize, &Calc)> {
    match &table.source {
        TableSource::Running { node, calc } => Some((*node, calc)),
        TableSource::Kept { parts, .. } => parts.as_ref().map(|parts| (parts.node, &parts.calc)),
    }
}

fn specification<'a>(app: &'a App, table: &Table) -> Option<&'a Aggregation> {
    let (node, _) = aggregation(table)?;
    match &app.flow.nodes[node].operator {
        Operator::Aggregate(spec) => Some(spec),
        _ => None,
    }
}
