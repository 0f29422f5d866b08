//! The words every room shares: identifiers, time, limits, the index of keyed state; and, from the protocol,
//! schemas and rows.
//!
//! Pure. The row format lives in one place, the protocol crate, because an event is read where it lies,
//! in the bytes that came from the network.
#![forbid(unsafe_code)]

pub mod chunked;
pub mod ids;
pub mod index;
pub mod limits;
pub mod slots;
pub mod time;

pub use ids::{DecisionId, ModelId, Origin, PartitionId, Sequence, StreamId, TenantId, ViewId};
pub use time::Tick;
pub use vencejo_protocol::decimal;
pub use vencejo_protocol::message::DecisionCode;
pub use vencejo_protocol::row;
pub use vencejo_protocol::schema;
