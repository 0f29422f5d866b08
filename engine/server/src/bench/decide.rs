//! The decision bench: rows of a decision's stream, sent to a running engine.

use std::net::SocketAddr;

use bytes::{Bytes, BytesMut};
use vencejo_client::protocol::frame::Frame;
use vencejo_client::protocol::message::Decide;
use vencejo_client::{ClientError, Config, Connection, FrameReceiver, FrameSender, Socket};

use super::drive::{FrameSink, FrameSource, measure};
use super::report::Report;
use super::{Bench, Options};

/// Sockets that connections share where they are more: with one each, a thousand would take gigabytes, and
/// the machine that hands them out would be measured.
const SOCKETS_MAX: u32 = 8;

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
    let connections = connect(address, config, options.connections).await?;
    let requests = rows.iter().map(|row| {
        let mut frame = BytesMut::new();
        Decide { decision, deadline_micros: 0, row }.write(0, &mut frame);
        frame.to_vec()
    });
    measure(Bench::Decide, connections, requests.collect::<Vec<_>>(), *options).await
}

/// Connections that have been welcomed.
pub(super) async fn connect(
    address: SocketAddr,
    config: &Config,
    count: u32,
) -> Result<Vec<(FrameSender, FrameReceiver)>, ClientError> {
    let sockets = (0..count.min(SOCKETS_MAX)).map(|_| Socket::to(address));
    let sockets = sockets.collect::<Result<Vec<_>, _>>()?;
    let mut connections = Vec::new();
    for socket in sockets.iter().cycle().take(count as usize) {
        let config = Config { socket: Some(socket.clone()), ..config.clone() };
        let Connection { sender, receiver, .. } = Connection::open(address, &config).await?;
        connections.push((sender, receiver));
    }
    Ok(connections)
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
