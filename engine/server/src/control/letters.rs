//! Dead letters: events that the core failed on. List them, give them to the engine again.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use tokio::sync::oneshot;
use vencejo_core::plan::App;
use vencejo_gateway::{ControlRefusal, ErrorCode};
use vencejo_runtime::journal::{Body, DeadLetter, Record};
use vencejo_runtime::{
    Ack, BatchRefusal, BatchReply, DecideRequest, Decided, DecisionReply, Fault, IngestRequest, Kept, Rows,
};
use vencejo_types::limits::DEADLINE_MICROS_MAX;
use vencejo_types::row::Row;
use vencejo_types::{DecisionId, PartitionId, Sequence, StreamId};

use super::{Engine, unavailable};
use crate::answer::answer_into;

/// What `dlq.list` takes.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct List {}

/// What `dlq.replay` takes.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Replay {
    /// A letter; all that are not settled if not given.
    #[serde(default)]
    number: Option<u64>,
}

/// The letters, with what they hold.
pub async fn list(engine: Arc<Engine>, _arguments: List) -> Result<Value, ControlRefusal> {
    let letters = kept(&engine)?.dead_letters().list();
    let letters: Vec<_> = letters.iter().map(|letter| engine.show(letter)).collect();
    Ok(json!({"letters": letters}))
}

/// Gives letters to the engine again, as new events; each is settled when it has been taken. One that the
/// core fails on again is a new letter.
pub async fn replay(engine: Arc<Engine>, arguments: Replay) -> Result<Value, ControlRefusal> {
    let kept = Arc::clone(kept(&engine)?);
    let all = kept.dead_letters().list();
    let letters: Vec<_> = match arguments.number {
        None => all.iter().filter(|letter| !letter.settled).collect(),
        Some(number) => {
            let letter = all.iter().find(|letter| letter.number == number);
            let letter = letter.ok_or_else(|| {
                ControlRefusal::refused(format!("there is no dead letter {number}; there are {}", all.len()))
            })?;
            vec![letter]
        }
    };
    let mut replayed = Vec::new();
    for letter in &letters {
        engine.give_again(letter).await?;
        kept.dead_letters().settle(letter.number).map_err(|error| ControlRefusal {
            code: ErrorCode::Internal,
            text: format!("dead letter {} was taken, but that cannot be kept: {error}", letter.number),
        })?;
        replayed.push(letter.number);
    }
    let failed = kept.dead_letters().list().len() - all.len();
    Ok(json!({"replayed": replayed, "failed_again": failed}))
}

fn kept(engine: &Engine) -> Result<&Arc<Kept>, ControlRefusal> {
    let text = "this engine keeps no journal, so it lays no events aside";
    engine.router.kept().ok_or_else(|| ControlRefusal::refused(text))
}

/// What a letter holds.
enum Held<'a> {
    Row(StreamId, &'a [u8]),
    Request(DecisionId, &'a [u8]),
    Other(&'static str),
}

impl Engine {
    /// What a letter holds, by the app as it is now.
    fn open<'l>(&self, letter: &'l DeadLetter) -> Result<(Record<'l>, Held<'l>), String> {
        let (record, _) = Record::read(&letter.record).map_err(|error| error.to_string())?;
        let app = self.router.app();
        let lost = || format!("the app declares no '{}' any more", letter.subject);
        let id = |place: usize| u16::try_from(place).expect("DECLARATIONS_MAX fits 16 bits");
        let held = match &record.body {
            Body::Rows { rows, .. } => {
                let stream = app.streams.iter().position(|stream| stream.name == letter.subject);
                let row = rows.iter().next().unwrap_or_default();
                Held::Row(StreamId(id(stream.ok_or_else(lost)?)), row)
            }
            Body::Decide { row, .. } => {
                let decision = app.decisions.iter().position(|decision| decision.name == letter.subject);
                Held::Request(DecisionId(id(decision.ok_or_else(lost)?)), row)
            }
            Body::Tick(_) => Held::Other("time"),
            Body::Model(..) => Held::Other("a change of a model"),
            Body::Alert(..) => Held::Other("a change of an alert"),
            Body::Skip(_) | Body::Declare(_) | Body::Base(_) => Held::Other("nothing"),
        };
        Ok((record, held))
    }

    /// The stream that it is of, with the app that declares it.
    fn stream(&self, held: &Held<'_>) -> Option<(StreamId, Arc<App>)> {
        let app = self.router.app();
        let stream = match *held {
            Held::Row(stream, _) => stream,
            Held::Request(decision, _) => app.decision(decision)?.stream,
            Held::Other(_) => return None,
        };
        app.stream(stream)?;
        Some((stream, app))
    }

    fn show(&self, letter: &DeadLetter) -> Value {
        let DeadLetter { number, subject, reason, settled, .. } = letter;
        let mut shown = json!({"number": number, "for": subject, "reason": reason, "replayed": settled});
        match self.open(letter) {
            Err(error) => shown["unusable"] = error.into(),
            Ok((record, held)) => {
                shown["partition"] = record.partition.into();
                shown["sequence"] = record.sequence.0.into();
                shown["tick"] = record.tick.0.into();
                let (kind, row) = match held {
                    Held::Row(_, row) => ("event", row),
                    Held::Request(_, row) => ("decision", row),
                    Held::Other(what) => (what, &[][..]),
                };
                shown["kind"] = kind.into();
                if let Some((stream, app)) = self.stream(&held) {
                    let mut columns = Map::new();
                    answer_into(&mut columns, &app.streams[stream.index()].schema, row);
                    shown["row"] = columns.into();
                }
            }
        }
        shown
    }

    /// Has the engine take what a letter holds, as a new event.
    async fn give_again(&self, letter: &DeadLetter) -> Result<(), ControlRefusal> {
        let refused = |why: &str| ControlRefusal::refused(format!("dead letter {}: {why}", letter.number));
        let (_, held) = self.open(letter).map_err(|error| refused(&error))?;
        let Some((stream, app)) = self.stream(&held) else {
            return Err(refused("it holds no event of a stream, so there is nothing to give again"));
        };
        let (Held::Row(_, bytes) | Held::Request(_, bytes)) = held else { return Ok(()) };
        let declared = &app.streams[stream.index()];
        let row = Row::parse(&declared.schema, bytes).map_err(|error| refused(&error.to_string()))?;
        let partition = self.router.partition_of(declared, row, &mut Vec::new());
        let (tell, told) = oneshot::channel();
        let reply = Arc::new(Answer(Mutex::new(Some(tell))));
        let bytes = Bytes::copy_from_slice(bytes);
        let queued = match held {
            Held::Request(decision, _) => self.router.decide(
                partition,
                DecideRequest {
                    decision,
                    row: bytes,
                    arrived: self.router.clock().now(),
                    deadline_micros: DEADLINE_MICROS_MAX,
                    request: 0,
                    reply,
                },
            ),
            _ => {
                let rows = Rows { ranges: std::iter::once(0..bytes.len()).collect(), bytes };
                let arrived = self.router.clock().now();
                let request =
                    IngestRequest { stream, rows, arrived, ack: Ack::Journaled, origin: None, reply };
                self.router.ingest(partition, declared, request)
            }
        };
        queued.map_err(unavailable)?;
        match told.await {
            Ok(true) => Ok(()),
            Ok(false) | Err(_) => Err(refused("the engine did not take it; try again")),
        }
    }
}

/// Hears whether an event was taken. One that the core failed on was: it is a letter again.
struct Answer(Mutex<Option<oneshot::Sender<bool>>>);

impl Answer {
    fn tell(&self, taken: bool) {
        if let Some(tell) = self.0.lock().unwrap_or_else(PoisonError::into_inner).take() {
            // Whoever asked may have gone.
            let _ = tell.send(taken);
        }
    }
}

impl BatchReply for Answer {
    fn absorbed(&self, _partition: PartitionId, _events: u32, _sequence: Sequence) {
        self.tell(true);
    }

    fn refused(&self, _partition: PartitionId, _events: u32, _refusal: BatchRefusal) {
        self.tell(false);
    }

    fn failed(&self, _partition: PartitionId, _events: u32, _fault: Fault) {
        self.tell(false);
    }
}

impl DecisionReply for Answer {
    fn decided(&self, _request: u64, _decided: Decided<'_>) {
        self.tell(true);
    }

    fn failed(&self, _request: u64, fault: Fault) {
        self.tell(fault == Fault::Panicked);
    }
}
