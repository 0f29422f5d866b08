//! Loads of the systems that the apps carry, each with the numbers that it must keep to.

mod bid;
mod fleet;
mod fraud;
mod load;
mod verdict;
mod watch;

use std::time::Duration;

use bytes::BytesMut;
use clap::Args;
use vencejo_client::protocol::message::Ingest;
use vencejo_client::{AckLevel, FrameReceiver, FrameSender, RowWriter, StreamInfo};

use super::decide::connect;
use super::parse_seconds;
use crate::connect::ConnectArgs;
use crate::failure::Failure;

pub(super) use bid::{BidArgs, run_bid};
pub(super) use fleet::{FleetArgs, run_fleet};
pub(super) use fraud::{FraudArgs, run_fraud};
pub(super) use load::{PhaseArgs, run_phase};

/// Least share of what is due that must be served for a load to have been carried.
const CARRIED_SHARE_MIN: f64 = 0.99;

/// What every scenario takes.
#[derive(Args, Clone, Debug)]
struct RunArgs {
    #[command(flatten)]
    connect: ConnectArgs,
    /// How long to measure.
    #[arg(long, value_name = "S", default_value = "10", value_parser = parse_seconds)]
    seconds: Duration,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

impl RunArgs {
    /// Connections that have been welcomed.
    async fn connections(&self, count: u32) -> Result<Vec<(FrameSender, FrameReceiver)>, Failure> {
        Ok(connect(self.connect.connect, &self.connect.config(), count).await?)
    }
}

/// The places of these columns.
fn places<const N: usize>(stream: &StreamInfo, columns: [&str; N]) -> Result<[usize; N], Failure> {
    let mut places = [0; N];
    for (place, column) in places.iter_mut().zip(columns) {
        let found = stream.schema.position(column);
        let lacks = || format!("'{}' has no column '{column}': it is another app's", stream.name);
        *place = found.ok_or_else(|| Failure::runtime(lacks()))?;
    }
    Ok(places)
}

/// Appends the frame of a batch of one row, of which all columns are set that may not be missing.
fn append_row(stream: &StreamInfo, ack: AckLevel, writer: &mut RowWriter, out: &mut BytesMut) {
    let (mut row, mut rows) = (Vec::new(), Vec::new());
    writer.finish(&stream.schema, &mut row).expect("all columns that may not be missing are set");
    Ingest::push_row(&mut rows, &row);
    Ingest { stream: stream.id, ack: Some(ack), count: 1, rows: &rows }.write(0, out);
}
