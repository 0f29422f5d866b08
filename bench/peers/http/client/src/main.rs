//! An open-loop load over HTTP/1.1: request `k` is due `k / rate` after the start, whatever became of those
//! before it, and its latency runs from when it was due. So it measures as `vencejo bench decide` does.
//!
//! It knows nothing of what it sends: the lines of a file are bodies of POST requests, sent in turn. No TLS,
//! no pipelining, no chunked replies.
#![forbid(unsafe_code)]

mod http;
mod load;
mod report;
mod schedule;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;

use load::measure;
use schedule::Schedule;

/// Sends the lines of a file as POST requests, at a rate that does not depend on the replies.
#[derive(Debug, Parser)]
#[command(
    after_help = "Prints one JSON object, times in microseconds. Ends with 1 when nothing was answered."
)]
struct Cli {
    /// The server.
    #[arg(long, value_name = "ADDR")]
    connect: SocketAddr,
    /// The path of the requests.
    #[arg(long, value_name = "PATH")]
    path: String,
    /// The bodies, one per line, sent in turn.
    #[arg(long, value_name = "FILE")]
    bodies: PathBuf,
    /// Requests in a second, over all connections.
    #[arg(long, value_name = "R", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    rate: u32,
    /// How long to measure, after a warm-up of 1 s in the same way.
    #[arg(long, value_name = "S", default_value_t = 5,
          value_parser = clap::value_parser!(u32).range(1..=3_600))]
    seconds: u32,
    /// Connections that are kept alive. Each has one request under way; while all have, the next ones wait,
    /// and their latency grows.
    #[arg(long, value_name = "C", default_value_t = 32,
          value_parser = clap::value_parser!(u32).range(1..=1_024))]
    connections: u32,
}

fn main() -> ExitCode {
    match run(&Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            eprintln!("bench-http: {reason}");
            ExitCode::FAILURE
        }
    }
}

fn run(cli: &Cli) -> Result<(), String> {
    let requests: Vec<Vec<u8>> = bodies(&cli.bodies)?
        .iter()
        .map(|body| http::post(&cli.connect.to_string(), &cli.path, body.as_bytes()))
        .collect();
    let schedule = Schedule::new(cli.rate, Duration::from_secs(cli.seconds.into()));
    let tally = measure(cli.connect, &requests, &schedule, cli.connections)?;
    println!("{}", report::to_json(&tally, &schedule, cli.connections));
    if tally.answered == 0 {
        let failures: Vec<&str> = tally.failures.keys().map(String::as_str).collect();
        return Err(format!("no request was answered ({}); is the path right?", failures.join(", ")));
    }
    Ok(())
}

fn bodies(path: &Path) -> Result<Vec<String>, String> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| format!("{} cannot be read: {error}", path.display()))?;
    let lines: Vec<String> = text.lines().map(str::to_owned).collect();
    if lines.is_empty() {
        return Err(format!("{} has no line; give a file with a body per line", path.display()));
    }
    Ok(lines)
}
