//! The replies of one stream, on their way from the partitions' threads to the wire.

use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::BytesMut;
use tokio::sync::Notify;
use vencejo_protocol::error::ErrorCode;
use vencejo_protocol::message::{Decision, ErrorFrame};
use vencejo_runtime::{Decided, DecisionReply, Fault};
use vencejo_types::limits::{SESSION_REPLY_BYTES_MAX, SESSION_REQUESTS_MAX};

use crate::dispatch::APP_CHANGED;
use crate::limits::REPLY_GRACE;

/// Collects reply frames from any thread; one task writes them out. Bounded: the reader of the stream
/// waits on [`Outbound::room`] before it takes another request.
#[derive(Default)]
pub(crate) struct Outbound {
    state: Mutex<State>,
    /// There is something to write, or the end.
    wake: Notify,
    /// Something was written.
    written: Notify,
}

#[derive(Default)]
struct State {
    frames: BytesMut,
    /// Requests without a reply.
    in_flight: usize,
    /// No further request will come.
    finished: bool,
    /// The peer does not take replies any more.
    lost: bool,
}

impl Outbound {
    fn state(&self) -> MutexGuard<'_, State> {
        // Every change of the state is complete before the lock is released.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a request whose reply will come from another task.
    pub(crate) fn begin(&self) {
        self.state().in_flight += 1;
    }

    /// Writes the reply of a request that [`Outbound::begin`] counted.
    pub(crate) fn reply(&self, write: impl FnOnce(&mut BytesMut)) {
        let mut state = self.state();
        state.in_flight -= 1;
        self.append(state, write);
    }

    /// Writes a frame that answers at once.
    pub(crate) fn send(&self, write: impl FnOnce(&mut BytesMut)) {
        self.append(self.state(), write);
    }

    fn append(&self, mut state: MutexGuard<'_, State>, write: impl FnOnce(&mut BytesMut)) {
        if state.lost {
            return;
        }
        let idle = state.frames.is_empty();
        write(&mut state.frames);
        drop(state);
        if idle {
            self.wake.notify_one();
        }
    }

    /// Waits until another request may be taken.
    pub(crate) async fn room(&self) {
        loop {
            {
                let state = self.state();
                let full =
                    state.in_flight >= SESSION_REQUESTS_MAX || state.frames.len() >= SESSION_REPLY_BYTES_MAX;
                if !full || state.lost {
                    return;
                }
            }
            self.written.notified().await;
        }
    }

    /// No further request will come: the writer ends with the last reply.
    pub(crate) fn finish(&self) {
        self.state().finished = true;
        self.wake.notify_one();
    }

    /// Writes frames to the stream as they come, until the last; returns once the peer has them, or
    /// has had time for it.
    pub(crate) async fn write_to(&self, mut stream: quinn::SendStream) {
        while let Some(frames) = self.next_frames().await {
            if stream.write_chunk(frames.freeze()).await.is_err() {
                self.state().lost = true;
                self.written.notify_one();
                return;
            }
            self.written.notify_one();
        }
        if stream.finish().is_ok() {
            // A peer that is gone, or slower than this, does without the confirmation.
            let _ = tokio::time::timeout(REPLY_GRACE, stream.stopped()).await;
        }
    }

    /// Everything that waits to be written; nothing after the last.
    async fn next_frames(&self) -> Option<BytesMut> {
        loop {
            {
                let mut state = self.state();
                if !state.frames.is_empty() {
                    return Some(state.frames.split());
                }
                if state.finished && state.in_flight == 0 {
                    return None;
                }
            }
            self.wake.notified().await;
        }
    }
}

impl DecisionReply for Outbound {
    fn decided(&self, request: u64, decided: Decided<'_>) {
        let server_nanos = u32::try_from(decided.server_nanos).unwrap_or(u32::MAX);
        let Decided { code, sequence, row, .. } = decided;
        self.reply(|out| Decision { code, server_nanos, sequence: sequence.0, row }.write(request, out));
    }

    fn failed(&self, request: u64, fault: Fault) {
        let error = match fault {
            Fault::Panicked => ErrorFrame::new(
                ErrorCode::Internal,
                "the engine failed on this request and logged why; it had no effect",
            ),
            Fault::AppChanged => ErrorFrame::new(ErrorCode::AppChanged, APP_CHANGED),
        };
        self.reply(|out| error.write(request, out));
    }
}
