//! One connection, and the streams on it.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;

use bytes::Bytes;
use quinn::{Connection, RecvStream, SendStream, VarInt};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use vencejo_protocol::error::ErrorCode;
use vencejo_protocol::frame::FrameReader;
use vencejo_protocol::message::DoorMap;
use vencejo_runtime::{Entrance, Router};

use crate::control::Administration;
use crate::dispatch::{Dispatch, HELLO_FIRST, Refusal};
use crate::limits::{FRAME_TIMEOUT, HELLO_TIMEOUT, TURN_CHUNKS_MAX};
use crate::outbound::Outbound;
use crate::upload::Blobs;

/// What every session shares.
pub(crate) struct Shared {
    pub(crate) router: Arc<Router>,
    pub(crate) administration: Administration,
    /// Where the partitions are.
    pub(crate) doors: DoorMap,
    /// The engine is stopping.
    pub(crate) stopping: CancellationToken,
}

/// Serves a connection until the peer leaves, breaks the protocol, or the engine stops; what is in
/// flight then is answered first.
pub(crate) async fn serve_connection(shared: Arc<Shared>, connection: Connection) {
    let welcomed = Rc::new(Cell::new(false));
    let mut streams = JoinSet::new();
    let hello_due = tokio::time::sleep(HELLO_TIMEOUT);
    tokio::pin!(hello_due);
    loop {
        tokio::select! {
            accepted = connection.accept_bi() => {
                let Ok((send, receive)) = accepted else { break };
                let (shared, welcomed) = (Arc::clone(&shared), Rc::clone(&welcomed));
                let connection = connection.clone();
                streams.spawn_local(async move {
                    let stream = Stream { shared: &shared, welcomed: &welcomed, connection: &connection };
                    stream.serve(send, receive).await;
                });
            }
            Some(_) = streams.join_next(), if !streams.is_empty() => {}
            () = &mut hello_due, if !welcomed.get() => {
                // The hello may have come since this wait began.
                if !welcomed.get() {
                    close(&connection, ErrorCode::HelloRequired, HELLO_FIRST);
                    break;
                }
            }
            () = shared.stopping.cancelled() => break,
        }
    }
    while streams.join_next().await.is_some() {}
    if shared.stopping.is_cancelled() {
        close(&connection, ErrorCode::ShuttingDown, "the engine is stopping");
    }
}

fn close(connection: &Connection, code: ErrorCode, text: &str) {
    connection.close(close_code(code), text.as_bytes());
}

/// The code with which a connection is closed over an error.
pub(crate) fn close_code(code: ErrorCode) -> VarInt {
    VarInt::from_u32(u32::from(code.number()))
}

struct Stream<'a> {
    shared: &'a Shared,
    welcomed: &'a Cell<bool>,
    connection: &'a Connection,
}

impl Stream<'_> {
    async fn serve(&self, send: SendStream, receive: RecvStream) {
        let outbound = Arc::new(Outbound::default());
        let read = async {
            let end = self.read(receive, &outbound).await;
            if let Err(refusal) = &end {
                outbound.send(|out| refusal.write(out));
            }
            outbound.finish();
            end
        };
        // The writer is polled behind the reader, so that replies of the reader's turn leave without a wake.
        let (end, ()) = tokio::join!(biased; read, outbound.write_to(send));
        if let Err(refusal) = end {
            close(self.connection, refusal.code, &refusal.text);
        }
    }

    /// Reads frames and serves them, until the peer ends the stream or is gone. The error is what the
    /// connection is to be closed with.
    async fn read(&self, mut receive: RecvStream, outbound: &Arc<Outbound>) -> Result<(), Refusal> {
        let Shared { router, administration, doors, stopping } = self.shared;
        let clock = router.clock();
        let is_first_stream = receive.id().index() == 0;
        let welcomed = self.welcomed;
        let mut dispatch = Dispatch {
            router,
            entrance: Entrance::new(router),
            doors,
            following: router.follow(),
            welcomed,
            is_first_stream,
            outbound,
            key: Vec::new(),
            administration,
            peer_is_local: self.connection.remote_address().ip().to_canonical().is_loopback(),
            tap: None,
            blobs: Blobs::new(Arc::clone(&administration.uploads)),
            stopping,
        };
        let mut frames = FrameReader::default();
        let stopped = stopping.cancelled();
        tokio::pin!(stopped);
        loop {
            let mut chunks = [const { Bytes::new() }; TURN_CHUNKS_MAX];
            let next = async {
                outbound.room().await;
                next_chunks(&mut receive, frames.is_partial(), &mut chunks).await
            };
            let count = tokio::select! {
                biased;
                () = &mut stopped => return Ok(()),
                count = next => count?,
            };
            let Some(count) = count else {
                let cut = frames.is_partial();
                let refusal = || Refusal::new(ErrorCode::MalformedFrame, "the stream ends within a frame");
                return if cut { Err(refusal()) } else { Ok(()) };
            };
            let arrived = clock.now();
            outbound.begin_turn();
            for chunk in chunks.into_iter().take(count) {
                frames.push(chunk);
                while let Some(frame) =
                    frames.next_frame().map_err(|error| Refusal::new(error.code(), error.to_string()))?
                {
                    dispatch.serve(&frame, arrived)?;
                }
            }
            dispatch.end_turn();
            if count == TURN_CHUNKS_MAX {
                // More has come, perhaps; what is answered leaves first.
                tokio::task::yield_now().await;
            }
        }
    }
}

/// The next bytes of a stream, as how many chunks; nothing at its end or when the peer is gone. Within a
/// frame the peer may not fall silent.
async fn next_chunks(
    receive: &mut RecvStream,
    within_frame: bool,
    chunks: &mut [Bytes],
) -> Result<Option<usize>, Refusal> {
    let read = receive.read_chunks(chunks);
    let count = if within_frame {
        tokio::time::timeout(FRAME_TIMEOUT, read).await.map_err(|_| {
            let text = format!("a frame was begun and not continued for {} s", FRAME_TIMEOUT.as_secs());
            Refusal::new(ErrorCode::FrameTimeout, text)
        })?
    } else {
        read.await
    };
    Ok(count.ok().flatten())
}
