//! Eight-lane vectors, chosen at run time: AVX2 with FMA on x86-64 where the CPU has it, NEON on AArch64, plain arrays
//! elsewhere.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "aarch64")]
mod neon;
#[cfg_attr(target_arch = "aarch64", allow(dead_code, reason = "every AArch64 CPU has NEON"))]
mod portable;

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
            kernel.run::<avx2::Avx2>();
        }
        if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
            // SAFETY: the CPU has the features that the function enables.
            return unsafe { avx2(kernel) };
        }
    }
    #[cfg(target_arch = "aarch64")]
    kernel.run::<neon::Neon>();
    #[cfg(not(target_arch = "aarch64"))]
    kernel.run::<portable::Portable>();
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
    unsafe fn sub(a: Self::V, b: Self::V) -> Self::V;
    /// `value` kept within `low..=high`; NaN stays NaN.
    unsafe fn clamp(value: Self::V, low: Self::V, high: Self::V) -> Self::V;
    /// Where `a > b` or `a` is NaN, as a mask for [`select`](Self::select).
    unsafe fn greater_or_nan(a: Self::V, b: Self::V) -> Self::V;
    /// Where `a == b`, as a mask.
    unsafe fn equal(a: Self::V, b: Self::V) -> Self::V;
    /// `a` where the mask is set, else `b`.
    unsafe fn select(mask: Self::V, a: Self::V, b: Self::V) -> Self::V;
    /// Element `N + i` becomes element `i`; the first `N` come last.
    unsafe fn rotate<const N: usize>(value: Self::V) -> Self::V;
    /// Element `j` of vector `i` becomes element `i` of vector `j`.
    #[inline(always)]
    unsafe fn transpose(rows: [Self::V; 8]) -> [Self::V; 8] {
        let mut columns = [[0.0; 8]; 8];
        for (i, row) in rows.into_iter().enumerate() {
            let mut values = [0.0; 8];
            // SAFETY: the array has eight elements.
            unsafe { Self::store(values.as_mut_ptr(), row) };
            for (column, value) in columns.iter_mut().zip(values) {
                column[i] = value;
            }
        }
        let mut transposed = rows;
        for (to, column) in transposed.iter_mut().zip(&columns) {
            // SAFETY: the array has eight elements.
            *to = unsafe { Self::load(column.as_ptr()) };
        }
        transposed
    }
    /// Eight bytes as numbers.
    unsafe fn load_bytes(from: *const u8) -> Self::V;
    /// Whole numbers of at most 255 as eight bytes.
    unsafe fn store_bytes(to: *mut u8, value: Self::V);
}
