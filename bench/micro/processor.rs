//! What the benchmarks measure in: processor time, so that what else runs on the machine counts little.

use criterion::measurement::{Measurement, ValueFormatter, WallTime};

/// Processor time of this thread, in nanoseconds, as the kernel counts it.
pub struct ProcessorTime(WallTime);

/// To be given to `Criterion::with_measurement`.
pub const PROCESSOR_TIME: ProcessorTime = ProcessorTime(WallTime);

fn processor_nanos() -> u64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    text.split(' ').next().and_then(|nanos| nanos.parse().ok()).unwrap_or(0)
}

impl Measurement for ProcessorTime {
    type Intermediate = u64;
    type Value = u64;

    fn start(&self) -> u64 {
        processor_nanos()
    }

    fn end(&self, start: u64) -> u64 {
        processor_nanos().saturating_sub(start).max(1)
    }

    fn add(&self, left: &u64, right: &u64) -> u64 {
        left + right
    }

    fn zero(&self) -> u64 {
        0
    }

    fn to_f64(&self, value: &u64) -> f64 {
        *value as f64
    }

    fn formatter(&self) -> &dyn ValueFormatter {
        self.0.formatter()
    }
}
