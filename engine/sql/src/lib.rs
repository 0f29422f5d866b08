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
//! | `CREATE TABLE name (columns, WATERMARK ...) PARTITIONED BY (columns) WITH (...)` | a stream |
//! | `CREATE MATERIALIZED VIEW name AS SELECT keys, COUNT(*) AS name FROM ... GROUP BY keys` | counts per key |
//! | `CREATE MODEL name INPUT (...) OUTPUT (...) WITH ('path' = ..., 'version' = ...)` | a tree ensemble |
//! | `CREATE DECISION name ON stream WITH ('deadline' = ...) AS SELECT ... FALLBACK SELECT ...` | a decision |
//!
//! Each ends in a semicolon and sees what stands before it. Streams and views share one space of names,
//! models and decisions have their own. Names compare exactly, keywords in any case; `"x"` and `` `x` `` are
//! quoted names.
//!
//! # Where it departs from Flink
//!
//! - Literals with a decimal point are `DOUBLE`, not `DECIMAL`; `INT` arithmetic is 64-bit; what would fail
//!   at run time is NULL.
//! - `TIMESTAMP` means `TIMESTAMP(3)`; the length of `VARCHAR(n)` does not matter.
//! - A view groups by exactly the PARTITIONED BY columns of its streams, and a decision looks views up by
//!   exactly its stream's: state lives where its events go.
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
//! - Options of Flink's connectors are taken and ignored.
#![forbid(unsafe_code)]

mod answer;
mod ast;
mod catalog;
mod diagnostic;
mod expression;
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

pub use diagnostic::Diagnostic;
pub use suggest::did_you_mean;

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
    let heads = statements.iter().filter_map(|s| statement::head(&mut Cursor::new(s)).ok());
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
    match catalog.into_app(name) {
        Some(app) if report.is_empty() => return Ok(app),
        None if report.is_empty() => report.error(start, "the app passes a limit of the engine"),
        _ => Reported,
    };
    Err(report.finish())
}
