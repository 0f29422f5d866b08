//! When each request is due. Arithmetic only: nothing here waits or reads the clock.

use std::time::Duration;

const NANOS_PER_SECOND: u64 = 1_000_000_000;
/// How long requests are sent before they count, at the same rate; as `vencejo bench decide` does.
const WARM_UP: Duration = Duration::from_secs(1);
/// How long replies may take after the last request was due. What has not come then is lost.
const REPLY_GRACE: Duration = Duration::from_secs(2);

/// The due times of a run.
#[derive(Clone, Copy, Debug)]
pub struct Schedule {
    rate: u64,
    /// Requests that come first and do not count.
    pub warm_up_requests: u64,
    /// Requests that count.
    pub measured_requests: u64,
}

impl Schedule {
    /// The schedule of a run of this length, with a warm-up in front of it.
    pub fn new(rate: u32, run_time: Duration) -> Self {
        let rate = u64::from(rate.max(1));
        Self {
            rate,
            warm_up_requests: rate * WARM_UP.as_secs(),
            measured_requests: (rate * run_time.as_secs()).max(1),
        }
    }

    /// Requests in a second.
    pub fn rate(&self) -> u64 {
        self.rate
    }

    /// When a request is due, after the start.
    pub fn due(&self, request: u64) -> Duration {
        Duration::from_nanos(request * NANOS_PER_SECOND / self.rate)
    }

    /// Whether a request is of this run.
    pub fn has(&self, request: u64) -> bool {
        request < self.warm_up_requests + self.measured_requests
    }

    /// Whether a request counts.
    pub fn counts(&self, request: u64) -> bool {
        request >= self.warm_up_requests && self.has(request)
    }

    /// From the first request that counts to when one more than the last would be due.
    pub fn measured_time(&self) -> Duration {
        self.due(self.warm_up_requests + self.measured_requests) - self.warm_up_time()
    }

    /// When the first request that counts is due.
    pub fn warm_up_time(&self) -> Duration {
        self.due(self.warm_up_requests)
    }

    /// When the run ends, whatever has not been answered.
    pub fn end(&self) -> Duration {
        self.due(self.warm_up_requests + self.measured_requests) + REPLY_GRACE
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_evenly_apart_and_do_not_drift() {
        let schedule = Schedule::new(7, Duration::from_secs(3));
        assert_eq!(schedule.due(1), Duration::from_nanos(142_857_142));
        assert_eq!(schedule.due(7), Duration::from_secs(1));
        assert_eq!(schedule.due(21), Duration::from_secs(3));
        assert_eq!(schedule.measured_time(), Duration::from_secs(3));
        assert_eq!(schedule.end(), Duration::from_secs(6));
    }

    #[test]
    fn the_warm_up_is_sent_and_does_not_count() {
        let schedule = Schedule::new(100, Duration::from_secs(2));
        assert!(schedule.has(0) && !schedule.counts(0));
        assert!(schedule.has(99) && !schedule.counts(99));
        assert!(schedule.counts(100) && schedule.counts(299));
        assert!(!schedule.has(300) && !schedule.counts(300));
    }
}
