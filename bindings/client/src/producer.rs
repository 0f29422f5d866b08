//! Events that count once: numbered by partition, sent again until they are acknowledged.

use std::time::Duration;

use tokio::time::Instant;
use vencejo_protocol::error::ErrorCode;
use vencejo_protocol::limits::BATCH_ROWS_MAX;
use vencejo_protocol::message::{Ack, AckEntry, AckLevel, ErrorFrame, Ingest, Produce, StreamInfo};
use vencejo_protocol::row::{Row, key_hash, partition_of};

use crate::client::{Client, Pending};
use crate::error::ClientError;

/// Pause after a refusal that gives no hint, or a loss.
const PAUSE: Duration = Duration::from_millis(20);
/// Longest pause.
const PAUSE_MAX: Duration = Duration::from_secs(1);
/// Most bytes of rows in a frame: half of what fits, so that other frames get their turn.
const FRAME_ROWS_BYTES_MAX: usize = Produce::ROWS_BYTES_MAX / 2;

/// Hands over rows so that each counts once, over lost connections and restarts of the engine. One call at a
/// time; the rows of one call go to all their partitions at once.
pub struct Producer {
    client: Client,
    stream: StreamInfo,
    id: u64,
    ack: Option<AckLevel>,
    /// How long it tries again without getting on.
    patience: Duration,
    partitions: Vec<Partition>,
    key: Vec<u8>,
}

/// A partition, as this producer sees it.
#[derive(Default)]
struct Partition {
    epoch: u32,
    /// Number of the next row that has no acknowledgement.
    next: u64,
    /// Rows that are to be acknowledged, each behind its length.
    rows: Vec<u8>,
    /// Where each of them ends.
    ends: Vec<usize>,
}

/// What became of rows that were handed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Produced {
    /// The level that all of them have reached.
    pub level: AckLevel,
    /// The greatest sequence among them, in whichever partition.
    pub sequence: u64,
}

impl Producer {
    /// A producer of this client's for one stream. `id` must be one that no other producer of the engine has
    /// had, unless that one has ended and `epoch` is greater than its. No level takes the stream's own. It
    /// gives up when it does not get on for `patience`.
    pub fn new(
        client: Client,
        stream: StreamInfo,
        (id, epoch): (u64, u32),
        ack: Option<AckLevel>,
        patience: Duration,
    ) -> Self {
        let partitions = 0..client.welcome().partitions;
        let partitions = partitions.map(|_| Partition { epoch, next: 1, ..Partition::default() }).collect();
        Self { client, stream, id, ack, patience, partitions, key: Vec::new() }
    }

    /// Hands over rows of the stream, in order; returns when all are acknowledged. Dropped before, it may be
    /// called again with the rows that follow: those of the dropped call are sent with them.
    ///
    /// # Errors
    /// When the engine refuses for good, serves another app now, has lost rows that it had acknowledged as
    /// journaled, or cannot be reached for too long. The rows stay with the producer.
    ///
    /// # Panics
    /// When a row is not one of the stream.
    pub async fn send<'r>(
        &mut self,
        rows: impl IntoIterator<Item = &'r [u8]>,
    ) -> Result<Produced, ClientError> {
        let partitions = self.client.welcome().partitions;
        let schema = &self.stream.schema;
        for bytes in rows {
            let row = Row::parse(schema, bytes).expect("the caller hands over rows of the stream");
            self.key.clear();
            row.write_key(schema, schema.key(), &mut self.key);
            let partition = &mut self.partitions[partition_of(key_hash(&self.key), partitions) as usize];
            Ingest::push_row(&mut partition.rows, bytes);
            partition.ends.push(partition.rows.len());
        }
        let mut produced = Produced { level: AckLevel::Memory, sequence: 0 };
        let mut deadline = Instant::now() + self.patience;
        let mut pause = PAUSE;
        while self.partitions.iter().any(|partition| !partition.ends.is_empty()) {
            let (moved, trouble) = self.round(&mut produced).await?;
            if moved {
                (deadline, pause) = (Instant::now() + self.patience, PAUSE);
            }
            let Some((error, hint)) = trouble else { continue };
            if Instant::now() + pause >= deadline {
                return Err(error);
            }
            tokio::time::sleep(pause.max(hint)).await;
            pause = (pause * 2).min(PAUSE_MAX);
        }
        Ok(produced)
    }

    /// Sends each partition what comes next for it, and waits for all answers: whether rows were
    /// acknowledged, and why some were not.
    async fn round(
        &mut self,
        produced: &mut Produced,
    ) -> Result<(bool, Option<(ClientError, Duration)>), ClientError> {
        let (mut moved, mut trouble) = (false, None);
        let mut under_way = Vec::new();
        for index in 0..self.partitions.len() {
            if self.partitions[index].ends.is_empty() {
                continue;
            }
            let (count, sent) = self.begin(index).await;
            under_way.push((index, count, sent));
        }
        for (index, count, sent) in under_way {
            let answer = match sent {
                Ok(mut pending) => pending.ack().await,
                Err(error) => Err(error),
            };
            match self.judge(index, count, answer, produced)? {
                None => moved = true,
                Some(again) => trouble = Some(again),
            }
        }
        if self.client.welcome().partitions as usize != self.partitions.len() {
            return Err(ClientError::protocol("the engine has another number of partitions than before"));
        }
        Ok((moved, trouble))
    }

    /// Sends a partition the rows that come next; how many.
    async fn begin(&self, index: usize) -> (usize, Result<Pending, ClientError>) {
        let partition = &self.partitions[index];
        let fits = partition.ends.partition_point(|&end| end <= FRAME_ROWS_BYTES_MAX);
        let count = fits.clamp(1, BATCH_ROWS_MAX);
        let rows = &partition.rows[..partition.ends[count - 1]];
        let batch = Ingest {
            stream: self.stream.id,
            ack: self.ack,
            count: u32::try_from(count).expect("BATCH_ROWS_MAX fits 32 bits"),
            rows,
        };
        let message = Produce { producer: self.id, epoch: partition.epoch, sequence: partition.next, batch };
        (count, self.client.send_produce(index, &message).await)
    }

    /// Takes an answer: nothing where the rows are acknowledged, else why they are to be sent again, and
    /// when.
    fn judge(
        &mut self,
        index: usize,
        count: usize,
        answer: Result<Ack, ClientError>,
        produced: &mut Produced,
    ) -> Result<Option<(ClientError, Duration)>, ClientError> {
        let ack = match answer {
            Ok(ack) => ack,
            Err(error) => {
                if error == ClientError::TimedOut {
                    // The engine may have gone without a word. Rows that it has had are known to it.
                    self.client.give_up_connection();
                }
                return later(error).map(Some);
            }
        };
        let [AckEntry { refused, retry_after_micros, sequence, .. }] = ack.entries[..] else {
            return Err(ClientError::protocol("a produced batch is acknowledged by one partition"));
        };
        let Some(code) = refused else {
            self.partitions[index].acknowledge(count);
            let sequence = produced.sequence.max(sequence);
            *produced = Produced { level: ack.level, sequence };
            return Ok(None);
        };
        let refused =
            || ClientError::Refused(ErrorFrame::new(code, "the partition takes none of these rows"));
        match code {
            ErrorCode::SequenceGap if ack.level == AckLevel::Memory => {
                // The engine has lost rows, as it may at this level: what has no acknowledgement goes on in a
                // new epoch.
                let partition = &mut self.partitions[index];
                (partition.epoch, partition.next) = (partition.epoch + 1, 1);
                Ok(Some((refused(), Duration::ZERO)))
            }
            ErrorCode::Overloaded | ErrorCode::DiskFull | ErrorCode::ShuttingDown => {
                Ok(Some((refused(), Duration::from_micros(retry_after_micros.into()))))
            }
            _ => Err(refused()),
        }
    }
}

/// Whether to try again after this error: then the error, and the pause that the engine asks for.
fn later(error: ClientError) -> Result<(ClientError, Duration), ClientError> {
    let hint = match &error {
        ClientError::Connect { .. } | ClientError::Lost { .. } | ClientError::TimedOut => Duration::ZERO,
        ClientError::Refused(frame) => match error.code() {
            Some(ErrorCode::Overloaded | ErrorCode::DiskFull | ErrorCode::ShuttingDown) => {
                Duration::from_micros(frame.retry_after_micros.into())
            }
            _ => return Err(error),
        },
        _ => return Err(error),
    };
    Ok((error, hint))
}

impl Partition {
    /// So many rows at the front are acknowledged.
    fn acknowledge(&mut self, count: usize) {
        let bytes = self.ends[count - 1];
        self.next += count as u64;
        self.rows.drain(..bytes);
        self.ends.drain(..count);
        self.ends.iter_mut().for_each(|end| *end -= bytes);
    }
}
