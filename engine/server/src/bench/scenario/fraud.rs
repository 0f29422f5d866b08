//! `vencejo bench fraud`: click floods among other clicks, and how soon each is known.

use std::time::Duration;

use bytes::BytesMut;
use clap::Args;
use vencejo_client::protocol::message::Ingest;
use vencejo_client::{AckLevel, RowWriter, StreamInfo};

use super::super::decide::connect;
use super::super::drive::{Requests, Start, drive};
use super::super::limits::REPLY_GRACE;
use super::super::report::Report;
use super::super::schedule::Schedule;
use super::super::{Bench, Options, Pace, parse_seconds};
use super::verdict::Verdict;
use super::watch::{Watch, engine_millis};
use crate::connect::ConnectArgs;
use crate::failure::Failure;
use crate::ingest::find_stream;

/// Clicks of which so many are one flood's.
const GROUP_CLICKS: u64 = 200;
/// Clicks from one address within a minute that the rule takes for a flood.
const FLOOD_CLICKS: u64 = 8;
/// A flood's clicks are so far apart.
const FLOOD_STEP: u64 = 20;
/// Addresses of honest clicks: at the highest rate none of them has [`FLOOD_CLICKS`] in a minute.
const HONEST_ADDRESSES: u64 = 2_000_000;
/// From the event to the alert where somebody follows it, 99th percentile, in milliseconds.
const ALERT_MILLIS_MAX: f64 = 100.0;
/// The same at the engine.
const ENGINE_MILLIS_MAX: f64 = 1.0;
/// Share of the floods that must be known, in percent, and of false alerts.
const FOUND_PERCENT_MIN: f64 = 99.5;
const FALSE_PERCENT_MAX: f64 = 0.1;

/// Clicks with floods among them, for the ads app's rule 'click_flood': how soon each flood is known.
#[derive(Args, Clone, Debug)]
#[command(after_help = "Example:\n  vencejo bench fraud --rate 20000 --seconds 10\n\n\
    Every 200 clicks have one flood among them: 8 clicks from one address, 20 clicks apart. Passes when 99.5 % of the \n\
    floods raise an alert and fewer than 0.1 % of the alerts are false, 99 % of them within 1 ms at the engine, and \n\
    within 100 ms of when the click was due where somebody follows the rule; else it ends with 1.")]
pub struct FraudArgs {
    #[command(flatten)]
    connect: ConnectArgs,
    /// Clicks in a second.
    #[arg(long, value_name = "R", default_value_t = 20_000,
          value_parser = clap::value_parser!(u32).range(200..=200_000))]
    rate: u32,
    /// How long to measure.
    #[arg(long, value_name = "S", default_value = "10", value_parser = parse_seconds)]
    seconds: Duration,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

/// The clicks of a run.
struct Clicks {
    stream: StreamInfo,
    columns: Columns,
    /// What this run's addresses begin with.
    run: String,
    start_millis: i64,
    rate: u64,
}

#[derive(Clone, Copy)]
struct Columns {
    click: usize,
    impression: usize,
    ip: usize,
    ts: usize,
}

impl Clicks {
    fn row(&self, place: u64) -> Vec<u8> {
        let (group, within) = (place / GROUP_CLICKS, place % GROUP_CLICKS);
        let is_flood = within.is_multiple_of(FLOOD_STEP) && within / FLOOD_STEP < FLOOD_CLICKS;
        let ip = match is_flood {
            true => format!("{}-{group}", self.run),
            false => format!("honest-{}-{}", self.run, place % HONEST_ADDRESSES),
        };
        let mut writer = RowWriter::new(self.stream.schema.columns().len());
        writer.set_str(self.columns.click, &format!("c{place}"));
        writer.set_str(self.columns.impression, &format!("i{place}"));
        writer.set_str(self.columns.ip, &ip);
        writer.set_i64(self.columns.ts, self.start_millis + (place * 1_000 / self.rate).cast_signed());
        let mut bytes = Vec::new();
        writer.finish(&self.stream.schema, &mut bytes).expect("all columns that may not be missing are set");
        bytes
    }
}

impl Requests for Clicks {
    fn append(&self, place: u64, out: &mut BytesMut) {
        let mut rows = Vec::new();
        Ingest::push_row(&mut rows, &self.row(place));
        Ingest { stream: self.stream.id, ack: Some(AckLevel::Memory), count: 1, rows: &rows }.write(0, out);
    }
}

/// When the last click of each flood is due.
fn floods(schedule: &Schedule) -> Vec<u64> {
    let last = (FLOOD_CLICKS - 1) * FLOOD_STEP;
    let places = (0..).map(|group| group * GROUP_CLICKS + last);
    places
        .take_while(|&place| place < schedule.requests_of(0))
        .map(|place| schedule.due_nanos(0, place))
        .collect()
}

/// Runs the command.
///
/// # Errors
/// When the engine is not there, lost, or serves another app; or a goal is missed.
pub async fn run_fraud(args: &FraudArgs) -> Result<(), Failure> {
    let client = args.connect.client().await?;
    let stream = find_stream(&client.welcome(), "clicks_by_ip")?;
    let column = |name: &str| {
        let found = stream.schema.position(name);
        found.ok_or_else(|| {
            Failure::runtime(format!("'clicks_by_ip' has no column '{name}': it is another app's"))
        })
    };
    let columns = Columns {
        click: column("click_id")?,
        impression: column("impression_id")?,
        ip: column("ip")?,
        ts: column("ts")?,
    };
    let start_millis = Start::now().unix_millis();
    let run = format!("flood-{start_millis}");
    let mut watch = Watch::open(&client, "click_flood", "ip", run.clone()).await?;
    let options = Options { pace: Pace::Rate(args.rate), seconds: args.seconds, connections: 1 };
    let schedule = Schedule::new(args.rate, args.seconds, 1);
    let clicks = Clicks { stream, columns, run, start_millis, rate: args.rate.into() };
    let connections = connect(args.connect.connect, &args.connect.config(), 1).await?;
    let start = Start::now();
    let floods = floods(&schedule);
    let (tally, alerted) = tokio::join!(
        drive(connections, clicks, schedule, start),
        watch.take(start, &floods, schedule.length() + REPLY_GRACE),
    );
    let (report, alerted) = (Report::new(Bench::Ingest, options, schedule, &tally?), alerted?);
    let engine = engine_millis(&client).await?;
    client.close();
    let all = floods.len() as f64;
    let mut verdict = Verdict::new("fraud");
    verdict.at_least(
        "floods that raised an alert",
        100.0 - 100.0 * alerted.missing as f64 / all,
        "%",
        FOUND_PERCENT_MIN,
    );
    verdict.at_most("false alerts", 100.0 * alerted.surplus as f64 / all, "%", FALSE_PERCENT_MAX);
    verdict.at_most("click due to alert followed, p50", alerted.millis_at(0.5), "ms", ALERT_MILLIS_MAX);
    verdict.at_most("click due to alert followed, p99", alerted.millis_at(0.99), "ms", ALERT_MILLIS_MAX);
    verdict.at_most("event in to alert out at the engine, p99", engine, "ms", ENGINE_MILLIS_MAX);
    verdict.carried("clicks", report, f64::from(args.rate), 1.0);
    verdict.show(args.json)
}
