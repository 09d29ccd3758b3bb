use std::arch::x86_64::*;

use super::Simd;

pub(super) struct Avx2;

impl Avx2 {
    /// A mask whose first `n` lanes are set.
    #[inline(always)]
    unsafe fn mask(n: usize) -> __m256i {
        const BITS: [i32; 16] = [-1, -1, -1, -1, -1, -1, -1, -1, 0, 0, 0, 0, 0, 0, 0, 0];
        // SAFETY: `n <= 8`, so eight elements from `8 - n` are within the array.
        unsafe { _mm256_loadu_si256(BITS.as_ptr().add(8 - n).cast()) }
    }
}

impl Simd for Avx2 {
    type V = __m256;
    type Mask = __m256;
    const LANES: usize = 8;
    const ROWS: usize = 6;

    #[inline(always)]
    unsafe fn splat(value: f32) -> __m256 {
        // SAFETY: as the trait demands.
        unsafe { _mm256_set1_ps(value) }
    }

    #[inline(always)]
    unsafe fn load(from: *const f32) -> __m256 {
        // SAFETY: as the trait demands.
        unsafe { _mm256_loadu_ps(from) }
    }

    #[inline(always)]
    unsafe fn store(to: *mut f32, value: __m256) {
        // SAFETY: as the trait demands.
        unsafe { _mm256_storeu_ps(to, value) }
    }

    #[inline(always)]
    unsafe fn load_partial(from: *const f32, n: usize) -> __m256 {
        // SAFETY: as the trait demands; lanes that the mask leaves out are not touched.
        unsafe { _mm256_maskload_ps(from, Self::mask(n)) }
    }

    #[inline(always)]
    unsafe fn store_partial(to: *mut f32, value: __m256, n: usize) {
        // SAFETY: as the trait demands; lanes that the mask leaves out are not touched.
        unsafe { _mm256_maskstore_ps(to, Self::mask(n), value) }
    }

    #[inline(always)]
    fn prefetch(at: *const f32) {
        // SAFETY: all x86-64 CPUs have SSE; prefetching doesn't fault.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(at.cast()) }
    }

    #[inline(always)]
    unsafe fn mul_add(a: __m256, b: __m256, c: __m256) -> __m256 {
        // SAFETY: as the trait demands.
        unsafe { _mm256_fmadd_ps(a, b, c) }
    }

    #[inline(always)]
    unsafe fn add(a: __m256, b: __m256) -> __m256 {
        // SAFETY: as the trait demands.
        unsafe { _mm256_add_ps(a, b) }
    }

    #[inline(always)]
    unsafe fn sub(a: __m256, b: __m256) -> __m256 {
        // SAFETY: as the trait demands.
        unsafe { _mm256_sub_ps(a, b) }
    }

    #[inline(always)]
    unsafe fn clamp(value: __m256, low: __m256, high: __m256) -> __m256 {
        // The instructions return their second operand if either is NaN.
        // SAFETY: as the trait demands.
        unsafe { _mm256_min_ps(high, _mm256_max_ps(low, value)) }
    }

    #[inline(always)]
    unsafe fn greater_or_nan(a: __m256, b: __m256) -> __m256 {
        // SAFETY: as the trait demands.
        unsafe {
            let nan = _mm256_cmp_ps::<_CMP_UNORD_Q>(a, a);
            _mm256_or_ps(_mm256_cmp_ps::<_CMP_GT_OQ>(a, b), nan)
        }
    }

    #[inline(always)]
    unsafe fn equal(a: __m256, b: __m256) -> __m256 {
        // SAFETY: as the trait demands.
        unsafe { _mm256_cmp_ps::<_CMP_EQ_OQ>(a, b) }
    }

    #[inline(always)]
    unsafe fn select(mask: __m256, a: __m256, b: __m256) -> __m256 {
        // SAFETY: as the trait demands.
        unsafe { _mm256_blendv_ps(b, a, mask) }
    }

    #[inline(always)]
    unsafe fn rotate<const N: usize>(value: __m256) -> __m256 {
        // SAFETY: as the trait demands.
        unsafe {
            let lanes = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
            _mm256_permutevar8x32_ps(value, _mm256_add_epi32(lanes, _mm256_set1_epi32(N as i32)))
        }
    }

    #[inline(always)]
    unsafe fn transpose(rows: &mut [__m256]) {
        // SAFETY: as the trait demands.
        unsafe {
            // Columns 0, 1 and 4, 5 of two rows, then columns 2, 3 and 6, 7.
            let zero = _mm256_setzero_ps();
            let (mut pairs, mut fours) = ([zero; 8], [zero; 8]);
            for i in 0..4 {
                pairs[2 * i] = _mm256_unpacklo_ps(rows[2 * i], rows[2 * i + 1]);
                pairs[2 * i + 1] = _mm256_unpackhi_ps(rows[2 * i], rows[2 * i + 1]);
            }
            // Columns `c` and `c + 4` of four rows.
            for i in 0..4 {
                let (a, b) = (pairs[i / 2 * 4 + i % 2], pairs[i / 2 * 4 + i % 2 + 2]);
                fours[i / 2 * 4 + i % 2 * 2] = _mm256_shuffle_ps::<0x44>(a, b);
                fours[i / 2 * 4 + i % 2 * 2 + 1] = _mm256_shuffle_ps::<0xee>(a, b);
            }
            for i in 0..4 {
                rows[i] = _mm256_permute2f128_ps::<0x20>(fours[i], fours[i + 4]);
                rows[i + 4] = _mm256_permute2f128_ps::<0x31>(fours[i], fours[i + 4]);
            }
        }
    }

    #[inline(always)]
    unsafe fn halves(pairs: __m256) -> [__m256; 2] {
        // SAFETY: as the trait demands.
        unsafe {
            let bits = _mm256_castps_si256(pairs);
            let odd = _mm256_and_si256(bits, _mm256_set1_epi32(!0xffff));
            [_mm256_castsi256_ps(_mm256_slli_epi32::<16>(bits)), _mm256_castsi256_ps(odd)]
        }
    }

    #[inline(always)]
    unsafe fn load_bytes(from: *const u8) -> __m256 {
        // SAFETY: as the trait demands.
        unsafe { _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(_mm_loadl_epi64(from.cast()))) }
    }

    #[inline(always)]
    unsafe fn store_bytes(to: *mut u8, value: __m256) {
        // SAFETY: as the trait demands.
        unsafe {
            let value = _mm256_cvtps_epi32(value);
            let (low, high) = (_mm256_castsi256_si128(value), _mm256_extracti128_si256::<1>(value));
            let words = _mm_packus_epi32(low, high);
            _mm_storel_epi64(to.cast(), _mm_packus_epi16(words, words));
        }
    }

    #[inline(always)]
    unsafe fn add_dots(a: __m256, b: __m256, sum: __m256) -> __m256 {
        // Products of bytes, added in pairs, are more than 16 bits hold: even and odd bytes become words of their own.
        // SAFETY: as the trait demands.
        unsafe {
            let (a, b, sum) = (_mm256_castps_si256(a), _mm256_castps_si256(b), _mm256_castps_si256(sum));
            let even = _mm256_and_si256(a, _mm256_set1_epi16(0xff));
            let even = _mm256_madd_epi16(even, _mm256_srai_epi16::<8>(_mm256_slli_epi16::<8>(b)));
            let odd = _mm256_madd_epi16(_mm256_srli_epi16::<8>(a), _mm256_srai_epi16::<8>(b));
            _mm256_castsi256_ps(_mm256_add_epi32(sum, _mm256_add_epi32(even, odd)))
        }
    }

    #[inline(always)]
    unsafe fn to_floats(whole: __m256) -> __m256 {
        // SAFETY: as the trait demands.
        unsafe { _mm256_cvtepi32_ps(_mm256_castps_si256(whole)) }
    }

    #[inline(always)]
    unsafe fn quads(mut rows: [*const u8; 4], n: usize) -> [__m256; 4] {
        const WIDTH: usize = 32;
        let mut parts = [[0u8; WIDTH]; 4];
        // SAFETY: as the trait demands; of fewer columns there is a copy.
        unsafe {
            if n < WIDTH {
                for (row, part) in rows.iter_mut().zip(&mut parts) {
                    std::ptr::copy_nonoverlapping(*row, part.as_mut_ptr(), n);
                    *row = part.as_ptr();
                }
            }
            let (a, b) = (_mm256_loadu_si256(rows[0].cast()), _mm256_loadu_si256(rows[1].cast()));
            let (c, d) = (_mm256_loadu_si256(rows[2].cast()), _mm256_loadu_si256(rows[3].cast()));
            let (ab, cd) = (_mm256_unpacklo_epi8(a, b), _mm256_unpacklo_epi8(c, d));
            let (high_ab, high_cd) = (_mm256_unpackhi_epi8(a, b), _mm256_unpackhi_epi8(c, d));
            [
                _mm256_castsi256_ps(_mm256_unpacklo_epi16(ab, cd)),
                _mm256_castsi256_ps(_mm256_unpackhi_epi16(ab, cd)),
                _mm256_castsi256_ps(_mm256_unpacklo_epi16(high_ab, high_cd)),
                _mm256_castsi256_ps(_mm256_unpackhi_epi16(high_ab, high_cd)),
            ]
        }
    }

    #[inline(always)]
    unsafe fn store_quads(to: *mut u8, values: [__m256; 4], n: usize) {
        const WIDTH: usize = 32;
        // SAFETY: as the trait demands; fewer columns are copied from a whole vector.
        unsafe {
            let [a, b, c, d] = values;
            let ab = _mm256_packs_epi32(_mm256_cvtps_epi32(a), _mm256_cvtps_epi32(b));
            let cd = _mm256_packs_epi32(_mm256_cvtps_epi32(c), _mm256_cvtps_epi32(d));
            let bytes = _mm256_packus_epi16(ab, cd);
            if n == WIDTH {
                return _mm256_storeu_si256(to.cast(), bytes);
            }
            let mut part = [0u8; WIDTH];
            _mm256_storeu_si256(part.as_mut_ptr().cast(), bytes);
            std::ptr::copy_nonoverlapping(part.as_ptr(), to, n);
        }
    }
}
