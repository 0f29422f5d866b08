//! The replies of one stream, on their way from the partitions' threads to the wire.

use std::future::poll_fn;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};

use bytes::BytesMut;
use tokio::sync::Notify;
use vencejo_core::plan::flow::Severity;
use vencejo_core::{MatchedRow, Raised};
use vencejo_protocol::error::ErrorCode;
use vencejo_protocol::limits::SUBSCRIPTION_BYTES_MAX;
use vencejo_protocol::message::{AlertNote, Decision, ErrorFrame, RowEntry, Rows, Subscribed};
use vencejo_runtime::{Decided, DecisionReply, Fault, TapRow, TapSink};
use vencejo_types::limits::{SESSION_REPLY_BYTES_MAX, SESSION_REQUESTS_MAX};

use crate::dispatch::APP_CHANGED;
use crate::limits::{REPLY_BUFFER_BYTES, REPLY_GRACE};

/// Collects reply frames from any thread; one task writes them out. Bounded: the reader of the stream
/// waits on [`Outbound::room`] before it takes another request.
#[derive(Default)]
pub(crate) struct Outbound {
    state: Mutex<State>,
    /// Something was written.
    written: Notify,
}

#[derive(Default)]
struct State {
    frames: BytesMut,
    /// Requests without a reply.
    in_flight: usize,
    /// The task that writes, while it waits.
    writer: Option<Waker>,
    /// That task is under way already, and looks here before it rests.
    in_turn: bool,
    /// No further request will come.
    finished: bool,
    /// The peer does not take replies any more.
    lost: bool,
    tap: Option<Tap>,
}

/// The stream's subscription.
struct Tap {
    request: u64,
    phase: Phase,
    /// Rows that were dropped behind what waits to be written.
    missed: u64,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// The peer has not been told that rows will come.
    Opening,
    /// Rows go out.
    Open,
    /// What was followed is gone.
    Ended,
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
        if state.frames.is_empty() {
            state.frames.reserve(REPLY_BUFFER_BYTES);
        }
        write(&mut state.frames);
        let writer = if state.in_turn { None } else { state.writer.take() };
        drop(state);
        writer.inspect(Waker::wake_by_ref);
    }

    /// The reader of the stream begins to serve what has come, on the task that writes: replies until the end
    /// of its turn go out in one piece, and wake nobody.
    pub(crate) fn begin_turn(&self) {
        self.state().in_turn = true;
    }

    /// Waits until another request may be taken.
    pub(crate) async fn room(&self) {
        while !self.has_room() {
            self.written.notified().await;
        }
    }

    fn has_room(&self) -> bool {
        let state = self.state();
        let full = state.in_flight >= SESSION_REQUESTS_MAX || state.frames.len() >= SESSION_REPLY_BYTES_MAX;
        !full || state.lost
    }

    /// Makes this the stream of a subscription; false where it is one already.
    pub(crate) fn begin_tap(&self, request: u64) -> bool {
        let mut state = self.state();
        let is_first = state.tap.is_none();
        state.tap.get_or_insert(Tap { request, phase: Phase::Opening, missed: 0 });
        is_first
    }

    /// Answers the request that asked for the subscription: rows follow it, unless the app was replaced
    /// meanwhile.
    pub(crate) fn open_tap(&self, answer: &Subscribed) {
        let mut state = self.state();
        state.in_flight -= 1;
        let Some(tap) = &mut state.tap else { return };
        let (request, ended) = (tap.request, tap.phase == Phase::Ended);
        if ended {
            return self.append(state, |out| app_changed().write(request, out));
        }
        tap.phase = Phase::Open;
        self.append(state, |out| answer.write(request, out));
    }

    /// No further request will come: the writer ends with the last reply.
    pub(crate) fn finish(&self) {
        let mut state = self.state();
        state.finished = true;
        let writer = state.writer.take();
        drop(state);
        writer.inspect(Waker::wake_by_ref);
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
        poll_fn(|context| {
            let mut state = self.state();
            state.in_turn = false;
            let State { frames, tap, .. } = &mut *state;
            if !frames.is_empty() {
                if let Some(tap) = tap.as_mut().filter(|tap| tap.missed > 0) {
                    let missed = std::mem::take(&mut tap.missed);
                    Rows { missed, count: 0, entries: &[] }.write(tap.request, frames);
                }
                return Poll::Ready(Some(frames.split()));
            }
            if state.finished && state.in_flight == 0 {
                return Poll::Ready(None);
            }
            state.writer = Some(context.waker().clone());
            Poll::Pending
        })
        .await
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
            Fault::AppChanged => app_changed(),
            Fault::Damaged => ErrorFrame::new(
                ErrorCode::StateDamaged,
                "what the engine knew of this key lies in a damaged page of its snapshot; its log says which",
            ),
        };
        self.reply(|out| error.write(request, out));
    }
}

impl TapSink for Outbound {
    fn rows(&self, rows: &[TapRow<'_>]) -> bool {
        let mut state = self.state();
        if state.lost || state.finished {
            return false;
        }
        let waiting = state.frames.len();
        let Some(tap) = state.tap.as_mut().filter(|tap| tap.phase == Phase::Open) else { return true };
        let (mut entries, mut extra, mut count) = (Vec::new(), Vec::new(), 0);
        // Behind a row that was dropped all are, until the writer has told so.
        for &TapRow { row, alert } in rows.iter().take_while(|_| tap.missed == 0) {
            extra.clear();
            alert.iter().for_each(|(raised, rows)| note_of(raised, rows).write(&mut extra));
            if waiting + entries.len() + row.len() + extra.len() > SUBSCRIPTION_BYTES_MAX {
                break;
            }
            Rows::push(&mut entries, RowEntry { row, extra: &extra });
            count += 1;
        }
        tap.missed += (rows.len() - count) as u64;
        if count > 0 {
            let (request, count) =
                (tap.request, u32::try_from(count).expect("the entries' bytes fit 32 bits"));
            self.append(state, |out| Rows { missed: 0, count, entries: &entries }.write(request, out));
        }
        true
    }

    fn app_changed(&self) {
        let mut state = self.state();
        let Some(tap) = &mut state.tap else { return };
        let (request, before) = (tap.request, std::mem::replace(&mut tap.phase, Phase::Ended));
        if before == Phase::Open {
            self.append(state, |out| app_changed().write(request, out));
        }
    }
}

fn note_of(raised: &Raised, rows: &[MatchedRow]) -> AlertNote {
    let severity = match raised.severity {
        Severity::Info => 1,
        Severity::Warning => 2,
        Severity::Critical => 3,
    };
    AlertNote { id: raised.id.0, severity, sequences: rows.iter().map(|row| row.sequence).collect() }
}

fn app_changed() -> ErrorFrame {
    ErrorFrame::new(ErrorCode::AppChanged, APP_CHANGED)
}
