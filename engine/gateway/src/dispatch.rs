//! From a frame to a request in a lane, or to the error that says why not.

use std::cell::Cell;
use std::iter;
use std::ops::Range;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use tokio::sync::OwnedSemaphorePermit;
use tokio_util::sync::CancellationToken;
use vencejo_core::plan::Stream;
use vencejo_protocol::error::ErrorCode;
use vencejo_protocol::frame::{Frame, FrameType};
use vencejo_protocol::message::{
    AckLevel, Blob, Control, Decide, DoorMap, Doors, ErrorFrame, Hello, Ingest, MessageError, Ping, Produce,
    Subscribe, VERSION, Welcome,
};
use vencejo_runtime::{
    Ack, DecideRequest, Entrance, Following, IngestRequest, Moment, Router, Rows, Unavailable,
};
use vencejo_types::limits::{DEADLINE_MICROS_MAX, KEY_BYTES_MAX};
use vencejo_types::row::Row;
use vencejo_types::{DecisionId, Origin, PartitionId, StreamId};

use crate::batch::BatchAck;
use crate::control::{self, Administration};
use crate::limits::RETRY_AFTER_MICROS;
use crate::outbound::Outbound;
use crate::subscription;
use crate::upload::Blobs;
use crate::welcome::welcome;

/// Rows of a batch by partition: where in the batch each lies; and the greatest of their event times.
type Parts = (Vec<(PartitionId, Vec<Range<usize>>)>, Option<i64>);

/// What a connection begins with.
pub(crate) const HELLO_FIRST: &str = "a connection begins with a hello, once, on its first stream";

/// Why a number of the welcome does not serve any more.
pub(crate) const APP_CHANGED: &str = "the app was replaced since the welcome, and this stream or decision is gone or has other columns now; connect \
     again and look at the welcome";

/// Why a command of a peer elsewhere is not taken.
const FROM_THIS_HOST: &str =
    "commands are taken from this host alone, over a loopback address, as nobody is asked who they are";

/// Why a request is not served.
pub(crate) struct Refusal {
    /// The request, or 0 where none can be told.
    pub(crate) request: u64,
    pub(crate) code: ErrorCode,
    pub(crate) text: String,
}

impl Refusal {
    pub(crate) fn new(code: ErrorCode, text: impl Into<String>) -> Self {
        Self { request: 0, code, text: text.into() }
    }

    /// Appends the error frame.
    pub(crate) fn write(&self, out: &mut BytesMut) {
        let mut frame = ErrorFrame::new(self.code, self.text.as_str());
        if self.code == ErrorCode::Overloaded {
            frame.retry_after_micros = RETRY_AFTER_MICROS;
        }
        frame.write(self.request, out);
    }
}

impl From<MessageError> for Refusal {
    fn from(error: MessageError) -> Self {
        Self::new(error.code(), error.to_string())
    }
}

impl From<Unavailable> for Refusal {
    fn from(unavailable: Unavailable) -> Self {
        match unavailable {
            Unavailable::Overloaded => {
                Self::new(ErrorCode::Overloaded, "the partition's lane is full; try again shortly")
            }
            Unavailable::DiskFull => Self::new(ErrorCode::DiskFull, "the disk is full"),
            Unavailable::Stopped => Self::new(ErrorCode::ShuttingDown, "the engine is stopping"),
        }
    }
}

/// Serves the frames of one stream.
pub(crate) struct Dispatch<'a> {
    pub(crate) router: &'a Arc<Router>,
    /// Where requests go in.
    pub(crate) entrance: Entrance,
    /// Where the partitions are.
    pub(crate) doors: &'a DoorMap,
    /// The app that is served.
    pub(crate) following: Following,
    /// Whether the connection has said hello; shared by its streams.
    pub(crate) welcomed: &'a Cell<bool>,
    /// Whether this is the connection's first stream, the one on which it says hello.
    pub(crate) is_first_stream: bool,
    pub(crate) outbound: &'a Arc<Outbound>,
    /// Working memory for a row's key.
    pub(crate) key: Vec<u8>,
    pub(crate) administration: &'a Administration,
    /// Whether the peer runs on this host: only then it may command.
    pub(crate) peer_is_local: bool,
    /// What the next command of the stream consumes.
    pub(crate) blobs: Blobs,
    /// The place of the stream's subscription.
    pub(crate) tap: Option<OwnedSemaphorePermit>,
    /// The engine is stopping.
    pub(crate) stopping: &'a CancellationToken,
}

impl Dispatch<'_> {
    /// Serves a frame that arrived at `arrived`. An error that does not end the connection has been
    /// sent; one that does is returned, to be sent last.
    pub(crate) fn serve(&mut self, frame: &Frame, arrived: Moment) -> Result<(), Refusal> {
        let served = match frame.frame_type() {
            Some(FrameType::Hello) if self.is_first_stream => self.hello(frame),
            _ if !self.welcomed.get() => Err(Refusal::new(ErrorCode::HelloRequired, HELLO_FIRST)),
            Some(FrameType::Hello) => Err(Refusal::new(ErrorCode::MalformedFrame, HELLO_FIRST)),
            Some(FrameType::Ping) => self.ping(frame),
            Some(FrameType::Doors) => self.tell_doors(frame),
            Some(FrameType::Decide) => self.decide(frame, arrived),
            Some(FrameType::Ingest) => self.ingest(frame, arrived),
            Some(FrameType::Produce) => self.produce(frame, arrived),
            Some(FrameType::Blob) => self.blob(frame),
            Some(FrameType::Control) => self.control(frame),
            Some(FrameType::Subscribe) => self.subscribe(frame),
            _ => Err(Refusal::new(
                ErrorCode::UnknownFrameType,
                format!("frame type 0x{:02x} is not one that a client sends", frame.type_code),
            )),
        };
        let Err(refusal) = served else { return Ok(()) };
        let refusal = Refusal { request: frame.request, ..refusal };
        if refusal.code.closes() {
            return Err(refusal);
        }
        self.outbound.send(|out| refusal.write(out));
        Ok(())
    }

    /// Has what was queued served, where that is this thread's to do.
    pub(crate) fn end_turn(&mut self) {
        self.entrance.serve();
    }

    fn hello(&mut self, frame: &Frame) -> Result<(), Refusal> {
        if self.welcomed.get() {
            return Err(Refusal::new(ErrorCode::MalformedFrame, HELLO_FIRST));
        }
        let hello = Hello::read(&frame.payload)?;
        let welcome = welcome(&self.following.served().app, self.router.partitions());
        check_hello(&hello, &welcome)?;
        tracing::debug!(client = hello.client, "hello");
        self.welcomed.set(true);
        self.outbound.send(|out| welcome.write(frame.request, out));
        Ok(())
    }

    fn ping(&self, frame: &Frame) -> Result<(), Refusal> {
        let pong = Ping::read(&frame.payload)?.pong();
        self.outbound.send(|out| pong.write(frame.request, out));
        Ok(())
    }

    fn tell_doors(&self, frame: &Frame) -> Result<(), Refusal> {
        Doors::read(&frame.payload)?;
        self.outbound.send(|out| self.doors.write(frame.request, out));
        Ok(())
    }

    fn decide(&mut self, frame: &Frame, arrived: Moment) -> Result<(), Refusal> {
        let Self { router, entrance, following, outbound, key, .. } = self;
        let message = Decide::read(&frame.payload)?;
        let id = DecisionId(message.decision);
        let served = following.served();
        let Some(decision) = served.app.decision(id) else {
            let is_retired = id.index() < served.app.decisions.len();
            return Err(unserved(is_retired, ErrorCode::UnknownDecision, "decision", id.0));
        };
        let stream = decision.stream;
        let (partition, time) = place(router, &served.app.streams[stream.index()], message.row, key)?;
        let deadline_micros = match message.deadline_micros {
            0 => decision.deadline_micros,
            asked => asked.min(DEADLINE_MICROS_MAX),
        };
        let request = DecideRequest {
            decision: id,
            row: frame.payload.slice(Decide::HEAD_BYTES..),
            arrived,
            deadline_micros,
            request: frame.request,
            reply: Arc::<Outbound>::clone(outbound),
        };
        outbound.begin();
        if let Err(unavailable) = entrance.decide(partition, request) {
            let refusal = Refusal { request: frame.request, ..unavailable.into() };
            outbound.reply(|out| refusal.write(out));
        } else if let Some(millis) = time {
            router.note_event_time(served, stream, millis, arrived);
        }
        Ok(())
    }

    fn ingest(&mut self, frame: &Frame, arrived: Moment) -> Result<(), Refusal> {
        let batch = Ingest::read(&frame.payload)?;
        let rows = frame.payload.slice(Ingest::HEAD_BYTES..);
        self.take_in(frame.request, arrived, &batch, &rows, None)
    }

    fn produce(&mut self, frame: &Frame, arrived: Moment) -> Result<(), Refusal> {
        let Produce { producer, epoch, sequence: number, batch } = Produce::read(&frame.payload)?;
        let rows = frame.payload.slice(Produce::HEAD_BYTES..);
        self.take_in(frame.request, arrived, &batch, &rows, Some(Origin { producer, epoch, number }))
    }

    /// Hands the parts of a batch to their partitions; what a lane has no room for is refused.
    fn take_in(
        &mut self,
        request: u64,
        arrived: Moment,
        batch: &Ingest<'_>,
        bytes: &Bytes,
        origin: Option<Origin>,
    ) -> Result<(), Refusal> {
        let id = StreamId(batch.stream);
        let served = Arc::clone(self.following.served());
        let Some(stream) = served.app.stream(id) else {
            let is_retired = id.index() < served.app.streams.len();
            return Err(unserved(is_retired, ErrorCode::UnknownStream, "stream", id.0));
        };
        let ack = self.level(stream, batch.ack)?;
        let (parts, time) = self.split(stream, batch)?;
        if origin.is_some() && parts.len() > 1 {
            let text = "the rows belong to several partitions; a producer sends each partition its own";
            return Err(Refusal::new(ErrorCode::BatchInvalid, text));
        }
        let level = match ack {
            Ack::Memory => AckLevel::Memory,
            Ack::Journaled => AckLevel::Journaled,
        };
        let reply = Arc::new(BatchAck::new(Arc::clone(self.outbound), request, level, parts.len()));
        self.outbound.begin();
        for (partition, ranges) in parts {
            let events = u32::try_from(ranges.len()).expect("BATCH_ROWS_MAX fits 32 bits");
            let rows = Rows { bytes: bytes.clone(), ranges };
            let told = Arc::<BatchAck>::clone(&reply);
            let part = IngestRequest { stream: id, rows, arrived, ack, origin, reply: told };
            if let Err(unavailable) = self.entrance.ingest(partition, stream, part) {
                reply.refuse(partition, events, Refusal::from(unavailable).code);
            }
        }
        if let Some(millis) = time {
            self.router.note_event_time(&served, id, millis, arrived);
        }
        Ok(())
    }

    /// The level at which a batch is acknowledged: the one asked for, else the stream's own.
    fn level(&self, stream: &Stream, asked: Option<AckLevel>) -> Result<Ack, Refusal> {
        let journaled = self.router.kept().is_some();
        let asked = asked.map(|level| match level {
            AckLevel::Memory => Ack::Memory,
            AckLevel::Journaled => Ack::Journaled,
        });
        let default = if journaled { Ack::Journaled } else { Ack::Memory };
        match asked.or(stream.options.ack).unwrap_or(default) {
            Ack::Journaled if !journaled => Err(Refusal::new(
                ErrorCode::AckLevelUnavailable,
                "this engine has no journal; ask for the level 'memory'",
            )),
            level => Ok(level),
        }
    }

    /// Keeps a piece of a blob. Whatever is wrong with it is said when its command comes.
    fn blob(&mut self, frame: &Frame) -> Result<(), Refusal> {
        let Blob { name, bytes } = Blob::read(&frame.payload)?;
        if self.peer_is_local {
            self.blobs.append(&name, bytes);
        } else {
            self.blobs.fail(ErrorCode::Forbidden, FROM_THIS_HOST.to_owned());
        }
        Ok(())
    }

    fn control(&mut self, frame: &Frame) -> Result<(), Refusal> {
        let blobs = self.blobs.take();
        let Control { command, arguments } = Control::read(&frame.payload)?;
        if !self.peer_is_local {
            return Err(Refusal::new(ErrorCode::Forbidden, FROM_THIS_HOST));
        }
        let (blobs, permit) = (blobs?, self.administration.admit()?);
        let command = self.administration.control.run(&command, arguments, blobs);
        self.outbound.begin();
        let outbound = Arc::clone(self.outbound);
        control::answer(command, frame.request, outbound, permit, self.stopping.clone());
        Ok(())
    }

    /// Has the rows of a stream, view or query come on this stream from now on.
    fn subscribe(&mut self, frame: &Frame) -> Result<(), Refusal> {
        let Subscribe { name } = Subscribe::read(&frame.payload)?;
        if !self.peer_is_local {
            return Err(Refusal::new(ErrorCode::Forbidden, FROM_THIS_HOST));
        }
        let served = Arc::clone(self.following.served());
        let tap = subscription::find(&served.app, &name)?;
        let permit = self.administration.admit_tap()?;
        if !self.outbound.begin_tap(frame.request) {
            let text = "this stream has a subscription; open another stream for another one";
            return Err(Refusal::new(ErrorCode::ControlRefused, text));
        }
        self.tap = Some(permit);
        self.outbound.begin();
        subscription::open(tap, Arc::clone(self.router), Arc::clone(self.outbound), frame.request);
        Ok(())
    }

    /// Checks every row of a batch and groups the rows by partition. All or nothing: one bad row and
    /// the batch has no effect.
    fn split(&mut self, stream: &Stream, batch: &Ingest<'_>) -> Result<Parts, Refusal> {
        let (mut parts, mut greatest) = Parts::default();
        let mut end = 0;
        for (index, row) in batch.split_rows().enumerate() {
            let in_batch = |refusal: Refusal| match batch.count as usize {
                rows if index == rows => Refusal::new(refusal.code, "bytes follow the batch's last row"),
                _ => Refusal::new(refusal.code, format!("row {index} of the batch: {}", refusal.text)),
            };
            let row = row.map_err(|error| in_batch(error.into()))?;
            let (partition, time) = place(self.router, stream, row, &mut self.key).map_err(in_batch)?;
            greatest = greatest.max(time);
            let start = end + Ingest::ROW_LENGTH_BYTES;
            end = start + row.len();
            match parts.iter_mut().find(|(id, _)| *id == partition) {
                Some((_, ranges)) => ranges.push(start..end),
                None => parts.push((partition, iter::once(start..end).collect())),
            }
        }
        Ok((parts, greatest))
    }
}

/// Checks a row, finds its partition and its event time. `key` is working memory.
fn place(
    router: &Router,
    stream: &Stream,
    bytes: &[u8],
    key: &mut Vec<u8>,
) -> Result<(PartitionId, Option<i64>), Refusal> {
    let invalid = |text| Refusal::new(ErrorCode::RowInvalid, text);
    let row = Row::parse(&stream.schema, bytes).map_err(|error| invalid(error.to_string()))?;
    let partition = router.partition_of(stream, row, key);
    if key.len() > KEY_BYTES_MAX {
        let bytes = key.len();
        return Err(invalid(format!("the key has {bytes} bytes; at most {KEY_BYTES_MAX} are taken")));
    }
    Ok((partition, stream.event_time(row)))
}

/// Why a number has nothing behind it: it had before a deploy, or never.
fn unserved(is_retired: bool, unknown: ErrorCode, what: &str, number: u16) -> Refusal {
    if is_retired {
        return Refusal::new(ErrorCode::AppChanged, APP_CHANGED);
    }
    Refusal::new(unknown, format!("there is no {what} {number}; the welcome lists them"))
}

/// Whether the caller and this engine mean the same protocol, app and schemas.
fn check_hello(hello: &Hello, welcome: &Welcome) -> Result<(), Refusal> {
    if hello.common_version().is_none() {
        let (low, high) = (hello.version_min, hello.version_max);
        let text = format!("the client speaks versions {low} to {high}; this engine speaks {VERSION}");
        return Err(Refusal::new(ErrorCode::UnsupportedVersion, text));
    }
    if !hello.app.is_empty() && hello.app != welcome.app {
        let text = format!("app '{}' is not served here; '{}' is", hello.app, welcome.app);
        return Err(Refusal::new(ErrorCode::UnknownApp, text));
    }
    for (name, expected) in &hello.expected {
        let Some(stream) = welcome.streams.iter().find(|stream| stream.name == *name) else {
            let text = format!("app '{}' has no stream '{name}'", welcome.app);
            return Err(Refusal::new(ErrorCode::SchemaMismatch, text));
        };
        let served = stream.schema.fingerprint();
        if served != *expected {
            let text = format!(
                "stream '{name}' has schema fingerprint {served:016x} here, the client was built for \
                 {expected:016x}; take the columns from the welcome, or rebuild the client"
            );
            return Err(Refusal::new(ErrorCode::SchemaMismatch, text));
        }
    }
    Ok(())
}
