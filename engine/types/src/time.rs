//! Engine time. Nothing here reads a clock: the runtime stamps, the core is told.

/// Microseconds since 1970-01-01T00:00:00Z, stamped where an event enters its partition; never goes
/// back within a partition.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Tick(pub i64);

impl Tick {
    /// Whole milliseconds, the unit of event time.
    pub const fn millis(self) -> i64 {
        self.0.div_euclid(1_000)
    }
}
