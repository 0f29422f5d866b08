//! Partition actors, their lanes, the router and the clock.
//!
//! Threads live here; decisions do not. An actor waits, takes one request, stamps it, calls the core's
//! `apply`, hands the effects to whoever asked. The router hashes a key to its partition; the lanes are
//! bounded, and a full one is an answer. What does not belong here: frames, sockets, SQL.
#![forbid(unsafe_code)]

mod broadcast;
mod clock;
mod engine;
mod entrance;
mod figures;
mod kept;
mod lanes;
mod ledger;
mod offline;
mod partition;
mod replay;
mod request;
mod resident;
mod router;
mod serving;
mod snapshots;
mod tap;
mod ticker;

pub use broadcast::{ChangeError, ChangeFault};
pub use clock::{Clock, Moment};
pub use engine::{Stepped, start, start_recovered, start_stepped};
pub use entrance::Entrance;
pub use figures::AlertTimes;
pub use kept::{Keeping, Kept, RecoverError, Recovery};
pub use offline::{Folder, Offline};
pub use replay::Versions;
pub use request::{
    BatchRefusal, BatchReply, DecideRequest, Decided, DecisionReply, Fault, IngestRequest, Rows,
};
pub use router::{Router, Unavailable};
pub use serving::{Following, Served};
pub use snapshots::{Keep, OpenedFrom, SnapshotFault, SnapshotPlan, SnapshotSteps, Snapshots, Taken};
pub use tap::{TapRow, TapSink, TapTarget};
pub use vencejo_core::plan::Ack;
pub use vencejo_journal as journal;
