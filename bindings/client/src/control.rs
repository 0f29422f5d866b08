//! Commands to an engine, each on a stream of its own, so that an upload holds up nothing else.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use vencejo_protocol::frame::FrameType;
use vencejo_protocol::limits::{CONTROL_ARGUMENTS_BYTES_MAX, CONTROL_BLOBS_BYTES_MAX, CONTROL_BLOBS_MAX};
use vencejo_protocol::message::{Blob, Control, Controlled};

use crate::client::{Client, read_reply};
use crate::connection::open_stream;
use crate::error::ClientError;

/// Bytes of one blob frame; the engine serves other streams between two of them.
const BLOB_FRAME_BYTES: usize = 64 << 10;

impl Client {
    /// Has the engine run a command. `arguments` is JSON text, and so is the answer; `blobs` are what the
    /// command needs beside its arguments, by name. `timeout` is for all of it, the upload included.
    ///
    /// The engine takes commands from its own host alone. One that has begun runs to its end, whether or
    /// not its answer is waited for.
    ///
    /// # Errors
    /// When there is no connection, it is lost meanwhile, no answer comes in time, or the engine refuses.
    pub async fn control(
        &self,
        command: &str,
        arguments: &str,
        blobs: &[(&str, Bytes)],
        timeout: Duration,
    ) -> Result<String, ClientError> {
        let bytes: usize = blobs.iter().map(|(_, bytes)| bytes.len()).sum();
        for (what, value, max) in [
            ("the arguments' length in bytes", arguments.len(), CONTROL_ARGUMENTS_BYTES_MAX),
            ("the number of blobs", blobs.len(), CONTROL_BLOBS_MAX),
            ("the blobs' length in bytes", bytes, CONTROL_BLOBS_BYTES_MAX),
        ] {
            if value > max {
                return Err(ClientError::TooLarge { what, max });
            }
        }
        let asked = tokio::time::timeout(timeout, self.ask(command, arguments, blobs));
        asked.await.map_err(|_| ClientError::TimedOut)?
    }

    async fn ask(
        &self,
        command: &str,
        arguments: &str,
        blobs: &[(&str, Bytes)],
    ) -> Result<String, ClientError> {
        let link = self.link().await?;
        let (mut sender, mut receiver) = open_stream(&link.connection).await?;
        let mut out = BytesMut::new();
        for (name, bytes) in blobs {
            // A blob without bytes is one all the same.
            let pieces = bytes.chunks(BLOB_FRAME_BYTES).chain(bytes.is_empty().then_some(&[][..]));
            for bytes in pieces {
                Blob { name: (*name).to_owned(), bytes }.write(1, &mut out);
                sender.send(out.split().freeze()).await?;
            }
        }
        Control { command: command.to_owned(), arguments }.write(1, &mut out);
        sender.send(out.freeze()).await?;
        sender.finish();
        let answer = receiver.next_frame().await?;
        let frame = answer.ok_or_else(|| ClientError::lost("the engine ended the stream"))?;
        read_reply(&frame, FrameType::Controlled, |payload| {
            Controlled::read(payload).map(|controlled| controlled.text.to_owned())
        })
    }
}
