//! `vencejo demo`: an engine, its clients and a load in one process, with nothing to set up and nothing
//! left behind.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::Duration;

use clap::Args;
use comfy_table::{CellAlignment, Table, presets};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Map, Value, json};
use tokio_util::sync::CancellationToken;
use vencejo_client::{Client, Config, RowWriter};
use vencejo_gateway::openrtb::{Adapter, Impression};
use vencejo_runtime::Clock;

use crate::answer::{DecisionTarget, answer_into};
use crate::app::AppSource;
use crate::bench::{self, Options, Pace, Report};
use crate::connect::block_on;
use crate::console::print;
use crate::failure::Failure;
use crate::generate::request_rows;
use crate::identity;
use crate::serve::{EngineSetup, run_engine};

const SAMPLES: &str = include_str!("../../../apps/ads/samples/bid_requests.jsonl");
/// Decisions that the table shows.
const SHOWN: usize = 12;
/// Distinct requests of the generated load.
const LOAD_ROWS: usize = 20_000;
const PARTITIONS: u32 = 4;

/// Starts an engine with the ads app, decides sample bid requests and a few seconds of load, shows the
/// floors and the latencies.
#[derive(Args, Debug)]
pub struct DemoArgs {
    /// Decisions per second of the load.
    #[arg(long, value_name = "R", default_value_t = 5_000,
          value_parser = clap::value_parser!(u32).range(1..=200_000))]
    rate: u32,
    /// Seconds of load.
    #[arg(long, value_name = "S", default_value_t = 5,
          value_parser = clap::value_parser!(u32).range(1..=600))]
    seconds: u32,
    /// Print one JSON object instead of tables.
    #[arg(long)]
    json: bool,
}

/// A sample decision: its impression and its answer.
type Sample = (Impression, Map<String, Value>);

/// Runs the command.
///
/// # Errors
/// When the engine cannot be started or stops answering.
pub fn run(args: &DemoArgs) -> Result<(), Failure> {
    let engine = Engine::start()?;
    if !args.json {
        let version = env!("CARGO_PKG_VERSION");
        print(format_args!("vencejo {version} serves apps/ads on quic={}\n", engine.address))?;
    }
    let (samples, report) = block_on(async {
        let client = Client::connect(engine.address, Config::default()).await?;
        let target = DecisionTarget::find(&client.welcome(), "floor")?;
        let report = load(args, engine.address, &target).await?;
        let samples = decide_samples(&client, &target).await?;
        client.close();
        Ok((samples, report))
    })?;
    engine.stop()?;
    show(args, &samples, &report)
}

/// An engine on a thread of its own.
struct Engine {
    address: SocketAddr,
    stop: CancellationToken,
    thread: JoinHandle<Result<(), Failure>>,
}

impl Engine {
    fn start() -> Result<Self, Failure> {
        let app = AppSource::EmbeddedAds.load()?;
        let identity = identity::ephemeral()?;
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        let (ready, address) = mpsc::channel();
        let thread = std::thread::spawn(move || {
            let quic = (Ipv4Addr::LOCALHOST, 0).into();
            let setup = EngineSetup {
                app,
                from_disk: None,
                identity,
                quic,
                partitions: PARTITIONS,
                threads: 1,
                busy_poll: false,
                memory: None,
            };
            let tell = move |address| ready.send(address).expect("the demo waits for the address");
            run_engine(setup, tell, move || stopped.cancelled_owned())
        });
        match address.recv() {
            Ok(address) => Ok(Self { address, stop, thread }),
            Err(_) => Err(join(thread).err().unwrap_or_else(|| Failure::runtime("the engine did not start"))),
        }
    }

    fn stop(self) -> Result<(), Failure> {
        self.stop.cancel();
        join(self.thread)
    }
}

fn join(thread: JoinHandle<Result<(), Failure>>) -> Result<(), Failure> {
    thread.join().unwrap_or_else(|_| Err(Failure::runtime("the engine's thread panicked")))
}

async fn load(args: &DemoArgs, address: SocketAddr, target: &DecisionTarget) -> Result<Report, Failure> {
    let rows = request_rows(target, LOAD_ROWS, 1)?;
    let seconds = Duration::from_secs(u64::from(args.seconds));
    let options = Options { pace: Pace::Rate(args.rate), seconds, connections: 1, spin: bench::SPIN_TIME };
    let bar = if args.json { ProgressBar::hidden() } else { progress_bar(args) };
    let ticks = {
        let bar = bar.clone();
        tokio::spawn(async move {
            let mut tick = tokio::time::interval(Duration::from_millis(100));
            loop {
                tick.tick().await;
                bar.set_position(bar.elapsed().as_millis().try_into().unwrap_or(u64::MAX));
            }
        })
    };
    let report = bench::run_decide(address, &Config::default(), target.decision.id, &rows, &options).await;
    ticks.abort();
    bar.finish_and_clear();
    report.map_err(Failure::from)
}

fn progress_bar(args: &DemoArgs) -> ProgressBar {
    let whole = Duration::from_secs(u64::from(args.seconds)) + bench::WARM_UP;
    let bar = ProgressBar::new(whole.as_millis().try_into().unwrap_or(u64::MAX));
    let style = ProgressStyle::with_template("{msg} {wide_bar} {percent}%").expect("the template is valid");
    bar.set_style(style);
    bar.set_message(format!("load: {} decisions/s over QUIC", args.rate));
    bar
}

async fn decide_samples(client: &Client, target: &DecisionTarget) -> Result<Vec<Sample>, Failure> {
    let clock = Clock::start();
    let now_millis = clock.tick(clock.now()).millis();
    let (mut adapter, mut writer) = (Adapter::new(), RowWriter::default());
    let mut samples = Vec::new();
    for line in SAMPLES.lines() {
        let mut line = line.as_bytes().to_vec();
        let impressions = adapter.impressions(&mut line, now_millis).map_err(Failure::runtime)?;
        for impression in impressions.into_iter().flatten() {
            let row = target.encode(&impression, &mut writer)?;
            let decided = client.decide(target.decision.id, &row, Duration::ZERO).await?;
            let mut answer = Map::new();
            answer.insert("code".to_owned(), decided.code.name().into());
            answer_into(&mut answer, &target.decision.answer, &decided.row);
            answer.insert("server_us".to_owned(), (f64::from(decided.server_nanos) / 1e3).into());
            samples.push((impression, answer));
        }
    }
    Ok(samples)
}

fn show(args: &DemoArgs, samples: &[Sample], report: &Report) -> Result<(), Failure> {
    // The last ones: by then the placements have their data points.
    let shown = &samples[samples.len().saturating_sub(SHOWN)..];
    if args.json {
        let decisions: Vec<_> = shown.iter().map(|(_, answer)| Value::Object(answer.clone())).collect();
        return print(json!({"samples": decisions, "decided": samples.len(), "load": report.to_json()}));
    }
    let (decided, requests) = (samples.len(), SAMPLES.lines().count());
    print(format_args!(
        "{decided} impressions of {requests} sample bid requests decided; the last {}:\n",
        shown.len()
    ))?;
    print(format_args!("{}\n\n{report}\n", sample_table(shown)))?;
    print(
        "Try next:\n  \
         vencejo serve --app apps/ads                                   # leave it running\n  \
         vencejo decide --openrtb apps/ads/samples/bid_requests.jsonl   # your own OpenRTB works, too\n  \
         vencejo bench decide --rate 20000 --seconds 10                 # beside: vencejo bench echo\n  \
         $EDITOR apps/ads/app.sql                                       # the floor's formula is SQL",
    )
}

fn sample_table(samples: &[Sample]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header([
        "placement",
        "country",
        "device",
        "format",
        "own floor",
        "predicted CPM",
        "floor",
        "points",
        "code",
        "us",
    ]);
    for (impression, answer) in samples {
        let text = |column: &str| match answer.get(column) {
            Some(Value::String(text)) => text.clone(),
            Some(Value::Null) | None => "-".to_owned(),
            Some(value) => value.to_string(),
        };
        let own = impression.bid_floor.map(|floor| format!("{floor} {}", impression.bid_floor_currency));
        table.add_row([
            impression.placement.clone(),
            impression.country.unwrap_or("-").to_owned(),
            impression.device_category.as_str().to_owned(),
            impression.format.map_or("-", |format| format.as_str()).to_owned(),
            own.unwrap_or_else(|| "-".to_owned()),
            format!("{} EUR", text("predicted_cpm")),
            format!("{} {}", text("floor"), text("currency")),
            text("data_points"),
            text("code"),
            text("server_us"),
        ]);
    }
    for column in [4, 5, 6, 7, 9] {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table
}
