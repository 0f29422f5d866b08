//! The ingest bench: batches of made-up rows of one stream, acknowledged.

use bytes::BytesMut;
use clap::Args;
use vencejo_client::RowWriter;
use vencejo_client::protocol::message::Ingest;
use vencejo_client::protocol::schema::{ColumnType, Schema};

use super::decide::connect;
use super::drive::measure;
use super::report::Report;
use super::{Bench, LoadArgs};
use crate::connect::ConnectArgs;
use crate::failure::Failure;
use crate::ingest::{Level, find_stream};

/// Distinct batches.
const BATCHES: u64 = 64;
/// Distinct keys.
const KEYS: i64 = 1_000;

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
    let batches = (0..BATCHES).map(|batch| {
        let mut rows = Vec::new();
        for place in 0..u64::from(args.batch) {
            let number = batch * u64::from(args.batch) + place;
            Ingest::push_row(&mut rows, &row(&stream.schema, number, args.string_bytes.into())?);
        }
        let mut frame = BytesMut::new();
        let message =
            Ingest { stream: stream.id, ack: Some(args.ack.level()), count: args.batch, rows: &rows };
        message.write(0, &mut frame);
        Ok(frame.to_vec())
    });
    let batches = batches.collect::<Result<Vec<_>, Failure>>()?;
    let options = args.load.options();
    let connections = connect(args.connect.connect, &args.connect.config(), options.connections).await?;
    Ok(measure(Bench::Ingest, connections, batches, options).await?)
}

/// A row whose values follow from its number; times are a millisecond apart.
fn row(schema: &Schema, number: u64, string_bytes: usize) -> Result<Vec<u8>, Failure> {
    let number = number.cast_signed();
    let key = number.wrapping_mul(0x9e37_79b9).rem_euclid(KEYS);
    let text = format!("{number:0>string_bytes$}");
    let mut writer = RowWriter::new(schema.columns().len());
    for (place, column) in schema.columns().iter().enumerate() {
        let small = if schema.key().contains(&place) { key } else { number % 100 };
        match column.column_type {
            ColumnType::String if schema.key().contains(&place) => {
                writer.set_str(place, &format!("key-{key}"));
            }
            ColumnType::String => writer.set_str(place, &text[..string_bytes]),
            ColumnType::Double => writer.set_f64(place, small as f64),
            ColumnType::Boolean => writer.set_bool(place, number & 1 == 0),
            ColumnType::Timestamp => writer.set_i64(place, 1_700_000_000_000 + number),
            _ => writer.set_i64(place, small),
        }
    }
    let mut bytes = Vec::new();
    writer.finish(schema, &mut bytes).map_err(Failure::runtime)?;
    Ok(bytes)
}
