//! `vencejo bench load`: the three phases of the ads platform's load test.

use std::time::Duration;

use clap::{Args, ValueEnum};

use super::super::drive::{Start, measure};
use super::super::made_up::{MadeUp, MadeUpBatches};
use super::super::{Bench, Options, Pace};
use super::RunArgs;
use super::verdict::Verdict;
use crate::failure::Failure;
use crate::ingest::{Level, find_stream};

/// The 99th percentile within which a batch is acknowledged, in milliseconds.
const P99_MILLIS_MAX: f64 = 10.0;

/// Events of the ads app at the rates of its load test.
#[derive(Args, Clone, Debug)]
#[command(after_help = "Example:\n  vencejo bench load --phase 2 --seconds 20\n\n\
    Phase 1: 10,000 events/s. Phase 2: 50,000 events/s, and twice as many in every fifth second. Phase 3: 100,000 \n\
    events/s. Passes when every batch is acknowledged at the rate at which they are due, 99 % within 10 ms of when \n\
    they were due; else it ends with 1. The events stay in the engine's state.")]
pub struct PhaseArgs {
    /// Which phase.
    #[arg(long, value_name = "N")]
    phase: Phase,
    #[command(flatten)]
    run: RunArgs,
    /// The stream.
    #[arg(long, value_name = "NAME", default_value = "impressions")]
    stream: String,
    /// Events of a batch.
    #[arg(long, value_name = "N", default_value_t = 10,
          value_parser = clap::value_parser!(u32).range(1..=1_000))]
    batch: u32,
    /// When a batch counts as taken in: when it is applied, or when it is on disk.
    #[arg(long, value_name = "LEVEL", default_value = "journaled")]
    ack: Level,
    /// Connections.
    #[arg(long, value_name = "C", default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..=64))]
    connections: u32,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Phase {
    #[value(name = "1")]
    Sustained,
    #[value(name = "2")]
    Spikes,
    #[value(name = "3")]
    Peak,
}

impl Phase {
    /// Events in a second; in phase 2, when there is no spike.
    fn rate(self) -> u32 {
        match self {
            Self::Sustained => 10_000,
            Self::Spikes => 50_000,
            Self::Peak => 100_000,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Sustained => "phase 1",
            Self::Spikes => "phase 2",
            Self::Peak => "phase 3",
        }
    }
}

/// Runs the command.
///
/// # Errors
/// When the engine is not there or lost, or a goal is missed.
pub async fn run_phase(args: &PhaseArgs) -> Result<(), Failure> {
    let client = args.run.connect.client().await?;
    let stream = find_stream(&client.welcome(), &args.stream)?;
    client.close();
    let rate = args.phase.rate();
    let made_up = MadeUp {
        start_millis: Start::now().unix_millis(),
        rows_per_milli: u64::from(rate / 1_000),
        ..MadeUp::default()
    };
    let batches = MadeUpBatches { made_up, stream, ack: args.ack, rows: args.batch }.checked()?;
    let requests = (rate / args.batch).max(1);
    let pace = match args.phase {
        Phase::Spikes => Pace::Spikes(requests),
        Phase::Sustained | Phase::Peak => Pace::Rate(requests),
    };
    let options =
        Options { pace, seconds: args.run.seconds, connections: args.connections, spin: Duration::ZERO };
    let connections = args.run.connections(options.connections).await?;
    let report = measure(Bench::Ingest, connections, batches, options).await?;
    let mut verdict = Verdict::new("load");
    let p99 = report.client_millis(|spread| spread.p99);
    verdict.at_most("p99 of an acknowledgement", p99, "ms", P99_MILLIS_MAX);
    let due = report.requests as f64 * f64::from(args.batch) / args.run.seconds.as_secs_f64();
    verdict.carried(args.phase.name(), report, due, f64::from(args.batch));
    verdict.show(args.run.json)
}
