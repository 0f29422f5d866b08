//! The decision bench: rows of a decision's stream, sent to a running engine.

use std::net::SocketAddr;

use bytes::{Bytes, BytesMut};
use vencejo_client::protocol::frame::Frame;
use vencejo_client::protocol::message::Decide;
use vencejo_client::{ClientError, Config, Connection, FrameReceiver, FrameSender};

use super::drive::{FrameSink, FrameSource, drive};
use super::report::Report;
use super::schedule::Schedule;
use super::{Bench, Options};

/// Measures an engine's decisions. The rows, at least one, are sent in turn as they are, with the
/// decision's own deadline. Run it on a single-threaded runtime: see the module's head.
///
/// # Errors
/// When the engine cannot be reached, refuses the hello, breaks the protocol or is lost meanwhile.
/// Requests that it refuses are part of the report.
///
/// # Panics
/// When there is no row.
pub async fn run_decide(
    address: SocketAddr,
    config: &Config,
    decision: u16,
    rows: &[Vec<u8>],
    options: &Options,
) -> Result<Report, ClientError> {
    assert!(!rows.is_empty(), "there is a row to send");
    let mut connections = Vec::new();
    for _ in 0..options.connections {
        let Connection { sender, receiver, .. } = Connection::open(address, config).await?;
        connections.push((sender, receiver));
    }
    let requests = rows.iter().map(|row| {
        let mut frame = BytesMut::new();
        Decide { decision, deadline_micros: 0, row }.write(0, &mut frame);
        frame.to_vec()
    });
    let schedule = Schedule::new(options.rate, options.seconds, options.connections);
    let tally = drive(connections, requests.collect(), schedule).await?;
    Ok(Report::new(Bench::Decide, *options, schedule, &tally))
}

impl FrameSink for FrameSender {
    async fn send(&mut self, frames: Bytes) -> Result<(), ClientError> {
        self.send(frames).await
    }

    fn finish(&mut self) {
        self.finish();
    }
}

impl FrameSource for FrameReceiver {
    async fn next_frame(&mut self) -> Result<Option<Frame>, ClientError> {
        self.next_frame().await
    }

    fn buffered_frame(&mut self) -> Result<Option<Frame>, ClientError> {
        self.buffered_frame()
    }

    fn close(&self) {
        self.close();
    }
}
