//! Which layouts a model keeps: those that a short measurement finds fastest.

use std::hint::black_box;

use super::engine::{Engine, MARGINS_MAX};
use super::planes::{ROWS, Scratch};
use super::quantise::{Number, Quantiser};
use super::ranked::{ColumnTest, Ranked};
use super::simd::Avx2;
use super::{Engines, Layout, LayoutFigures};
use crate::forest::Forest;
use crate::limits::TABLE_BYTES_MAX;

/// Gives nanoseconds of any origin.
pub(super) type Clock<'a> = &'a mut dyn FnMut() -> u64;

/// All layouts, in the order in which an unmeasured model takes them: small tables first.
pub(super) const LAYOUTS: [Layout; 4] = [Layout::Walk, Layout::Pieces, Layout::Tables, Layout::Planes];

/// Rows of a measurement: two blocks.
const SAMPLE_ROWS: usize = 2 * ROWS;
/// Passes of a measurement; the best counts.
const PASSES: usize = 4;

/// Tables above this size are not in the second-level cache of a busy server, as they are while measured.
const LARGE_BYTES: usize = 1 << 20;
/// What they must win by. On 500x6 tables win in a loop, 1,130 ns to 1,230; after a sweep of 8 MiB the walk
/// wins, 4,490 to 4,770.
const LARGE_BURDEN: f64 = 1.25;

/// What a choice is made from.
pub(super) struct Choice<'a> {
    pub(super) forest: &'a Forest,
    pub(super) ranked: &'a Ranked,
    pub(super) quantiser: &'a Quantiser,
    pub(super) cpu: Option<Avx2>,
    pub(super) layouts: &'a [Layout],
}

/// An engine with what it takes per row; infinite when it cannot.
struct Candidate<F> {
    engine: Engine<F>,
    single: f64,
    batch: f64,
}

impl Choice<'_> {
    /// Builds the layouts, measures them, and keeps the best.
    pub(super) fn engines<F: Number>(
        &self,
        mut clock: Option<Clock<'_>>,
        figures: &mut Vec<LayoutFigures>,
    ) -> Engines<F> {
        let rows = if clock.is_some() { self.sample() } else { Vec::new() };
        let mut found: Vec<Candidate<F>> = Vec::new();
        for layout in self.layouts {
            let Some(engine) = Engine::build(*layout, self.ranked, TABLE_BYTES_MAX) else { continue };
            let single =
                engine.takes_rows().then(|| clock.as_deref_mut().map(|c| self.single(&engine, &rows, c)));
            let batch =
                engine.takes_blocks().then(|| clock.as_deref_mut().map(|c| self.batch(&engine, &rows, c)));
            figures.push(LayoutFigures {
                layout: *layout,
                table_bytes: engine.bytes() + self.quantiser.bytes(),
                nanos_per_row: single.flatten(),
                batch_nanos_per_row: batch.flatten(),
            });
            // Where nothing is measured all are equal, and the first is the best.
            let burden = if engine.bytes() > LARGE_BYTES { LARGE_BURDEN } else { 1.0 };
            let cost = |figure: Option<Option<f64>>| {
                figure.map_or(f64::INFINITY, |nanos| nanos.unwrap_or(0.0) * burden)
            };
            let (single, batch) = (cost(single), cost(batch));
            found.push(Candidate { engine, single, batch });
        }
        let best = |cost: fn(&Candidate<F>) -> f64| {
            let finite = found.iter().enumerate().filter(|(_, candidate)| cost(candidate).is_finite());
            finite.min_by(|(_, a), (_, b)| cost(a).total_cmp(&cost(b))).map(|(index, _)| index)
        };
        let (single, batch) = (best(|candidate| candidate.single), best(|candidate| candidate.batch));
        // Row by row may be the faster way through a batch.
        let cost = |index: Option<usize>, cost: fn(&Candidate<F>) -> f64| {
            index.map_or(f64::INFINITY, |i| cost(&found[i]))
        };
        let blocks = cost(batch, |candidate| candidate.batch) <= cost(single, |candidate| candidate.single);
        let batch = batch.filter(|_| blocks);
        let place = |index: usize| usize::from(single.is_some_and(|single| single != index));
        let engines = found.into_iter().enumerate();
        let mut kept: Vec<_> = engines.filter(|(index, _)| [single, batch].contains(&Some(*index))).collect();
        kept.sort_by_key(|(index, _)| place(*index));
        Engines {
            kept: kept.into_iter().map(|(_, candidate)| candidate.engine).collect(),
            single: single.map(place),
            batch: batch.map(place),
        }
    }

    fn single<F: Number>(&self, engine: &Engine<F>, rows: &[f64], clock: Clock<'_>) -> f64 {
        let mut sums = [F::default(); MARGINS_MAX];
        let sums = &mut sums[..self.forest.margin_count()];
        best_nanos(clock, || {
            for row in rows.chunks_exact(self.forest.feature_count().max(1)) {
                engine.row(self.quantiser, self.cpu, black_box(row), sums);
            }
        })
    }

    fn batch<F: Number>(&self, engine: &Engine<F>, rows: &[f64], clock: Clock<'_>) -> f64 {
        let (features, margins) = (self.forest.feature_count().max(1), self.forest.margin_count());
        let mut out = vec![0.0; ROWS * margins];
        let mut scratch = Scratch::default();
        best_nanos(clock, || {
            for rows in rows.chunks(ROWS * features) {
                let (rows, out) = ((black_box(rows), features), (out.as_mut_slice(), margins));
                engine.block(self.quantiser, self.cpu, rows, out, &mut scratch);
            }
        })
    }

    /// Rows whose values lie around the model's thresholds, so that they take different ways. The same at
    /// each call.
    fn sample(&self) -> Vec<f64> {
        let mut thresholds = vec![Vec::new(); self.forest.feature_count()];
        for column in &self.ranked.columns {
            if let ColumnTest::Reached(numbers) = &column.test {
                thresholds[column.feature].extend_from_slice(numbers);
            }
        }
        let mut state = 1_u64;
        let mut next = move |end: usize| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            usize::try_from(state >> 33).unwrap_or(0) % end
        };
        let mut rows = Vec::with_capacity(SAMPLE_ROWS * thresholds.len());
        for _ in 0..SAMPLE_ROWS {
            for thresholds in &thresholds {
                let below = || thresholds.first().map_or(0.0, |first| first - 1.0);
                let place = next(thresholds.len() + 1).checked_sub(1);
                rows.push(place.map_or_else(below, |place| thresholds[place]));
            }
        }
        rows
    }
}

/// Nanoseconds per row of the best pass over the sample.
fn best_nanos(clock: Clock<'_>, mut pass: impl FnMut()) -> f64 {
    let mut best = u64::MAX;
    for _ in 0..PASSES {
        let start = clock();
        pass();
        best = best.min(clock().saturating_sub(start));
    }
    #[expect(clippy::cast_precision_loss, reason = "a measurement")]
    let best = best as f64;
    best / SAMPLE_ROWS as f64
}
