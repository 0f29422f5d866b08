//! The ingest bench: batches of made-up rows of one stream, acknowledged.

use bytes::BytesMut;
use clap::Args;

use super::decide::connect;
use super::drive::measure;
use super::made_up::{MadeUp, MadeUpBatches};
use super::report::Report;
use super::{Bench, LoadArgs};
use crate::connect::ConnectArgs;
use crate::failure::Failure;
use crate::ingest::{Level, find_stream};

/// Distinct batches.
const BATCHES: u64 = 64;

/// Measures how fast a running engine takes in batches of made-up rows.
#[derive(Args, Clone, Debug)]
#[command(after_help = "Example:\n  vencejo bench ingest outcomes --batch 100 --in-flight 16\n  \
    vencejo bench ingest outcomes --batch 1 --in-flight 64 --ack journaled\n\n\
    The rows have a thousand keys and stay in the engine's state: point it at an engine that serves nobody. The \n\
    figures are of batches; events are as many times the batch.")]
pub struct IngestArgs {
    /// The stream.
    stream: String,
    /// Rows of a batch.
    #[arg(long, value_name = "N", default_value_t = 100,
          value_parser = clap::value_parser!(u32).range(1..=1_024))]
    batch: u32,
    /// Bytes of each STRING column that is no key.
    #[arg(long, value_name = "N", default_value_t = 16,
          value_parser = clap::value_parser!(u16).range(0..=256))]
    string_bytes: u16,
    /// When a batch counts as taken in: when it is applied, or when it is on disk.
    #[arg(long, value_name = "LEVEL", default_value = "memory")]
    ack: Level,
    #[command(flatten)]
    connect: ConnectArgs,
    #[command(flatten)]
    pub(super) load: LoadArgs,
}

/// Runs `bench ingest`.
///
/// # Errors
/// When the engine cannot be reached, has no such stream, or is lost meanwhile.
pub(super) async fn run_ingest(args: &IngestArgs) -> Result<Report, Failure> {
    let client = args.connect.client().await?;
    let stream = find_stream(&client.welcome(), &args.stream)?;
    client.close();
    let made_up = MadeUp { string_bytes: args.string_bytes.into(), ..MadeUp::default() };
    let made = MadeUpBatches { made_up, stream, ack: args.ack, rows: args.batch };
    // Made before they are sent: what is measured is the engine.
    let batches = (0..BATCHES).map(|place| {
        let mut frame = BytesMut::new();
        made.write(place, &mut frame)?;
        Ok(frame.to_vec())
    });
    let batches = batches.collect::<Result<Vec<_>, Failure>>()?;
    let options = args.load.options();
    let connections = connect(args.connect.connect, &args.connect.config(), options.connections).await?;
    Ok(measure(Bench::Ingest, connections, batches, options).await?)
}
