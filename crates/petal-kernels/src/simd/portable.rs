use super::Simd;

pub(crate) struct Portable;

impl Simd for Portable {
    type V = [f32; 8];
    type Mask = [f32; 8];
    const LANES: usize = 8;
    const ROWS: usize = 6;

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
    unsafe fn sub(a: [f32; 8], b: [f32; 8]) -> [f32; 8] {
        std::array::from_fn(|i| a[i] - b[i])
    }

    #[inline(always)]
    unsafe fn clamp(value: [f32; 8], low: [f32; 8], high: [f32; 8]) -> [f32; 8] {
        std::array::from_fn(|i| value[i].clamp(low[i], high[i]))
    }

    #[inline(always)]
    unsafe fn greater_or_nan(a: [f32; 8], b: [f32; 8]) -> [f32; 8] {
        std::array::from_fn(|i| f32::from_bits(if a[i] > b[i] || a[i].is_nan() { u32::MAX } else { 0 }))
    }

    #[inline(always)]
    unsafe fn equal(a: [f32; 8], b: [f32; 8]) -> [f32; 8] {
        std::array::from_fn(|i| f32::from_bits(if a[i] == b[i] { u32::MAX } else { 0 }))
    }

    #[inline(always)]
    unsafe fn select(mask: [f32; 8], a: [f32; 8], b: [f32; 8]) -> [f32; 8] {
        std::array::from_fn(|i| if mask[i].to_bits() != 0 { a[i] } else { b[i] })
    }

    #[inline(always)]
    unsafe fn rotate<const N: usize>(value: [f32; 8]) -> [f32; 8] {
        std::array::from_fn(|i| value[(i + N) % 8])
    }

    #[inline(always)]
    unsafe fn halves(pairs: [f32; 8]) -> [[f32; 8]; 2] {
        let half = |bits: fn(u32) -> u32| pairs.map(|pair| f32::from_bits(bits(pair.to_bits())));
        [half(|bits| bits << 16), half(|bits| bits & !0xffff)]
    }

    #[inline(always)]
    unsafe fn load_bytes(from: *const u8) -> [f32; 8] {
        // SAFETY: the caller's pointer is valid for eight bytes.
        unsafe { from.cast::<[u8; 8]>().read_unaligned() }.map(f32::from)
    }

    #[inline(always)]
    unsafe fn store_bytes(to: *mut u8, value: [f32; 8]) {
        // SAFETY: the caller's pointer is valid for eight bytes.
        unsafe { to.cast::<[u8; 8]>().write_unaligned(value.map(|value| value.round_ties_even() as u8)) }
    }
}
