//! `vencejo tap`: rows of a running engine as they come.

use std::io::{Write as _, stdout};

use clap::Args;
use serde_json::{Value, json};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::task::JoinSet;
use vencejo_client::protocol::message::AlertNote;
use vencejo_client::{Client, ClientError, Followed, Subscription, TappedRow, TappedRows};
use vencejo_protocol::error::ErrorCode;

use crate::connect::{ConnectArgs, block_on};
use crate::console::note;
use crate::failure::Failure;
use crate::json_row::{JsonRow, write_text};
use crate::remote::{TIMEOUT, read};

/// Follows a stream's events, the rows that a view or query gives, or alerts, on a running engine.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  vencejo tap bid_requests\n  vencejo tap alerts\n  \
    vencejo tap revenue_per_minute --connect 127.0.0.1:7443 | jq .row\n  \
    vencejo tap bid_requests --limit 10\n\n\
    Prints one JSON object per row, from now on: {\"stream\": NAME, \"row\": {...}} for an event of a stream, \
    {\"output\": NAME, \"row\": {...}} for a row of a view with windows (as each closes) or of a query, as \
    `vencejo run` does; an alert has besides \"alert\": {\"id\", \"severity\", \"sequences\"}. A view without a window gives the row of a key whenever an event has changed it. The \
    engine never waits for a tap: one that does not keep up misses rows, and says \
    on standard error how many. Each partition's rows come in its order.\n\n\
    Ends with 0 on SIGINT or SIGTERM or behind --limit rows; with 1 when the engine is not there, refuses or \
    stops, or the app is replaced by one in which NAME has other columns.")]
pub struct TapArgs {
    /// The stream, view, query or rule; 'alerts' for all rules.
    name: String,
    #[command(flatten)]
    connect: ConnectArgs,
    /// End behind so many rows.
    #[arg(long, value_name = "N")]
    limit: Option<u64>,
}

/// What `vencejo tap` follows besides what has this name: all rules.
const ALERTS: &str = "alerts";

/// Lines of one subscription, and how many rows behind them it was too slow for.
struct Told {
    lines: Vec<Vec<u8>>,
    missed: u64,
}

/// Runs the command.
///
/// # Errors
/// When the engine is not there, refuses or stops, or the rows cannot be printed.
pub fn run(args: &TapArgs) -> Result<(), Failure> {
    block_on(async {
        // In place before the first row, so that no signal is lost.
        let mut interrupt = signal(SignalKind::interrupt()).map_err(Failure::runtime)?;
        let mut terminate = signal(SignalKind::terminate()).map_err(Failure::runtime)?;
        let client = args.connect.client().await?;
        let subscriptions = subscribe(&client, &args.name).await?;
        if subscriptions.iter().any(|(_, subscription)| subscription.is_in_parts()) {
            note(format_args!("'{}' is in parts: a row is what one partition has of it", args.name));
        }
        note(format_args!("following '{}'", args.name));
        // One at a time waits for the printer: the engine drops rows rather than wait itself.
        let (tell, told) = channel(1);
        let mut followers = JoinSet::new();
        for (name, subscription) in subscriptions {
            followers.spawn(follow(name, subscription, tell.clone()));
        }
        drop(tell);
        let followed = tokio::select! {
            followed = print(args, told, followers) => followed,
            _ = interrupt.recv() => Ok(()),
            _ = terminate.recv() => Ok(()),
        };
        client.close();
        followed
    })
}

/// Follows what has this name; all rules where that is [`ALERTS`] and nothing has it.
async fn subscribe(client: &Client, name: &str) -> Result<Vec<(String, Subscription)>, Failure> {
    let refused = match client.subscribe(name).await {
        Ok(subscription) => return Ok(vec![(name.to_owned(), subscription)]),
        Err(ClientError::Refused(frame)) if frame.code < 300 => frame.text,
        Err(error) => return Err(error.into()),
    };
    if name != ALERTS {
        return Err(Failure::runtime(refused));
    }
    let stats = client.control("rule.stats", "{}", &[], TIMEOUT).await?;
    let stats: Value = read(&stats)?;
    let rules = stats["rules"].as_array().into_iter().flatten();
    let mut subscriptions = Vec::new();
    for rule in rules.filter(|rule| rule["raises"] == true).filter_map(|rule| rule["rule"].as_str()) {
        subscriptions.push((rule.to_owned(), client.subscribe(rule).await?));
    }
    if subscriptions.is_empty() {
        return Err(Failure::runtime("the app has no rules that raise alerts"));
    }
    Ok(subscriptions)
}

/// Hands on what comes, as lines, until the subscription ends or nobody prints any more.
async fn follow(name: String, mut subscription: Subscription, tell: Sender<Told>) -> Failure {
    let writer = JsonRow::new(subscription.schema());
    let is_stream = subscription.followed() == Some(Followed::Stream);
    let mut head = if is_stream { b"{\"stream\":".to_vec() } else { b"{\"output\":".to_vec() };
    write_text(&name, &mut head);
    head.extend_from_slice(b",\"row\":");
    loop {
        let TappedRows { rows, missed } = match subscription.next_rows().await {
            Ok(tapped) => tapped,
            Err(error) if error.code() == Some(ErrorCode::AppChanged) => {
                return Failure::runtime(format!(
                    "the app was replaced, and '{name}' is gone or has other columns now; follow it anew"
                ));
            }
            Err(error) => return error.into(),
        };
        let line = |TappedRow { row, alert }: &TappedRow| {
            let mut line = head.clone();
            writer.write(row, &mut line);
            alert.iter().for_each(|alert| write_alert(alert, &mut line));
            line.extend_from_slice(b"}\n");
            line
        };
        let lines = rows.iter().map(line).collect();
        if tell.send(Told { lines, missed }).await.is_err() {
            return Failure::runtime("nobody prints any more");
        }
    }
}

/// Appends what `vencejo run` does.
fn write_alert(alert: &AlertNote, line: &mut Vec<u8>) {
    let severity = match alert.severity {
        1 => "info",
        2 => "warning",
        3 => "critical",
        _ => "unknown",
    };
    let id = format!("{:016x}", alert.id);
    let shown = json!({"id": id, "severity": severity, "sequences": alert.sequences});
    line.extend_from_slice(format!(",\"alert\":{shown}").as_bytes());
}

/// Prints lines until there are enough, or a subscription ends.
async fn print(
    args: &TapArgs,
    mut told: Receiver<Told>,
    mut followers: JoinSet<Failure>,
) -> Result<(), Failure> {
    let mut left = args.limit.unwrap_or(u64::MAX);
    while left > 0 {
        let Told { lines, missed } = tokio::select! {
            biased;
            Some(told) = told.recv() => told,
            Some(ended) = followers.join_next() => {
                return Err(ended.unwrap_or_else(Failure::runtime));
            }
            else => return Ok(()),
        };
        let lines: Vec<u8> = lines
            .into_iter()
            .take(usize::try_from(left).unwrap_or(usize::MAX))
            .inspect(|_| left -= 1)
            .flatten()
            .collect();
        let mut out = stdout().lock();
        out.write_all(&lines).and_then(|()| out.flush()).map_err(|error| Failure::output(&error))?;
        if missed > 0 {
            note(format_args!("missed {missed} rows: they came faster than they were read"));
        }
    }
    Ok(())
}
