//! `vencejo tap`: rows of a running engine as they come.

use std::io::{Write as _, stdout};

use clap::Args;
use tokio::signal::unix::{SignalKind, signal};
use vencejo_client::{Followed, Subscription};
use vencejo_protocol::error::ErrorCode;

use crate::connect::{ConnectArgs, block_on};
use crate::console::note;
use crate::failure::Failure;
use crate::json_row::{JsonRow, write_text};

/// Follows a stream's events, or the rows that a view or query gives, on a running engine.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  vencejo tap bid_requests\n  \
    vencejo tap revenue_per_minute --connect 127.0.0.1:7443 | jq .row\n  \
    vencejo tap bid_requests --limit 10\n\n\
    Prints one JSON object per row, from now on: {\"stream\": NAME, \"row\": {...}} for an event of a stream, \
    {\"output\": NAME, \"row\": {...}} for a row of a view with windows (as each closes) or of a query, as \
    `vencejo run` does. A view without a window gives the row of a key whenever an event has changed it. The \
    engine never waits for a tap: one that does not keep up misses rows, and says \
    on standard error how many. Each partition's rows come in its order.\n\n\
    Ends with 0 on SIGINT or SIGTERM or behind --limit rows; with 1 when the engine is not there, refuses or \
    stops, or the app is replaced by one in which NAME has other columns.")]
pub struct TapArgs {
    /// The stream, view or query.
    name: String,
    #[command(flatten)]
    connect: ConnectArgs,
    /// End behind so many rows.
    #[arg(long, value_name = "N")]
    limit: Option<u64>,
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
        let subscription = client.subscribe(&args.name).await.map_err(|error| match error {
            vencejo_client::ClientError::Refused(frame) if frame.code < 300 => Failure::runtime(frame.text),
            error => Failure::from(error),
        })?;
        if subscription.is_in_parts() {
            note(format_args!("'{}' is in parts: a row is what one partition has of it", args.name));
        }
        note(format_args!("following '{}'", args.name));
        let followed = tokio::select! {
            followed = follow(args, subscription) => followed,
            _ = interrupt.recv() => Ok(()),
            _ = terminate.recv() => Ok(()),
        };
        client.close();
        followed
    })
}

async fn follow(args: &TapArgs, mut subscription: Subscription) -> Result<(), Failure> {
    let writer = JsonRow::new(subscription.schema());
    let is_stream = subscription.followed() == Some(Followed::Stream);
    let mut head = if is_stream { b"{\"stream\":".to_vec() } else { b"{\"output\":".to_vec() };
    write_text(&args.name, &mut head);
    head.extend_from_slice(b",\"row\":");
    let mut left = args.limit.unwrap_or(u64::MAX);
    while left > 0 {
        let tapped = subscription.next_rows().await.map_err(|error| match error.code() {
            Some(ErrorCode::AppChanged) => Failure::runtime(format!(
                "the app was replaced, and '{}' is gone or has other columns now; follow it anew",
                args.name
            )),
            _ => Failure::from(error),
        })?;
        let mut lines = Vec::new();
        for row in tapped.rows.iter().take(usize::try_from(left).unwrap_or(usize::MAX)) {
            lines.extend_from_slice(&head);
            writer.write(row, &mut lines);
            lines.extend_from_slice(b"}\n");
            left -= 1;
        }
        let mut out = stdout().lock();
        out.write_all(&lines).and_then(|()| out.flush()).map_err(|error| Failure::output(&error))?;
        if tapped.missed > 0 {
            note(format_args!("missed {} rows: they came faster than they were read", tapped.missed));
        }
    }
    Ok(())
}
