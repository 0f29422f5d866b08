//! Apps with their events and requests, ready to be applied: what the benchmarks and the allocation test
//! share.
#![forbid(unsafe_code)]

mod events;
mod frames;
mod processor;
mod workload;

pub use events::{Events, PAGES, RUNNING, WINDOWED};
pub use frames::Frames;
pub use processor::{PROCESSOR_TIME, ProcessorTime};
pub use workload::Workload;
