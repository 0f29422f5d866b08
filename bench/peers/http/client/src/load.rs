//! Sends the requests of a schedule and takes the replies.
//!
//! A thread per connection: it draws the next request, sleeps until that is due, sends it and waits for the
//! reply. No request is handed from one thread to another, and nobody spins: the processor is the server's.
//! A thread that is free has drawn its request long before it is due; when all wait for replies, requests go
//! out late, and their latency says so.

use std::collections::BTreeMap;
use std::io::{self, ErrorKind, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;

use crate::http::Replies;
use crate::schedule::Schedule;

/// Latencies are kept up to this; a longer one counts as this one.
const LATENCY_NANOS_MAX: u64 = 60_000_000_000;
/// Decimal digits to which a latency is kept.
const LATENCY_DIGITS: u8 = 3;
/// How long one reply may take. No server under a load that it can take needs it.
const REPLY_TIME_MAX: Duration = Duration::from_secs(5);
/// How long a connection may take to open.
const CONNECT_TIME_MAX: Duration = Duration::from_secs(5);
const STATUS_OK: u16 = 200;

/// What came of the requests that count.
#[derive(Debug)]
pub struct Tally {
    /// Requests that went out.
    pub sent: u64,
    /// Requests that were answered with status 200.
    pub answered: u64,
    /// From due to answered, in nanoseconds.
    pub latency: Histogram<u64>,
    /// From due to sent, in nanoseconds.
    pub late: Histogram<u64>,
    /// Requests that went out and were not answered, by reason.
    pub failures: BTreeMap<String, u64>,
    /// When the last answer came, after the start.
    pub last_answer: Duration,
}

impl Tally {
    fn new() -> Result<Self, String> {
        let histogram = || {
            Histogram::new_with_max(LATENCY_NANOS_MAX, LATENCY_DIGITS)
                .map_err(|error| format!("there is no histogram of latencies: {error}"))
        };
        Ok(Self {
            sent: 0,
            answered: 0,
            latency: histogram()?,
            late: histogram()?,
            failures: BTreeMap::new(),
            last_answer: Duration::ZERO,
        })
    }

    fn add(&mut self, other: &Tally) -> Result<(), String> {
        self.sent += other.sent;
        self.answered += other.answered;
        for (mine, theirs) in [(&mut self.latency, &other.latency), (&mut self.late, &other.late)] {
            mine.add(theirs).map_err(|error| format!("latencies cannot be added: {error}"))?;
        }
        for (reason, count) in &other.failures {
            *self.failures.entry(reason.clone()).or_default() += count;
        }
        self.last_answer = self.last_answer.max(other.last_answer);
        Ok(())
    }

    fn send(&mut self, late: Duration) {
        self.sent += 1;
        self.late.saturating_record(nanos(late));
    }

    fn reply(&mut self, reply: &io::Result<u16>, due: Duration, now: Duration) {
        match reply {
            Ok(STATUS_OK) => {
                self.answered += 1;
                self.latency.saturating_record(nanos(now.saturating_sub(due)));
                self.last_answer = self.last_answer.max(now);
            }
            Ok(status) => *self.failures.entry(format!("status {status}")).or_default() += 1,
            Err(error) => *self.failures.entry(name(error)).or_default() += 1,
        }
    }
}

/// Runs the schedule over so many connections.
///
/// # Errors
/// When the server cannot be reached at the start, or again later.
#[expect(clippy::disallowed_methods, reason = "an open loop is paced by the clock")]
pub fn measure(
    address: SocketAddr,
    requests: &[Vec<u8>],
    schedule: &Schedule,
    connections: u32,
) -> Result<Tally, String> {
    let streams: Vec<TcpStream> = (0..connections).map(|_| connect(address)).collect::<Result<_, _>>()?;
    let next = AtomicU64::new(0);
    let run = Run { address, requests, schedule, next: &next, start: Instant::now() };
    let tallies: Vec<Result<Tally, String>> = thread::scope(|scope| {
        let threads: Vec<_> =
            streams.into_iter().map(|stream| scope.spawn(move || run.drive(stream))).collect();
        let joined = threads.into_iter().map(thread::ScopedJoinHandle::join);
        joined.map(|tally| tally.unwrap_or_else(|_| Err("a sending thread panicked".to_owned()))).collect()
    });
    let mut all = Tally::new()?;
    for tally in tallies {
        all.add(&tally?)?;
    }
    Ok(all)
}

/// What the threads share.
#[derive(Clone, Copy)]
struct Run<'a> {
    address: SocketAddr,
    requests: &'a [Vec<u8>],
    schedule: &'a Schedule,
    next: &'a AtomicU64,
    start: Instant,
}

impl Run<'_> {
    /// One connection, until no request is left or the run is over.
    fn drive(self, mut stream: TcpStream) -> Result<Tally, String> {
        let mut tally = Tally::new()?;
        let mut replies = Replies::default();
        loop {
            let request = self.next.fetch_add(1, Ordering::Relaxed);
            if !self.schedule.has(request) {
                return Ok(tally);
            }
            let due = self.schedule.due(request);
            self.wait_until(due);
            let sent = self.start.elapsed();
            if sent >= self.schedule.end() {
                return Ok(tally);
            }
            let counts = self.schedule.counts(request);
            if counts {
                tally.send(sent.saturating_sub(due));
            }
            let reply = self.exchange(request, &mut stream, &mut replies);
            if counts {
                tally.reply(&reply, due, self.start.elapsed());
            }
            if reply.is_err() {
                stream = connect(self.address)?;
            }
        }
    }

    fn wait_until(&self, due: Duration) {
        loop {
            match due.saturating_sub(self.start.elapsed()) {
                Duration::ZERO => return,
                // Nobody unparks it; it may wake early by itself.
                left => thread::park_timeout(left),
            }
        }
    }

    fn exchange(&self, request: u64, stream: &mut TcpStream, replies: &mut Replies) -> io::Result<u16> {
        let place = request % self.requests.len() as u64;
        let bytes = &self.requests[usize::try_from(place).expect("a remainder of a usize fits one")];
        stream.write_all(bytes)?;
        replies.read(stream)
    }
}

fn connect(address: SocketAddr) -> Result<TcpStream, String> {
    let open = || {
        let stream = TcpStream::connect_timeout(&address, CONNECT_TIME_MAX)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(REPLY_TIME_MAX))?;
        Ok(stream)
    };
    open().map_err(|error: io::Error| format!("{address} cannot be reached: {error}; is the server there?"))
}

fn name(error: &io::Error) -> String {
    match error.kind() {
        ErrorKind::WouldBlock | ErrorKind::TimedOut => "no reply in time".to_owned(),
        ErrorKind::UnexpectedEof => "the connection ended".to_owned(),
        _ => error.to_string(),
    }
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
