//! How much a decision costs beside the bare transport: starts an engine, then runs `vencejo bench decide`
//! and `vencejo bench echo` in turns, so that both meet the same machine, and compares their latencies.
//!
//! What is measured and how is the business of `vencejo bench`. This program alternates, compares, judges
//! and writes it down.
#![forbid(unsafe_code)]

mod binary;
mod engine;
mod machine;
mod report;
mod sample;
mod section;
mod swap;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use engine::Engine;
use report::{Report, Round};
use sample::{Load, measure_decide, measure_echo};

/// Most rounds of one run.
const ROUNDS_MAX: i64 = 1_000;

/// Compares the latency of decisions with that of the bare transport, in alternating rounds.
#[derive(Debug, Parser)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "Examples:\n  cargo run --release -p bench-load\n  \
    cargo run --release -p bench-load -- --rate 20000 --seconds 10 --rounds 9 --out report.md\n\n\
    Ends with 1 when a goal is missed or nothing could be measured."
)]
struct Cli {
    /// Requests in a second, of either bench.
    #[arg(long, value_name = "R", default_value_t = 5_000)]
    rate: u32,
    /// How long each measurement takes, its warm-up not counted.
    #[arg(long, value_name = "S", default_value_t = 5.0)]
    seconds: f64,
    /// Connections of either bench.
    #[arg(long, value_name = "C", default_value_t = 1)]
    connections: u32,
    /// How often each bench runs.
    #[arg(long, value_name = "N", default_value_t = 5,
          value_parser = clap::value_parser!(u32).range(1..=ROUNDS_MAX))]
    rounds: u32,
    /// The program to measure; the workspace's own, built if need be, where not given.
    #[arg(long, value_name = "PATH")]
    vencejo: Option<PathBuf>,
    /// The app to serve; the workspace's apps/ads where not given.
    #[arg(long, value_name = "DIR")]
    app: Option<PathBuf>,
    /// Write the report to this file, too; of a file that has other reports only its own is replaced.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Only report: a missed goal is no failure.
    #[arg(long)]
    no_fail: bool,
    #[command(subcommand)]
    mode: Option<Mode>,
}

#[derive(Debug, Subcommand)]
enum Mode {
    Swap(swap::SwapArgs),
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let met = match &cli.mode {
        None => run(&cli, &root).map(|report| report.goals_met()),
        Some(Mode::Swap(args)) => swap::run(args, &root, &command_line()),
    };
    match met {
        Ok(met) if met || cli.no_fail => ExitCode::SUCCESS,
        Ok(_) => {
            eprintln!("bench-load: a goal is missed; the report above says which");
            ExitCode::FAILURE
        }
        Err(reason) => {
            eprintln!("bench-load: {reason}");
            ExitCode::FAILURE
        }
    }
}

/// Measures, prints and writes the report.
fn run(cli: &Cli, root: &Path) -> Result<Report, String> {
    let program = match &cli.vencejo {
        Some(path) => path.clone(),
        None => binary::build(root)?,
    };
    let app = cli.app.clone().unwrap_or_else(|| root.join("apps/ads"));
    let load = Load { rate: cli.rate, seconds: cli.seconds, connections: cli.connections };
    let mut engine = Engine::start(&program, &app)?;
    let rounds = measure(&program, &engine, load, cli.rounds);
    let stopped = engine.stop();
    let report = Report { command: command_line(), machine: machine::describe(), load, rounds: rounds? };
    stopped?;
    let text = report.to_markdown();
    print!("{text}");
    if let Some(path) = &cli.out {
        section::write(path, "decision", &text)?;
    }
    Ok(report)
}

/// Runs the benches in turns. The echo's frames have the sizes of that round's decisions.
fn measure(program: &Path, engine: &Engine, load: Load, rounds: u32) -> Result<Vec<Round>, String> {
    let mut measured = Vec::new();
    for round in 1..=rounds {
        let decide = measure_decide(program, engine.address(), load)?;
        let echo = measure_echo(program, decide.frame_bytes, load)?;
        let (decide_p99, echo_p99) = (decide.client.p99, echo.client.p99);
        eprintln!("round {round} of {rounds}: p99 {decide_p99:.1} us decide, {echo_p99:.1} us echo");
        measured.push(Round { decide, echo });
    }
    Ok(measured)
}

fn command_line() -> String {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    format!("cargo run --release -p bench-load -- {}", arguments.join(" "))
        .trim_end_matches([' ', '-'])
        .to_owned()
}
