//! `vencejo bench fraud`: click floods among other clicks, and how soon each is known.

use bytes::BytesMut;
use clap::Args;
use vencejo_client::{AckLevel, RowWriter, StreamInfo};

use super::super::drive::{Requests, Start};
use super::super::schedule::Schedule;
use super::super::{Options, Pace, SPIN_TIME};
use super::verdict::Verdict;
use super::watch::{Watch, engine_millis};
use super::{RunArgs, append_row, places};
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
    run: RunArgs,
    /// Clicks in a second.
    #[arg(long, value_name = "R", default_value_t = 20_000,
          value_parser = clap::value_parser!(u32).range(200..=200_000))]
    rate: u32,
}

/// The clicks of a run.
struct Clicks {
    stream: StreamInfo,
    /// Of the click, its impression, the address and the time.
    columns: [usize; 4],
    /// What this run's addresses begin with.
    run: String,
    start_millis: i64,
    rate: u64,
}

impl Requests for Clicks {
    fn append(&self, place: u64, out: &mut BytesMut) {
        let (group, within) = (place / GROUP_CLICKS, place % GROUP_CLICKS);
        let is_flood = within.is_multiple_of(FLOOD_STEP) && within / FLOOD_STEP < FLOOD_CLICKS;
        let address = match is_flood {
            true => format!("{}-{group}", self.run),
            false => format!("honest-{}-{}", self.run, place % HONEST_ADDRESSES),
        };
        let [click, impression, ip, ts] = self.columns;
        let mut writer = RowWriter::new(self.stream.schema.columns().len());
        writer.set_str(click, &format!("c{place}"));
        writer.set_str(impression, &format!("i{place}"));
        writer.set_str(ip, &address);
        writer.set_i64(ts, self.start_millis + (place * 1_000 / self.rate).cast_signed());
        append_row(&self.stream, AckLevel::Memory, &mut writer, out);
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
    let client = args.run.connect.client().await?;
    let stream = find_stream(&client.welcome(), "clicks_by_ip")?;
    let columns = places(&stream, ["click_id", "impression_id", "ip", "ts"])?;
    let start_millis = Start::now().unix_millis();
    let run = format!("flood-{start_millis}");
    let mut watch = Watch::open(&client, "click_flood", "ip", run.clone()).await?;
    let clicks = Clicks { stream, columns, run, start_millis, rate: args.rate.into() };
    let options =
        Options { pace: Pace::Rate(args.rate), seconds: args.run.seconds, connections: 1, spin: SPIN_TIME };
    let connection = args.run.connections(1).await?;
    let (report, alerted) = watch.drive(connection, clicks, options, floods).await?;
    let engine = engine_millis(&client).await?;
    client.close();
    let all = alerted.cases as f64;
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
    verdict.show(args.run.json)
}
