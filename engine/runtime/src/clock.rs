//! The one place where time enters the engine.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

// The machine's, but where a simulation has stopped it.
use tokio::time::Instant;
use vencejo_types::Tick;

/// Reads the machine's clocks. Ticks follow the wall clock as it stood when the engine started and then
/// the monotonic clock, so that they never go back.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    started: Instant,
    started_tick: i64,
}

/// A point on the monotonic clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment(Instant);

impl Clock {
    /// A clock that starts now.
    #[expect(clippy::disallowed_methods, reason = "this is the file that may ask")]
    pub fn start() -> Self {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self::start_at(Tick(i64::try_from(since_epoch.as_micros()).unwrap_or(i64::MAX)))
    }

    /// A clock that starts now, with this tick: for simulations, whose time does not come from the machine.
    pub fn start_at(tick: Tick) -> Self {
        Self { started: Instant::now(), started_tick: tick.0 }
    }

    /// The same clock, whose ticks come behind this one: what an engine before this one stamped may be ahead
    /// of the machine's clock.
    #[must_use]
    pub(crate) fn not_before(self, tick: Tick) -> Self {
        Self { started_tick: self.started_tick.max(tick.0), ..self }
    }

    /// Now, on the monotonic clock.
    pub fn now(&self) -> Moment {
        Moment(Instant::now())
    }

    /// Waits.
    pub(crate) async fn pause(&self, duration: Duration) {
        actix_rt::time::sleep(duration).await;
    }

    /// Engine time at this moment.
    pub fn tick(&self, at: Moment) -> Tick {
        let elapsed = at.0.saturating_duration_since(self.started).as_micros();
        Tick(self.started_tick.saturating_add(i64::try_from(elapsed).unwrap_or(i64::MAX)))
    }
}

impl Moment {
    /// Time from an earlier moment to this one; zero if it is not earlier.
    pub fn since(self, earlier: Self) -> Duration {
        self.0.saturating_duration_since(earlier.0)
    }
}
