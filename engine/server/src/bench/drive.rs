//! The open loop itself: one task per connection sends, one receives. See the module's head for why
//! all of them share a thread, and spin.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::task::{JoinSet, LocalSet, yield_now};
use vencejo_client::ClientError;
use vencejo_client::protocol::frame::{Frame, FrameType, HEADER_BYTES};
use vencejo_client::protocol::message::{Ack, Decision, ErrorFrame};
use vencejo_runtime::{Clock, Moment};

use super::alarm::Alarm;
use super::closed::drive_closed;
use super::in_flight::InFlight;
use super::limits::{BURST_REQUESTS_MAX, HANG_UP_TIME, REPLY_GRACE, SEND_BUFFER_BYTES};
use super::report::Report;
use super::schedule::Schedule;
use super::tally::{Answer, Tally};
use super::{Bench, Options, Pace};

/// Where a frame's request number stands.
pub(super) const REQUEST: std::ops::Range<usize> = HEADER_BYTES - 8..HEADER_BYTES;

/// The sending half of a connection.
pub(super) trait FrameSink {
    /// Sends whole frames.
    async fn send(&mut self, frames: Bytes) -> Result<(), ClientError>;
    /// No further request will come.
    fn finish(&mut self);
}

/// The receiving half of a connection.
pub(super) trait FrameSource {
    /// The next frame; nothing when the server has ended the stream.
    async fn next_frame(&mut self) -> Result<Option<Frame>, ClientError>;
    /// A frame that has arrived already, without waiting.
    fn buffered_frame(&mut self) -> Result<Option<Frame>, ClientError>;
    /// Ends the connection.
    fn close(&self);
}

/// What is sent.
pub(super) trait Requests {
    /// Appends the whole frame of the run's request in this place. Whoever sends it sets its number.
    fn append(&self, place: u64, out: &mut BytesMut);
}

/// Whole frames, at least one, that are sent in turn.
impl Requests for Vec<Vec<u8>> {
    fn append(&self, place: u64, out: &mut BytesMut) {
        let place = usize::try_from(place % self.len() as u64).expect("a remainder of a usize fits one");
        out.extend_from_slice(&self[place]);
    }
}

/// The moment from which a run counts its time.
#[derive(Clone, Copy, Debug)]
pub(super) struct Start {
    clock: Clock,
    moment: Moment,
}

impl Start {
    pub(super) fn now() -> Self {
        let clock = Clock::start();
        Self { clock, moment: clock.now() }
    }

    /// How long ago it was.
    pub(super) fn elapsed_nanos(&self) -> u64 {
        u64::try_from(self.clock.now().since(self.moment).as_nanos()).unwrap_or(u64::MAX)
    }

    /// What time of day it was, in milliseconds of Unix time.
    pub(super) fn unix_millis(&self) -> i64 {
        self.clock.tick(self.moment).0 / 1_000
    }
}

/// What the tasks of a run share.
struct Run {
    start: Start,
    schedule: Schedule,
    requests: Box<dyn Requests>,
    tally: RefCell<Tally>,
}

/// Sends requests over these connections as the options ask for.
///
/// # Errors
/// When a connection is lost or its peer does not keep to the protocol.
pub(super) async fn measure<S, R>(
    bench: Bench,
    connections: Vec<(S, R)>,
    requests: impl Requests + 'static,
    options: Options,
) -> Result<Report, ClientError>
where
    S: FrameSink + 'static,
    R: FrameSource + 'static,
{
    let schedule = Schedule::of(&options);
    let tally = match options.pace {
        Pace::Rate(_) | Pace::Spikes(_) => drive(connections, requests, schedule, Start::now()).await?,
        Pace::InFlight(depth) => drive_closed(connections, requests, schedule, depth).await?,
    };
    Ok(Report::new(bench, options, schedule, &tally))
}

/// Sends what the schedule asks for over these connections and counts what comes back, until the last
/// reply or until [`REPLY_GRACE`] after the last request was due.
///
/// # Errors
/// When a connection is lost or its peer does not keep to the protocol.
pub(super) async fn drive<S, R>(
    connections: Vec<(S, R)>,
    requests: impl Requests + 'static,
    schedule: Schedule,
    start: Start,
) -> Result<Tally, ClientError>
where
    S: FrameSink + 'static,
    R: FrameSource + 'static,
{
    let tasks = async move {
        let tally = RefCell::new(Tally::new());
        let run = Rc::new(Run { start, schedule, requests: Box::new(requests), tally });
        let mut tasks = JoinSet::new();
        for (connection, (sink, source)) in (0..).zip(connections) {
            let in_flight = Rc::new(RefCell::new(InFlight::new()));
            tasks.spawn_local(Rc::clone(&run).send_all(connection, Rc::clone(&in_flight), sink));
            tasks.spawn_local(Rc::clone(&run).receive_all(connection, in_flight, source));
        }
        let all = async {
            while let Some(task) = tasks.join_next().await {
                task.expect("no task of a run panics or is cancelled")?;
            }
            Ok(())
        };
        // All tasks stop at one time: what one of them breaks off, no other takes for the server's doing.
        let ended = tokio::time::timeout(schedule.length() + REPLY_GRACE, all).await.unwrap_or(Ok(()));
        tasks.shutdown().await;
        tokio::time::sleep(HANG_UP_TIME).await;
        ended.map(|()| run.tally.replace(Tally::new()))
    };
    LocalSet::new().run_until(tasks).await
}

impl Run {
    fn elapsed_nanos(&self) -> u64 {
        self.start.elapsed_nanos()
    }

    /// Waits until a time after the start and gives the time that it then is.
    async fn wait_until(&self, due_nanos: u64, alarm: &Alarm) -> u64 {
        let spin = self.schedule.spin();
        loop {
            let now_nanos = self.elapsed_nanos();
            if now_nanos >= due_nanos {
                return now_nanos;
            }
            match Duration::from_nanos(due_nanos - now_nanos).checked_sub(spin) {
                Some(far) if !far.is_zero() => alarm.sleep(far).await,
                _ => yield_now().await,
            }
        }
    }

    /// Sends a connection's requests as they fall due.
    async fn send_all<S: FrameSink>(
        self: Rc<Self>,
        connection: u32,
        in_flight: Rc<RefCell<InFlight>>,
        mut sink: S,
    ) -> Result<(), ClientError> {
        let count = self.schedule.requests_of(connection);
        let mut frames = BytesMut::with_capacity(SEND_BUFFER_BYTES);
        let alarm = Alarm::new();
        let mut next = 0;
        while next < count {
            let now_nanos = self.wait_until(self.schedule.due_nanos(connection, next), &alarm).await;
            next = self.append_due(connection, next..count, now_nanos, &in_flight, &mut frames);
            if frames.is_empty() {
                yield_now().await; // as many as may wait for a reply do
            } else {
                sink.send(frames.split().freeze()).await?;
            }
        }
        sink.finish();
        Ok(())
    }

    /// Appends the requests that are due now, up to a bound; gives the first that is not among them.
    fn append_due(
        &self,
        connection: u32,
        requests: std::ops::Range<u64>,
        now_nanos: u64,
        in_flight: &RefCell<InFlight>,
        frames: &mut BytesMut,
    ) -> u64 {
        let mut in_flight = in_flight.borrow_mut();
        let mut tally = self.tally.borrow_mut();
        let mut next = requests.start;
        for index in requests.take(BURST_REQUESTS_MAX) {
            let due_nanos = self.schedule.due_nanos(connection, index);
            let request = index + 1; // 0 is the hello's
            if due_nanos > now_nanos || !in_flight.insert(request, due_nanos) {
                break;
            }
            let start = frames.len();
            self.requests.append(self.schedule.place(connection, index), frames);
            frames[start..][REQUEST].copy_from_slice(&request.to_le_bytes());
            if due_nanos >= self.schedule.warm_up_nanos() {
                tally.send(now_nanos - due_nanos, frames.len() - start);
            }
            next = index + 1;
        }
        next
    }

    /// Receives a connection's replies.
    async fn receive_all<R: FrameSource>(
        self: Rc<Self>,
        connection: u32,
        in_flight: Rc<RefCell<InFlight>>,
        mut source: R,
    ) -> Result<(), ClientError> {
        let mut missing = self.schedule.requests_of(connection);
        while missing > 0 {
            let Some(mut frame) = source.next_frame().await? else {
                let reason = "the server ended the stream before its last reply".to_owned();
                return Err(ClientError::Lost { reason });
            };
            // What came in one piece came at one time.
            let now_nanos = self.elapsed_nanos();
            loop {
                self.take_reply(&frame, now_nanos, &in_flight)?;
                missing -= 1;
                match source.buffered_frame()? {
                    Some(next) => frame = next,
                    None => break,
                }
            }
        }
        source.close();
        Ok(())
    }

    fn take_reply(
        &self,
        frame: &Frame,
        now_nanos: u64,
        in_flight: &RefCell<InFlight>,
    ) -> Result<(), ClientError> {
        let answer = read_answer(frame)?;
        let Some(due_nanos) = in_flight.borrow_mut().remove(frame.request) else {
            let reason = format!("a reply to request {}, which does not wait for one", frame.request);
            return Err(ClientError::Protocol { reason });
        };
        if due_nanos >= self.schedule.warm_up_nanos() {
            let mut tally = self.tally.borrow_mut();
            tally.reply(answer, now_nanos.saturating_sub(due_nanos), HEADER_BYTES + frame.payload.len());
            tally.last_reply_nanos = now_nanos;
        }
        Ok(())
    }
}

/// What a reply says. An error frame that answers no request ends the run.
pub(super) fn read_answer(frame: &Frame) -> Result<Answer, ClientError> {
    let malformed = |reason: String| ClientError::Protocol { reason };
    match frame.frame_type() {
        Some(FrameType::Decision) => {
            let decision = Decision::read(&frame.payload).map_err(|error| malformed(error.to_string()))?;
            Ok(Answer::Decided { code: decision.code, server_nanos: decision.server_nanos })
        }
        Some(FrameType::Pong) => Ok(Answer::Echoed),
        Some(FrameType::Ack) => {
            let ack = Ack::read(&frame.payload).map_err(|error| malformed(error.to_string()))?;
            let refused = ack.entries.iter().find_map(|entry| entry.refused);
            Ok(refused.map_or(Answer::Echoed, |code| Answer::Refused(code.number())))
        }
        Some(FrameType::Error) => {
            let error = ErrorFrame::read(&frame.payload).map_err(|error| malformed(error.to_string()))?;
            if frame.request == 0 {
                Err(ClientError::Refused(error))
            } else {
                Ok(Answer::Refused(error.code))
            }
        }
        _ => Err(malformed(format!("frame type 0x{:02x} answers no request", frame.type_code))),
    }
}

#[cfg(test)]
mod tests;
