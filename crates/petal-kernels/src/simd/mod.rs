//! Vectors, chosen at run time (`vectors.rs`): AVX-512 or AVX2 with FMA on x86-64 where the CPU has it, NEON on AArch64,
//! plain arrays elsewhere.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod bfloat16;
#[cfg(target_arch = "aarch64")]
mod neon;
mod portable;
mod vectors;

use crate::Precision;
pub use vectors::{VARIABLE, Vectors};

/// Code that runs with vectors.
pub(crate) trait Kernel {
    /// Implementations are `#[inline(always)]`, so that they compile with the instructions of `S`, and so is what they
    /// call with vectors: a closure that isn't inlined has no such instructions.
    fn run<S: Simd>(self);
}

/// Runs `kernel` with the best vectors of this machine, or those that [`Vectors`] says.
#[inline]
pub(crate) fn dispatch<K: Kernel>(kernel: K) {
    #[cfg(target_arch = "x86_64")]
    {
        #[target_feature(enable = "avx512f,avx512dq,avx2,fma")]
        fn avx512<K: Kernel>(kernel: K) {
            kernel.run::<avx512::Avx512>();
        }
        if matches!(Vectors::in_use(), Vectors::Avx512 | Vectors::Avx512Bf16) {
            // SAFETY: the CPU has the features that the function enables.
            return unsafe { avx512(kernel) };
        }
    }
    dispatch_eight(kernel);
}

/// Runs `kernel`, which has no use for more, with the best vectors of eight elements.
#[inline]
pub(crate) fn dispatch_eight<K: Kernel>(kernel: K) {
    #[cfg(target_arch = "x86_64")]
    {
        #[target_feature(enable = "avx2,fma")]
        fn avx2<K: Kernel>(kernel: K) {
            kernel.run::<avx2::Avx2>();
        }
        if Vectors::in_use() != Vectors::Portable {
            // SAFETY: the CPU has the features that the function enables, as AVX-512 includes them.
            return unsafe { avx2(kernel) };
        }
    }
    #[cfg(target_arch = "aarch64")]
    if Vectors::in_use() == Vectors::Neon {
        return kernel.run::<neon::Neon>();
    }
    kernel.run::<portable::Portable>();
}

/// Runs `kernel`, which multiplies pairs of bfloat16 numbers, with vectors that do so at once, or as [`dispatch_eight`].
#[inline]
pub(crate) fn dispatch_pairs<K: Kernel>(kernel: K) {
    #[cfg(target_arch = "x86_64")]
    {
        #[target_feature(enable = "avx512f,avx512dq,avx512bw,avx512bf16,avx2,fma")]
        fn avx512<K: Kernel>(kernel: K) {
            kernel.run::<avx512::Avx512>();
        }
        if Vectors::in_use() == Vectors::Avx512Bf16 {
            // SAFETY: the CPU has the features that the function enables.
            return unsafe { avx512(kernel) };
        }
    }
    dispatch_eight(kernel);
}

/// Runs `kernel`, which multiplies bytes, with vectors that add four products at once, or as [`dispatch_eight`].
#[inline]
pub(crate) fn dispatch_bytes<K: Kernel>(kernel: K) {
    #[cfg(target_arch = "x86_64")]
    {
        #[target_feature(enable = "avx512f,avx512dq,avx512bw,avx512vnni,avx2,fma")]
        fn avx512<K: Kernel>(kernel: K) {
            kernel.run::<avx512::Avx512>();
        }
        if Vectors::multiplies_bytes() {
            // SAFETY: the CPU has the features that the function enables.
            return unsafe { avx512(kernel) };
        }
    }
    dispatch_eight(kernel);
}

/// [`Simd::LANES`] of the vectors that [`dispatch`] takes for `f32`, or [`dispatch_pairs`] for bfloat16.
pub(crate) fn lanes(precision: Precision) -> usize {
    let mut lanes = 0;
    match precision {
        Precision::Float32 => dispatch(Lanes(&mut lanes)),
        Precision::Bfloat16 => dispatch_pairs(Lanes(&mut lanes)),
    }
    lanes
}

/// [`Simd::LANES`] of the vectors that [`dispatch_bytes`] takes.
pub(crate) fn byte_lanes() -> usize {
    let mut lanes = 0;
    dispatch_bytes(Lanes(&mut lanes));
    lanes
}

struct Lanes<'a>(&'a mut usize);

impl Kernel for Lanes<'_> {
    #[inline(always)]
    fn run<S: Simd>(self) {
        *self.0 = S::LANES;
    }
}

/// The most lanes that a vector has.
pub(crate) const MAX_LANES: usize = 16;

/// A vector of `f32`, or of pairs of bfloat16 numbers.
///
/// # Safety
/// Of all methods: the CPU has the instructions of the implementation, which holds inside [`Kernel::run`], those for pairs
/// inside what [`dispatch_pairs`] runs. Pointers are valid for a vector's elements, or the `n` of them that are given.
pub(crate) trait Simd {
    type V: Copy;
    type Mask: Copy;
    /// Elements of a vector: 8 or 16.
    const LANES: usize;
    /// Rows of a register tile (`register_tile.rs`), for which there are registers.
    const ROWS: usize;
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
    /// Where `a > b` or `a` is NaN.
    unsafe fn greater_or_nan(a: Self::V, b: Self::V) -> Self::Mask;
    /// Where `a == b`.
    unsafe fn equal(a: Self::V, b: Self::V) -> Self::Mask;
    /// `a` where the mask is set, else `b`.
    unsafe fn select(mask: Self::Mask, a: Self::V, b: Self::V) -> Self::V;
    /// Element `N + i` becomes element `i`; the first `N` come last.
    unsafe fn rotate<const N: usize>(value: Self::V) -> Self::V;
    /// Element `j` of vector `i` becomes element `i` of vector `j`, of as many vectors as they have elements.
    #[inline(always)]
    unsafe fn transpose(rows: &mut [Self::V]) {
        let mut values = [[0.0; MAX_LANES]; MAX_LANES];
        for (row, values) in rows.iter().zip(&mut values) {
            // SAFETY: no vector has more elements than the array.
            unsafe { Self::store(values.as_mut_ptr(), *row) };
        }
        for (i, row) in rows.iter_mut().enumerate() {
            let mut column = [0.0; MAX_LANES];
            for (to, values) in column.iter_mut().zip(&values) {
                *to = values[i];
            }
            // SAFETY: as above.
            *row = unsafe { Self::load(column.as_ptr()) };
        }
    }
    /// Pairs of one number of each vector, rounded to bfloat16.
    #[inline(always)]
    unsafe fn pair(even: Self::V, odd: Self::V) -> Self::V {
        let mut numbers = [[0.0; MAX_LANES]; 2];
        // SAFETY: no vector has more elements than an array.
        unsafe {
            Self::store(numbers[0].as_mut_ptr(), even);
            Self::store(numbers[1].as_mut_ptr(), odd);
            let [even, odd] = numbers;
            let mut pairs = [0.0; MAX_LANES];
            for ((pair, even), odd) in pairs.iter_mut().zip(even).zip(odd) {
                *pair = f32::from_bits(bfloat16::round(even) | bfloat16::round(odd) << 16);
            }
            Self::load(pairs.as_ptr())
        }
    }
    /// Stores the elements, rounded to bfloat16, side by side: half as many pairs as a vector has elements.
    #[inline(always)]
    unsafe fn store_pairs(to: *mut f32, value: Self::V) {
        let mut numbers = [0.0; MAX_LANES];
        // SAFETY: no vector has more elements than the array; half as many pairs are valid.
        unsafe {
            Self::store(numbers.as_mut_ptr(), value);
            for (i, pair) in numbers[..Self::LANES].chunks_exact(2).enumerate() {
                *to.add(i) = f32::from_bits(bfloat16::round(pair[0]) | bfloat16::round(pair[1]) << 16);
            }
        }
    }
    /// Pairs of the neighbouring elements of two vectors, as [`store_pairs`](Self::store_pairs) makes them.
    #[inline(always)]
    unsafe fn neighbours(first: Self::V, second: Self::V) -> Self::V {
        let mut pairs = [0.0; MAX_LANES];
        // SAFETY: two half vectors of pairs have room in the array.
        unsafe {
            Self::store_pairs(pairs.as_mut_ptr(), first);
            Self::store_pairs(pairs.as_mut_ptr().add(Self::LANES / 2), second);
            Self::load(pairs.as_ptr())
        }
    }
    /// The first numbers of pairs, and the second ones.
    unsafe fn halves(pairs: Self::V) -> [Self::V; 2];
    /// `sum` and the products of the second numbers, then of the first ones.
    #[inline(always)]
    unsafe fn add_products(a: Self::V, b: Self::V, sum: Self::V) -> Self::V {
        // SAFETY: the caller's promise.
        unsafe {
            let ([a_even, a_odd], [b_even, b_odd]) = (Self::halves(a), Self::halves(b));
            Self::mul_add(a_even, b_even, Self::mul_add(a_odd, b_odd, sum))
        }
    }
    /// A byte for each element, as numbers.
    unsafe fn load_bytes(from: *const u8) -> Self::V;
    /// Numbers of 0..=255 as bytes, halves as the even ones.
    unsafe fn store_bytes(to: *mut u8, value: Self::V);
    /// Stores two rows of two vectors each as bytes: numbers of less than 2³¹, halves as the even ones, within bounds.
    #[inline(always)]
    unsafe fn store_byte_rows(to: [*mut u8; 2], rows: [[Self::V; 2]; 2], bounds: [u8; 2]) {
        // SAFETY: the caller's promise.
        unsafe {
            let (low, high) = (Self::splat(f32::from(bounds[0])), Self::splat(f32::from(bounds[1])));
            for (to, row) in to.iter().zip(&rows) {
                for (v, value) in row.iter().enumerate() {
                    Self::store_bytes(to.add(Self::LANES * v), Self::clamp(*value, low, high));
                }
            }
        }
    }
    /// `sum` and the products of four unsigned bytes of `a` with four signed ones of `b`: elements are their bits, sums
    /// whole numbers of 32 bits. As of pairs, only inside what [`dispatch_bytes`] runs.
    #[inline(always)]
    unsafe fn add_dots(a: Self::V, b: Self::V, sum: Self::V) -> Self::V {
        let mut numbers = [[0.0; MAX_LANES]; 3];
        // SAFETY: no vector has more elements than an array.
        unsafe {
            Self::store(numbers[0].as_mut_ptr(), a);
            Self::store(numbers[1].as_mut_ptr(), b);
            Self::store(numbers[2].as_mut_ptr(), sum);
            let [a, b, sums] = &mut numbers;
            for ((a, b), sum) in a.iter().zip(b).zip(sums.iter_mut()) {
                let mut whole = sum.to_bits().cast_signed();
                for (a, b) in a.to_bits().to_le_bytes().into_iter().zip(b.to_bits().to_le_bytes()) {
                    whole = whole.wrapping_add(i32::from(a) * i32::from(b.cast_signed()));
                }
                *sum = f32::from_bits(whole.cast_unsigned());
            }
            Self::load(sums.as_ptr())
        }
    }
    /// Whole numbers of 32 bits as floats.
    #[inline(always)]
    unsafe fn to_floats(whole: Self::V) -> Self::V {
        let mut numbers = [0.0; MAX_LANES];
        // SAFETY: no vector has more elements than the array.
        unsafe {
            Self::store(numbers.as_mut_ptr(), whole);
            for number in &mut numbers {
                *number = number.to_bits().cast_signed() as f32;
            }
            Self::load(numbers.as_ptr())
        }
    }
    /// One byte of each of four rows side by side, of `n` columns, at most four times as many as a vector has elements:
    /// column `16 · (i / 4) + 4 · k + i % 4` in element `i` of vector `k`.
    #[inline(always)]
    unsafe fn quads(rows: [*const u8; 4], n: usize) -> [Self::V; 4] {
        let mut quads = [[0u8; 4]; 4 * MAX_LANES];
        for (r, row) in rows.into_iter().enumerate() {
            for (column, quad) in quads.iter_mut().enumerate().take(n) {
                // SAFETY: the caller's promise.
                quad[r] = unsafe { *row.add(column) };
            }
        }
        std::array::from_fn(|k| {
            let numbers: [f32; MAX_LANES] = std::array::from_fn(|i| {
                f32::from_bits(u32::from_le_bytes(quads[i / 4 * 16 + 4 * k + i % 4]))
            });
            // SAFETY: no vector has more elements than the array.
            unsafe { Self::load(numbers.as_ptr()) }
        })
    }
    /// Stores numbers of 0..=255, halves as the even ones, in the columns that [`quads`](Self::quads) gives elements of, as `n` bytes.
    #[inline(always)]
    unsafe fn store_quads(to: *mut u8, values: [Self::V; 4], n: usize) {
        let mut bytes = [0u8; 4 * MAX_LANES];
        for (k, value) in values.into_iter().enumerate() {
            let mut numbers = [0.0; MAX_LANES];
            // SAFETY: no vector has more elements than the array.
            unsafe { Self::store(numbers.as_mut_ptr(), value) };
            for (i, number) in numbers.into_iter().enumerate() {
                bytes[i / 4 * 16 + 4 * k + i % 4] = number.round_ties_even() as u8;
            }
        }
        // SAFETY: the caller's promise.
        unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), to, n) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What lies behind a vector's elements and must stay.
    const GUARD: f32 = -77.0;

    type Values = [f32; MAX_LANES];

    struct Check;

    impl Kernel for Check {
        fn run<S: Simd>(self) {
            let a: Values =
                std::array::from_fn(|i| [1.5, -2.0, f32::NAN, 7.25, f32::INFINITY][i % 5] + i as f32);
            let b: Values = std::array::from_fn(|i| [1.5, 3.0, 0.25, f32::NAN][i % 4] + i as f32);
            let c: Values = std::array::from_fn(|i| 0.5 - i as f32);
            // SAFETY: arrays have room for a vector of any implementation.
            unsafe {
                let [va, vb, vc] = [&a, &b, &c].map(|values| S::load(values.as_ptr()));
                same::<S>(S::splat(3.0), |_| 3.0);
                same::<S>(S::mul_add(va, vb, vc), |i| a[i].mul_add(b[i], c[i]));
                same::<S>(S::add(va, vb), |i| a[i] + b[i]);
                same::<S>(S::sub(va, vb), |i| a[i] - b[i]);
                let clamp = |x: f32| if x.is_nan() { x } else { x.clamp(0.0, 6.0) };
                same::<S>(S::clamp(va, S::splat(0.0), S::splat(6.0)), |i| clamp(a[i]));
                let greater = |i: usize| if a[i] > b[i] || a[i].is_nan() { b[i] } else { c[i] };
                same::<S>(S::select(S::greater_or_nan(va, vb), vb, vc), greater);
                let equal = |i: usize| if a[i] == b[i] { a[i] } else { c[i] };
                same::<S>(S::select(S::equal(va, vb), va, vc), equal);
                same::<S>(S::rotate::<0>(vc), |i| c[i]);
                same::<S>(S::rotate::<3>(vc), |i| c[(i + 3) % S::LANES]);
                for n in 0..=S::LANES {
                    // Only these elements may be touched.
                    let part = c[..n].to_vec();
                    same::<S>(S::load_partial(part.as_ptr(), n), |i| if i < n { c[i] } else { 0.0 });
                    let mut to = [GUARD; MAX_LANES];
                    S::store_partial(to.as_mut_ptr(), vc, n);
                    assert_eq!((&to[..n], &to[n..]), (&c[..n], &[GUARD; MAX_LANES][n..]));
                }
                let mut rows = [S::splat(0.0); MAX_LANES];
                let rows = &mut rows[..S::LANES];
                for (i, row) in rows.iter_mut().enumerate() {
                    *row = S::add(S::splat(100.0 * i as f32), vc);
                }
                S::transpose(rows);
                for (i, row) in rows.iter().enumerate() {
                    same::<S>(*row, |j| 100.0 * j as f32 + c[i]);
                }
                let bytes: [u8; MAX_LANES] = std::array::from_fn(|i| (255 - 17 * i) as u8);
                same::<S>(S::load_bytes(bytes.as_ptr()), |i| f32::from(bytes[i]));
                let mut to = [9; MAX_LANES];
                S::store_bytes(to.as_mut_ptr(), S::load_bytes(bytes.as_ptr()));
                assert_eq!(
                    (&to[..S::LANES], &to[S::LANES..]),
                    (&bytes[..S::LANES], &[9; MAX_LANES][S::LANES..])
                );
            }
        }
    }

    #[track_caller]
    unsafe fn same<S: Simd>(vector: S::V, expected: impl Fn(usize) -> f32) {
        let mut values = [GUARD; MAX_LANES];
        // SAFETY: the array has room for a vector.
        unsafe { S::store(values.as_mut_ptr(), vector) };
        for (i, &value) in values.iter().enumerate() {
            let expected = if i < S::LANES { expected(i) } else { GUARD };
            assert!(value == expected || value.is_nan() && expected.is_nan(), "{i}: {value}, not {expected}");
        }
    }

    /// What vectors for pairs make of the same numbers, in the order of lanes: pairs, neighbours, sums.
    struct Pairs<'a>(&'a mut [Vec<u32>; 3]);

    impl Kernel for Pairs<'_> {
        fn run<S: Simd>(self) {
            // Ties, carries into the exponent, NaN, infinities, zeros, numbers without full precision; all signs.
            let special =
                [1.0, 1.003_906_2, 1.011_718_8, 1.998, f32::NAN, f32::INFINITY, 0.0, 3.0e38, 7.7e-20];
            let tiny = [1e-40, -1e-40, f32::MIN_POSITIVE, -1.2e-38];
            let number = |i: usize, seed: usize| {
                let value = special[(7 * i + seed) % special.len()];
                if (i + seed).is_multiple_of(3) { -value } else { value + (i % 5) as f32 * 0.013 }
            };
            let [pairs, neighbours, sums] = self.0;
            for seed in 0..40 {
                let [a, b, c, d, sum]: [Values; 5] =
                    std::array::from_fn(|part| std::array::from_fn(|i| number(i, seed * 5 + part)));
                let small: Values = std::array::from_fn(|i| tiny[(i + seed) % tiny.len()]);
                for lane in (0..MAX_LANES).step_by(S::LANES) {
                    // SAFETY: arrays have room for a vector of any implementation.
                    unsafe {
                        let [a, b, c, d, sum, small] =
                            [&a, &b, &c, &d, &sum, &small].map(|values| S::load(values.as_ptr().add(lane)));
                        let mut found = [0.0; MAX_LANES];
                        for pair in [S::pair(a, b), S::pair(small, a)] {
                            S::store(found.as_mut_ptr(), pair);
                            pairs.extend(found[..S::LANES].iter().map(|pair| pair.to_bits()));
                        }
                        for value in [a, small] {
                            let mut found = [GUARD; MAX_LANES];
                            S::store_pairs(found.as_mut_ptr(), value);
                            neighbours.extend(found[..S::LANES / 2].iter().map(|pair| pair.to_bits()));
                            assert!(found[S::LANES / 2..].iter().all(|&left| left == GUARD));
                        }
                        S::store(found.as_mut_ptr(), S::neighbours(small, a));
                        let mut halves = [GUARD; MAX_LANES];
                        S::store_pairs(halves.as_mut_ptr(), small);
                        S::store_pairs(halves.as_mut_ptr().add(S::LANES / 2), a);
                        let bits = |values: &Values| values.map(f32::to_bits)[..S::LANES].to_vec();
                        assert_eq!(bits(&found), bits(&halves));
                        S::store(found.as_mut_ptr(), S::add_products(S::pair(a, b), S::pair(c, d), sum));
                        // Which NaN it is doesn't matter.
                        let bits = |value: &f32| if value.is_nan() { u32::MAX } else { value.to_bits() };
                        sums.extend(found[..S::LANES].iter().map(bits));
                    }
                }
            }
        }
    }

    #[test]
    fn pairs_are_the_same_bits_with_and_without_instructions_for_them() {
        let run = |run: fn(Pairs<'_>)| {
            let mut found = Default::default();
            run(Pairs(&mut found));
            // Vectors of eight give two halves of each of two arrays of sixteen in turn.
            let [pairs, neighbours, sums] = found;
            let whole = |values: Vec<u32>, lanes: usize| {
                let mut values: Vec<Vec<u32>> = values.chunks(lanes).map(<[u32]>::to_vec).collect();
                values.sort();
                values
            };
            (whole(pairs, 8), whole(neighbours, 4), sums)
        };
        let expected = run(|pairs| pairs.run::<portable::Portable>());
        assert_eq!(run(|pairs| dispatch_eight(pairs)), expected);
        assert_eq!(run(|pairs| dispatch_pairs(pairs)), expected);
    }

    #[test]
    fn vectors_do_what_their_elements_would() {
        dispatch(Check);
        dispatch_eight(Check);
        Check.run::<portable::Portable>();
    }
}
