//! `vencejo alert`: what rules have raised on a running engine, and what is done about it.

use std::io::{IsTerminal as _, Write as _, stdout};

use clap::{Args, Subcommand};
use comfy_table::{Table, presets};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::connect::ConnectArgs;
use crate::console::{note, print};
use crate::failure::Failure;
use crate::remote::{TIMEOUT, ask_text, read};
use crate::text_time::write_timestamp;

/// Alerts that rules have raised on a running engine.
#[derive(Args, Debug)]
pub struct AlertArgs {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand, Debug)]
enum What {
    /// Lists alerts, the newest first.
    #[command(after_help = "Examples:\n  vencejo alert list --state open --severity critical\n  \
        vencejo alert list --rule card_testing --key card=4711 --json | jq .row\n\n\
        On a terminal a table, else one JSON object per alert: its id, rule, severity, state, when it was \
        raised in engine time, its partition, the sequences of the rows that matched, and its row. A \
        partition keeps the latest 16384 alerts; past that the oldest resolved ones go first.")]
    List(ListArgs),
    /// Says that somebody has seen alerts.
    #[command(after_help = "Example:\n  vencejo alert ack 00c0ffee00c0ffee\n\n\
        Says of each alert what happened, once that is on disk. Exit code 1 where one is unknown, is \
        resolved, or could not be changed; the others are changed all the same.")]
    Ack(ChangeArgs),
    /// Says that alerts are done with.
    #[command(after_help = "Example:\n  vencejo alert resolve 00c0ffee00c0ffee 0badc0de0badc0de\n\n\
        Says of each alert what happened, once that is on disk. One that is resolved already stays so. Exit \
        code 1 where one is unknown or could not be changed; the others are changed all the same.")]
    Resolve(ChangeArgs),
}

#[derive(Args, Debug)]
struct ListArgs {
    /// Only alerts of this rule.
    #[arg(long)]
    rule: Option<String>,
    /// Only alerts this bad: info, warning or critical.
    #[arg(long)]
    severity: Option<String>,
    /// Only alerts in this state: open, acknowledged or resolved.
    #[arg(long)]
    state: Option<String>,
    /// Only alerts whose row has this value in this column; all of them, where there are several.
    #[arg(long, value_name = "COLUMN=VALUE", value_parser = column_and_value)]
    key: Vec<(String, String)>,
    /// At most so many.
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = limit)]
    limit: u32,
    #[command(flatten)]
    connect: ConnectArgs,
    /// One JSON object per alert, on a terminal, too.
    #[arg(long)]
    json: bool,
}

#[derive(Args, Debug)]
struct ChangeArgs {
    /// Ids, as `list` prints them: 16 hexadecimal digits each.
    #[arg(required = true, value_name = "ID", value_parser = id)]
    ids: Vec<String>,
    #[command(flatten)]
    connect: ConnectArgs,
    /// Print one JSON object per alert.
    #[arg(long)]
    json: bool,
}

#[derive(Deserialize)]
struct Listed {
    alerts: Vec<Value>,
    more: bool,
}

#[derive(Deserialize)]
struct Changed {
    alerts: Vec<Value>,
}

/// Runs the command.
///
/// # Errors
/// When the engine is not there or refuses, or an alert was not changed.
pub fn run(args: &AlertArgs) -> Result<(), Failure> {
    match &args.what {
        What::List(args) => list(args),
        What::Ack(args) => change(args, "acknowledge"),
        What::Resolve(args) => change(args, "resolve"),
    }
}

fn list(args: &ListArgs) -> Result<(), Failure> {
    let ListArgs { rule, severity, state, key, limit, connect, json } = args;
    let arguments = json!({"rule": rule, "severity": severity, "state": state, "key": key, "limit": limit});
    let answer = ask_text(connect, "alert.list", &arguments, &[], TIMEOUT)?;
    let Listed { alerts, more } = read(&answer)?;
    if *json || !stdout().is_terminal() {
        lines(&alerts)?;
    } else if alerts.is_empty() {
        print("no such alert")?;
    } else {
        print(table(&alerts))?;
    }
    if more {
        note(format_args!("the newest {}; there are more: narrow it down, or raise --limit", alerts.len()));
    }
    Ok(())
}

fn change(args: &ChangeArgs, change: &str) -> Result<(), Failure> {
    let ChangeArgs { ids, connect, json } = args;
    let answer = ask_text(connect, "alert.change", &json!({"change": change, "ids": ids}), &[], TIMEOUT)?;
    let Changed { alerts } = read(&answer)?;
    if *json {
        lines(&alerts)?;
    }
    let mut undone = 0;
    for alert in &alerts {
        let done =
            matches!(alert["outcome"].as_str(), Some("acknowledged" | "resolved" | "already_resolved"));
        undone += usize::from(!done);
        let text = alert["text"].as_str().unwrap_or_default();
        match (json, done) {
            (true, _) => {}
            (false, true) => print(text)?,
            (false, false) => note(format_args!("vencejo: {text}")),
        }
    }
    match undone {
        0 => Ok(()),
        // It has been said.
        _ if alerts.len() == 1 && !json => Err(Failure::runtime("")),
        _ => Err(Failure::runtime(format!("{undone} of {} alerts not changed", alerts.len()))),
    }
}

fn lines(alerts: &[Value]) -> Result<(), Failure> {
    let mut out = stdout().lock();
    let written = alerts.iter().try_for_each(|alert| writeln!(out, "{alert}"));
    written.and_then(|()| out.flush()).map_err(|error| Failure::output(&error))
}

fn table(alerts: &[Value]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(["id", "severity", "state", "raised", "rule", "row"]);
    for alert in alerts {
        let text = |field: &str| alert[field].as_str().unwrap_or_default().to_owned();
        let mut raised = Vec::new();
        write_timestamp(alert["raised_micros"].as_i64().unwrap_or_default().div_euclid(1000), &mut raised);
        let raised = String::from_utf8_lossy(&raised).into_owned();
        let row = alert["row"].to_string();
        table.add_row([text("id"), text("severity"), text("state"), raised, text("rule"), row]);
    }
    table
}

fn limit(text: &str) -> Result<u32, String> {
    let limit = text.parse().ok().filter(|limit| (1..=10_000).contains(limit));
    limit.ok_or_else(|| "it is from 1 to 10000".to_owned())
}

fn id(text: &str) -> Result<String, String> {
    if text.len() == 16 && text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Ok(text.to_ascii_lowercase());
    }
    Err("an alert's id has 16 hexadecimal digits; 'alert list' prints them".to_owned())
}

fn column_and_value(text: &str) -> Result<(String, String), String> {
    let (column, value) = text.split_once('=').ok_or("it is written COLUMN=VALUE")?;
    Ok((column.to_owned(), value.to_owned()))
}
