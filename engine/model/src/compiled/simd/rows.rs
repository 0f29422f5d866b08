//! 256 rows in a register, a bit of each.

use std::arch::x86_64::*;

use super::super::planes::{Mask, ROWS, RowSet};
use super::Avx2;

/// A bit per row. Only [`RowSet::load`] makes one from nothing, and it takes the proof that there is AVX2.
#[derive(Clone, Copy)]
pub(in super::super) struct Ymm(__m256i);

impl RowSet for Ymm {
    type Cpu = Avx2;

    #[inline(always)]
    fn load(_: Avx2, mask: &Mask) -> Self {
        // SAFETY: there is AVX2; a mask is 32 bytes, and the load needs no alignment.
        Self(unsafe { _mm256_loadu_si256(mask.as_ptr().cast()) })
    }

    #[inline(always)]
    fn store(self, mask: &mut Mask) {
        // SAFETY: as above.
        unsafe { _mm256_storeu_si256(mask.as_mut_ptr().cast(), self.0) };
    }

    #[inline(always)]
    fn and(self, other: Self) -> Self {
        // SAFETY: there is AVX2, or there were no `self`.
        Self(unsafe { _mm256_and_si256(self.0, other.0) })
    }

    #[inline(always)]
    fn without(self, other: Self) -> Self {
        // SAFETY: as above.
        Self(unsafe { _mm256_andnot_si256(other.0, self.0) })
    }

    #[inline(always)]
    fn or(self, other: Self) -> Self {
        // SAFETY: as above.
        Self(unsafe { _mm256_or_si256(self.0, other.0) })
    }

    #[inline(always)]
    fn xor(self, other: Self) -> Self {
        // SAFETY: as above.
        Self(unsafe { _mm256_xor_si256(self.0, other.0) })
    }

    #[inline(always)]
    fn labels(planes: &[Self; 8], labels: &mut [u8; ROWS]) {
        // SAFETY: as above.
        unsafe { transpose(planes, labels) };
    }
}

/// Eight planes of bits to a byte per row.
#[inline]
#[target_feature(enable = "avx2")]
fn transpose(planes: &[Ymm; 8], labels: &mut [u8; ROWS]) {
    // No closures here: they would be compiled for these instructions, what calls them not.
    let [p0, p1, p2, p3, p4, p5, p6, p7] = *planes;
    let (low, high) = (fours(p0, p1, p2, p3), fours(p4, p5, p6, p7));
    let (first, second) = labels.split_at_mut(ROWS / 2);
    let (first, second) = (first.as_chunks_mut::<32>().0, second.as_chunks_mut::<32>().0);
    let mut index = 0;
    while index < 4 {
        let one = transpose_bits(_mm256_unpacklo_epi32(low[index], high[index]));
        let other = transpose_bits(_mm256_unpackhi_epi32(low[index], high[index]));
        let (to, and_to) = (&mut first[index], &mut second[index]);
        // SAFETY: both are 32 bytes, and the stores need no alignment.
        unsafe {
            _mm256_storeu_si256(to.as_mut_ptr().cast(), _mm256_permute2x128_si256::<0x20>(one, other));
            _mm256_storeu_si256(and_to.as_mut_ptr().cast(), _mm256_permute2x128_si256::<0x31>(one, other));
        }
        index += 1;
    }
}

/// Bytes of the same eight rows side by side, those of four planes.
#[inline]
#[target_feature(enable = "avx2")]
fn fours(p0: Ymm, p1: Ymm, p2: Ymm, p3: Ymm) -> [__m256i; 4] {
    let (low_0, high_0) = (_mm256_unpacklo_epi8(p0.0, p1.0), _mm256_unpackhi_epi8(p0.0, p1.0));
    let (low_1, high_1) = (_mm256_unpacklo_epi8(p2.0, p3.0), _mm256_unpackhi_epi8(p2.0, p3.0));
    [
        _mm256_unpacklo_epi16(low_0, low_1),
        _mm256_unpackhi_epi16(low_0, low_1),
        _mm256_unpacklo_epi16(high_0, high_1),
        _mm256_unpackhi_epi16(high_0, high_1),
    ]
}

/// In each 64 bits, a matrix of 8 x 8 with rows and columns exchanged.
#[inline]
#[target_feature(enable = "avx2")]
fn transpose_bits(x: __m256i) -> __m256i {
    let bits = _mm256_set1_epi64x(0x00aa_00aa_00aa_00aa);
    let turned = _mm256_and_si256(_mm256_xor_si256(x, _mm256_srli_epi64::<7>(x)), bits);
    let x = _mm256_xor_si256(_mm256_xor_si256(x, turned), _mm256_slli_epi64::<7>(turned));
    let bits = _mm256_set1_epi64x(0x0000_cccc_0000_cccc);
    let turned = _mm256_and_si256(_mm256_xor_si256(x, _mm256_srli_epi64::<14>(x)), bits);
    let x = _mm256_xor_si256(_mm256_xor_si256(x, turned), _mm256_slli_epi64::<14>(turned));
    let bits = _mm256_set1_epi64x(0x0000_0000_f0f0_f0f0);
    let turned = _mm256_and_si256(_mm256_xor_si256(x, _mm256_srli_epi64::<28>(x)), bits);
    _mm256_xor_si256(_mm256_xor_si256(x, turned), _mm256_slli_epi64::<28>(turned))
}
