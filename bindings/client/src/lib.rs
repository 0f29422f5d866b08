//! Async Rust client of the `vencejo/1` protocol.
//!
//! ```no_run
//! # async fn example() -> Result<(), vencejo_client::ClientError> {
//! use std::time::Duration;
//! use vencejo_client::{Client, Config, RowWriter};
//!
//! let client = Client::connect("127.0.0.1:7443".parse().unwrap(), Config::default()).await?;
//! let welcome = client.welcome();
//! let floor = welcome.decisions.iter().find(|decision| decision.name == "floor").unwrap();
//! let schema = &welcome.streams.iter().find(|stream| stream.id == floor.stream).unwrap().schema;
//! let mut row = RowWriter::new(schema.columns().len());
//! row.set_str(schema.position("placement").unwrap(), "home/top");
//! // ... the other NOT NULL columns ...
//! let mut bytes = Vec::new();
//! row.finish(schema, &mut bytes).unwrap();
//! let decided = client.decide(floor.id, &bytes, Duration::from_millis(10)).await?;
//! println!("{} after {} ns", decided.code.name(), decided.server_nanos);
//! # Ok(()) }
//! ```
//!
//! [`Client`] is the one to use: it pipelines requests over one long-lived stream for each thread of the
//! engine, sends each decision and each produced row to the thread of its partition, and connects again
//! after a loss. [`Producer`] hands over events that count once, whatever happens in between. [`Connection`]
//! is the layer below, for load generators and tests: frames in, frames out.
#![forbid(unsafe_code)]

mod client;
mod connection;
mod control;
mod doors;
mod error;
mod link;
mod producer;
mod subscription;
mod tls;

pub use client::{Client, Decided, Pending};
pub use connection::{Config, Connection, FrameReceiver, FrameSender, Socket, transport};
pub use error::ClientError;
pub use producer::{Produced, Producer};
pub use subscription::{Subscription, TappedRow, TappedRows};
pub use tls::Trust;
pub use vencejo_protocol as protocol;
pub use vencejo_protocol::message::Followed;
pub use vencejo_protocol::message::{Ack, AckLevel, DecisionCode, DecisionInfo, StreamInfo, Welcome};
pub use vencejo_protocol::row::{Row, RowWriter};
