//! When each request is due. Arithmetic only: nothing here waits or reads the clock.

use std::time::Duration;

use super::limits::{RATE_PER_SECOND_MAX, WARM_UP, WARMED_RUN_TIME_MIN};
use super::{Options, Pace};

const NANOS_PER_SECOND: u64 = 1_000_000_000;
/// Seconds between two spikes, and with the one that has the spike.
const EVEN_SECONDS: u64 = 4;
const ROUND_SECONDS: u64 = EVEN_SECONDS + 1;

/// The due times of a run, and how they are met. Requests are `1 / rate` apart and take turns over the
/// connections: the run's request `k` is number `k / connections` of connection `k % connections`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Schedule {
    rate: u64,
    /// How many times as many requests every fifth second has.
    peak: u64,
    connections: u64,
    warm_up_requests: u64,
    measured_requests: u64,
    spin: Duration,
}

impl Schedule {
    /// The schedule of a run: with a warm-up in front of it unless it is tiny. Where requests have no times,
    /// it tells how long the run warms up and measures.
    pub(super) fn of(options: &Options) -> Self {
        let Options { pace, seconds, connections, spin } = *options;
        let (rate, peak) = match pace {
            Pace::Rate(rate) => (rate, 1),
            Pace::Spikes(rate) => (rate, 2),
            Pace::InFlight(_) => (RATE_PER_SECOND_MAX, 1),
        };
        let warm_up = if seconds < WARMED_RUN_TIME_MIN { Duration::ZERO } else { WARM_UP };
        let mut schedule = Self {
            rate: u64::from(rate.max(1)),
            peak,
            connections: u64::from(connections.max(1)),
            warm_up_requests: 0,
            measured_requests: 0,
            spin,
        };
        schedule.warm_up_requests = schedule.requests_within(warm_up);
        let all = schedule.requests_within(warm_up + seconds);
        schedule.measured_requests = (all - schedule.warm_up_requests).max(1);
        schedule
    }

    /// Requests that count.
    pub(super) fn measured_requests(&self) -> u64 {
        self.measured_requests
    }

    /// For how long before a request is due its sender spins.
    pub(super) fn spin(&self) -> Duration {
        self.spin
    }

    /// When the first request that counts is due, in nanoseconds after the start.
    pub(super) fn warm_up_nanos(&self) -> u64 {
        self.nanos_of(self.warm_up_requests)
    }

    /// From the start to when one more request would be due.
    pub(super) fn length(&self) -> Duration {
        Duration::from_nanos(self.nanos_of(self.requests()))
    }

    /// Requests of one connection.
    pub(super) fn requests_of(&self, connection: u32) -> u64 {
        self.requests().saturating_sub(u64::from(connection)).div_ceil(self.connections)
    }

    /// When a connection's request is due, in nanoseconds after the start.
    pub(super) fn due_nanos(&self, connection: u32, index: u64) -> u64 {
        self.nanos_of(self.place(connection, index))
    }

    /// A request's place among all of the run.
    pub(super) fn place(&self, connection: u32, index: u64) -> u64 {
        index * self.connections + u64::from(connection)
    }

    fn requests(&self) -> u64 {
        self.warm_up_requests + self.measured_requests
    }

    fn nanos_of(&self, place: u64) -> u64 {
        let even = EVEN_SECONDS * self.rate;
        let round = even + self.peak * self.rate;
        let (rounds, rest) = (place / round, place % round);
        rounds * ROUND_SECONDS * NANOS_PER_SECOND
            + rest.min(even) * NANOS_PER_SECOND / self.rate
            + rest.saturating_sub(even) * NANOS_PER_SECOND / (self.peak * self.rate)
    }

    fn requests_within(&self, time: Duration) -> u64 {
        let nanos = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        let (rounds, rest) =
            (nanos / (ROUND_SECONDS * NANOS_PER_SECOND), nanos % (ROUND_SECONDS * NANOS_PER_SECOND));
        let even_nanos = EVEN_SECONDS * NANOS_PER_SECOND;
        rounds * (EVEN_SECONDS + self.peak) * self.rate
            + self.rate * rest.min(even_nanos) / NANOS_PER_SECOND
            + self.peak * self.rate * rest.saturating_sub(even_nanos) / NANOS_PER_SECOND
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schedule(rate: u32, millis: u64, connections: u32) -> Schedule {
        paced(Pace::Rate(rate), millis, connections)
    }

    fn paced(pace: Pace, millis: u64, connections: u32) -> Schedule {
        let (seconds, spin) = (Duration::from_millis(millis), Duration::ZERO);
        Schedule::of(&Options { pace, seconds, connections, spin })
    }

    #[test]
    fn requests_are_evenly_apart() {
        let plan = schedule(5_000, 5_000, 1);
        let due: Vec<u64> = (0..4).map(|index| plan.due_nanos(0, index)).collect();
        assert_eq!(due, [0, 200_000, 400_000, 600_000]);
        assert_eq!(plan.requests_of(0), 30_000, "one second of warm-up and five that count");
        assert_eq!(plan.measured_requests(), 25_000);
        assert_eq!(plan.warm_up_nanos(), 1_000_000_000);
        assert_eq!(plan.length(), Duration::from_secs(6));
    }

    #[test]
    fn odd_rates_do_not_drift() {
        let plan = schedule(7, 3_000, 1);
        assert_eq!(plan.due_nanos(0, 1), 142_857_142);
        assert_eq!(plan.due_nanos(0, 7), 1_000_000_000);
        assert_eq!(plan.due_nanos(0, 21), 3_000_000_000);
    }

    #[test]
    fn connections_take_turns() {
        for connections in [1, 2, 3, 7, 64] {
            let plan = schedule(1_000, 1_003, connections);
            let total: u64 = (0..connections).map(|connection| plan.requests_of(connection)).sum();
            assert_eq!(total, 2_003, "{connections} connections");
            let mut places: Vec<u64> = (0..connections)
                .flat_map(|connection| {
                    (0..plan.requests_of(connection)).map(move |index| plan.place(connection, index))
                })
                .collect();
            places.sort_unstable();
            assert!(places.into_iter().eq(0..2_003), "{connections} connections");
        }
    }

    #[test]
    fn every_fifth_second_has_twice_as_many() {
        let plan = paced(Pace::Spikes(1_000), 9_000, 1);
        assert_eq!(plan.requests_of(0), 12_000, "two rounds of 5 s");
        assert_eq!((plan.warm_up_nanos(), plan.measured_requests()), (1_000_000_000, 11_000));
        assert_eq!(plan.length(), Duration::from_secs(10));
        let mut by_second = [0; 10];
        for index in 0..12_000 {
            let due = plan.due_nanos(0, index);
            assert!(index == 0 || due > plan.due_nanos(0, index - 1), "request {index}");
            by_second[usize::try_from(due / NANOS_PER_SECOND).unwrap()] += 1;
        }
        assert_eq!(by_second, [1_000, 1_000, 1_000, 1_000, 2_000, 1_000, 1_000, 1_000, 1_000, 2_000]);
        let short = paced(Pace::Spikes(1_000), 4_500, 1);
        assert_eq!(short.requests_of(0), 4_000 + 2_000 + 500);
    }

    #[test]
    fn a_tiny_run_has_no_warm_up() {
        let plan = schedule(100, 50, 1);
        assert_eq!((plan.warm_up_nanos(), plan.measured_requests()), (0, 5));
    }

    #[test]
    fn a_run_has_at_least_one_request() {
        let plan = schedule(1, 10, 4);
        let requests: Vec<u64> = (0..4).map(|connection| plan.requests_of(connection)).collect();
        assert_eq!(requests, [1, 0, 0, 0]);
    }

    #[test]
    fn the_longest_run_does_not_overflow() {
        use super::super::limits::{RATE_PER_SECOND_MAX, RUN_TIME_MAX};
        let plan = Schedule::of(&Options {
            pace: Pace::Rate(RATE_PER_SECOND_MAX),
            seconds: RUN_TIME_MAX,
            connections: 1,
            spin: Duration::ZERO,
        });
        let last = plan.requests_of(0) - 1;
        assert_eq!(plan.due_nanos(0, last), 3_600_999_999_000);
    }
}
