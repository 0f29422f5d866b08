//! A row's bytes as the kernels read them, and the counting of thresholds that makes them.

use std::arch::x86_64::*;

use super::super::quantise::{Counter, LANES, NarrowCells};
use super::super::walk::{Line, WALK_COLUMNS_MAX};
use super::Avx2;

impl Counter for Avx2 {
    #[inline(always)]
    fn of_f32(self, group: &[f32; LANES], x: f32) -> u32 {
        #[inline]
        #[target_feature(enable = "avx2,popcnt")]
        fn count(group: &[f32; LANES], x: f32) -> u32 {
            // Counted half by half: of one mask for all the compiler makes packs and shuffles.
            let count = |half: usize| {
                // SAFETY: `half` is 0 or 1, and the load needs no alignment.
                let thresholds = unsafe { _mm256_loadu_ps(group.as_ptr().add(half * 8)) };
                let reached = _mm256_cmp_ps::<_CMP_GE_OQ>(_mm256_set1_ps(x), thresholds);
                _mm256_movemask_ps(reached).count_ones()
            };
            count(0) + count(1)
        }
        // SAFETY: `detect`, the only constructor, has found the features.
        unsafe { count(group, x) }
    }

    #[inline(always)]
    fn of_f64(self, group: &[f64; LANES], x: f64) -> u32 {
        #[inline]
        #[target_feature(enable = "avx2,popcnt")]
        fn count(group: &[f64; LANES], x: f64) -> u32 {
            let count = |quarter: usize| {
                // SAFETY: `quarter` is 0 to 3, and the load needs no alignment.
                let thresholds = unsafe { _mm256_loadu_pd(group.as_ptr().add(quarter * 4)) };
                let reached = _mm256_cmp_pd::<_CMP_GE_OQ>(_mm256_set1_pd(x), thresholds);
                _mm256_movemask_pd(reached).count_ones()
            };
            count(0) + count(1) + count(2) + count(3)
        }
        // SAFETY: `detect`, the only constructor, has found the features.
        unsafe { count(group, x) }
    }
}

/// The row's bytes as shuffles take them: each 16 columns in both halves of a register, top bits turned.
pub(super) struct Banks<const HALVES: usize> {
    right: [__m256i; HALVES],
    left: [__m256i; HALVES],
}

impl<const HALVES: usize> Banks<HALVES> {
    #[inline]
    #[target_feature(enable = "avx2")]
    pub(super) fn new(cells: &NarrowCells) -> Self {
        const { assert!(HALVES * 16 <= WALK_COLUMNS_MAX) };
        let load = |bytes: &[u8; WALK_COLUMNS_MAX], half: usize| {
            let bytes = &bytes[half * 16..][..16];
            // SAFETY: 16 bytes are there, and the load needs no alignment.
            let lane = unsafe { _mm_loadu_si128(bytes.as_ptr().cast()) };
            _mm256_xor_si256(_mm256_broadcastsi128_si256(lane), _mm256_set1_epi8(-128))
        };
        let zero = _mm256_setzero_si256();
        let mut this = Self { right: [zero; HALVES], left: [zero; HALVES] };
        for half in 0..HALVES {
            this.right[half] = load(&cells.missing_right, half);
            this.left[half] = load(&cells.missing_left, half);
        }
        this
    }

    /// The cells that 32 column bytes name. Without `MISSING` both banks are the same, and one is read.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn look_up<const MISSING: bool>(&self, columns: __m256i) -> __m256i {
        let right = pick(&self.right, columns);
        if !MISSING {
            return right;
        }
        // Bit 6 says which bank; a blend looks at bit 7.
        let left = pick(&self.left, columns);
        _mm256_blendv_epi8(right, left, _mm256_add_epi8(columns, columns))
    }

    /// Outcomes of a line, one bit each: right is 1.
    #[inline]
    #[target_feature(enable = "avx2")]
    pub(super) fn outcomes<const MISSING: bool>(&self, line: &Line) -> u32 {
        // SAFETY: both are 32 bytes, and a `Line` is aligned to 64.
        let columns = unsafe { _mm256_load_si256(line.columns.as_ptr().cast()) };
        // SAFETY: as above.
        let ranks = unsafe { _mm256_load_si256(line.ranks.as_ptr().cast()) };
        let right = _mm256_cmpgt_epi8(self.look_up::<MISSING>(columns), ranks);
        _mm256_movemask_epi8(right) as u32
    }
}

/// The bytes of a bank that column bytes name.
#[inline]
#[target_feature(enable = "avx2")]
fn pick<const HALVES: usize>(bank: &[__m256i; HALVES], columns: __m256i) -> __m256i {
    // A shuffle looks at bits 0 to 3, and gives 0 where bit 7 is set, which says what bit 4 says; bit 5
    // chooses among pairs of halves.
    let first = _mm256_shuffle_epi8(bank[0], columns);
    if HALVES == 1 {
        return first;
    }
    let odd = _mm256_xor_si256(columns, _mm256_set1_epi8(-128));
    let low = _mm256_or_si256(first, _mm256_shuffle_epi8(bank[1], odd));
    if HALVES == 2 {
        return low;
    }
    let third = _mm256_shuffle_epi8(bank[2], columns);
    let high =
        if HALVES == 3 { third } else { _mm256_or_si256(third, _mm256_shuffle_epi8(bank[HALVES - 1], odd)) };
    _mm256_blendv_epi8(low, high, _mm256_slli_epi16::<2>(columns))
}
