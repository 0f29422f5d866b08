//! Compiled layouts: a forest laid out for the CPU at hand, equal to the oracle bit for bit.
//!
//! ```text
//! forest -> ranked splits (ranked.rs) -> tables (walk.rs, pieces.rs, tables.rs, planes/)
//! row -> bytes, once per row (quantise.rs) -> leaves (simd/ and the layouts) -> sums in tree order
//! ```
//!
//! The oracle evaluates a forest alone when a leaf is a vector or a function, when there are more than 64
//! margins or 256 columns, or when no layout fits the trees. Leaves are added in tree order, in the library's
//! precision, beginning with the base margin: no layout changes a bit (`tests.rs`).
//!
//! Which layout is fastest depends on model and CPU, so `Compiled::new` measures those that fit and keeps the
//! best for single rows and for blocks of rows. This crate reads no clock: the caller gives one.
//!
//! # Numbers
//!
//! Nanoseconds per row on one thread of a Zen 3 (AVX2), f32 rows for XGBoost and f64 rows for LightGBM, all
//! of one run; bench/REPORT.md has the rest of it. `ads` has 10 features of few values, `wide` 20 continuous
//! ones with missing values. "Other" is the fastest other library: p50 of single rows, and a row of a batch
//! of 1,000. hessboost's sums are f32, on LightGBM models too, where they are not LightGBM's.
//!
//! ```text
//! bench/peers/setup && cargo run --release -p bench-trees --features hessboost -- --write
//!
//! model            one row: layout  p50  other            cold | batch: planes  other
//! ads 100x6                 walk    241    731 hessboost  1342 |            92    450
//! ads 500x6                 walk   1042   3436 hessboost  3897 |           295   2199
//! ads 1000x8                walk   4839  21410 hessboost 20939 |          1179  11496
//! ads lgb 500x31            tables  841   4979 lleaves    3868 |           398   3550
//! ads lgb 500x63            tables 1332  11251 ydf        6542 |           731   4366
//! wide 100x6                walk    511    732 hessboost  2584 |           162    465
//! wide 500x6                walk   1393   3416 hessboost  5981 |           423   2287
//! wide 1000x8               walk   5210  25558 hessboost 20468 |          1742  11249
//! wide lgb 500x31           pieces 2956   9338 hessboost  8506 |           539   3796
//! wide lgb 500x63           tables 4970  30096 hessboost 12654 |          1125   5099
//! ```
//!
//! Floor: 500 f32 additions, each of which waits for the one before, are 1,500 cycles, some 450 ns. Batches
//! are below it, as rows do not wait for each other.
//!
//! Where planes spend a row of wide 100x6: two thirds on ranks and masks, one third on trees; of ads 500x6
//! one eighth and seven eighths.
//!
//! What was tried and dropped: the walk with one store pass per 64 trees, 1,600 on ads 500x6, where a ring
//! of eight groups with the later stages behind took 1,220 in the run after it. Tables of eight trees with a
//! check of each leaf's index: 8,290 instructions a row of ads lgb 500x31 instead of 5,390. Byte planes, a
//! comparison and a choice per split: 1,360 on ads 500x6. Trees of 32 leaves by the words that each leaf's
//! path wants (paths), 2,990 on wide lgb 500x31: no more than trees in pieces, and for 32 leaves only.
//! Iterator adapters and closures in planes: not inlined into code of other instructions, 1,310 on ads 500x6
//! instead of 310. Not tried: AVX-512, for want of a CPU.

#[cfg(not(target_arch = "x86_64"))]
#[path = "absent.rs"]
mod simd;
#[cfg(target_arch = "x86_64")]
#[allow(unsafe_code, reason = "intrinsics, and table accesses that the tables' constructors prove")]
mod simd;

mod api;
mod choose;
mod engine;
mod pieces;
mod planes;
mod quantise;
mod ranked;
mod tables;
mod walk;

use std::fmt;

use crate::forest::{Feature, Forest, Precision};
use choose::{Choice, Clock, LAYOUTS};
use engine::{Engine, MARGINS_MAX};
use planes::ROWS;
pub(crate) use planes::Scratch;
use quantise::{Number, Quantiser};
use ranked::Ranked;
use simd::Avx2;

/// How a model's trees are laid out for evaluation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// Node by node as they were read.
    Scalar,
    /// Trees of at most eight levels: 31 comparisons at once, then a walk along their outcomes. AVX2.
    Walk,
    /// Trees of any shape in pieces of five levels: 31 comparisons at once, a walk along their outcomes, and
    /// on to the next piece. AVX2.
    Pieces,
    /// Trees of at most 64 leaves: for each state of the row's columns, the leaves still reachable.
    Tables,
    /// Trees of at most 256 leaves, 256 rows at once.
    Planes,
}

impl fmt::Display for Layout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Scalar => "scalar",
            Self::Walk => "walk",
            Self::Pieces => "pieces",
            Self::Tables => "tables",
            Self::Planes => "planes",
        })
    }
}

/// A layout that fits a model.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LayoutFigures {
    /// Its name.
    pub layout: Layout,
    /// Size of its tables in bytes.
    pub table_bytes: usize,
    /// Nanoseconds per row, one row at a time. `None` when it was not measured.
    pub nanos_per_row: Option<f64>,
    /// Nanoseconds per row in full blocks. `None` when it was not measured, or the layout knows no blocks.
    pub batch_nanos_per_row: Option<f64>,
}

/// The engines kept of one precision of sums, and which of them evaluates single rows and blocks.
#[derive(Debug, Clone)]
struct Engines<F> {
    kept: Vec<Engine<F>>,
    single: Option<usize>,
    batch: Option<usize>,
}

impl<F> Engines<F> {
    fn single(&self) -> Option<&Engine<F>> {
        self.kept.get(self.single?)
    }

    fn batch(&self) -> Option<&Engine<F>> {
        self.kept.get(self.batch?)
    }
}

#[derive(Debug, Clone)]
enum Precise {
    F32(Engines<f32>),
    F64(Engines<f64>),
}

/// What turns rows into bytes, what adds leaves, and the proof of what the CPU has.
type Ready = (Quantiser, Precise, Option<Avx2>);

/// The compiled form of a forest: what evaluates its rows. Without anything ready the oracle does.
#[derive(Debug, Clone, Default)]
pub(crate) struct Compiled {
    ready: Option<Box<Ready>>,
    figures: Vec<LayoutFigures>,
}

/// All are of the same forest, so they answer the same.
impl PartialEq for Compiled {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Compiled {
    /// Builds every layout that fits, measures each with `clock` (nanoseconds of any origin) and keeps the
    /// fastest for single rows and for blocks. Without a clock it keeps the first that fits of each.
    pub(crate) fn new(forest: &Forest, clock: Option<Clock<'_>>) -> Self {
        Self::of_layouts(forest, &LAYOUTS, clock).unwrap_or_default()
    }

    /// One layout alone. `None` when it does not fit the forest or the CPU.
    pub(crate) fn only(forest: &Forest, layout: Layout) -> Option<Self> {
        Self::of_layouts(forest, &[layout], None).filter(|this| !this.figures.is_empty())
    }

    fn of_layouts(forest: &Forest, layouts: &[Layout], clock: Option<Clock<'_>>) -> Option<Self> {
        let ranked = (forest.margin_count() <= MARGINS_MAX).then(|| Ranked::of_forest(forest)).flatten()?;
        let quantiser = Quantiser::new(forest, &ranked.columns);
        let cpu = Avx2::detect();
        let choice = Choice { forest, ranked: &ranked, quantiser: &quantiser, cpu, layouts };
        let mut figures = Vec::new();
        let precise = match forest.sums() {
            Precision::F32 => Precise::F32(choice.engines(clock, &mut figures)),
            Precision::F64 => Precise::F64(choice.engines(clock, &mut figures)),
        };
        Some(Self { ready: Some(Box::new((quantiser, precise, cpu))), figures })
    }

    /// The layouts that fit, in the order tried.
    pub(crate) fn figures(&self) -> &[LayoutFigures] {
        &self.figures
    }

    /// The layout for single rows.
    pub(crate) fn single(&self) -> Layout {
        let layout = match self.ready.as_deref() {
            Some((_, Precise::F32(engines), _)) => engines.single().map(Engine::layout),
            Some((_, Precise::F64(engines), _)) => engines.single().map(Engine::layout),
            None => None,
        };
        layout.unwrap_or(Layout::Scalar)
    }

    /// The layout for blocks of a batch.
    pub(crate) fn batch(&self) -> Layout {
        let layout = match self.ready.as_deref() {
            Some((_, Precise::F32(engines), _)) => engines.batch().map(Engine::layout),
            Some((_, Precise::F64(engines), _)) => engines.batch().map(Engine::layout),
            None => None,
        };
        layout.unwrap_or_else(|| self.single())
    }

    /// Room for [`Self::margins_of_rows`], which allocates when it gets less.
    pub(crate) fn scratch(&self) -> Scratch {
        let mut scratch = Scratch::default();
        match self.ready.as_deref() {
            Some((_, Precise::F32(engines), _)) => {
                engines.batch().into_iter().for_each(|engine| engine.reserve(&mut scratch));
            }
            Some((_, Precise::F64(engines), _)) => {
                engines.batch().into_iter().for_each(|engine| engine.reserve(&mut scratch));
            }
            None => {}
        }
        scratch
    }

    /// The margins of a row, as [`Forest::margins`] gives them.
    #[inline]
    pub(crate) fn margins<T: Feature>(&self, forest: &Forest, row: &[T], out: &mut [f64]) {
        let Some((quantiser, precise, cpu)) = self.ready.as_deref() else { return forest.margins(row, out) };
        match precise {
            Precise::F32(engines) => {
                let Some(engine) = engines.single() else { return forest.margins(row, out) };
                let mut sums = [0.0_f32; MARGINS_MAX];
                let sums = &mut sums[..forest.margin_count()];
                sums.iter_mut().zip(forest.start()).for_each(|(sum, start)| *sum = f32::of_f64(*start));
                engine.row(quantiser, *cpu, row, sums);
                out.iter_mut().zip(sums).for_each(|(out, sum)| *out = f64::from(*sum));
            }
            Precise::F64(engines) => {
                let Some(engine) = engines.single() else { return forest.margins(row, out) };
                out.copy_from_slice(forest.start());
                engine.row(quantiser, *cpu, row, out);
            }
        }
        forest.finish_sums(out);
    }

    /// The margins of rows of [`Forest::feature_count`] numbers each, row by row.
    pub(crate) fn margins_of_rows<T: Feature>(
        &self,
        forest: &Forest,
        rows: &[T],
        scratch: &mut Scratch,
        out: &mut [f64],
    ) {
        let (features, margins) = (forest.feature_count().max(1), forest.margin_count());
        let blocks = rows.chunks(ROWS * features).zip(out.chunks_mut(ROWS * margins));
        for (rows, out) in blocks {
            // A block of planes costs as much when it is not full.
            let full = rows.len() >= ROWS * features / 3;
            if full && self.block(forest, (rows, features), (out, margins), scratch) {
                continue;
            }
            for (row, out) in rows.chunks_exact(features).zip(out.chunks_exact_mut(margins)) {
                self.margins(forest, row, out);
            }
        }
    }

    /// Evaluates up to [`ROWS`] rows at once, if a layout does.
    fn block<T: Feature>(
        &self,
        forest: &Forest,
        (rows, features): (&[T], usize),
        (out, margins): (&mut [f64], usize),
        scratch: &mut Scratch,
    ) -> bool {
        let Some((quantiser, precise, cpu)) = self.ready.as_deref() else { return false };
        let start = |out: &mut [f64]| {
            out.chunks_exact_mut(margins).for_each(|out| out.copy_from_slice(forest.start()));
        };
        match precise {
            Precise::F32(engines) => {
                let Some(engine) = engines.batch() else { return false };
                start(out);
                engine.block(quantiser, *cpu, (rows, features), (out, margins), scratch);
            }
            Precise::F64(engines) => {
                let Some(engine) = engines.batch() else { return false };
                start(out);
                engine.block(quantiser, *cpu, (rows, features), (out, margins), scratch);
            }
        }
        out.chunks_exact_mut(margins).for_each(|out| forest.finish_sums(out));
        true
    }
}

#[cfg(test)]
mod tests;
