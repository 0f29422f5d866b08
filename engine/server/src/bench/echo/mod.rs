//! The bare transport: frames of a decision's sizes, there and back, without an engine.

use bytes::{BufMut, Bytes, BytesMut};
use clap::Args;
use quinn::{Connection, RecvStream, SendStream};
use vencejo_client::ClientError;
use vencejo_client::protocol::frame::{Frame, FrameReader, FrameType, HEADER_BYTES, write_frame};

use super::drive::{FrameSink, FrameSource, measure};
use super::limits::{CHUNK_BYTES_MAX, ECHO_FRAME_BYTES_MAX};
use super::report::Report;
use super::{Bench, LoadArgs};
use crate::connect::block_on;
use crate::failure::Failure;

mod child;
mod server;
mod transport;

pub use server::run_echo_server;

use child::EchoServer;

/// The mean frame of a request for the ads app's `floor`, and of its answer, as `bench decide` reports
/// them for generated rows.
const REQUEST_BYTES_DEFAULT: u32 = 287;
const REPLY_BYTES_DEFAULT: u32 = 106;

/// Measures the bare transport: quinn, one long-lived stream for each connection, two processes.
#[derive(Args, Clone, Copy, Debug)]
#[command(after_help = "Examples:\n  vencejo bench echo --rate 5000 --seconds 5\n  \
    vencejo bench echo --rate 50000 --connections 4 --request-bytes 64 --reply-bytes 64 --json")]
pub struct EchoArgs {
    /// How much to send.
    #[command(flatten)]
    pub load: LoadArgs,
    /// Bytes of a request's frame, its header of 16 included.
    #[arg(long, value_name = "N", default_value_t = REQUEST_BYTES_DEFAULT, value_parser = frame_bytes())]
    pub request_bytes: u32,
    /// Bytes of a reply's frame, its header of 16 included.
    #[arg(long, value_name = "N", default_value_t = REPLY_BYTES_DEFAULT, value_parser = frame_bytes())]
    pub reply_bytes: u32,
}

/// What the echo's server is started with.
#[derive(Args, Clone, Copy, Debug)]
pub struct EchoServerArgs {
    /// Bytes of a reply's frame, its header of 16 included.
    #[arg(long, value_name = "N", default_value_t = REPLY_BYTES_DEFAULT, value_parser = frame_bytes())]
    pub reply_bytes: u32,
}

fn frame_bytes() -> clap::builder::RangedI64ValueParser<u32> {
    let header_bytes = i64::try_from(HEADER_BYTES).expect("16 fits");
    clap::value_parser!(u32).range(header_bytes..=i64::from(ECHO_FRAME_BYTES_MAX))
}

/// Runs `bench echo`: starts the server as a child process, measures, ends it.
///
/// # Errors
/// When the server cannot be started or is lost meanwhile.
pub fn run_echo(args: &EchoArgs) -> Result<Report, Failure> {
    let server = EchoServer::start(args.reply_bytes)?;
    let options = args.load.options();
    block_on(async {
        let mut connections = Vec::new();
        for _ in 0..options.connections {
            connections.push(open(&server).await?);
        }
        let mut request = BytesMut::new();
        append_frame(&mut request, FrameType::Ping, 0, args.request_bytes);
        Ok(measure(Bench::Echo, connections, vec![request.to_vec()], options).await?)
    })
}

async fn open(server: &EchoServer) -> Result<(EchoSink, EchoSource), Failure> {
    let endpoint = transport::client_endpoint(&server.certificate)?;
    let connecting = endpoint.connect(server.address, transport::SERVER_NAME).map_err(Failure::runtime)?;
    let connection = connecting.await.map_err(Failure::runtime)?;
    let (send, receive) = connection.open_bi().await.map_err(Failure::runtime)?;
    let sink = EchoSink { stream: send, connection: connection.clone() };
    Ok((sink, EchoSource { stream: receive, frames: FrameReader::default(), connection }))
}

/// Appends a frame of this length, header included, filled with zeros.
fn append_frame(out: &mut BytesMut, frame_type: FrameType, request: u64, bytes: u32) {
    let payload = (bytes as usize).saturating_sub(HEADER_BYTES);
    write_frame(out, frame_type, request, |out| out.put_bytes(0, payload));
}

struct EchoSink {
    stream: SendStream,
    connection: Connection,
}

struct EchoSource {
    stream: RecvStream,
    frames: FrameReader,
    connection: Connection,
}

fn lost(connection: &Connection, error: &dyn std::error::Error) -> ClientError {
    let reason = connection.close_reason().map_or_else(|| error.to_string(), |reason| reason.to_string());
    ClientError::Lost { reason }
}

impl FrameSink for EchoSink {
    async fn send(&mut self, frames: Bytes) -> Result<(), ClientError> {
        self.stream.write_chunk(frames).await.map_err(|error| lost(&self.connection, &error))
    }

    fn finish(&mut self) {
        // The stream is closed already when the connection is.
        let _ = self.stream.finish();
    }
}

impl FrameSource for EchoSource {
    async fn next_frame(&mut self) -> Result<Option<Frame>, ClientError> {
        loop {
            if let Some(frame) = self.buffered_frame()? {
                return Ok(Some(frame));
            }
            match self.stream.read_chunk(CHUNK_BYTES_MAX, true).await {
                Ok(Some(chunk)) => self.frames.push(chunk.bytes),
                Ok(None) => return Ok(None),
                Err(error) => return Err(lost(&self.connection, &error)),
            }
        }
    }

    fn buffered_frame(&mut self) -> Result<Option<Frame>, ClientError> {
        self.frames.next_frame().map_err(|error| ClientError::Protocol { reason: error.to_string() })
    }

    fn close(&self) {
        self.connection.close(quinn::VarInt::from_u32(0), b"");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_have_the_length_that_was_asked_for() {
        for bytes in [16, 17, 64, 287, ECHO_FRAME_BYTES_MAX] {
            let mut out = BytesMut::new();
            append_frame(&mut out, FrameType::Pong, 7, bytes);
            assert_eq!(out.len(), bytes as usize);
            let mut frames = FrameReader::default();
            frames.push(out.freeze());
            let frame = frames.next_frame().expect("a frame").expect("a whole one");
            assert_eq!((frame.frame_type(), frame.request), (Some(FrameType::Pong), 7));
        }
    }
}
