//! How evaluators are timed: one call per row over many different rows, the same row again and again, cold
//! calls, batches. Passes of the contenders alternate, and the best pass counts, because other programs
//! disturb a pass but never help it.
#![allow(clippy::disallowed_methods, reason = "a benchmark reads the clock")]

use std::hint::black_box;
use std::time::Instant;

/// Bytes swept between cold calls.
pub const SWEPT_BYTES: usize = 8 << 20;
/// Rows of a batch.
pub const BATCH_ROWS: usize = 1_000;
/// Cold calls of a pass.
const COLD_CALLS: usize = 400;
/// Calls with the same row, and the calls before any that counts.
const HOT_CALLS: usize = 2_000;
/// Bytes of a cache line.
const LINE_BYTES: usize = 64;
/// Steps between the rows of cold calls: they are not neighbours.
const COLD_STEP: usize = 37;
/// Readings of the clock that tell what one costs.
const CLOCK_READINGS: usize = 10_000;

/// Something that answers rows.
pub trait Contender {
    /// Margin of row `index`; NaN when there is none.
    fn one(&mut self, index: usize) -> f64;
    /// Margins of [`BATCH_ROWS`] rows from `first` on, a multiple of it, to `out`.
    fn batch(&mut self, first: usize, out: &mut [f64]);
}

/// Nanoseconds per row.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Figures {
    /// Over different rows, one call each: the median.
    pub p50: f64,
    /// The same, 99th percentile.
    pub p99: f64,
    /// The same row again and again, median.
    pub hot: f64,
    /// With the caches swept before each call, median.
    pub cold: f64,
    /// In batches, the fastest one of a pass: those of a slow contender are long enough to be interrupted.
    pub batch: f64,
}

impl Figures {
    const WORST: Self = Self { p50: f64::MAX, p99: f64::MAX, hot: f64::MAX, cold: f64::MAX, batch: f64::MAX };

    fn best(self, other: Self) -> Self {
        Self {
            p50: self.p50.min(other.p50),
            p99: self.p99.min(other.p99),
            hot: self.hot.min(other.hot),
            cold: self.cold.min(other.cold),
            batch: self.batch.min(other.batch),
        }
    }
}

/// Measures all contenders in alternating passes over `rows` rows, at least one batch.
pub fn measure(contenders: &mut [&mut dyn Contender], rows: usize, passes: usize) -> Vec<Figures> {
    let mut best = vec![Figures::WORST; contenders.len()];
    let mut swept = vec![1_u8; SWEPT_BYTES];
    for _ in 0..passes {
        for (contender, best) in contenders.iter_mut().zip(&mut best) {
            *best = best.best(pass(*contender, rows, &mut swept));
        }
    }
    best
}

fn pass(contender: &mut dyn Contender, rows: usize, swept: &mut [u8]) -> Figures {
    for index in 0..rows.min(HOT_CALLS) {
        black_box(contender.one(index));
    }
    let clock = percentile((0..CLOCK_READINGS).map(|_| timed(|| 0.0)).collect(), 50);
    let varied: Vec<f64> = (0..rows).map(|index| timed(|| contender.one(index))).collect();
    let hot = (0..HOT_CALLS).map(|_| timed(|| contender.one(black_box(rows / 2)))).collect();
    let cold = (0..COLD_CALLS).map(|call| {
        sweep(swept);
        timed(|| contender.one(call * COLD_STEP % rows))
    });
    let cold = cold.collect();
    let mut out = vec![0.0; BATCH_ROWS];
    let batches = (0..rows / BATCH_ROWS).map(|block| {
        let start = Instant::now();
        contender.batch(block * BATCH_ROWS, black_box(&mut out));
        nanos(start) / BATCH_ROWS as f64
    });
    let batches = batches.collect();
    Figures {
        p50: percentile(varied.clone(), 50) - clock,
        p99: percentile(varied, 99) - clock,
        hot: percentile(hot, 50) - clock,
        cold: percentile(cold, 50) - clock,
        batch: percentile(batches, 0),
    }
}

fn sweep(swept: &mut [u8]) {
    for byte in swept.iter_mut().step_by(LINE_BYTES) {
        *byte = byte.wrapping_add(1);
    }
    black_box(swept);
}

fn timed(call: impl FnOnce() -> f64) -> f64 {
    let start = Instant::now();
    black_box(call());
    nanos(start)
}

fn nanos(start: Instant) -> f64 {
    start.elapsed().as_nanos() as f64
}

/// The value below which `percent` of all lie; 0 of none.
fn percentile(mut values: Vec<f64>, percent: usize) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    values.get(values.len() * percent / 100).copied().unwrap_or(0.0)
}

/// How the answers of a contender compare with the library's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Agreement {
    /// Rows whose answer has other bits, alone or in a batch.
    pub differ: usize,
    /// Of these, rows off by more than [`FAR`] of the answer's size, or without an answer.
    pub far: usize,
    /// All rows.
    pub rows: usize,
}

/// Relative to answers of size 1 and more, absolute below: more than rounding in another order.
const FAR: f64 = 1e-3;
/// Rows of a hundred that may be far off: a row whose value lies on a threshold takes another way in a
/// library that rounds it. One that is off more often does not evaluate this model.
const FAR_PERCENT_MAX: usize = 1;

impl Agreement {
    /// Whether the contender evaluates this model at all.
    pub fn counts(self) -> bool {
        self.far * 100 <= self.rows * FAR_PERCENT_MAX
    }
}

/// Compares all answers with those expected.
pub fn compare(contender: &mut dyn Contender, expected: &[f64]) -> Agreement {
    let mut out = vec![0.0; BATCH_ROWS];
    let mut agreement = Agreement { differ: 0, far: 0, rows: 0 };
    for (block, expected) in expected.chunks_exact(BATCH_ROWS).enumerate() {
        contender.batch(block * BATCH_ROWS, &mut out);
        for (index, (&in_batch, &expected)) in out.iter().zip(expected).enumerate() {
            let alone = contender.one(block * BATCH_ROWS + index);
            let differs = |found: f64| found.to_bits() != expected.to_bits();
            let is_near = |found: f64| (found - expected).abs() <= FAR * expected.abs().max(1.0);
            agreement.rows += 1;
            agreement.differ += usize::from(differs(alone) || differs(in_batch));
            agreement.far += usize::from(!is_near(alone) || !is_near(in_batch));
        }
    }
    agreement
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Answers row numbers, some of them wrong.
    struct Counting {
        wrong_alone: usize,
        wrong_in_batch: usize,
    }

    impl Contender for Counting {
        fn one(&mut self, index: usize) -> f64 {
            index as f64 + if index < self.wrong_alone { 1e-9 } else { 0.0 }
        }

        fn batch(&mut self, first: usize, out: &mut [f64]) {
            for (index, out) in (first..).zip(out) {
                *out = if index < self.wrong_in_batch { f64::NAN } else { index as f64 };
            }
        }
    }

    #[test]
    fn wrong_answers_are_counted_alone_and_in_batches() {
        let expected: Vec<f64> = (0..3_000).map(f64::from).collect();
        for (wrong_alone, wrong_in_batch, differ, far, counts) in
            [(0, 0, 0, 0, true), (7, 0, 7, 0, true), (7, 30, 30, 30, true), (0, 31, 31, 31, false)]
        {
            let found = compare(&mut Counting { wrong_alone, wrong_in_batch }, &expected);
            assert_eq!(found, Agreement { differ, far, rows: 3_000 });
            assert_eq!(found.counts(), counts);
        }
    }

    #[test]
    fn percentiles_are_of_the_sorted() {
        let values: Vec<f64> = (0..200).rev().map(f64::from).collect();
        assert_eq!(percentile(values.clone(), 50).total_cmp(&100.0), std::cmp::Ordering::Equal);
        assert_eq!(percentile(values, 99).total_cmp(&198.0), std::cmp::Ordering::Equal);
    }

    #[test]
    fn the_best_of_each_figure_counts() {
        let low = Figures { p50: 1.0, p99: 9.0, hot: 1.0, cold: 9.0, batch: 1.0 };
        let high = Figures { p50: 2.0, p99: 8.0, hot: 2.0, cold: 8.0, batch: 2.0 };
        assert_eq!(low.best(high), Figures { p50: 1.0, p99: 8.0, hot: 1.0, cold: 8.0, batch: 1.0 });
    }
}
