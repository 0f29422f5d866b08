//! Apps with their events and requests, ready to be applied: what the benchmarks and the allocation test
//! share.
#![forbid(unsafe_code)]

mod events;
mod processor;
mod workload;

pub use events::Events;
pub use processor::{PROCESSOR_TIME, ProcessorTime};
pub use workload::Workload;
