//! Partition actors, their lanes, the router and the clock.
//!
//! Threads live here; decisions do not. An actor waits, takes one request, stamps it, calls the core's
//! `apply`, hands the effects to whoever asked. The router hashes a key to its partition; the lanes are
//! bounded, and a full one is an answer. What does not belong here: frames, sockets, SQL.
#![forbid(unsafe_code)]

mod broadcast;
mod clock;
mod engine;
mod lanes;
mod partition;
mod request;
mod router;
mod serving;
mod tap;
mod ticker;

pub use broadcast::{ChangeError, ChangeFault};
pub use clock::{Clock, Moment};
pub use engine::start;
pub use request::{BatchReply, DecideRequest, Decided, DecisionReply, Fault, IngestRequest, Rows};
pub use router::{Router, Unavailable};
pub use serving::{Following, Served};
pub use tap::{TapSink, TapTarget};
