//! `vencejo query`: what a view of a running engine holds now.

use std::collections::BTreeMap;
use std::io::{IsTerminal as _, Write as _, stdout};

use clap::Args;
use comfy_table::{Table, presets};
use serde::Deserialize;
use serde_json::json;
use serde_json::value::RawValue;

use crate::connect::ConnectArgs;
use crate::console::{note, print};
use crate::failure::Failure;
use crate::remote::{TIMEOUT, ask_text, read};

/// Asks a running engine what a materialized view holds now.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    vencejo query \"SELECT * FROM placement_stats WHERE placement = '/home/top'\"\n  \
    vencejo query \"SELECT placement, data_points FROM placement_stats ORDER BY data_points DESC LIMIT 10\"\n  \
    vencejo query --connect 127.0.0.1:7443 --json \"SELECT ...\" | jq .\n\n\
    SELECT columns, expressions or * FROM one view, with WHERE, ORDER BY and LIMIT. The rows are those of \
    all partitions, merged. A WHERE that names every column of the view's key with = is a look-up; anything \
    else goes through the whole view, in slices between the engine's other work, and may see a change that \
    happens meanwhile or not. An answer has at most 10000 rows and 1 MiB. Aggregates are the views' own: \
    declare what is to be computed in the app.\n\n\
    On a terminal the rows are a table, else one JSON object each. Ends with 1 when the query is wrong (every \
    error with its line and column), too large, or the engine is not there.")]
pub struct QueryArgs {
    /// The query.
    #[arg(value_name = "SQL")]
    sql: String,
    #[command(flatten)]
    connect: ConnectArgs,
    /// One JSON object per row, on a terminal, too.
    #[arg(long)]
    json: bool,
}

#[derive(Deserialize)]
struct Answer<'a> {
    /// What is wrong with the query.
    invalid: Option<String>,
    #[serde(default)]
    columns: Vec<String>,
    #[serde(borrow, default)]
    rows: Vec<&'a RawValue>,
}

/// Runs the command.
///
/// # Errors
/// When the query is wrong, or the engine is not there or refuses.
pub fn run(args: &QueryArgs) -> Result<(), Failure> {
    let answer = ask_text(&args.connect, "query", &json!({"sql": args.sql}), &[], TIMEOUT)?;
    let Answer { invalid, columns, rows } = read(&answer)?;
    if let Some(invalid) = invalid {
        return Err(Failure::runtime(invalid.trim_end()));
    }
    if args.json || !stdout().is_terminal() {
        return lines(&rows);
    }
    print(table(&columns, &rows)?)?;
    note(format_args!("{} row{}", rows.len(), if rows.len() == 1 { "" } else { "s" }));
    Ok(())
}

fn lines(rows: &[&RawValue]) -> Result<(), Failure> {
    let mut out = stdout().lock();
    let written = rows.iter().try_for_each(|row| writeln!(out, "{row}"));
    written.and_then(|()| out.flush()).map_err(|error| Failure::output(&error))
}

fn table(columns: &[String], rows: &[&RawValue]) -> Result<Table, Failure> {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(columns);
    for row in rows {
        let row: BTreeMap<String, &RawValue> = read(row.get())?;
        table.add_row(columns.iter().map(|column| row.get(column).map_or_else(String::new, |v| cell(v))));
    }
    Ok(table)
}

/// A value as a table shows it: texts without quotes, NULL as in SQL.
fn cell(value: &RawValue) -> String {
    match serde_json::from_str(value.get()) {
        Ok(serde_json::Value::String(text)) => text,
        Ok(serde_json::Value::Null) => "NULL".to_owned(),
        _ => value.get().to_owned(),
    }
}
