//! The restore bench: how long a snapshot takes, what decisions feel of it, and how soon a killed engine
//! decides again.
//!
//! It starts an engine of its own, fills it with profiles, and kills it: nothing of it is left behind. A peer
//! that does the same with Redis is bench/peers/redis.

mod engine;

use std::fmt;
use std::time::Duration;

use clap::Args;
use serde_json::{Value, json};
use vencejo_client::protocol::schema::Schema;
use vencejo_client::{AckLevel, Client, Config, Producer, Row, RowWriter};
use vencejo_runtime::Clock;

use super::decide::run_decide;
use super::report::{Report, Spread};
use super::{Options, Pace, WARM_UP, parse_seconds};
use crate::answer::DecisionTarget;
use crate::connect::block_on;
use crate::console::print;
use crate::failure::Failure;
use crate::ingest::find_stream;

use engine::{Engine, Scratch, Setup};

/// Rows of a batch while profiles are made.
const BATCH_ROWS: u64 = 1_000;
/// How long a batch may take.
const PATIENCE: Duration = Duration::from_secs(60);
/// Distinct requests of a measurement.
const QUESTIONS: u64 = 20_000;
const CONTROL_TIMEOUT: Duration = Duration::from_secs(600);

/// Measures snapshots and restarts of an engine that it starts itself.
#[derive(Args, Clone, Debug)]
#[command(after_help = "Example:\n  vencejo bench restore --profiles 5000000\n\n\
    A profile is a key with four aggregates. The engine lies in the folder for temporary files, on whose disk it \n\
    depends how fast a snapshot is written.")]
pub struct RestoreArgs {
    /// Profiles.
    #[arg(long, value_name = "N", default_value_t = 1_000_000,
          value_parser = clap::value_parser!(u64).range(1..=100_000_000))]
    profiles: u64,
    /// Partitions of the engine.
    #[arg(long, value_name = "N", default_value_t = 4,
          value_parser = clap::value_parser!(u32).range(1..=1_024))]
    partitions: u32,
    /// Write snapshots with at most so many megabytes per second.
    #[arg(long, value_name = "MB", default_value_t = 100_000,
          value_parser = clap::value_parser!(u32).range(1..))]
    snapshot_rate: u32,
    /// Decisions in a second while latency is measured.
    #[arg(long, value_name = "R", default_value_t = 5_000,
          value_parser = clap::value_parser!(u32).range(1..=100_000))]
    rate: u32,
    /// How often decisions are measured without snapshots and with them, in turns.
    #[arg(long, value_name = "N", default_value_t = 5,
          value_parser = clap::value_parser!(u32).range(1..=1_000))]
    rounds: u32,
    /// How long each measurement of latency takes.
    #[arg(long, value_name = "S", default_value = "5", value_parser = parse_seconds)]
    seconds: Duration,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

/// What was found.
struct Found {
    profiles: u64,
    /// Bytes of a snapshot; how long it took while nothing else happened, and while decisions were asked for.
    bytes: u64,
    quiet: Duration,
    busy: Duration,
    /// Snapshots during the measurements.
    snapshots: u64,
    /// Medians of the rounds: without a snapshot, and during snapshots; and while pages are loaded.
    without: Latency,
    during: Latency,
    loading: Latency,
    /// From the start of the process to where it serves, and to its first answer, which is right.
    ready: Duration,
    decided: Duration,
    /// From the start of the process until all is in memory.
    loaded: Duration,
}

/// The 99th percentile, in microseconds: from due to answered, and at the engine.
#[derive(Clone, Copy)]
struct Latency {
    client: f64,
    server: f64,
}

impl Latency {
    fn of(report: &Report) -> Self {
        let micros = |spread: Option<Spread>| spread.map_or(f64::NAN, |spread| spread.p99 as f64 / 1e3);
        Self { client: micros(report.client), server: micros(report.server) }
    }

    fn median(of: &[Self]) -> Self {
        let median = |mut values: Vec<f64>| {
            values.sort_by(f64::total_cmp);
            values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
        };
        let client = median(of.iter().map(|latency| latency.client).collect());
        Self { client, server: median(of.iter().map(|latency| latency.server).collect()) }
    }
}

/// Runs the command.
///
/// # Errors
/// When the engine does not start, answers wrongly or is lost.
pub(super) fn run_restore(args: &RestoreArgs) -> Result<(), Failure> {
    let found = block_on(measure(args))?;
    if args.json { print(found.to_json()) } else { print(found) }
}

async fn measure(args: &RestoreArgs) -> Result<Found, Failure> {
    let scratch = Scratch::new(include_str!("profiles.sql"))?;
    let setup = Setup { partitions: args.partitions, rate: args.snapshot_rate };
    let clock = Clock::start();
    let engine = Engine::start(&scratch, setup)?;
    let client = Client::connect(engine.address, Config::default()).await?;
    fill(&client, args.profiles).await?;
    let (quiet, bytes) = snapshot(&client).await?;
    let (mut without, mut during) = (Vec::new(), Vec::new());
    let (mut busy, mut snapshots) = (Duration::ZERO, 0);
    for _ in 0..args.rounds {
        without.push(Latency::of(&decide(args, &engine).await?));
        let (report, taken) = tokio::join!(decide(args, &engine), snapshots_for(&client, clock, args));
        during.push(Latency::of(&report?));
        let (took, count) = taken?;
        (busy, snapshots) = (busy + took, snapshots + count);
    }
    drop(engine);

    let began = clock.now();
    let engine = Engine::start(&scratch, setup)?;
    let ready = clock.now().since(began);
    let client = Client::connect(engine.address, Config::default()).await?;
    check(&client, args.profiles / 2).await?;
    let decided = clock.now().since(began);
    engine.wait_until_loaded()?;
    let loaded = clock.now().since(began);
    drop(engine);

    let engine = Engine::start(&scratch, setup)?;
    let loading = Latency::of(&decide(args, &engine).await?);
    let (without, during) = (Latency::median(&without), Latency::median(&during));
    let busy = busy / u32::try_from(snapshots).unwrap_or(u32::MAX).max(1);
    let profiles = args.profiles;
    Ok(Found { profiles, bytes, quiet, busy, snapshots, without, during, loading, ready, decided, loaded })
}

fn amount(user: u64) -> f64 {
    user as f64 / 4.0
}

/// One purchase of every user.
async fn fill(client: &Client, profiles: u64) -> Result<(), Failure> {
    let stream = find_stream(&client.welcome(), "purchases")?;
    let schema = stream.schema.clone();
    let mut producer = Producer::new(client.clone(), stream, (1, 0), Some(AckLevel::Memory), PATIENCE);
    let (mut rows, mut next) = (Vec::new(), 0);
    while next < profiles {
        rows.clear();
        for user in next..profiles.min(next + BATCH_ROWS) {
            let (mut writer, mut bytes) = (RowWriter::new(3), Vec::new());
            writer.set_i64(0, user.cast_signed());
            writer.set_f64(1, amount(user));
            writer.set_i64(2, 1_790_000_000_000 + user.cast_signed());
            writer.finish(&schema, &mut bytes).map_err(Failure::runtime)?;
            rows.push(bytes);
        }
        producer.send(rows.iter().map(Vec::as_slice)).await?;
        next += rows.len() as u64;
    }
    Ok(())
}

/// Has a snapshot taken: how long it took, and its bytes.
async fn snapshot(client: &Client) -> Result<(Duration, u64), Failure> {
    let answer = client.control("snapshot.create", "{}", &[], CONTROL_TIMEOUT).await?;
    let answer: Value = serde_json::from_str(&answer).map_err(Failure::runtime)?;
    let number = |field: &str| answer[field].as_u64().ok_or_else(|| Failure::runtime(format!("no {field}")));
    Ok((Duration::from_millis(number("millis")?), number("bytes")?))
}

/// Takes snapshots, one behind the other, as long as decisions are measured: how long all took, and how many
/// there were.
async fn snapshots_for(
    client: &Client,
    clock: Clock,
    args: &RestoreArgs,
) -> Result<(Duration, u64), Failure> {
    let began = clock.now();
    let (mut all, mut count) = (Duration::ZERO, 0);
    while count == 0 || clock.now().since(began) < WARM_UP + args.seconds {
        all += snapshot(client).await?.0;
        count += 1;
    }
    Ok((all, count))
}

fn question(schema: &Schema, user: u64) -> Result<Vec<u8>, Failure> {
    let (mut writer, mut bytes) = (RowWriter::new(1), Vec::new());
    writer.set_i64(0, user.cast_signed());
    writer.finish(schema, &mut bytes).map_err(Failure::runtime)?;
    Ok(bytes)
}

/// Measures decisions about users all over the place.
async fn decide(args: &RestoreArgs, engine: &Engine) -> Result<Report, Failure> {
    let client = Client::connect(engine.address, Config::default()).await?;
    let target = DecisionTarget::find(&client.welcome(), "profile")?;
    client.close();
    let user = |number: u64| number.wrapping_mul(0x9e37_79b9_7f4a_7c15) % args.profiles;
    let rows = (0..QUESTIONS).map(|number| question(&target.requests, user(number)));
    let rows = rows.collect::<Result<Vec<_>, _>>()?;
    // A processor that a sender keeps is one that the thread of the snapshots does not have.
    let spin = Duration::ZERO;
    let options = Options { pace: Pace::Rate(args.rate), seconds: args.seconds, connections: 1, spin };
    let report = run_decide(engine.address, &Config::default(), target.decision.id, &rows, &options).await?;
    if report.errors_total() > 0 {
        return Err(Failure::runtime(format!("{} decisions had no answer", report.errors_total())));
    }
    Ok(report)
}

/// That a decision knows a user.
async fn check(client: &Client, user: u64) -> Result<(), Failure> {
    let target = DecisionTarget::find(&client.welcome(), "profile")?;
    let asked = question(&target.requests, user)?;
    let decided = client.decide(target.decision.id, &asked, Duration::ZERO).await?;
    let row = Row::parse(&target.decision.answer, &decided.row).map_err(Failure::runtime)?;
    let known = !row.is_null(1) && (row.i64(0), row.f64(1)) == (1, amount(user));
    if known { Ok(()) } else { Err(Failure::runtime(format!("the engine has lost user {user}"))) }
}

impl Found {
    fn to_json(&self) -> Value {
        let millis = |time: Duration| time.as_secs_f64() * 1e3;
        let p99 = |Latency { client, server }| json!({"client_us": client, "server_us": server});
        json!({
            "bench": "restore", "profiles": self.profiles, "snapshot_bytes": self.bytes,
            "snapshot_ms": millis(self.quiet), "snapshot_under_load_ms": millis(self.busy), "snapshots": self.snapshots,
            "p99_without": p99(self.without), "p99_during_snapshots": p99(self.during),
            "p99_while_loading": p99(self.loading),
            "start_to_ready_ms": millis(self.ready), "start_to_decision_ms": millis(self.decided),
            "start_to_loaded_ms": millis(self.loaded),
        })
    }
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = |time: Duration| time.as_secs_f64();
        let millions = |time: Duration| self.profiles as f64 / 1e6 / seconds(time);
        let megabytes = self.bytes as f64 / 1e6;
        writeln!(f, "{} profiles, a snapshot of {megabytes:.0} MB", self.profiles)?;
        let (quiet, busy) = (seconds(self.quiet), seconds(self.busy));
        writeln!(
            f,
            "snapshot            {quiet:.2} s ({:.1} M profiles/s), {busy:.2} s beside decisions",
            millions(self.quiet)
        )?;
        writeln!(f, "start to ready      {:.0} ms", seconds(self.ready) * 1e3)?;
        writeln!(f, "start to decision   {:.0} ms", seconds(self.decided) * 1e3)?;
        writeln!(
            f,
            "start to all loaded {:.2} s ({:.1} M profiles/s)",
            seconds(self.loaded),
            millions(self.loaded)
        )?;
        let Self { without, during, loading, snapshots, .. } = self;
        writeln!(f, "\np99 in us                     client      server       ratios")?;
        writeln!(f, "without a snapshot      {:>12.1}{:>12.1}", without.client, without.server)?;
        for (what, latency) in
            [(format!("during {snapshots} snapshots"), during), ("while loading".to_owned(), loading)]
        {
            let ratios = (latency.client / without.client, latency.server / without.server);
            writeln!(
                f,
                "{what:<24}{:>12.1}{:>12.1}  {:.2} and {:.2}",
                latency.client, latency.server, ratios.0, ratios.1
            )?;
        }
        Ok(())
    }
}
