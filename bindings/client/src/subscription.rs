//! Following rows as the engine applies them, each subscription on a stream of its own.

use bytes::BytesMut;
use vencejo_protocol::frame::FrameType;
use vencejo_protocol::message::{AlertNote, Followed, Rows, Subscribe, Subscribed};
use vencejo_protocol::row::Row;
use vencejo_protocol::schema::Schema;

use crate::client::{Client, read_reply};
use crate::connection::{FrameReceiver, FrameSender, open_stream};
use crate::error::ClientError;

/// Rows of a stream, view or query, as they come. Dropped, it ends.
pub struct Subscription {
    answer: Subscribed,
    receiver: FrameReceiver,
    /// Its end would be the subscription's.
    _sender: FrameSender,
}

/// A row of a subscription.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TappedRow {
    /// The row.
    pub row: Vec<u8>,
    /// The alert that it is.
    pub alert: Option<AlertNote>,
}

/// Some rows of a subscription.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TappedRows {
    /// The rows, which fit the schema.
    pub rows: Vec<TappedRow>,
    /// How many came behind them that this client was too slow for.
    pub missed: u64,
}

impl Client {
    /// Follows what goes by this name: once this returns, every row that is applied comes. The engine takes
    /// subscriptions from its own host alone.
    ///
    /// # Errors
    /// When there is no connection, it is lost meanwhile, or the engine refuses.
    pub async fn subscribe(&self, name: &str) -> Result<Subscription, ClientError> {
        let asked = tokio::time::timeout(self.request_timeout(), self.open_subscription(name));
        asked.await.map_err(|_| ClientError::TimedOut)?
    }

    async fn open_subscription(&self, name: &str) -> Result<Subscription, ClientError> {
        let link = self.link().await?;
        let (mut sender, mut receiver) = open_stream(&link.connection).await?;
        let mut out = BytesMut::new();
        Subscribe { name: name.to_owned() }.write(1, &mut out);
        sender.send(out.freeze()).await?;
        let frame = receiver.next_frame().await?.ok_or_else(ended)?;
        let answer = read_reply(&frame, FrameType::Subscribed, Subscribed::read)?;
        Ok(Subscription { answer, receiver, _sender: sender })
    }
}

impl Subscription {
    /// The columns of the rows.
    pub fn schema(&self) -> &Schema {
        &self.answer.schema
    }

    /// What is followed; nothing for what a later engine has.
    pub fn followed(&self) -> Option<Followed> {
        self.answer.followed
    }

    /// Whether each partition gives rows of its own part, which belong together.
    pub fn is_in_parts(&self) -> bool {
        self.answer.in_parts
    }

    /// Waits for rows. May be dropped and called again.
    ///
    /// # Errors
    /// When the engine stops, is lost, or the app was replaced (`app_changed`).
    pub async fn next_rows(&mut self) -> Result<TappedRows, ClientError> {
        let frame = self.receiver.next_frame().await?.ok_or_else(ended)?;
        let read = |payload: &[u8]| {
            let message = Rows::read(payload)?;
            let rows = message.rows().map(|entry| {
                let alert = (!entry.extra.is_empty()).then(|| AlertNote::read(entry.extra)).transpose()?;
                Ok(TappedRow { row: entry.row.to_vec(), alert })
            });
            Ok(TappedRows { rows: rows.collect::<Result<_, _>>()?, missed: message.missed })
        };
        let tapped = read_reply(&frame, FrameType::Rows, read)?;
        for TappedRow { row, .. } in &tapped.rows {
            Row::parse(&self.answer.schema, row).map_err(ClientError::protocol)?;
        }
        Ok(tapped)
    }
}

fn ended() -> ClientError {
    ClientError::lost("the engine ended the subscription")
}
