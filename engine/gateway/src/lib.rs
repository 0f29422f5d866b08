//! The rim: QUIC sessions in front of the router, and the OpenRTB adapter.
//!
//! A session decodes frames where they lie, checks each row against its schema, hands requests to the
//! router and sends the answers back in the order in which they are ready. What does not belong here:
//! state, decisions, the order of events.
#![forbid(unsafe_code)]

mod batch;
mod control;
mod dispatch;
mod limits;
mod listener;
pub mod openrtb;
mod outbound;
mod session;
mod subscription;
mod upload;
mod welcome;

pub use control::{Command, Control, ControlRefusal};
pub use listener::{BindError, Gateway, Identity, transport};
pub use upload::Blobs;
pub use vencejo_protocol::error::ErrorCode;
pub use welcome::check_app;
