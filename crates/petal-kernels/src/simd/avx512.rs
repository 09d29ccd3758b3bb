use std::arch::x86_64::*;

use super::{Simd, avx2::Avx2};

pub(super) struct Avx512;

impl Avx512 {
    /// A mask whose first `n` lanes are set.
    #[inline(always)]
    fn mask(n: usize) -> __mmask16 {
        ((1u32 << n) - 1) as __mmask16
    }

    /// A mask whose first `n` bytes are set.
    #[inline(always)]
    fn byte_mask(n: usize) -> __mmask64 {
        u64::MAX >> (64 - n.clamp(1, 64))
    }

    #[inline(always)]
    unsafe fn halves(value: __m512) -> [__m256; 2] {
        // SAFETY: as the trait demands.
        unsafe { [_mm512_castps512_ps256(value), _mm512_extractf32x8_ps::<1>(value)] }
    }

    /// bfloat16 numbers.
    #[inline(always)]
    unsafe fn rounded(value: __m512) -> __m256i {
        // SAFETY: as the trait demands of pairs; both are 32 bytes of any content.
        unsafe { std::mem::transmute::<__m256bh, __m256i>(_mm512_cvtneps_pbh(value)) }
    }

    #[inline(always)]
    unsafe fn join([low, high]: [__m256; 2]) -> __m512 {
        // SAFETY: as the trait demands.
        unsafe { _mm512_insertf32x8::<1>(_mm512_castps256_ps512(low), high) }
    }
}

impl Simd for Avx512 {
    type V = __m512;
    type Mask = __mmask16;
    const LANES: usize = 16;
    const ROWS: usize = 12;

    #[inline(always)]
    unsafe fn splat(value: f32) -> __m512 {
        // SAFETY: as the trait demands.
        unsafe { _mm512_set1_ps(value) }
    }

    #[inline(always)]
    unsafe fn load(from: *const f32) -> __m512 {
        // SAFETY: as the trait demands.
        unsafe { _mm512_loadu_ps(from) }
    }

    #[inline(always)]
    unsafe fn store(to: *mut f32, value: __m512) {
        // SAFETY: as the trait demands.
        unsafe { _mm512_storeu_ps(to, value) }
    }

    #[inline(always)]
    unsafe fn load_partial(from: *const f32, n: usize) -> __m512 {
        // SAFETY: as the trait demands; lanes that the mask leaves out are not touched.
        unsafe { _mm512_maskz_loadu_ps(Self::mask(n), from) }
    }

    #[inline(always)]
    unsafe fn store_partial(to: *mut f32, value: __m512, n: usize) {
        // SAFETY: as the trait demands; lanes that the mask leaves out are not touched.
        unsafe { _mm512_mask_storeu_ps(to, Self::mask(n), value) }
    }

    #[inline(always)]
    fn prefetch(at: *const f32) {
        Avx2::prefetch(at);
    }

    #[inline(always)]
    unsafe fn mul_add(a: __m512, b: __m512, c: __m512) -> __m512 {
        // SAFETY: as the trait demands.
        unsafe { _mm512_fmadd_ps(a, b, c) }
    }

    #[inline(always)]
    unsafe fn add(a: __m512, b: __m512) -> __m512 {
        // SAFETY: as the trait demands.
        unsafe { _mm512_add_ps(a, b) }
    }

    #[inline(always)]
    unsafe fn sub(a: __m512, b: __m512) -> __m512 {
        // SAFETY: as the trait demands.
        unsafe { _mm512_sub_ps(a, b) }
    }

    #[inline(always)]
    unsafe fn clamp(value: __m512, low: __m512, high: __m512) -> __m512 {
        // The instructions return their second operand if either is NaN.
        // SAFETY: as the trait demands.
        unsafe { _mm512_min_ps(high, _mm512_max_ps(low, value)) }
    }

    #[inline(always)]
    unsafe fn greater_or_nan(a: __m512, b: __m512) -> __mmask16 {
        // SAFETY: as the trait demands.
        unsafe { _mm512_cmp_ps_mask::<_CMP_GT_OQ>(a, b) | _mm512_cmp_ps_mask::<_CMP_UNORD_Q>(a, a) }
    }

    #[inline(always)]
    unsafe fn equal(a: __m512, b: __m512) -> __mmask16 {
        // SAFETY: as the trait demands.
        unsafe { _mm512_cmp_ps_mask::<_CMP_EQ_OQ>(a, b) }
    }

    #[inline(always)]
    unsafe fn select(mask: __mmask16, a: __m512, b: __m512) -> __m512 {
        // SAFETY: as the trait demands.
        unsafe { _mm512_mask_blend_ps(mask, b, a) }
    }

    #[inline(always)]
    unsafe fn rotate<const N: usize>(value: __m512) -> __m512 {
        // SAFETY: as the trait demands.
        unsafe {
            let lanes = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
            _mm512_permutexvar_ps(_mm512_add_epi32(lanes, _mm512_set1_epi32(N as i32)), value)
        }
    }

    #[inline(always)]
    unsafe fn transpose(rows: &mut [__m512]) {
        // SAFETY: as the trait demands; AVX-512 includes AVX2.
        unsafe {
            let zero = _mm256_setzero_ps();
            // The four quarters, of which the upper right and the lower left change places.
            let mut quarters = [[[zero; 8]; 2]; 2];
            for (i, row) in rows.iter().enumerate() {
                let halves = Self::halves(*row);
                (quarters[i / 8][0][i % 8], quarters[i / 8][1][i % 8]) = (halves[0], halves[1]);
            }
            for quarter in quarters.as_flattened_mut() {
                Avx2::transpose(quarter);
            }
            for i in 0..8 {
                rows[i] = Self::join([quarters[0][0][i], quarters[1][0][i]]);
                rows[i + 8] = Self::join([quarters[0][1][i], quarters[1][1][i]]);
            }
        }
    }

    #[inline(always)]
    unsafe fn pair(even: __m512, odd: __m512) -> __m512 {
        // SAFETY: as the trait demands.
        unsafe {
            // The even ones' halves are the first sixteen words.
            let order = _mm512_setr_epi32(
                0x0010_0000,
                0x0011_0001,
                0x0012_0002,
                0x0013_0003,
                0x0014_0004,
                0x0015_0005,
                0x0016_0006,
                0x0017_0007,
                0x0018_0008,
                0x0019_0009,
                0x001a_000a,
                0x001b_000b,
                0x001c_000c,
                0x001d_000d,
                0x001e_000e,
                0x001f_000f,
            );
            let words = _mm512_castps_si512(Self::neighbours(even, odd));
            _mm512_castsi512_ps(_mm512_permutexvar_epi16(order, words))
        }
    }

    #[inline(always)]
    unsafe fn neighbours(first: __m512, second: __m512) -> __m512 {
        // SAFETY: as the trait demands of pairs; both are 64 bytes of any content.
        unsafe { std::mem::transmute::<__m512bh, __m512>(_mm512_cvtne2ps_pbh(second, first)) }
    }

    #[inline(always)]
    unsafe fn store_pairs(to: *mut f32, value: __m512) {
        // SAFETY: as the trait demands.
        unsafe { _mm256_storeu_si256(to.cast(), Self::rounded(value)) }
    }

    #[inline(always)]
    unsafe fn halves(pairs: __m512) -> [__m512; 2] {
        // SAFETY: as the trait demands.
        unsafe {
            let bits = _mm512_castps_si512(pairs);
            let odd = _mm512_and_si512(bits, _mm512_set1_epi32(!0xffff));
            [_mm512_slli_epi32::<16>(bits), odd].map(|bits| _mm512_castsi512_ps(bits))
        }
    }

    #[inline(always)]
    unsafe fn add_products(a: __m512, b: __m512, sum: __m512) -> __m512 {
        // SAFETY: as the trait demands; both are 64 bytes of any content.
        unsafe {
            let a = std::mem::transmute::<__m512, __m512bh>(a);
            let b = std::mem::transmute::<__m512, __m512bh>(b);
            _mm512_dpbf16_ps(sum, a, b)
        }
    }

    #[inline(always)]
    unsafe fn load_bytes(from: *const u8) -> __m512 {
        // SAFETY: as the trait demands.
        unsafe { _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(_mm_loadu_si128(from.cast()))) }
    }

    #[inline(always)]
    unsafe fn store_bytes(to: *mut u8, value: __m512) {
        // SAFETY: as the trait demands.
        unsafe { _mm_storeu_si128(to.cast(), _mm512_cvtepi32_epi8(_mm512_cvtps_epi32(value))) }
    }

    #[inline(always)]
    unsafe fn add_dots(a: __m512, b: __m512, sum: __m512) -> __m512 {
        // SAFETY: as the trait demands.
        unsafe {
            let (a, b) = (_mm512_castps_si512(a), _mm512_castps_si512(b));
            _mm512_castsi512_ps(_mm512_dpbusd_epi32(_mm512_castps_si512(sum), a, b))
        }
    }

    #[inline(always)]
    unsafe fn to_floats(whole: __m512) -> __m512 {
        // SAFETY: as the trait demands.
        unsafe { _mm512_cvtepi32_ps(_mm512_castps_si512(whole)) }
    }

    #[inline(always)]
    unsafe fn quads(rows: [*const u8; 4], n: usize) -> [__m512; 4] {
        // SAFETY: as the trait demands; lanes that the mask leaves out are not touched.
        unsafe {
            let mask = Self::byte_mask(n);
            let [a, b, c, d] = rows;
            let a = _mm512_maskz_loadu_epi8(mask, a.cast());
            let b = _mm512_maskz_loadu_epi8(mask, b.cast());
            let c = _mm512_maskz_loadu_epi8(mask, c.cast());
            let d = _mm512_maskz_loadu_epi8(mask, d.cast());
            let (ab, cd) = (_mm512_unpacklo_epi8(a, b), _mm512_unpacklo_epi8(c, d));
            let (high_ab, high_cd) = (_mm512_unpackhi_epi8(a, b), _mm512_unpackhi_epi8(c, d));
            [
                _mm512_castsi512_ps(_mm512_unpacklo_epi16(ab, cd)),
                _mm512_castsi512_ps(_mm512_unpackhi_epi16(ab, cd)),
                _mm512_castsi512_ps(_mm512_unpacklo_epi16(high_ab, high_cd)),
                _mm512_castsi512_ps(_mm512_unpackhi_epi16(high_ab, high_cd)),
            ]
        }
    }

    #[inline(always)]
    unsafe fn store_quads(to: *mut u8, values: [__m512; 4], n: usize) {
        // SAFETY: as the trait demands; lanes that the mask leaves out are not touched.
        unsafe {
            let [a, b, c, d] = values;
            let ab = _mm512_packs_epi32(_mm512_cvtps_epi32(a), _mm512_cvtps_epi32(b));
            let cd = _mm512_packs_epi32(_mm512_cvtps_epi32(c), _mm512_cvtps_epi32(d));
            let bytes = _mm512_packus_epi16(ab, cd);
            // A masked store takes longer than a whole one.
            if n == 4 * Self::LANES {
                _mm512_storeu_si512(to.cast(), bytes);
            } else {
                _mm512_mask_storeu_epi8(to.cast(), Self::byte_mask(n), bytes);
            }
        }
    }

    #[inline(always)]
    unsafe fn store_byte_rows(to: [*mut u8; 2], rows: [[__m512; 2]; 2], bounds: [u8; 2]) {
        // SAFETY: as the trait demands.
        unsafe {
            let [[a, b], [c, d]] = rows;
            let ab = _mm512_packs_epi32(_mm512_cvtps_epi32(a), _mm512_cvtps_epi32(b));
            let cd = _mm512_packs_epi32(_mm512_cvtps_epi32(c), _mm512_cvtps_epi32(d));
            let bytes = _mm512_packus_epi16(ab, cd);
            // Four bytes of each vector in turn.
            let order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
            let bytes = _mm512_permutexvar_epi32(order, bytes);
            let low = _mm512_set1_epi8(bounds[0].cast_signed());
            let high = _mm512_set1_epi8(bounds[1].cast_signed());
            let bytes = _mm512_min_epu8(_mm512_max_epu8(bytes, low), high);
            _mm256_storeu_si256(to[0].cast(), _mm512_castsi512_si256(bytes));
            _mm256_storeu_si256(to[1].cast(), _mm512_extracti64x4_epi64::<1>(bytes));
        }
    }
}
