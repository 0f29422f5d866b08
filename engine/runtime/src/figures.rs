//! What a partition counts for those who ask from other threads.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use hdrhistogram::Histogram;

/// The longest time that is told apart; longer ones count as this long.
const TIME_MAX: Duration = Duration::from_secs(60);
/// Significant digits of a time.
const TIME_DIGITS: u8 = 2;

/// The figures of a partition.
#[derive(Debug, Default)]
pub(crate) struct Figures {
    /// Rows that outputs have given.
    emitted: AtomicU64,
    /// From an event's arrival to where its alerts were handed out, in nanoseconds. Made by the first alert,
    /// so that partitions without rules do without its memory. Alerts are few: the lock is hardly contended.
    alert_nanos: Mutex<Option<Histogram<u64>>>,
}

/// How long alerts took: from the arrival of the event that raised them to where they were handed to those
/// who follow them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AlertTimes {
    /// Alerts that an event raised. Those of timers have no event to count from.
    pub alerts: u64,
    /// Half of them took at most so long.
    pub p50: Duration,
    /// 99 % of them took at most so long.
    pub p99: Duration,
    /// The longest.
    pub max: Duration,
}

impl Figures {
    /// Counts rows that outputs have given.
    pub(crate) fn note_emitted(&self, rows: usize) {
        if rows > 0 {
            self.emitted.fetch_add(rows as u64, Ordering::Relaxed);
        }
    }

    /// Counts `alerts` alerts that have all taken so long.
    pub(crate) fn note_alerts(&self, alerts: usize, took: Duration) {
        let mut nanos = self.alert_nanos.lock().unwrap_or_else(PoisonError::into_inner);
        let took = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        nanos.get_or_insert_with(histogram).saturating_record_n(took, alerts as u64);
    }

    /// How long the alerts of these partitions took.
    pub(crate) fn alert_times<'a>(of: impl Iterator<Item = &'a Self>) -> AlertTimes {
        let mut all = histogram();
        for figures in of {
            let nanos = figures.alert_nanos.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(nanos) = &*nanos {
                all.add(nanos).expect("all have the same bounds");
            }
        }
        let at = |quantile| Duration::from_nanos(all.value_at_quantile(quantile));
        AlertTimes { alerts: all.len(), p50: at(0.5), p99: at(0.99), max: Duration::from_nanos(all.max()) }
    }

    /// Rows that outputs have given.
    pub(crate) fn emitted(&self) -> u64 {
        self.emitted.load(Ordering::Relaxed)
    }
}

fn histogram() -> Histogram<u64> {
    let longest = u64::try_from(TIME_MAX.as_nanos()).expect("a minute is not that long");
    Histogram::new_with_max(longest, TIME_DIGITS).expect("the bounds are apart and the digits are few")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_partitions_come_together() {
        let (quick, slow, none) = (Figures::default(), Figures::default(), Figures::default());
        quick.note_alerts(99, Duration::from_micros(4));
        slow.note_alerts(1, Duration::from_millis(3));
        let times = Figures::alert_times([&quick, &slow, &none].into_iter());
        assert_eq!(times.alerts, 100);
        let near = |found: Duration, micros: f64| (found.as_secs_f64() * 1e6 / micros - 1.0).abs() < 0.01;
        assert!(near(times.p50, 4.0) && near(times.p99, 4.0) && near(times.max, 3_000.0), "{times:?}");
        assert_eq!(Figures::alert_times([&none].into_iter()), AlertTimes::default());
        none.note_alerts(1, Duration::from_secs(3_600));
        assert!(Figures::alert_times([&none].into_iter()).max >= TIME_MAX, "an hour counts as the longest");
    }
}
