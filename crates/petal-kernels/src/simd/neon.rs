use std::arch::aarch64::*;

use super::Simd;

/// Two registers of four lanes. Every AArch64 CPU that Rust's targets name has NEON.
pub(super) struct Neon;

#[inline(always)]
fn each(operation: impl Fn(usize) -> float32x4_t) -> float32x4x2_t {
    float32x4x2_t(operation(0), operation(1))
}

#[inline(always)]
fn half(v: float32x4x2_t, i: usize) -> float32x4_t {
    if i == 0 { v.0 } else { v.1 }
}

impl Simd for Neon {
    type V = float32x4x2_t;
    type Mask = float32x4x2_t;
    const LANES: usize = 8;
    const ROWS: usize = 6;

    #[inline(always)]
    unsafe fn splat(value: f32) -> float32x4x2_t {
        // SAFETY: as the trait demands.
        each(|_| unsafe { vdupq_n_f32(value) })
    }

    #[inline(always)]
    unsafe fn load(from: *const f32) -> float32x4x2_t {
        // SAFETY: the caller's pointer is valid for eight elements.
        each(|i| unsafe { vld1q_f32(from.add(4 * i)) })
    }

    #[inline(always)]
    unsafe fn store(to: *mut f32, value: float32x4x2_t) {
        // SAFETY: the caller's pointer is valid for eight elements.
        unsafe {
            vst1q_f32(to, value.0);
            vst1q_f32(to.add(4), value.1);
        }
    }

    #[inline(always)]
    unsafe fn load_partial(from: *const f32, n: usize) -> float32x4x2_t {
        let mut value = [0.0; 8];
        // SAFETY: the caller's pointer is valid for n <= 8 elements, the array for eight.
        unsafe {
            std::ptr::copy_nonoverlapping(from, value.as_mut_ptr(), n);
            Self::load(value.as_ptr())
        }
    }

    #[inline(always)]
    unsafe fn store_partial(to: *mut f32, value: float32x4x2_t, n: usize) {
        let mut values = [0.0; 8];
        // SAFETY: the caller's pointer is valid for n <= 8 elements, the array for eight.
        unsafe {
            Self::store(values.as_mut_ptr(), value);
            std::ptr::copy_nonoverlapping(values.as_ptr(), to, n);
        }
    }

    #[inline(always)]
    unsafe fn mul_add(a: float32x4x2_t, b: float32x4x2_t, c: float32x4x2_t) -> float32x4x2_t {
        // SAFETY: as the trait demands.
        each(|i| unsafe { vfmaq_f32(half(c, i), half(a, i), half(b, i)) })
    }

    #[inline(always)]
    unsafe fn add(a: float32x4x2_t, b: float32x4x2_t) -> float32x4x2_t {
        // SAFETY: as the trait demands.
        each(|i| unsafe { vaddq_f32(half(a, i), half(b, i)) })
    }

    #[inline(always)]
    unsafe fn sub(a: float32x4x2_t, b: float32x4x2_t) -> float32x4x2_t {
        // SAFETY: as the trait demands.
        each(|i| unsafe { vsubq_f32(half(a, i), half(b, i)) })
    }

    #[inline(always)]
    unsafe fn clamp(value: float32x4x2_t, low: float32x4x2_t, high: float32x4x2_t) -> float32x4x2_t {
        // Both instructions return NaN if either operand is.
        // SAFETY: as the trait demands.
        each(|i| unsafe { vminq_f32(half(high, i), vmaxq_f32(half(low, i), half(value, i))) })
    }

    #[inline(always)]
    unsafe fn greater_or_nan(a: float32x4x2_t, b: float32x4x2_t) -> float32x4x2_t {
        // SAFETY: as the trait demands.
        each(|i| unsafe {
            let number = vceqq_f32(half(a, i), half(a, i));
            vreinterpretq_f32_u32(vornq_u32(vcgtq_f32(half(a, i), half(b, i)), number))
        })
    }

    #[inline(always)]
    unsafe fn equal(a: float32x4x2_t, b: float32x4x2_t) -> float32x4x2_t {
        // SAFETY: as the trait demands.
        each(|i| unsafe { vreinterpretq_f32_u32(vceqq_f32(half(a, i), half(b, i))) })
    }

    #[inline(always)]
    unsafe fn select(mask: float32x4x2_t, a: float32x4x2_t, b: float32x4x2_t) -> float32x4x2_t {
        // SAFETY: as the trait demands.
        each(|i| unsafe { vbslq_f32(vreinterpretq_u32_f32(half(mask, i)), half(a, i), half(b, i)) })
    }

    #[inline(always)]
    unsafe fn rotate<const N: usize>(value: float32x4x2_t) -> float32x4x2_t {
        let mut values = [0.0; 16];
        // SAFETY: the array has room for two vectors, and for one from element N on.
        unsafe {
            Self::store(values.as_mut_ptr(), value);
            Self::store(values.as_mut_ptr().add(8), value);
            Self::load(values.as_ptr().add(N % 8))
        }
    }

    #[inline(always)]
    unsafe fn halves(pairs: float32x4x2_t) -> [float32x4x2_t; 2] {
        let bits = |i| {
            // SAFETY: as the trait demands.
            unsafe { vreinterpretq_u32_f32(half(pairs, i)) }
        };
        // SAFETY: as the trait demands.
        unsafe {
            let odd = vdupq_n_u32(!0xffff);
            [
                each(|i| vreinterpretq_f32_u32(vshlq_n_u32::<16>(bits(i)))),
                each(|i| vreinterpretq_f32_u32(vandq_u32(bits(i), odd))),
            ]
        }
    }

    #[inline(always)]
    unsafe fn load_bytes(from: *const u8) -> float32x4x2_t {
        // SAFETY: the caller's pointer is valid for eight bytes.
        unsafe {
            let words = vmovl_u8(vld1_u8(from));
            let low = vcvtq_f32_u32(vmovl_u16(vget_low_u16(words)));
            float32x4x2_t(low, vcvtq_f32_u32(vmovl_u16(vget_high_u16(words))))
        }
    }

    #[inline(always)]
    unsafe fn store_bytes(to: *mut u8, value: float32x4x2_t) {
        // SAFETY: the caller's pointer is valid for eight bytes.
        unsafe {
            let (low, high) = (vmovn_u32(vcvtnq_u32_f32(value.0)), vmovn_u32(vcvtnq_u32_f32(value.1)));
            vst1_u8(to, vmovn_u16(vcombine_u16(low, high)));
        }
    }
}
