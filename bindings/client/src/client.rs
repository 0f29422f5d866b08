//! The client: calls in, answers out; connections come and go behind it.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;
use vencejo_protocol::error::ErrorCode;
use vencejo_protocol::frame::{Frame, FrameType};
use vencejo_protocol::limits::{BATCH_ROWS_MAX, FRAME_BYTES_MAX, ROW_BYTES_MAX};
use vencejo_protocol::message::{
    Ack, AckLevel, Decide, Decision, DecisionCode, DecisionInfo, ErrorFrame, Ingest, MessageError, Produce,
    StreamInfo, Welcome,
};

use crate::connection::{Config, Connection};
use crate::doors::Links;
use crate::error::ClientError;
use crate::link::{Link, Reply};

const BACKOFF_FIRST: Duration = Duration::from_millis(20);
const BACKOFF_MAX: Duration = Duration::from_secs(1);

/// A decision, as it came back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decided {
    /// How it was reached.
    pub code: DecisionCode,
    /// Time from the request's arrival at the engine to its reply, in nanoseconds.
    pub server_nanos: u32,
    /// The request's place in its partition.
    pub sequence: u64,
    /// A row of the decision's answer; empty for `no_match`.
    pub row: Bytes,
}

/// A handle to an engine; clone it freely.
#[derive(Clone)]
pub struct Client {
    shared: Arc<Shared>,
}

struct Shared {
    address: SocketAddr,
    config: Config,
    links: Mutex<Arc<Links>>,
    /// Held by the one caller that connects anew.
    connecting: tokio::sync::Mutex<()>,
}

impl Client {
    /// Connects, trying again with growing pauses until the configured time is over.
    ///
    /// # Errors
    /// When no engine answers in time, it is not trusted, or it refuses the hello.
    pub async fn connect(address: SocketAddr, config: Config) -> Result<Self, ClientError> {
        let mut config = config;
        let sharing = config.with_socket(address);
        let first = open_link(address, &sharing).await?;
        // After a loss, the engine must still mean the same streams.
        let streams = first.welcome.streams.iter();
        config.expected = streams.map(|stream| (stream.name.clone(), stream.schema.fingerprint())).collect();
        let links = Mutex::new(Arc::new(Links::open(first, address, &sharing).await));
        let shared = Shared { address, config, links, connecting: tokio::sync::Mutex::default() };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// What the engine serves.
    pub fn welcome(&self) -> Arc<Welcome> {
        Arc::clone(&self.current().first().welcome)
    }

    /// Asks for a decision. `row` is a row of the decision's stream; a `deadline` of zero takes the
    /// decision's own.
    ///
    /// # Errors
    /// When there is no connection, it is lost meanwhile, or the engine refuses.
    pub async fn decide(
        &self,
        decision: u16,
        row: &[u8],
        deadline: Duration,
    ) -> Result<Decided, ClientError> {
        self.send_decide(decision, row, deadline).await?.answer().await
    }

    /// Sends a request for a decision and returns without waiting for the answer, so that many can be
    /// under way.
    ///
    /// # Errors
    /// When there is no connection.
    pub async fn send_decide(
        &self,
        decision: u16,
        row: &[u8],
        deadline: Duration,
    ) -> Result<Pending, ClientError> {
        if row.len() > ROW_BYTES_MAX {
            return Err(ClientError::TooLarge { what: "the row's length in bytes", max: ROW_BYTES_MAX });
        }
        let deadline_micros = u32::try_from(deadline.as_micros()).unwrap_or(u32::MAX);
        let links = self.links().await?;
        let message = Decide { decision, deadline_micros, row };
        let reply = links.of_decision(decision, row).request(|request, out| message.write(request, out))?;
        Ok(Pending { reply, deadline: self.answer_deadline() })
    }

    /// Hands over `count` events of a stream; `rows` holds each behind its length ([`Ingest::push_row`]).
    /// No level takes the stream's own.
    ///
    /// # Errors
    /// When there is no connection, it is lost meanwhile, or the engine refuses the whole batch. Parts
    /// that single partitions refuse are entries of the acknowledgement.
    pub async fn ingest(
        &self,
        stream: u16,
        count: usize,
        rows: &[u8],
        ack: Option<AckLevel>,
    ) -> Result<Ack, ClientError> {
        if count > BATCH_ROWS_MAX {
            return Err(ClientError::TooLarge { what: "the batch's number of rows", max: BATCH_ROWS_MAX });
        }
        if rows.len() > FRAME_BYTES_MAX / 2 {
            return Err(ClientError::TooLarge {
                what: "the batch's length in bytes",
                max: FRAME_BYTES_MAX / 2,
            });
        }
        let link = self.link().await?;
        let count = u32::try_from(count).expect("BATCH_ROWS_MAX fits 32 bits");
        let message = Ingest { stream, ack, count, rows };
        let reply = link.request(|request, out| message.write(request, out))?;
        Pending { reply, deadline: self.answer_deadline() }.ack().await
    }

    /// Sends a batch that its producer has numbered for a partition, without waiting for the answer.
    pub(crate) async fn send_produce(
        &self,
        partition: usize,
        message: &Produce<'_>,
    ) -> Result<Pending, ClientError> {
        let links = self.links().await?;
        let reply = links.of_partition(partition).request(|request, out| message.write(request, out))?;
        Ok(Pending { reply, deadline: self.answer_deadline() })
    }

    /// Has the next call connect anew.
    pub(crate) fn give_up_connection(&self) {
        self.current().abandon();
    }

    /// Lets what is under way be answered, then ends the connections.
    pub fn close(&self) {
        self.current().finish();
    }

    pub(crate) fn request_timeout(&self) -> Duration {
        self.shared.config.request_timeout
    }

    fn answer_deadline(&self) -> Instant {
        Instant::now() + self.request_timeout()
    }

    fn current(&self) -> Arc<Links> {
        Arc::clone(&self.shared.links.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The link that serves everything.
    pub(crate) async fn link(&self) -> Result<Arc<Link>, ClientError> {
        Ok(Arc::clone(self.links().await?.first()))
    }

    /// The links, connected anew if one was lost.
    async fn links(&self) -> Result<Arc<Links>, ClientError> {
        let links = self.current();
        if links.are_alive() {
            return Ok(links);
        }
        let _connecting = self.shared.connecting.lock().await;
        let links = self.current();
        if links.are_alive() {
            return Ok(links);
        }
        let Shared { address, config, .. } = &*self.shared;
        let config = config.with_socket(*address);
        let fresh = open_link(*address, &config).await?;
        if !keeps_ids(&links.first().welcome, &fresh.welcome) {
            fresh.finish();
            let text = "the engine serves its app under other ids now; make a new client and look them up";
            return Err(ClientError::Refused(ErrorFrame::new(ErrorCode::AppChanged, text)));
        }
        // What is under way on those that are left is answered.
        links.finish();
        let links = Arc::new(Links::open(fresh, *address, &config).await);
        *self.shared.links.lock().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&links);
        Ok(links)
    }
}

/// Whether a caller that goes by the one welcome means the same by the other.
fn keeps_ids(before: &Welcome, now: &Welcome) -> bool {
    let stream = |one: &StreamInfo| now.streams.iter().any(|other| other == one);
    let decision = |one: &DecisionInfo| {
        let same = |other: &DecisionInfo| {
            (other.id, other.stream, &other.name, &other.answer)
                == (one.id, one.stream, &one.name, &one.answer)
        };
        now.decisions.iter().any(same)
    };
    before.streams.iter().all(stream) && before.decisions.iter().all(decision)
}

/// A request that is under way.
pub struct Pending {
    reply: Reply,
    deadline: Instant,
}

impl Pending {
    /// Waits for the decision. May be dropped and called again until it has answered, once.
    ///
    /// # Errors
    /// When the connection is lost, no answer comes in time, or the engine refuses.
    pub async fn answer(&mut self) -> Result<Decided, ClientError> {
        let frame = self.frame().await?;
        let decision = read_reply(&frame, FrameType::Decision, |payload| {
            let Decision { code, server_nanos, sequence, .. } = Decision::read(payload)?;
            Ok((code, server_nanos, sequence))
        });
        let (code, server_nanos, sequence) = decision?;
        Ok(Decided { code, server_nanos, sequence, row: frame.payload.slice(Decision::HEAD_BYTES..) })
    }

    /// Waits for an acknowledgement.
    pub(crate) async fn ack(&mut self) -> Result<Ack, ClientError> {
        read_reply(&self.frame().await?, FrameType::Ack, Ack::read)
    }

    async fn frame(&mut self) -> Result<Frame, ClientError> {
        let answered = tokio::time::timeout_at(self.deadline, &mut self.reply).await;
        answered
            .map_err(|_| ClientError::TimedOut)?
            .map_err(|_| ClientError::lost("the client was closed"))?
    }
}

async fn open_link(address: SocketAddr, config: &Config) -> Result<Arc<Link>, ClientError> {
    let deadline = Instant::now() + config.connect_timeout;
    let mut pause = BACKOFF_FIRST;
    loop {
        let error = match Connection::open(address, config).await {
            Ok(connection) => return Ok(Link::start(connection)),
            Err(error @ ClientError::Connect { .. }) => error,
            Err(error) => return Err(error),
        };
        if !config.trust.allows(address.ip()) || Instant::now() + pause >= deadline {
            return Err(error);
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(BACKOFF_MAX);
    }
}

pub(crate) fn read_reply<T>(
    frame: &Frame,
    expected: FrameType,
    read: impl FnOnce(&[u8]) -> Result<T, MessageError>,
) -> Result<T, ClientError> {
    match frame.frame_type() {
        Some(kind) if kind == expected => read(&frame.payload).map_err(ClientError::protocol),
        Some(FrameType::Error) => {
            Err(ClientError::Refused(ErrorFrame::read(&frame.payload).map_err(ClientError::protocol)?))
        }
        _ => Err(ClientError::protocol(format!("frame type 0x{:02x} is no answer here", frame.type_code))),
    }
}
