//! One layout, built for one precision of sums, with its way to evaluate rows.

use super::Layout;
use super::paths::Paths;
use super::planes::{Block, Planes, ROWS};
use super::quantise::{Cells, Counter, NarrowCells, Number, Portable, Quantiser};
use super::ranked::Ranked;
use super::simd::Avx2;
use super::tables::{Bits, Tables};
use super::walk::Walk;
use crate::forest::Feature;

/// Margins whose sums have room on the stack.
pub(super) const MARGINS_MAX: usize = 64;

/// A layout's tables.
#[derive(Debug, Clone)]
pub(super) enum Engine<F> {
    Walk(Walk<F>, Avx2),
    Paths(Paths<F>, Avx2),
    Tables32(Tables<F, u32, 32>),
    Tables64(Tables<F, u64, 64>),
    Planes(Planes<F>),
}

impl<F: Number> Engine<F> {
    /// Builds a layout. `None` when it does not fit the trees, the CPU or the budget.
    pub(super) fn build(layout: Layout, ranked: &Ranked, bytes_max: usize) -> Option<Self> {
        match layout {
            Layout::Scalar => None,
            Layout::Walk => Some(Self::Walk(Walk::new(ranked, bytes_max)?, Avx2::detect()?)),
            Layout::Paths => Some(Self::Paths(Paths::new(ranked, bytes_max)?, Avx2::detect()?)),
            Layout::Tables => Tables::new(ranked, bytes_max)
                .map(Self::Tables32)
                .or_else(|| Tables::new(ranked, bytes_max).map(Self::Tables64)),
            Layout::Planes => Some(Self::Planes(Planes::new(ranked, bytes_max)?)),
        }
    }

    pub(super) fn layout(&self) -> Layout {
        match self {
            Self::Walk(..) => Layout::Walk,
            Self::Paths(..) => Layout::Paths,
            Self::Tables32(_) | Self::Tables64(_) => Layout::Tables,
            Self::Planes(_) => Layout::Planes,
        }
    }

    pub(super) fn bytes(&self) -> usize {
        match self {
            Self::Walk(walk, _) => walk.bytes(),
            Self::Paths(paths, _) => paths.bytes(),
            Self::Tables32(tables) => tables.bytes(),
            Self::Tables64(tables) => tables.bytes(),
            Self::Planes(planes) => planes.bytes(),
        }
    }

    /// Whether [`Self::row`] does anything.
    pub(super) fn takes_rows(&self) -> bool {
        !matches!(self, Self::Planes(_))
    }

    /// Whether [`Self::block`] does anything.
    pub(super) fn takes_blocks(&self) -> bool {
        !matches!(self, Self::Tables32(_) | Self::Tables64(_))
    }

    /// Adds a row's leaves to `sums`, one per margin.
    #[inline]
    pub(super) fn row<T: Feature>(
        &self,
        quantiser: &Quantiser,
        cpu: Option<Avx2>,
        row: &[T],
        sums: &mut [F],
    ) {
        match self {
            Self::Walk(walk, simd) => {
                let mut cells = NarrowCells::new();
                quantise(quantiser, *simd, row, std::slice::from_mut(&mut cells), row.len());
                simd.walk(walk, &cells, sums);
            }
            Self::Paths(paths, simd) => {
                let mut cells = NarrowCells::new();
                quantise(quantiser, *simd, row, std::slice::from_mut(&mut cells), row.len());
                simd.paths(paths, &cells, sums);
            }
            Self::Tables32(tables) => table_row(tables, quantiser, cpu, row, sums),
            Self::Tables64(tables) => table_row(tables, quantiser, cpu, row, sums),
            Self::Planes(_) => {}
        }
    }

    /// Sums of up to [`ROWS`] rows, each of `features` numbers: margin `m` of row `r` is at
    /// `out[r * margins + m]`, which holds its start before.
    pub(super) fn block<T: Feature>(
        &self,
        quantiser: &Quantiser,
        cpu: Option<Avx2>,
        rows: (&[T], usize),
        out: (&mut [f64], usize),
    ) {
        match (self, cpu) {
            (Self::Walk(walk, simd), _) => {
                few_rows(quantiser, *simd, rows, out, |margin, cells, sums| {
                    simd.walk_rows(walk, margin, cells, sums);
                });
            }
            (Self::Paths(paths, simd), _) => {
                few_rows(quantiser, *simd, rows, out, |margin, cells, sums| {
                    simd.path_rows(paths, margin, cells, sums);
                });
            }
            (Self::Planes(planes), Some(simd)) => simd.run(
                #[inline(always)]
                || plane_rows(planes, quantiser, simd, rows, out),
            ),
            (Self::Planes(planes), None) => plane_rows(planes, quantiser, Portable, rows, out),
            (Self::Tables32(_) | Self::Tables64(_), _) => {}
        }
    }
}

/// The bytes of one row, or of rows of `features` numbers each.
#[inline]
fn quantise<T: Feature>(
    quantiser: &Quantiser,
    simd: Avx2,
    rows: &[T],
    cells: &mut [NarrowCells],
    features: usize,
) {
    simd.run(
        #[inline(always)]
        || {
            // An empty row is all missing; it would give no chunk.
            if let ([cells], true) = (&mut *cells, rows.len() == features) {
                return quantiser.cells(simd, rows, cells);
            }
            for (row, cells) in rows.chunks_exact(features).zip(cells) {
                quantiser.cells(simd, row, cells);
            }
        },
    );
}

#[inline]
fn table_row<T: Feature, F: Number, B: Bits, const LEAVES: usize>(
    tables: &Tables<F, B, LEAVES>,
    quantiser: &Quantiser,
    cpu: Option<Avx2>,
    row: &[T],
    sums: &mut [F],
) {
    let mut cells = Cells::new();
    match cpu {
        Some(simd) => simd.run(
            #[inline(always)]
            || {
                quantiser.cells(simd, row, &mut cells);
                tables.add(&cells, sums);
            },
        ),
        None => {
            quantiser.cells(Portable, row, &mut cells);
            tables.add(&cells, sums);
        }
    }
}

/// [`Engine::block`] for byte planes.
#[inline(always)]
fn plane_rows<C: Counter, T: Feature, F: Number>(
    planes: &Planes<F>,
    quantiser: &Quantiser,
    counter: C,
    (rows, features): (&[T], usize),
    (out, margins): (&mut [f64], usize),
) {
    let mut block = Block::new();
    for (index, row) in rows.chunks_exact(features).take(ROWS).enumerate() {
        let mut cells = Cells::new();
        quantiser.cells(counter, row, &mut cells);
        block.set(planes.column_count(), index, &cells);
    }
    for margin in 0..margins {
        let mut sums = [F::default(); ROWS];
        let starts = out.iter().skip(margin).step_by(margins);
        sums.iter_mut().zip(starts).for_each(|(sum, start)| *sum = F::of_f64(*start));
        planes.add(&block, margin, &mut sums);
        let ends = out.iter_mut().skip(margin).step_by(margins);
        ends.zip(&sums).for_each(|(end, sum)| *end = sum.wide());
    }
}

/// Rows whose cells stay in the first-level cache beside a block of trees.
const FEW_ROWS: usize = 64;

/// [`Engine::block`] for the layouts that take a row at a time: [`FEW_ROWS`] rows pass each block of trees.
fn few_rows<T: Feature, F: Number>(
    quantiser: &Quantiser,
    simd: Avx2,
    (rows, features): (&[T], usize),
    (out, margins): (&mut [f64], usize),
    add: impl Fn(usize, &[NarrowCells], &mut [F]),
) {
    let mut cells = [const { NarrowCells::new() }; FEW_ROWS];
    for (rows, out) in rows.chunks(FEW_ROWS * features).zip(out.chunks_mut(FEW_ROWS * margins)) {
        let count = rows.len() / features;
        quantise(quantiser, simd, rows, &mut cells[..count], features);
        for margin in 0..margins {
            let mut sums = [F::default(); FEW_ROWS];
            let starts = out.iter().skip(margin).step_by(margins);
            sums.iter_mut().zip(starts).for_each(|(sum, start)| *sum = F::of_f64(*start));
            add(margin, &cells[..count], &mut sums[..count]);
            let ends = out.iter_mut().skip(margin).step_by(margins);
            ends.zip(&sums).for_each(|(end, sum)| *end = sum.wide());
        }
    }
}
