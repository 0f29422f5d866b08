//! One layout, built for one precision of sums, with its way to evaluate rows.

use super::Layout;
use super::pieces::Pieces;
use super::planes::{Mask, Planes, ROWS, RowSet, Scratch};
use super::quantise::{Cells, NarrowCells, Number, Portable, Quantiser};
use super::ranked::Ranked;
use super::simd::{Avx2, Ymm};
use super::tables::{Bits, Tables};
use super::walk::Walk;
use crate::forest::Feature;

/// Margins whose sums have room on the stack.
pub(super) const MARGINS_MAX: usize = 64;

/// A layout's tables.
#[derive(Debug, Clone)]
pub(super) enum Engine<F> {
    Walk(Walk<F>, Avx2),
    Pieces(Pieces<F>, Avx2),
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
            Layout::Pieces => Some(Self::Pieces(Pieces::new(ranked, bytes_max)?, Avx2::detect()?)),
            Layout::Tables => Tables::new(ranked, bytes_max)
                .map(Self::Tables32)
                .or_else(|| Tables::new(ranked, bytes_max).map(Self::Tables64)),
            Layout::Planes => Some(Self::Planes(Planes::new(ranked, bytes_max)?)),
        }
    }

    pub(super) fn layout(&self) -> Layout {
        match self {
            Self::Walk(..) => Layout::Walk,
            Self::Pieces(..) => Layout::Pieces,
            Self::Tables32(_) | Self::Tables64(_) => Layout::Tables,
            Self::Planes(_) => Layout::Planes,
        }
    }

    pub(super) fn bytes(&self) -> usize {
        match self {
            Self::Walk(walk, _) => walk.bytes(),
            Self::Pieces(pieces, _) => pieces.bytes(),
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
        matches!(self, Self::Planes(_))
    }

    /// Makes room for [`Self::block`].
    pub(super) fn reserve(&self, scratch: &mut Scratch) {
        if let Self::Planes(planes) = self {
            scratch.reserve(planes.mask_count());
        }
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
                quantise(quantiser, *simd, row, &mut cells);
                simd.walk(walk, &cells, sums);
            }
            Self::Pieces(pieces, simd) => {
                let mut cells = NarrowCells::new();
                quantise(quantiser, *simd, row, &mut cells);
                simd.pieces(pieces, &cells, sums);
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
        scratch: &mut Scratch,
    ) {
        let Self::Planes(planes) = self else { return };
        match cpu {
            Some(simd) => {
                simd.run(
                    #[inline(always)]
                    || planes.compare::<Ymm, _>(quantiser, simd, rows, scratch),
                );
                simd.run(
                    #[inline(always)]
                    || plane_rows::<Ymm, _>(planes, simd, out, scratch),
                );
            }
            None => {
                planes.compare::<Mask, _>(quantiser, Portable, rows, scratch);
                plane_rows::<Mask, _>(planes, Portable, out, scratch);
            }
        }
    }
}

/// The bytes of a row.
#[inline]
fn quantise<T: Feature>(quantiser: &Quantiser, simd: Avx2, row: &[T], cells: &mut NarrowCells) {
    simd.run(
        #[inline(always)]
        || quantiser.cells(simd, row, cells),
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

/// The second half of [`Engine::block`] for bit planes.
#[inline(always)]
fn plane_rows<S: RowSet, F: Number>(
    planes: &Planes<F>,
    cpu: S::Cpu,
    (out, margins): (&mut [f64], usize),
    scratch: &mut Scratch,
) {
    for margin in 0..margins {
        let mut sums = [F::default(); ROWS];
        let starts = out.iter().skip(margin).step_by(margins);
        sums.iter_mut().zip(starts).for_each(|(sum, start)| *sum = F::of_f64(*start));
        planes.add::<S>(cpu, scratch, margin, &mut sums);
        let ends = out.iter_mut().skip(margin).step_by(margins);
        ends.zip(&sums).for_each(|(end, sum)| *end = sum.wide());
    }
}
