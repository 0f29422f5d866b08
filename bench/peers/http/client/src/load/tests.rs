use std::io::Read as _;
use std::net::TcpListener;

use super::*;
use crate::http;

const OK: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
const BUSY: &[u8] = b"HTTP/1.1 503 Busy\r\ncontent-length: 0\r\n\r\n";

/// A server of so many connections. `reply` says what each request of a connection, counted from 0, gets;
/// nothing ends the connection.
fn serve(connections: usize, reply: fn(u64) -> Option<&'static [u8]>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("the port");
    thread::spawn(move || {
        for stream in listener.incoming().take(connections) {
            let mut stream = stream.expect("a connection");
            thread::spawn(move || {
                let mut buffer = [0; 1_024];
                // A request here is short, and comes alone: one read takes it.
                for count in 0.. {
                    match stream.read(&mut buffer) {
                        Ok(read) if read > 0 => {}
                        _ => return,
                    }
                    let Some(bytes) = reply(count) else { return };
                    stream.write_all(bytes).expect("the client reads its reply");
                }
            });
        }
    });
    address
}

fn run(address: SocketAddr, rate: u32, connections: u32) -> Tally {
    let schedule = Schedule::new(rate, Duration::from_secs(1));
    let requests = [http::post("localhost", "/", b"{}"), http::post("localhost", "/", b"[]")];
    measure(address, &requests, &schedule, connections).expect("a server")
}

#[test]
fn every_request_is_sent_and_answered() {
    let tally = run(serve(4, |_| Some(OK)), 200, 4);
    assert_eq!((tally.sent, tally.answered, tally.latency.len()), (200, 200, 200));
    assert!(tally.failures.is_empty(), "{:?}", tally.failures);
    assert!(tally.last_answer >= Duration::from_millis(1_995), "{:?}", tally.last_answer);
}

#[test]
fn a_slow_server_shows_in_all_that_was_due_meanwhile() {
    let slow = |_| {
        // The server's own slowness, that the test is about.
        let (_nobody, never) = std::sync::mpsc::channel::<()>();
        let _ = never.recv_timeout(Duration::from_millis(20));
        Some(OK)
    };
    let tally = run(serve(1, slow), 100, 1);
    assert_eq!(tally.sent, tally.answered);
    // 50 a second of 100: half a second late after one second, and more after the next.
    let median = Duration::from_nanos(tally.latency.value_at_quantile(0.5));
    assert!(median > Duration::from_millis(700), "{median:?}");
    assert!(tally.late.value_at_quantile(0.5) > nanos(Duration::from_millis(680)));
}

#[test]
fn what_is_not_answered_is_counted_by_reason() {
    let tally = run(serve(1, |_| Some(BUSY)), 50, 1);
    assert_eq!((tally.sent, tally.answered), (50, 0));
    assert_eq!(tally.failures.into_iter().collect::<Vec<_>>(), [("status 503".to_owned(), 50)]);
}

#[test]
fn a_connection_that_ends_is_opened_again() {
    let tally = run(serve(1_000, |count| (count < 10).then_some(OK)), 100, 1);
    assert_eq!(tally.sent, 100);
    // Every eleventh request of a connection meets its end.
    let lost: u64 = tally.failures.values().sum();
    assert!((9..=10).contains(&lost) && tally.answered + lost == 100, "{:?}", tally.failures);
}

#[test]
fn a_server_that_is_not_there_is_an_error() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("the port");
    drop(listener);
    let schedule = Schedule::new(1, Duration::from_secs(1));
    let error = measure(address, &[Vec::new()], &schedule, 1).expect_err("nobody listens");
    assert!(error.contains("cannot be reached"), "{error}");
}
