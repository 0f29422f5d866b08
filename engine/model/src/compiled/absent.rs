//! Stands for `simd.rs` on CPUs it is not written for.

use super::pieces::Pieces;
use super::planes::{Mask, ROWS, RowSet};
use super::quantise::{Counter, LANES, NarrowCells};
use super::walk::Walk;

/// A number that leaves and sums are.
pub(super) trait Sum: Copy + std::ops::AddAssign {}

impl Sum for f32 {}
impl Sum for f64 {}

/// A register that is not there.
#[derive(Clone, Copy)]
pub(super) enum Ymm {}

impl RowSet for Ymm {
    type Cpu = Avx2;

    fn load(cpu: Avx2, _: &Mask) -> Self {
        match cpu {}
    }

    fn store(self, _: &mut Mask) {
        match self {}
    }

    fn and(self, _: Self) -> Self {
        match self {}
    }

    fn without(self, _: Self) -> Self {
        match self {}
    }

    fn or(self, _: Self) -> Self {
        match self {}
    }

    fn xor(self, _: Self) -> Self {
        match self {}
    }

    fn labels(planes: &[Self; 8], _: &mut [u8; ROWS]) {
        match planes[0] {}
    }
}

/// A proof that cannot be had.
#[derive(Debug, Clone, Copy)]
pub(super) enum Avx2 {}

impl Avx2 {
    pub(super) fn detect() -> Option<Self> {
        None
    }

    pub(super) fn run<R>(self, _: impl FnOnce() -> R) -> R {
        match self {}
    }

    pub(super) fn pieces<F>(self, _: &Pieces<F>, _: &NarrowCells, _: &mut [F]) {
        match self {}
    }

    pub(super) fn walk<F>(self, _: &Walk<F>, _: &NarrowCells, _: &mut [F]) {
        match self {}
    }
}

impl Counter for Avx2 {
    fn of_f32(self, _: &[f32; LANES], _: f32) -> u32 {
        match self {}
    }

    fn of_f64(self, _: &[f64; LANES], _: f64) -> u32 {
        match self {}
    }
}
