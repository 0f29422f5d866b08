//! Runs against a server that is a queue in memory.

use std::collections::VecDeque;

use tokio::sync::Notify;
use vencejo_client::DecisionCode;
use vencejo_client::protocol::error::ErrorCode;
use vencejo_client::protocol::frame::{FrameReader, write_frame};
use vencejo_client::protocol::message::Decide;

use super::*;
use crate::bench::SPIN_TIME;

/// What the server makes of the n-th request of a connection, from 0; nothing ends the stream.
type Serve = fn(u64, &Frame) -> Option<Bytes>;

struct Server {
    serve: Serve,
    served: RefCell<u64>,
    requests: RefCell<FrameReader>,
    replies: RefCell<VecDeque<Option<Bytes>>>,
    wake: Notify,
    /// From this request on it takes nothing from the connection.
    takes: u64,
    closed: Notify,
}

struct Sink(Rc<Server>);
struct Source(Rc<Server>, FrameReader);

fn connect(serve: Serve) -> (Sink, Source) {
    connect_taking(u64::MAX, serve)
}

fn connect_taking(takes: u64, serve: Serve) -> (Sink, Source) {
    let server = Rc::new(Server {
        serve,
        served: RefCell::default(),
        requests: RefCell::default(),
        replies: RefCell::default(),
        wake: Notify::new(),
        takes,
        closed: Notify::new(),
    });
    (Sink(Rc::clone(&server)), Source(server, FrameReader::default()))
}

impl FrameSink for Sink {
    async fn send(&mut self, frames: Bytes) -> Result<(), ClientError> {
        let server = &self.0;
        if *server.served.borrow() >= server.takes {
            server.closed.notified().await;
            return Err(ClientError::Lost { reason: "closed".to_owned() });
        }
        let mut requests = server.requests.borrow_mut();
        requests.push(frames);
        while let Some(frame) = requests.next_frame().expect("whole frames") {
            let mut served = server.served.borrow_mut();
            server.replies.borrow_mut().push_back((server.serve)(*served, &frame));
            *served += 1;
        }
        server.wake.notify_one();
        Ok(())
    }

    fn finish(&mut self) {}
}

impl FrameSource for Source {
    async fn next_frame(&mut self) -> Result<Option<Frame>, ClientError> {
        loop {
            if let Some(frame) = self.buffered_frame()? {
                return Ok(Some(frame));
            }
            let reply = self.0.replies.borrow_mut().pop_front();
            match reply {
                Some(Some(bytes)) => self.1.push(bytes),
                Some(None) => return Ok(None),
                None => self.0.wake.notified().await,
            }
        }
    }

    fn buffered_frame(&mut self) -> Result<Option<Frame>, ClientError> {
        Ok(self.1.next_frame().expect("whole frames"))
    }

    fn close(&self) {
        self.0.closed.notify_one();
    }
}

fn decision(request: u64) -> Bytes {
    let decision = Decision { code: DecisionCode::Floored, server_nanos: 8_000, sequence: 1, row: b"row" };
    let mut out = BytesMut::new();
    decision.write(request, &mut out);
    out.freeze()
}

fn error(code: ErrorCode, request: u64) -> Bytes {
    let mut out = BytesMut::new();
    ErrorFrame::new(code, "no").write(request, &mut out);
    out.freeze()
}

/// 20 requests with two different rows over this many connections.
fn run(connections: u32, serve: Serve) -> Result<Tally, ClientError> {
    run_over((0..connections).map(|_| connect(serve)).collect())
}

fn run_over(connections: Vec<(Sink, Source)>) -> Result<Tally, ClientError> {
    let count = u32::try_from(connections.len()).expect("few");
    let (seconds, spin) = (Duration::from_millis(20), SPIN_TIME);
    let schedule = Schedule::of(&Options { pace: Pace::Rate(1_000), seconds, connections: count, spin });
    let requests = [b"first".as_slice(), b"second"].map(|row| {
        let mut frame = BytesMut::new();
        Decide { decision: 3, deadline_micros: 0, row }.write(0, &mut frame);
        frame.to_vec()
    });
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime").block_on(drive(connections, requests.to_vec(), schedule, Start::now()))
}

#[test]
fn every_request_is_answered_once() {
    for connections in [1, 3, 32] {
        let tally = run(connections, |_, frame| Some(decision(frame.request))).expect("a clean run");
        assert_eq!((tally.sent, tally.answered), (20, 20), "{connections} connections");
        assert_eq!(tally.client.len(), 20);
        assert_eq!((tally.server.min(), tally.server.max()), (8_000, 8_003));
        assert_eq!(tally.decisions().collect::<Vec<_>>(), [(DecisionCode::Floored, 20)]);
    }
}

#[test]
fn rows_take_turns_under_their_own_numbers() {
    let tally = run(1, |served, frame| {
        let decide = Decide::read(&frame.payload).expect("a decide frame");
        let row = if served % 2 == 0 { b"first".as_slice() } else { b"second" };
        let as_expected = frame.request == served + 1 && decide.row == row && decide.decision == 3;
        let wrong = || error(ErrorCode::Internal, frame.request);
        Some(if as_expected { decision(frame.request) } else { wrong() })
    })
    .expect("a clean run");
    assert_eq!((tally.answered, tally.refused.len()), (20, 0));
}

#[test]
fn refusals_are_counted_by_code_and_have_no_latency() {
    let tally = run(1, |served, frame| {
        let refusal = || error(ErrorCode::Overloaded, frame.request);
        Some(if served < 5 { refusal() } else { decision(frame.request) })
    })
    .expect("a clean run");
    assert_eq!((tally.answered, tally.client.len()), (15, 15));
    assert_eq!(tally.refused.into_iter().collect::<Vec<_>>(), [(ErrorCode::Overloaded.number(), 5)]);
}

#[test]
fn what_breaks_the_protocol_ends_the_run() {
    let cases: [(Serve, &str); 5] = [
        (|_, frame| Some(decision(frame.request + 100)), "does not wait for one"),
        (|_, _| Some(decision(1)), "a reply to request 1,"),
        (|_, _| Some(error(ErrorCode::ShuttingDown, 0)), "refused with shutting_down (301): no"),
        (|_, _| None, "the server ended the stream before its last reply"),
        (
            |_, frame| {
                let mut out = BytesMut::new();
                write_frame(&mut out, FrameType::Welcome, frame.request, |_| {});
                Some(out.freeze())
            },
            "frame type 0x02 answers no request",
        ),
    ];
    for (serve, expected) in cases {
        let error = run(2, serve).expect_err(expected).to_string();
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn a_closed_loop_sends_a_request_for_each_reply() {
    let schedule = Schedule::of(&Options {
        pace: Pace::InFlight(1),
        seconds: Duration::from_millis(20),
        connections: 2,
        spin: SPIN_TIME,
    });
    let mut frame = BytesMut::new();
    Decide { decision: 3, deadline_micros: 0, row: b"row" }.write(0, &mut frame);
    // The server keeps two requests, and answers the first of them when a third has come.
    let serve: Serve =
        |served, frame| Some(if served < 2 { Bytes::new() } else { decision(frame.request - 2) });
    let run = |depth, serve| {
        let connections = (0..2).map(|_| connect(serve)).collect();
        let driven = drive_closed(connections, vec![frame.to_vec()], schedule, depth);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let bounded = async { tokio::time::timeout(Duration::from_millis(500), driven).await };
        runtime.expect("a runtime").block_on(bounded)
    };
    assert!(run(2, serve).is_err(), "with two under way there is no third");
    let tally = run(3, |_, frame| Some(decision(frame.request))).expect("in time").expect("a clean run");
    assert!(tally.sent > 6, "{} requests", tally.sent);
    assert_eq!(tally.sent, tally.answered);
}

#[test]
fn a_server_that_takes_no_more_leaves_requests_unsent() {
    let stuck = (0..3).map(|_| connect_taking(1, |_, frame| Some(decision(frame.request))));
    let tally = run_over(stuck.collect()).expect("a run of which some was not sent");
    // What is due together goes together, with the first request of a connection too.
    assert!((3..20).contains(&tally.answered), "{}", tally.answered);
}
