//! How many bytes of a capture may be on their way to the disk.

use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::Duration;

/// Bytes that may be on their way at once.
const WINDOW_BYTES: u64 = 4 << 20;
/// A rate allows so much time's bytes at once.
const BURST: Duration = Duration::from_millis(20);

/// What a disk takes in a second, where no rate is set.
const RATE: u64 = 100 << 20;
/// So long it may write as little as it gets to.
const PATIENCE: Duration = Duration::from_secs(2);

/// Bytes that partitions may still give; shared by those of a capture.
#[derive(Debug, Default)]
pub(crate) struct Credit {
    bytes: AtomicI64,
    withdrawn: AtomicBool,
}

impl Credit {
    /// Takes credit for about so many bytes; whether there was any.
    pub(crate) fn take(&self, bytes: usize) -> bool {
        if self.bytes.load(Ordering::SeqCst) <= 0 {
            return false;
        }
        self.bytes.fetch_sub(signed(bytes as u64), Ordering::SeqCst);
        true
    }

    /// What was taken was more, or less.
    pub(crate) fn settle(&self, taken: usize, given: usize) {
        self.bytes.fetch_add(signed(taken as u64) - signed(given as u64), Ordering::SeqCst);
    }

    pub(crate) fn is_left(&self) -> bool {
        self.bytes.load(Ordering::SeqCst) > 0
    }

    /// There will be no snapshot: partitions need not give any more.
    pub(crate) fn withdraw(&self) {
        self.withdrawn.store(true, Ordering::SeqCst);
    }

    pub(crate) fn is_withdrawn(&self) -> bool {
        self.withdrawn.load(Ordering::SeqCst)
    }

    fn grant(&self, bytes: u64) {
        self.bytes.fetch_add(signed(bytes), Ordering::SeqCst);
    }
}

fn signed(bytes: u64) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}

/// Grants credit: as fast as bytes are written, and no faster than a rate allows.
#[derive(Debug)]
pub(crate) struct Grants {
    bytes_per_second: Option<u64>,
    granted: u64,
    written: u64,
}

impl Grants {
    pub(crate) fn new(bytes_per_second: Option<u64>) -> Self {
        Self { bytes_per_second, granted: 0, written: 0 }
    }

    /// Whether much less is written than could be: the thread does not get the processor that it needs.
    pub(crate) fn is_behind(&self, elapsed: Duration) -> bool {
        let expected = u128::from(self.bytes_per_second.unwrap_or(RATE)) * elapsed.as_millis() / 1_000 / 4;
        elapsed > PATIENCE && u128::from(self.written) < expected
    }

    pub(crate) fn written(&mut self, bytes: usize) {
        self.written += bytes as u64;
    }

    /// Grants what may be granted so long after the beginning; whether that is anything, and how long it
    /// takes until there is more, where a rate decides.
    pub(crate) fn grant(&mut self, credit: &Credit, elapsed: Duration) -> (bool, Option<Duration>) {
        // Slices overshoot, so more may have been written than was granted.
        self.granted = self.granted.max(self.written);
        let window = (self.written + WINDOW_BYTES).saturating_sub(self.granted);
        let Some(rate) = self.bytes_per_second else {
            return (self.give(credit, window), None);
        };
        let rate = rate.max(1);
        let allowed = u128::from(rate) * (elapsed + BURST).as_micros() / 1_000_000;
        let allowed = u64::try_from(allowed).unwrap_or(u64::MAX);
        let given = self.give(credit, window.min(allowed.saturating_sub(self.granted)));
        let wait = (self.granted + rate / 100).saturating_sub(allowed);
        let micros = u128::from(wait) * 1_000_000 / u128::from(rate);
        let wait = Duration::from_micros(u64::try_from(micros).unwrap_or(u64::MAX));
        (given, Some(wait.max(Duration::from_millis(1))))
    }

    fn give(&mut self, credit: &Credit, bytes: u64) -> bool {
        credit.grant(bytes);
        self.granted += bytes;
        bytes > 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Partitions that give all they may, at once.
    fn drain(credit: &Credit) -> usize {
        let mut given = 0;
        while credit.take(1 << 10) {
            given += 1 << 10;
        }
        given
    }

    #[test]
    fn no_more_than_a_window_is_on_its_way() {
        let (credit, mut grants) = (Credit::default(), Grants::new(None));
        assert!(grants.grant(&credit, Duration::ZERO).0);
        assert_eq!(drain(&credit) as u64, WINDOW_BYTES);
        assert!(!grants.grant(&credit, Duration::ZERO).0 && !credit.is_left());
        grants.written(100_000);
        assert!(grants.grant(&credit, Duration::ZERO).0);
        assert_eq!(drain(&credit), 100_352);
    }

    #[test]
    fn a_quarter_of_the_rate_is_fast_enough() {
        let mut grants = Grants::new(Some(1_000_000));
        let (soon, later) = (Duration::from_secs(2), Duration::from_secs(4));
        assert!(!grants.is_behind(soon) && grants.is_behind(later));
        grants.written(1_000_000);
        assert!(!grants.is_behind(later) && grants.is_behind(later * 2));
    }

    #[test]
    fn a_rate_is_kept_and_what_is_not_granted_comes_later() {
        let (credit, mut grants) = (Credit::default(), Grants::new(Some(1_000_000)));
        let mut given = 0;
        let mut now = Duration::ZERO;
        while now < Duration::from_secs(2) {
            let (_, wait) = grants.grant(&credit, now);
            let bytes = drain(&credit);
            grants.written(bytes);
            given += bytes;
            now += wait.unwrap();
        }
        assert!((1_900_000..2_100_000).contains(&given), "{given}");
    }
}
