//! app.sql to programs: reads Flink's SQL, checks it whole, resolves every name, compiles every expression.
//!
//! Pure: the text comes in, an [`App`] or all its errors go out. Files of models come through a loader that
//! the caller supplies. Excluded: running anything (the core), and the meaning of operators (vencejo-expr,
//! whose module head defines it).
//!
//! # Statements
//!
//! | statement | gives |
//! |---|---|
//! | `CREATE TABLE name (columns, name AS expression, WATERMARK ...) PARTITIONED BY (columns) WITH (...)` | a stream |
//! | `CREATE VIEW name AS query` | a name for a query |
//! | `CREATE MATERIALIZED VIEW name [WITH (...)] AS query` | an output, and a table that look-ups read |
//! | `INSERT INTO name query`, or a query alone | an output called name, or query_1, query_2 ... |
//! | `CREATE RULE name WITH (...) AS SELECT ... MATCH_RECOGNIZE (...)` | an output whose rows are alerts |
//! | `CREATE MODEL name INPUT (...) OUTPUT (...) WITH ('path' = ..., 'version' = ...)` | a tree ensemble |
//! | `CREATE LOOKUP name (columns) WITH ('path' = ...)`, or `AS VALUES ...` | rows for `LOOKUP` |
//! | `CREATE DECISION name ON stream WITH ('deadline' = ...) AS SELECT ... FALLBACK SELECT ...` | a decision |
//!
//! Each ends in a semicolon and sees what stands before it. Streams, views and rules share one space of
//! names, models, look-up tables and decisions have their own. Names compare exactly, keywords in any case;
//! `"x"` and `` `x` `` are quoted names.
//!
//! Options of a materialized view: `ttl` of groups without a window, `retention` of its rows,
//! `allowed_lateness` of its windows, and `max_keys`, the groups that it holds in a partition: rows of
//! further keys are refused and counted.
//!
//! # Where it departs from Flink
//!
//! - Literals with a decimal point are `DOUBLE`, not `DECIMAL`, unless they are cast; a `DECIMAL` has at
//!   most 18 digits, and results of arithmetic are cut to them as Flink cuts to 38; `INT` arithmetic is
//!   64-bit; what would fail at run time is NULL.
//! - A computed column cannot be in PARTITIONED BY or WATERMARK: both are read from the event's own bytes.
//! - `TIMESTAMP` means `TIMESTAMP(3)`; the length of `VARCHAR(n)` and `CHAR(n)` does not matter.
//! - An interval is an operand and no column. There is no clock and no chance in an expression.
//! - `DAYOFWEEK` begins on Monday; further functions that depart stand in testdata/flink.txt with the reason.
//! - A decision looks views up by keys that hold its stream's PARTITIONED BY columns: state lives where its
//!   events go.
//! - `MATCH_RECOGNIZE` stands behind streams, views and subqueries, and is the standard's
//!   (engine/rules/SEMANTICS.md says what it means, and where Flink differs); NEXT, `^`, `$` and WITH
//!   UNMATCHED ROWS are refused. WITHIN stands behind `PATTERN (...)`, or in its parentheses. Beside the
//!   standard: `NOT v` in a pattern; SHOW TIMEOUT MATCHES, which needs WITHIN, with `MATCH_TIMED_OUT()`.
//! - Rows are matched in the order of event time, behind the watermark, but for `CREATE RULE`, which
//!   takes them as they arrive; its option `order` = `event` changes that. Its further options are
//!   `severity` (`critical`, `warning` or `info`; `warning` if not given), `cooldown` (after an alert,
//!   matches of the same key within so long raise none) and `enabled` = `false`. A rule gives one row per
//!   match, of at least one event.
//! - `MATCH_ROWTIME()` is the event time of matches. Where the end of a match is known only later (a
//!   greedy repetition or `NOT v` at the end, timeouts), the matches' watermark stays back by WITHIN. A
//!   greedy repetition before the end, whose rows could also be what follows, may give matches that are
//!   late.
//! - PARTITION BY of a pattern should hold what the stream is PARTITIONED BY: a partition matches its own
//!   rows.
//! - The columns of a window hide those of the same names that its table has; Flink calls them ambiguous.
//! - A query's rows are never taken back: an aggregate has a window, or is a table that is looked up; a join
//!   has a window, a bound in time, or is a look-up.
//! - `PREDICT(model)` takes the model's inputs by name from the FROM clause where it stands: numbers, or
//!   BOOLEAN as 1 and 0. It runs at most once, and not at all where no output needs it.
//! - A model's option `best_iteration` = `true` takes the trees that early stopping found best, where the
//!   file records them; without it all trees count, as in XGBoost's `Booster.predict`.
//! - `CREATE MODEL ... WITH ('challenger_path' = ..., 'challenger_version' = ..., 'challenger_weight' = ...)`
//!   has a second version answer that share of the decisions, in percent (20 if not given). `CREATE DECISION
//!   ... WITH ('split_by' = 'column')` says by what they fall to one or the other, which is else the stream's
//!   key; the rule stands at `vencejo_core::models::Variant::of`. `MODEL_VERSION(model)` and
//!   `MODEL_VARIANT(model)` ('champion' or 'challenger') name the version that answers this decision; PREDICT
//!   is that one's.
//! - An output column named `code` is the decision's code and no column of the answer. WHERE, in any
//!   subquery, decides whether there is a decision. FALLBACK reads the request alone.
//! - Options of Flink's connectors are taken and ignored with a warning.
#![forbid(unsafe_code)]

mod answer;
mod ast;
mod catalog;
mod csv;
mod current;
mod diagnostic;
mod explain;
mod expression;
mod flow;
mod function;
mod parse;
mod query;
mod scope;
mod statement;
mod suggest;
mod tokens;

use vencejo_core::plan::App;
use vencejo_types::limits::APP_SQL_BYTES_MAX;

use catalog::Catalog;
use diagnostic::{Report, Reported};
use tokens::{Cursor, Place};

pub use current::plan_query;
pub use diagnostic::Diagnostic;
pub use explain::{explain, explain_memory};
pub use suggest::did_you_mean;

/// A planned app.
#[derive(Debug)]
pub struct Plan {
    /// What the core runs.
    pub app: App,
    /// What its author should know, in the order of the text.
    pub warnings: Vec<Diagnostic>,
}

/// Plans an app. `load` gives the bytes of a file by its path relative to the app's folder (always with `/`,
/// never outside the folder), or why it cannot.
///
/// Cost: about linear in the text, bounded by the limits in `vencejo_types::limits`; memory is a
/// hundred times the text at most.
///
/// # Errors
/// Everything that is wrong with the app, in the order of the text; at most `DIAGNOSTICS_MAX` errors.
pub fn plan(
    name: &str,
    text: &str,
    load: &mut dyn FnMut(&str) -> Result<Vec<u8>, String>,
) -> Result<App, Vec<Diagnostic>> {
    plan_app(name, text, load).map(|plan| plan.app)
}

/// As [`plan`], with the warnings.
///
/// # Errors
/// As [`plan`].
pub fn plan_app(
    name: &str,
    text: &str,
    load: &mut dyn FnMut(&str) -> Result<Vec<u8>, String>,
) -> Result<Plan, Vec<Diagnostic>> {
    let start = Place { line: 1, column: 1 };
    if text.len() > APP_SQL_BYTES_MAX {
        let message = format!("app.sql has {} bytes; at most {APP_SQL_BYTES_MAX} are taken", text.len());
        return Err(vec![Diagnostic::new(start, message)]);
    }
    let mut report = Report::default();
    let (tokens, unreadable) = tokens::tokens(text);
    let mut statements = tokens::statements(&tokens);
    if let Some(error) = unreadable {
        report.push(error);
        // The statement that cannot be read to its end would only give errors that follow from it.
        statements.retain(|statement| statement.ended);
    }
    if statements.is_empty() && report.is_empty() {
        report.push(Diagnostic::new(start, "the app declares nothing").with_hint("begin with CREATE TABLE"));
    }
    let heads = statements.iter().filter_map(|s| statement::declared(&mut Cursor::new(s)));
    let mut catalog = Catalog::before(heads);
    for statement in &statements {
        statement::plan(statement, &mut catalog, &mut report, load);
        if !statement.ended {
            report.error(statement.end, "the statement does not end with ';'");
        }
        if report.is_full() {
            break;
        }
    }
    for error in catalog.drafts.unbounded_ranks() {
        report.push(error);
    }
    let warnings = report.take_warnings();
    match catalog.into_app(name) {
        Some(app) if report.is_empty() => return Ok(Plan { app, warnings }),
        None if report.is_empty() => report.error(start, "the app passes a limit of the engine"),
        _ => Reported,
    };
    Err(report.finish())
}
