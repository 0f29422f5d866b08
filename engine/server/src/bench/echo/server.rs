//! The echo's server: as few lines between socket and socket as quinn allows.

use std::io::{self, Write as _};

use bytes::BytesMut;
use quinn::{Incoming, RecvStream, SendStream, VarInt};
use tokio::sync::oneshot;
use vencejo_client::protocol::frame::{FrameReader, FrameType};

use super::child::ready_line;
use super::{EchoServerArgs, append_frame, transport};
use crate::bench::limits::CHUNK_BYTES_MAX;
use crate::connect::block_on;
use crate::failure::Failure;

/// Runs `bench echo-server`: serves on one thread until standard input ends.
///
/// # Errors
/// When the endpoint cannot be opened.
pub fn run_echo_server(args: EchoServerArgs) -> Result<(), Failure> {
    block_on(async {
        let (endpoint, certificate) = transport::server_endpoint()?;
        let address = endpoint.local_addr().map_err(Failure::runtime)?;
        let ready = ready_line(address, &certificate);
        writeln!(io::stdout(), "{ready}").and_then(|()| io::stdout().flush()).map_err(Failure::runtime)?;
        let mut parent_gone = input_end();
        loop {
            tokio::select! {
                incoming = endpoint.accept() => match incoming {
                    Some(incoming) => drop(tokio::spawn(serve(incoming, args.reply_bytes))),
                    None => break,
                },
                _ = &mut parent_gone => break,
            }
        }
        endpoint.close(VarInt::from_u32(0), b"");
        Ok(())
    })
}

/// Done when standard input has ended: whoever started this process holds its other end, and lets go of
/// it in whatever way it ends.
fn input_end() -> oneshot::Receiver<()> {
    let (ended, wait) = oneshot::channel();
    std::thread::spawn(move || {
        let _ = io::copy(&mut io::stdin().lock(), &mut io::sink());
        let _ = ended.send(());
    });
    wait
}

async fn serve(incoming: Incoming, reply_bytes: u32) {
    // A client that breaks off sees for itself what became of it.
    let Ok(connection) = incoming.await else { return };
    while let Ok((send, receive)) = connection.accept_bi().await {
        tokio::spawn(echo(send, receive, reply_bytes));
    }
}

/// Answers every frame of a stream; frames that arrive together are answered together.
async fn echo(mut send: SendStream, mut receive: RecvStream, reply_bytes: u32) {
    let mut frames = FrameReader::default();
    let mut replies = BytesMut::new();
    while let Ok(Some(chunk)) = receive.read_chunk(CHUNK_BYTES_MAX, true).await {
        frames.push(chunk.bytes);
        while let Ok(Some(frame)) = frames.next_frame() {
            append_frame(&mut replies, FrameType::Pong, frame.request, reply_bytes);
        }
        if !replies.is_empty() && send.write_chunk(replies.split().freeze()).await.is_err() {
            return;
        }
    }
    let _ = send.finish();
}
