//! `vencejo bench fleet`: vehicles that send what they kept while they had no connection, and panic buttons
//! meanwhile.

use std::time::Duration;

use bytes::BytesMut;
use clap::Args;
use vencejo_client::{AckLevel, Client, RowWriter, StreamInfo};

use super::super::drive::{Requests, Start, measure};
use super::super::made_up::{MadeUp, MadeUpBatches};
use super::super::report::Report;
use super::super::schedule::Schedule;
use super::super::{Bench, Options, Pace, SPIN_TIME};
use super::verdict::Verdict;
use super::watch::{Alerted, Watch};
use super::{CARRIED_SHARE_MIN, RunArgs, append_row, places};
use crate::failure::Failure;
use crate::ingest::{Level, find_stream};

/// Messages that a vehicle sends at once when it is connected again.
const BACK_FILL_ROWS: u32 = 60;
/// Such batches that each connection has under way.
const BACK_FILL_IN_FLIGHT: u32 = 4;
/// Messages of a batch while all vehicles are connected.
const LIVE_ROWS: u32 = 10;
/// Messages in a second that the fleet sends then.
const LIVE_PER_SECOND: u32 = 5_000;
/// From when a panic button was pressed to where somebody follows the rule, 99th percentile, in
/// milliseconds.
const PANIC_MILLIS_MAX: f64 = 2_000.0;

/// A fleet that comes back from an outage, and panic buttons that must overtake what it kept.
#[derive(Args, Clone, Debug)]
#[command(after_help = "Example:\n  vencejo bench fleet --vehicles 5000 --seconds 10\n\n\
    First the vehicles send what they kept, as fast as the engine takes it; then 5,000 messages/s. Each part takes \n\
    --seconds; panic buttons are pressed all the while. Passes when every message is acknowledged, each panic raises \n\
    its one alert, and 99 % of the alerts are there within 2 s of when the button was pressed; else it ends with 1.")]
pub struct FleetArgs {
    #[command(flatten)]
    run: RunArgs,
    /// Vehicles.
    #[arg(long, value_name = "N", default_value_t = 5_000,
          value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    vehicles: u32,
    /// Panic buttons that are pressed in a second, each in another vehicle.
    #[arg(long, value_name = "R", default_value_t = 50,
          value_parser = clap::value_parser!(u32).range(1..=1_000))]
    panics: u32,
    /// Connections over which the vehicles' messages come.
    #[arg(long, value_name = "C", default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..=64))]
    connections: u32,
}

/// Panic buttons, one after the other.
struct Panics {
    stream: StreamInfo,
    /// Of the vehicle, the time, the kind of event and its severity.
    columns: [usize; 4],
    /// What this part's vehicles begin with.
    name: String,
    start_millis: i64,
    rate: u64,
}

impl Requests for Panics {
    fn append(&self, place: u64, out: &mut BytesMut) {
        let [vehicle, ts, event_type, severity] = self.columns;
        let mut writer = RowWriter::new(self.stream.schema.columns().len());
        writer.set_str(vehicle, &format!("{}-{place}", self.name));
        writer.set_i64(ts, self.start_millis + (place * 1_000 / self.rate).cast_signed());
        writer.set_str(event_type, "panic_button");
        writer.set_str(severity, "critical");
        append_row(&self.stream, AckLevel::Journaled, &mut writer, out);
    }
}

/// One part of the bench: what carries the fleet's messages, and what became of the panics.
struct Part {
    telemetry: Report,
    panics: Report,
    alerted: Alerted,
}

/// Runs the command.
///
/// # Errors
/// When the engine is not there, lost, or serves another app; or a goal is missed.
pub async fn run_fleet(args: &FleetArgs) -> Result<(), Failure> {
    let client = args.run.connect.client().await?;
    let burst = run_part(args, &client, Pace::InFlight(BACK_FILL_IN_FLIGHT), BACK_FILL_ROWS).await?;
    let live = run_part(args, &client, Pace::Rate(LIVE_PER_SECOND / LIVE_ROWS), LIVE_ROWS).await?;
    client.close();
    let mut verdict = Verdict::new("fleet");
    let live_per_second = f64::from(LIVE_PER_SECOND);
    for (part, rows) in [(&burst, BACK_FILL_ROWS), (&live, LIVE_ROWS)] {
        verdict.at_least(
            "messages taken in",
            part.telemetry.achieved * f64::from(rows),
            "/s",
            CARRIED_SHARE_MIN * live_per_second,
        );
        verdict.at_most("panics without an alert", part.alerted.missing as f64, "", 0.0);
        verdict.at_most("alerts besides", part.alerted.surplus as f64, "", 0.0);
        verdict.at_most(
            "panic pressed to alert followed, p50",
            part.alerted.millis_at(0.5),
            "ms",
            PANIC_MILLIS_MAX,
        );
        verdict.at_most(
            "panic pressed to alert followed, p99",
            part.alerted.millis_at(0.99),
            "ms",
            PANIC_MILLIS_MAX,
        );
    }
    verdict.answered("back-fill", burst.telemetry);
    verdict.answered("panics during it", burst.panics);
    verdict.answered("live", live.telemetry);
    verdict.answered("panics besides", live.panics);
    verdict.show(args.run.json)
}

async fn run_part(args: &FleetArgs, client: &Client, pace: Pace, rows: u32) -> Result<Part, Failure> {
    let start_millis = Start::now().unix_millis();
    let name = format!("panic-{start_millis}");
    let mut watch = Watch::open(client, "panic", "vehicle_id", name.clone()).await?;
    let stream = find_stream(&client.welcome(), "emergency")?;
    let columns = places(&stream, ["vehicle_id", "ts", "event_type", "severity"])?;
    let panics = Panics { stream, columns, name, start_millis, rate: args.panics.into() };
    let made_up = MadeUp { keys: args.vehicles.into(), start_millis, rows_per_milli: 5, ..MadeUp::default() };
    let stream = find_stream(&client.welcome(), "telemetry")?;
    let messages = MadeUpBatches { made_up, stream, ack: Level::Journaled, rows }.checked()?;
    let vehicles = args.run.connections(args.connections).await?;
    let emergencies = args.run.connections(1).await?;
    let seconds = args.run.seconds;
    let of_messages = Options { pace, seconds, connections: args.connections, spin: Duration::ZERO };
    let of_panics = Options { pace: Pace::Rate(args.panics), seconds, connections: 1, spin: SPIN_TIME };
    let pressed = |schedule: &Schedule| {
        (0..schedule.requests_of(0)).map(|place| schedule.due_nanos(0, place)).collect()
    };
    let (telemetry, followed) = tokio::join!(
        measure(Bench::Ingest, vehicles, messages, of_messages),
        watch.drive(emergencies, panics, of_panics, pressed),
    );
    let (panics, alerted) = followed?;
    Ok(Part { telemetry: telemetry?, panics, alerted })
}
