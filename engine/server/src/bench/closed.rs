//! The closed loop: each connection keeps so many requests under way.

use std::cell::RefCell;
use std::rc::Rc;

use bytes::BytesMut;
use tokio::task::{JoinSet, LocalSet};
use vencejo_client::ClientError;
use vencejo_client::protocol::frame::{Frame, HEADER_BYTES};

use super::drive::{FrameSink, FrameSource, REQUEST, Requests, Start, read_answer};
use super::in_flight::InFlight;
use super::limits::{HANG_UP_TIME, SEND_BUFFER_BYTES};
use super::schedule::Schedule;
use super::tally::Tally;

/// What the connections of a run share.
struct Run {
    start: Start,
    schedule: Schedule,
    requests: Box<dyn Requests>,
    tally: RefCell<Tally>,
}

/// One connection's requests.
struct Turn {
    run: Rc<Run>,
    in_flight: InFlight,
    connection: u32,
    /// Number of the last request.
    last: u64,
    frames: BytesMut,
}

/// Keeps `depth` requests of each connection under way for the schedule's time, then waits for their replies.
/// Where several replies come in one piece, the requests that follow them go out in one piece, too.
///
/// # Errors
/// When a connection is lost or its peer does not keep to the protocol.
pub(super) async fn drive_closed<S, R>(
    connections: Vec<(S, R)>,
    requests: impl Requests + 'static,
    schedule: Schedule,
    depth: u32,
) -> Result<Tally, ClientError>
where
    S: FrameSink + 'static,
    R: FrameSource + 'static,
{
    let tasks = async move {
        let (start, tally) = (Start::now(), RefCell::new(Tally::new()));
        let run = Rc::new(Run { start, schedule, requests: Box::new(requests), tally });
        let mut tasks = JoinSet::new();
        for (connection, (sink, source)) in (0..).zip(connections) {
            let frames = BytesMut::with_capacity(SEND_BUFFER_BYTES);
            let turn = Turn { run: Rc::clone(&run), in_flight: InFlight::new(), connection, last: 0, frames };
            tasks.spawn_local(turn.all(depth, sink, source));
        }
        let mut ended = Ok(());
        while let Some(task) = tasks.join_next().await {
            ended = ended.and(task.expect("no task of a run panics or is cancelled"));
        }
        tokio::time::sleep(HANG_UP_TIME).await;
        ended.map(|()| run.tally.replace(Tally::new()))
    };
    LocalSet::new().run_until(tasks).await
}

impl Turn {
    async fn all<S: FrameSink, R: FrameSource>(
        mut self,
        depth: u32,
        mut sink: S,
        mut source: R,
    ) -> Result<(), ClientError> {
        let end_nanos = u64::try_from(self.run.schedule.length().as_nanos()).unwrap_or(u64::MAX);
        let mut waiting = 0;
        let mut free = u64::from(depth);
        loop {
            let now_nanos = self.now_nanos();
            if now_nanos < end_nanos {
                (0..free).for_each(|_| self.append(now_nanos));
                waiting += free;
                sink.send(self.frames.split().freeze()).await?;
            } else if waiting == 0 {
                break;
            }
            free = 0;
            let mut next = source.next_frame().await?;
            let now_nanos = self.now_nanos();
            while let Some(frame) = next {
                self.take_reply(&frame, now_nanos)?;
                free += 1;
                next = source.buffered_frame()?;
            }
            if free == 0 {
                let reason = "the server ended the stream before its last reply".to_owned();
                return Err(ClientError::Lost { reason });
            }
            waiting -= free;
        }
        sink.finish();
        source.close();
        Ok(())
    }

    fn now_nanos(&self) -> u64 {
        self.run.start.elapsed_nanos()
    }

    fn append(&mut self, now_nanos: u64) {
        let start = self.frames.len();
        let place = self.run.schedule.place(self.connection, self.last);
        self.run.requests.append(place, &mut self.frames);
        self.last += 1;
        self.frames[start..][REQUEST].copy_from_slice(&self.last.to_le_bytes());
        // A number that comes round to one that still waits would be a reply that never came.
        self.in_flight.insert(self.last, now_nanos);
        if now_nanos >= self.run.schedule.warm_up_nanos() {
            self.run.tally.borrow_mut().send(0, self.frames.len() - start);
        }
    }

    fn take_reply(&mut self, frame: &Frame, now_nanos: u64) -> Result<(), ClientError> {
        let answer = read_answer(frame)?;
        let Some(sent_nanos) = self.in_flight.remove(frame.request) else {
            let reason = format!("a reply to request {}, which does not wait for one", frame.request);
            return Err(ClientError::Protocol { reason });
        };
        if sent_nanos >= self.run.schedule.warm_up_nanos() {
            let mut tally = self.run.tally.borrow_mut();
            tally.reply(answer, now_nanos - sent_nanos, HEADER_BYTES + frame.payload.len());
            tally.last_reply_nanos = now_nanos;
        }
        Ok(())
    }
}
