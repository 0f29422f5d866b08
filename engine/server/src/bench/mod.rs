//! `vencejo bench`: latency under an open loop, of decisions and, to compare, of the bare transport.
//!
//! Request `k` of a run is due `k / rate` after the start, whatever became of the requests before it, and
//! its latency runs from when it was due, not from when it was sent. So a stall, of the server or of the
//! bench, shows in every request that was due meanwhile (no coordinated omission). Requests that fall due
//! together go out together. After the last one, replies have two seconds; the rest is lost, and said so.
//!
//! One thread does it all: the transport's own tasks, and for each connection a task that sends and one
//! that receives. Use a current_thread runtime, as [`crate::connect::block_on`] does. A sender that is far
//! from its due time sleeps; for the last two milliseconds it yields in a loop, because waking takes tens of
//! microseconds, which is as long as a decision takes. tokio wakes a task that has yielded only after it has
//! run all that is ready and looked for input, so a spinning sender delays nobody: a turn of the loop is one
//! `epoll_wait` that does not block. It keeps one core busy and leaves the others to the server; on a
//! machine with a single core, or with an engine of as many threads as cores (its journal and its
//! snapshots have some, too), it takes the server's time and the latencies show that. `--spin 0` leaves it
//! to timers.
//! How late each request was sent is a column of the report: what stands there is the bench's doing. Batches
//! of `bench load`, whose acknowledgements wait for a disk, and `bench restore` go by timers alone.
//!
//! With `--in-flight` the loop is closed instead: a connection has so many requests under way, and each
//! reply sends the next. It tells how much a server takes and what a request costs alone, not how long users
//! would wait.
//!
//! `bench echo` sends frames of the same sizes with the same code and the same transport settings to a
//! child process that answers each with zeros: what remains of a decision's latency when the engine is
//! taken away.
//!
//! `bench restore` measures snapshots and restarts of an engine that it starts itself.
//!
//! `bench ingest` hands over batches of made-up rows of any stream, always in a closed loop.
//!
//! `bench bid`, `load`, `fraud` and `fleet` are loads of the apps, each with the numbers it must keep to.
//!
//! What is sent is not this module's business: [`run_decide`] takes rows of any decision's stream, of which
//! the command has them from the generator of ad traffic.

use std::io::{Write as _, stdout};
use std::time::Duration;

use clap::{Args, Subcommand};

use crate::answer::DecisionTarget;
use crate::connect::{ConnectArgs, block_on};
use crate::failure::Failure;
use crate::generate::request_rows;

mod alarm;
mod closed;
mod decide;
mod drive;
mod echo;
mod in_flight;
mod ingest;
mod keys;
mod limits;
mod made_up;
mod report;
mod restore;
mod scenario;
mod schedule;
mod tally;

pub use decide::run_decide;
pub use limits::{SPIN_TIME, WARM_UP};
pub use report::Report;

use echo::{EchoArgs, EchoServerArgs, run_echo, run_echo_server};
use ingest::{IngestArgs, run_ingest};
use keys::Keys;
use limits::{CONNECTIONS_MAX, IN_FLIGHT_MAX, RATE_PER_SECOND_MAX, RUN_TIME_MAX, SPIN_MICROS};
use restore::{RestoreArgs, run_restore};
use scenario::{BidArgs, FleetArgs, FraudArgs, PhaseArgs, run_bid, run_fleet, run_fraud, run_phase};

/// Distinct requests of `bench decide`.
const DECIDE_ROWS: usize = 20_000;
/// The seed they are generated from.
const DECIDE_SEED: u64 = 1;

/// Measures latency and throughput.
#[derive(Args, Debug)]
pub struct BenchArgs {
    #[command(subcommand)]
    bench: BenchCommand,
}

#[derive(Debug, Subcommand)]
enum BenchCommand {
    Decide(DecideArgs),
    Echo(EchoArgs),
    Ingest(IngestArgs),
    Restore(RestoreArgs),
    Bid(BidArgs),
    Load(PhaseArgs),
    Fraud(FraudArgs),
    Fleet(FleetArgs),
    #[command(hide = true)]
    EchoServer(EchoServerArgs),
}

/// Measures the decisions of a running engine, with requests of generated ad traffic.
#[derive(Args, Clone, Debug)]
#[command(after_help = "Examples:\n  vencejo bench decide --rate 5000 --seconds 5\n  \
    vencejo bench decide --connect 127.0.0.1:7443 --rate 50000 --seconds 10 --connections 4 --json\n\n\
    Latencies run from when a request was due, not from when it was sent.")]
pub struct DecideArgs {
    #[command(flatten)]
    connect: ConnectArgs,
    /// The decision to ask for.
    #[arg(long, value_name = "NAME", default_value = "floor")]
    decision: String,
    /// Only requests whose key's partition is served where the connection leads to, or only the others:
    /// what a hop to another thread of the engine costs. Of an engine with `--threads`.
    #[arg(long, value_name = "WHERE", default_value = "all")]
    keys: Keys,
    #[command(flatten)]
    load: LoadArgs,
}

/// How much to send, and how to say what came of it.
#[derive(Args, Clone, Copy, Debug)]
struct LoadArgs {
    /// Requests in a second, over all connections.
    #[arg(long, value_name = "R", default_value_t = 5_000,
          value_parser = clap::value_parser!(u32).range(1..=i64::from(RATE_PER_SECOND_MAX)))]
    rate: u32,
    /// Instead of a rate: keep so many requests of each connection under way.
    #[arg(long, value_name = "N", conflicts_with = "rate",
          value_parser = clap::value_parser!(u32).range(1..=IN_FLIGHT_MAX as i64))]
    in_flight: Option<u32>,
    /// How long to measure. A warm-up of 1 s in the same way comes before it, unless this is below 1.
    #[arg(long, value_name = "S", default_value = "5", value_parser = parse_seconds)]
    seconds: Duration,
    /// Connections, each with one stream; requests take turns over them.
    #[arg(long, value_name = "C", default_value_t = 1,
          value_parser = clap::value_parser!(u32).range(1..=i64::from(CONNECTIONS_MAX)))]
    connections: u32,
    /// For so many microseconds before a request is due its sender spins, as a timer would wake it tens of
    /// them late. With 0 it leaves its processor to the engine: right on few cores, where the engine's own
    /// times are looked at.
    #[arg(long, value_name = "MICROS", default_value_t = SPIN_MICROS,
          value_parser = clap::value_parser!(u64).range(0..=SPIN_MICROS))]
    spin: u64,
    /// Print one JSON object instead of the table.
    #[arg(long)]
    json: bool,
}

impl LoadArgs {
    fn options(&self) -> Options {
        let pace = self.in_flight.map_or(Pace::Rate(self.rate), Pace::InFlight);
        let spin = Duration::from_micros(self.spin);
        Options { pace, seconds: self.seconds, connections: self.connections, spin }
    }
}

/// When requests are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// So many in a second, over all connections, whatever becomes of them: an open loop.
    Rate(u32),
    /// The same, and twice as many in every fifth second.
    Spikes(u32),
    /// Each connection has so many under way: a closed loop.
    InFlight(u32),
}

/// What a run is asked to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// When requests are sent.
    pub pace: Pace,
    /// How long to measure, without the warm-up.
    pub seconds: Duration,
    /// Connections, from 1.
    pub connections: u32,
    /// For how long before a request is due its sender spins.
    pub spin: Duration,
}

/// Which bench a report is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bench {
    Decide,
    Echo,
    Ingest,
}

impl Bench {
    const fn name(self) -> &'static str {
        match self {
            Self::Decide => "decide",
            Self::Echo => "echo",
            Self::Ingest => "ingest",
        }
    }
}

/// Runs the command.
///
/// # Errors
/// When the server cannot be reached or is lost meanwhile. When requests were not sent or had no reply,
/// the report is printed, but it is no measurement, and that is an error, too.
pub fn run(args: &BenchArgs) -> Result<(), Failure> {
    match &args.bench {
        BenchCommand::Decide(args) => show(&block_on(measure_decide(args))?, args.load.json),
        BenchCommand::Echo(args) => show(&run_echo(args)?, args.load.json),
        BenchCommand::Ingest(args) => show(&block_on(run_ingest(args))?, args.load.json),
        BenchCommand::Restore(args) => run_restore(args),
        BenchCommand::Bid(args) => block_on(run_bid(args)),
        BenchCommand::Load(args) => block_on(run_phase(args)),
        BenchCommand::Fraud(args) => block_on(run_fraud(args)),
        BenchCommand::Fleet(args) => block_on(run_fleet(args)),
        BenchCommand::EchoServer(args) => run_echo_server(*args),
    }
}

async fn measure_decide(args: &DecideArgs) -> Result<Report, Failure> {
    let client = args.connect.client().await?;
    let target = DecisionTarget::find(&client.welcome(), &args.decision)?;
    client.close();
    let rows = request_rows(&target, DECIDE_ROWS, DECIDE_SEED)?;
    let ConnectArgs { connect, .. } = args.connect;
    let rows = args.keys.chosen(rows, &target, connect, &args.connect.config()).await?;
    Ok(run_decide(connect, &args.connect.config(), target.decision.id, &rows, &args.load.options()).await?)
}

/// Prints a report on standard output.
fn show(report: &Report, json: bool) -> Result<(), Failure> {
    let text = if json { report.to_json().to_string() } else { report.to_string() };
    writeln!(stdout(), "{text}").map_err(Failure::runtime)?;
    report.shortfall().map_or(Ok(()), |shortfall| Err(Failure::runtime(shortfall)))
}

fn parse_seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| format!("'{text}' is not a number of seconds"))?;
    let time = Duration::try_from_secs_f64(seconds).unwrap_or_default();
    if time.is_zero() || time > RUN_TIME_MAX {
        return Err(format!("a run lasts more than 0 and at most {} seconds", RUN_TIME_MAX.as_secs()));
    }
    Ok(time)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_are_bounded() {
        for (text, expected) in [("5", 5_000), ("0.25", 250), ("3600", 3_600_000)] {
            assert_eq!(parse_seconds(text), Ok(Duration::from_millis(expected)), "{text}");
        }
        for text in ["0", "-1", "3600.1", "NaN", "inf", "1e300", "five", ""] {
            assert!(parse_seconds(text).is_err(), "{text}");
        }
    }
}
