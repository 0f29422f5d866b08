//! The AVX2 kernels, the crate's only unsafe code.
//!
//! Unsafe are the calls into code compiled for AVX2, which [`Avx2::detect`] proves to be there, and the
//! accesses to tables without a check of bounds. [`Walk::new`] and [`Pieces::new`], the only constructors of
//! the tables, prove the latter; what they guarantee is written at the types. What a row holds never decides
//! whether an address is inside: outcomes are bits of a movemask, and every path along bits ends at one of
//! 32 leaves or exits.
#![deny(clippy::undocumented_unsafe_blocks)]
#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss,
    reason = "intrinsics take lanes as signed numbers; positions in tables are below TABLE_BYTES_MAX, a u32"
)]

use super::pieces::Pieces;
use super::quantise::NarrowCells;
use super::walk::Walk;

/// Calls a function with the constants of a row.
macro_rules! of_row {
    ($function:ident, $halves:expr, $cells:expr, $($argument:expr),*) => {
        match ($halves, $cells.any_missing) {
            (1, false) => $function::<F, 1, false>($cells, $($argument),*),
            (1, true) => $function::<F, 1, true>($cells, $($argument),*),
            (2, false) => $function::<F, 2, false>($cells, $($argument),*),
            (2, true) => $function::<F, 2, true>($cells, $($argument),*),
            (3, false) => $function::<F, 3, false>($cells, $($argument),*),
            (3, true) => $function::<F, 3, true>($cells, $($argument),*),
            (_, false) => $function::<F, 4, false>($cells, $($argument),*),
            (_, true) => $function::<F, 4, true>($cells, $($argument),*),
        }
    };
}

mod banks;
mod pieces;
mod rows;
mod walk;

pub(super) use rows::Ymm;

/// A number that leaves and sums are.
pub(super) trait Sum: Copy + std::ops::AddAssign {}

impl Sum for f32 {}
impl Sum for f64 {}

/// Proof that the CPU has AVX2 and the bit instructions of its generation.
#[derive(Debug, Clone, Copy)]
pub(super) struct Avx2(());

impl Avx2 {
    /// The proof, on a CPU that has them.
    pub(super) fn detect() -> Option<Self> {
        let has = is_x86_feature_detected!("avx2")
            && is_x86_feature_detected!("bmi1")
            && is_x86_feature_detected!("bmi2")
            && is_x86_feature_detected!("popcnt")
            && is_x86_feature_detected!("lzcnt");
        has.then_some(Self(()))
    }

    /// Runs portable code, compiled for these instructions as far as it is inlined.
    #[inline]
    pub(super) fn run<R>(self, code: impl FnOnce() -> R) -> R {
        #[target_feature(enable = "avx2,bmi1,bmi2,popcnt,lzcnt")]
        fn with<R>(code: impl FnOnce() -> R) -> R {
            code()
        }
        // SAFETY: `detect`, the only constructor, has found the features.
        unsafe { with(code) }
    }

    /// Adds the leaves of a row to one sum per margin.
    #[inline]
    pub(super) fn walk<F: Sum>(self, tables: &Walk<F>, cells: &NarrowCells, sums: &mut [F]) {
        // SAFETY: `detect`, the only constructor, has found the features.
        unsafe { walk::walk(tables, cells, sums) }
    }

    /// Adds the leaves of a row to one sum per margin.
    #[inline]
    pub(super) fn pieces<F: Sum>(self, tables: &Pieces<F>, cells: &NarrowCells, sums: &mut [F]) {
        // SAFETY: `detect`, the only constructor, has found the features.
        unsafe { pieces::pieces(tables, cells, sums) }
    }
}
