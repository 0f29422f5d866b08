//! `vencejo serve`: an engine until it is told to stop.

use std::io::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use serde_json::json;
use tokio::signal::unix::{SignalKind, signal};
use vencejo_core::models::ModelVersion;
use vencejo_core::plan::App;
use vencejo_core::plan::flow::Operator;
use vencejo_gateway::{BindError, Gateway, Identity};
use vencejo_runtime::{Snapshots, start_recovered};
use vencejo_types::limits::PARTITIONS_MAX;

use crate::app::{AppSource, Planned, archive, compile_models};
use crate::connect::parse_address;
use crate::console::note;
use crate::control::{Commands, Memory};
use crate::failure::Failure;
use crate::identity;
use crate::quantity::parse_time;
use crate::recover::{FromDisk, recover};
use crate::reserve::Reserve;
use crate::snapshot::SnapshotArgs;
use crate::text_list::named;

/// What `--journal-lag` may be.
const LAG_MIN: Duration = Duration::from_millis(1);
const LAG_MAX: Duration = Duration::from_secs(3_600);

/// Serves an app.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  vencejo serve --app apps/ads\n  \
    vencejo serve --app apps/ads --quic 127.0.0.1:0 --partitions 8 --data /var/lib/vencejo")]
pub struct ServeArgs {
    /// The app folder (app.sql and the model files it names). What was deployed over it since is served
    /// instead, as long as the folder has not changed.
    #[arg(long, value_name = "DIR")]
    app: PathBuf,
    /// Where to listen for QUIC (UDP); port 0 takes a free one.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:7443", value_parser = parse_address)]
    quic: SocketAddr,
    /// Number of partitions: the units of state and order.
    #[arg(long, value_name = "N", default_value_t = 4,
          value_parser = clap::value_parser!(u32).range(1..=i64::from(PARTITIONS_MAX)))]
    partitions: u32,
    /// Threads that the partitions are spread over. Each serves the network at a port of its own: the one of
    /// --quic and those that follow it, or free ones. Clients that know their partition's port save time.
    #[arg(long, value_name = "N", default_value_t = 1,
          value_parser = clap::value_parser!(u16).range(1..=256))]
    threads: u16,
    /// The data folder, with the journal of events; made if it is missing.
    #[arg(long, value_name = "DIR", default_value = ".vencejo")]
    data: PathBuf,
    /// Keep all state in memory: it ends with the engine. A journal in the data folder is left as it is.
    #[arg(long)]
    no_journal: bool,
    #[command(flatten)]
    snapshots: SnapshotArgs,
    /// Have the system hand out so much memory at once (4GB), in the background, instead of when the state
    /// grows into it: what comes then waits for no page. The state may outgrow it.
    #[arg(long, value_name = "SIZE")]
    memory_reserve: Option<Reserve>,
    /// Have every thread look for input all the time, instead of sleeping until some comes: answers wait for
    /// no wake-up. Takes a processor for each thread, whether there is input or not.
    #[arg(long)]
    busy_poll: bool,
    /// How long what nobody waits for, decisions and events acknowledged from memory, may gather before it is
    /// written to the journal: so much a crash may cost of it.
    #[arg(long, value_name = "TIME", default_value = "1s", value_parser = parse_lag)]
    journal_lag: Duration,
    /// Listen on an address that other hosts reach, though nobody is asked who they are.
    #[arg(long)]
    allow_unauthenticated: bool,
    /// Print the ready line as JSON.
    #[arg(long)]
    json: bool,
}

/// Runs the command.
///
/// # Errors
/// When the configuration cannot be used or the address not be bound.
pub fn run(args: &ServeArgs) -> Result<(), Failure> {
    if !args.quic.ip().is_loopback() && !args.allow_unauthenticated {
        return Err(Failure::config(format!(
            "{} is reachable from other hosts and no authentication is configured; listen on a loopback \
             address, or pass --allow-unauthenticated",
            args.quic
        )));
    }
    if let Some(reserve) = args.memory_reserve {
        reserve.take()?;
    }
    let identity = identity::load_or_create(&args.data)?;
    let (planned, memory) = app_to_serve(&args.app, &args.data)?;
    if !planned.warnings.is_empty() {
        note(planned.warnings.trim_end());
    }
    let app = Arc::new(compile_models(planned.app, None));
    let fingerprint = identity::fingerprint(&identity);
    note(describe(&app));
    note(format_args!("certificate sha256={fingerprint}"));
    let from_disk = match args.no_journal {
        true => None,
        false => {
            Some(recover(&app, args.partitions, &args.data, args.snapshots.plan(&app)?, args.journal_lag)?)
        }
    };
    let engine = EngineSetup {
        app,
        from_disk,
        identity,
        quic: args.quic,
        partitions: args.partitions,
        threads: usize::from(args.threads),
        busy_poll: args.busy_poll,
        memory: Some(memory),
    };
    let ready = |address: SocketAddr| {
        let line = if args.json {
            json!({"ready": true, "quic": address.to_string(), "fingerprint": fingerprint}).to_string()
        } else {
            format!("ready quic={address}")
        };
        // Whoever started the engine may have closed its standard output; it serves all the same.
        let _ = writeln!(std::io::stdout(), "{line}").and_then(|()| std::io::stdout().flush());
    };
    run_engine(engine, ready, signalled)?;
    note("stopped");
    Ok(())
}

fn parse_lag(text: &str) -> Result<Duration, String> {
    let lag = parse_time(text).filter(|lag| (LAG_MIN..=LAG_MAX).contains(lag));
    lag.ok_or_else(|| "give a time from 1ms to 1h, as 100ms or 5s".to_owned())
}

/// What an engine is started with.
pub struct EngineSetup {
    /// The app to serve.
    pub app: Arc<App>,
    /// What its data folder held; nothing for an engine in memory.
    pub from_disk: Option<FromDisk>,
    /// The certificate to show.
    pub identity: Identity,
    /// Where to listen.
    pub quic: SocketAddr,
    /// Number of partitions.
    pub partitions: u32,
    /// Number of threads.
    pub threads: usize,
    /// Whether the threads look for input all the time.
    pub busy_poll: bool,
    /// Where deployed apps are remembered, if anywhere.
    pub memory: Option<Memory>,
}

/// The app of the folder; or the one that was deployed over it since, while the folder is what it was then.
fn app_to_serve(folder: &Path, data: &Path) -> Result<(Planned, Memory), Failure> {
    let declared = AppSource::Folder(folder.to_owned()).plan()?;
    let memory = Memory { data: data.to_owned(), base: declared.archive.content() };
    let Some(deployed) = archive::remembered(data)? else { return Ok((declared, memory)) };
    if deployed.base == Some(memory.base) {
        note(format_args!(
            "serving the app deployed from {}; to serve {} again, change it or remove the file deployed-app in {}",
            deployed.origin,
            folder.display(),
            data.display()
        ));
        return Ok((AppSource::Archive(deployed).plan()?, memory));
    }
    note(format_args!(
        "{} has changed since the app from {} was deployed over it; serving the folder, forgetting the deployed app",
        folder.display(),
        deployed.origin
    ));
    archive::forget(data).map_err(|error| {
        Failure::config(format!("the data folder {} cannot be used: {error}", data.display()))
    })?;
    Ok((declared, memory))
}

/// Serves on the calling thread until `stop` is done; `ready` learns the address once it is bound.
///
/// # Errors
/// When the address cannot be bound.
pub fn run_engine<S: Future<Output = ()>>(
    setup: EngineSetup,
    ready: impl FnOnce(SocketAddr),
    stop: impl FnOnce() -> S,
) -> Result<(), Failure> {
    let EngineSetup { app, from_disk, identity, quic, partitions, threads, busy_poll, memory } = setup;
    let system = actix_rt::System::new();
    let served = system.block_on(async {
        // Signals that come between the ready line and the first poll must not be lost.
        let stop = stop();
        let (router, models) = match from_disk {
            None => (vencejo_runtime::start(&app, partitions, threads), None),
            Some(FromDisk { recovery, models, journal_lag }) => {
                let router =
                    start_recovered(&app, recovery, threads, journal_lag).map_err(Failure::runtime)?;
                (router, Some(models))
            }
        };
        let router = Arc::new(router);
        if busy_poll {
            (0..router.threads()).for_each(|thread| _ = router.run_on(thread, keep_awake));
        }
        let commands = Arc::new(Commands::new(Arc::clone(&router), memory, models));
        let kept = router.kept().map(Arc::clone);
        let stopping = Arc::clone(&router);
        let gateway = Gateway::bind(quic, identity, router, commands).await.map_err(|error| match error {
            BindError::Address(..) => Failure::runtime(error),
            BindError::Identity(_) | BindError::Welcome(_) => Failure::config(error),
        })?;
        ready(gateway.local_address().map_err(Failure::runtime)?);
        gateway.serve(stop).await;
        stopping.snapshots().into_iter().for_each(Snapshots::stop);
        kept.iter().for_each(|kept| kept.close());
        Ok(())
    });
    actix_rt::System::try_current().inspect(actix_rt::System::stop);
    served
}

/// Keeps the calling thread from sleeping, as long as its runtime runs: a task that yields is woken again
/// once all that is ready has run and input has been looked for.
fn keep_awake() {
    actix_rt::spawn(async {
        loop {
            tokio::task::yield_now().await;
        }
    });
}

/// Ends on SIGTERM, SIGINT or SIGHUP. The handlers are in place when this returns.
fn signalled() -> impl Future<Output = ()> {
    let kinds = [SignalKind::terminate(), SignalKind::interrupt(), SignalKind::hangup()];
    let signals = kinds.map(signal);
    async move {
        match signals {
            [Ok(mut terminate), Ok(mut interrupt), Ok(mut hangup)] => tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
                _ = hangup.recv() => {}
            },
            _ => std::future::pending().await,
        }
    }
}

/// What an app declares, in a line.
pub fn describe(app: &App) -> String {
    let version = |version: &ModelVersion| {
        let (trees, layout) = (version.model.tree_count(), version.model.layout());
        format!("{}, {trees} trees, layout {layout}", version.label)
    };
    let models = app.models.iter().map(|slot| {
        let challenger = slot.challenger.as_ref().map(|(challenger, weight)| {
            format!("; challenger {} %: {}", weight.percent(), version(challenger))
        });
        format!("{} ({}{})", slot.name, version(&slot.champion), challenger.unwrap_or_default())
    });
    let rules = app.flow.nodes.iter().filter_map(|node| match &node.operator {
        Operator::Alert(alert) => {
            Some(format!("{} ({})", app.flow.outputs[alert.output].name, alert.severity.name()))
        }
        _ => None,
    });
    format!(
        "app {}: streams {}; views {}; outputs {}; rules {}; models {}; decisions {}",
        app.name,
        named(app.streams.iter().map(|stream| stream.name.as_str())),
        named(app.flow.tables.iter().map(|table| table.name.as_str())),
        named(app.flow.outputs.iter().map(|output| output.name.as_str())),
        named(rules.collect::<Vec<_>>().iter().map(String::as_str)),
        named(models.collect::<Vec<_>>().iter().map(String::as_str)),
        named(app.decisions.iter().map(|decision| decision.name.as_str())),
    )
}
