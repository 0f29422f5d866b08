//! How evaluators are timed: one call per row over many different rows, cold calls, batches; passes of the
//! contenders alternate, and the best pass counts, because other programs disturb a pass but never help it.
#![allow(clippy::disallowed_methods, reason = "a benchmark reads the clock")]

use std::fmt;
use std::hint::black_box;
use std::time::Instant;

/// Bytes swept between cold calls.
const SWEPT_BYTES: usize = 8 << 20;
/// Cold calls of a pass.
const COLD_CALLS: usize = 400;
/// Rows of a batch.
pub const BATCH_ROWS: usize = 1_000;

/// Something that answers rows.
pub trait Contender {
    fn name(&self) -> String;
    /// Margin of row `index`.
    fn one(&mut self, index: usize) -> f64;
    /// Margins of [`BATCH_ROWS`] rows from `first` on, to `out`.
    fn batch(&mut self, first: usize, out: &mut [f64]);
}

/// Nanoseconds per row.
#[derive(Debug, Clone, Copy)]
pub struct Figures {
    pub p50: f64,
    pub p99: f64,
    pub mean: f64,
    pub cold: f64,
    pub batch: f64,
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { p50, p99, mean, cold, batch } = self;
        write!(f, "p50 {p50:6.0}  p99 {p99:6.0}  mean {mean:6.0}  cold {cold:6.0}  batch {batch:6.0}")
    }
}

impl Figures {
    const WORST: Self =
        Self { p50: f64::MAX, p99: f64::MAX, mean: f64::MAX, cold: f64::MAX, batch: f64::MAX };

    fn best(self, other: Self) -> Self {
        Self {
            p50: self.p50.min(other.p50),
            p99: self.p99.min(other.p99),
            mean: self.mean.min(other.mean),
            cold: self.cold.min(other.cold),
            batch: self.batch.min(other.batch),
        }
    }
}

/// Measures all contenders in alternating passes.
pub fn figures(contenders: &mut [Box<dyn Contender>], rows: usize, passes: usize) -> Vec<Figures> {
    let mut best = vec![Figures::WORST; contenders.len()];
    let mut swept = vec![1_u8; SWEPT_BYTES];
    for _ in 0..passes {
        for (contender, best) in contenders.iter_mut().zip(&mut best) {
            *best = best.best(pass(contender.as_mut(), rows, &mut swept));
        }
    }
    best
}

fn pass(contender: &mut dyn Contender, rows: usize, swept: &mut [u8]) -> Figures {
    let overhead = percentile(&mut (0..10_000).map(|_| timed(|| 0.0)).collect::<Vec<_>>(), 50);
    let mut calls: Vec<f64> = Vec::with_capacity(rows);
    for index in 0..rows.min(2_000) {
        black_box(contender.one(index));
    }
    calls.extend((0..rows).map(|index| timed(|| contender.one(index))));
    let (p50, p99) = (percentile(&mut calls, 50) - overhead, percentile(&mut calls, 99) - overhead);
    let start = Instant::now();
    for index in 0..rows {
        black_box(contender.one(index));
    }
    let mean = nanos(start) / rows as f64;
    let mut cold: Vec<f64> = Vec::with_capacity(COLD_CALLS);
    for index in 0..COLD_CALLS {
        for byte in swept.iter_mut().step_by(64) {
            *byte = byte.wrapping_add(1);
        }
        black_box(&swept);
        cold.push(timed(|| contender.one(index * 37 % rows)));
    }
    let cold = percentile(&mut cold, 50) - overhead;
    let mut out = vec![0.0; BATCH_ROWS];
    let mut batches: Vec<f64> = Vec::new();
    for first in (0..rows - BATCH_ROWS).step_by(BATCH_ROWS) {
        let start = Instant::now();
        contender.batch(first, black_box(&mut out));
        batches.push(nanos(start) / BATCH_ROWS as f64);
    }
    Figures { p50, p99, mean, cold, batch: percentile(&mut batches, 50) }
}

fn timed(call: impl FnOnce() -> f64) -> f64 {
    let start = Instant::now();
    black_box(call());
    nanos(start)
}

fn nanos(start: Instant) -> f64 {
    start.elapsed().as_nanos() as f64
}

fn percentile(values: &mut [f64], percent: usize) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    values[values.len() * percent / 100]
}
