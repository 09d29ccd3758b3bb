//! Eight-lane vectors, chosen at run time: AVX2 with FMA where the CPU has it, plain arrays elsewhere.

/// Code that runs with the best vectors of this machine.
pub(crate) trait Kernel {
    /// Implementations are `#[inline(always)]`, so that they compile with the instructions of `S`, and so is what they
    /// call with vectors: a closure that isn't inlined has no such instructions.
    fn run<S: Simd>(self);
}

/// Runs `kernel` with the best vectors of this machine.
#[inline]
pub(crate) fn dispatch<K: Kernel>(kernel: K) {
    #[cfg(target_arch = "x86_64")]
    {
        #[target_feature(enable = "avx2,fma")]
        fn avx2<K: Kernel>(kernel: K) {
            kernel.run::<x86::Avx2>();
        }
        if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
            // SAFETY: the CPU has the features that the function enables.
            return unsafe { avx2(kernel) };
        }
    }
    kernel.run::<Portable>();
}

/// A vector of eight `f32`.
///
/// # Safety
/// Of all methods: the CPU has the instructions of the implementation, which holds inside [`Kernel::run`]. Pointers are
/// valid for eight elements, or the `n <= 8` given.
pub(crate) trait Simd {
    type V: Copy;
    unsafe fn splat(value: f32) -> Self::V;
    unsafe fn load(from: *const f32) -> Self::V;
    unsafe fn store(to: *mut f32, value: Self::V);
    unsafe fn load_partial(from: *const f32, n: usize) -> Self::V;
    unsafe fn store_partial(to: *mut f32, value: Self::V, n: usize);
    /// [`load_partial`](Self::load_partial) if `PARTIAL`, else [`load`](Self::load).
    #[inline(always)]
    unsafe fn load_lanes<const PARTIAL: bool>(from: *const f32, n: usize) -> Self::V {
        // SAFETY: the caller's promise.
        unsafe { if PARTIAL { Self::load_partial(from, n) } else { Self::load(from) } }
    }
    /// [`store_partial`](Self::store_partial) if `PARTIAL`, else [`store`](Self::store).
    #[inline(always)]
    unsafe fn store_lanes<const PARTIAL: bool>(to: *mut f32, value: Self::V, n: usize) {
        // SAFETY: the caller's promise.
        unsafe { if PARTIAL { Self::store_partial(to, value, n) } else { Self::store(to, value) } }
    }
    /// Asks for the cache line at any address, valid or not.
    #[inline(always)]
    fn prefetch(_at: *const f32) {}
    /// `a * b + c`.
    unsafe fn mul_add(a: Self::V, b: Self::V, c: Self::V) -> Self::V;
    unsafe fn add(a: Self::V, b: Self::V) -> Self::V;
    /// `value` kept within `low..=high`; NaN stays NaN.
    unsafe fn clamp(value: Self::V, low: Self::V, high: Self::V) -> Self::V;
}

pub(crate) struct Portable;

impl Simd for Portable {
    type V = [f32; 8];

    #[inline(always)]
    unsafe fn splat(value: f32) -> [f32; 8] {
        [value; 8]
    }

    #[inline(always)]
    unsafe fn load(from: *const f32) -> [f32; 8] {
        // SAFETY: the caller's pointer is valid for eight elements.
        unsafe { from.cast::<[f32; 8]>().read_unaligned() }
    }

    #[inline(always)]
    unsafe fn store(to: *mut f32, value: [f32; 8]) {
        // SAFETY: the caller's pointer is valid for eight elements.
        unsafe { to.cast::<[f32; 8]>().write_unaligned(value) }
    }

    #[inline(always)]
    unsafe fn load_partial(from: *const f32, n: usize) -> [f32; 8] {
        let mut value = [0.0; 8];
        // SAFETY: the caller's pointer is valid for n <= 8 elements.
        unsafe { std::ptr::copy_nonoverlapping(from, value.as_mut_ptr(), n) };
        value
    }

    #[inline(always)]
    unsafe fn store_partial(to: *mut f32, value: [f32; 8], n: usize) {
        // SAFETY: the caller's pointer is valid for n <= 8 elements.
        unsafe { std::ptr::copy_nonoverlapping(value.as_ptr(), to, n) };
    }

    #[inline(always)]
    unsafe fn mul_add(a: [f32; 8], b: [f32; 8], c: [f32; 8]) -> [f32; 8] {
        // Without the instruction `mul_add` would be a function call.
        const FUSED: bool = cfg!(any(target_arch = "aarch64", target_feature = "fma"));
        std::array::from_fn(|i| if FUSED { a[i].mul_add(b[i], c[i]) } else { a[i] * b[i] + c[i] })
    }

    #[inline(always)]
    unsafe fn add(a: [f32; 8], b: [f32; 8]) -> [f32; 8] {
        std::array::from_fn(|i| a[i] + b[i])
    }

    #[inline(always)]
    unsafe fn clamp(value: [f32; 8], low: [f32; 8], high: [f32; 8]) -> [f32; 8] {
        std::array::from_fn(|i| value[i].clamp(low[i], high[i]))
    }
}

#[cfg(target_arch = "x86_64")]
mod x86 {
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
        unsafe fn clamp(value: __m256, low: __m256, high: __m256) -> __m256 {
            // The instructions return their second operand if either is NaN.
            // SAFETY: as the trait demands.
            unsafe { _mm256_min_ps(high, _mm256_max_ps(low, value)) }
        }
    }
}
