//! What processors without instructions for bfloat16 do instead.

/// The bits of the nearest bfloat16 number, of two the even one. Numbers that have no full precision become zero, as the
/// instructions make them.
#[inline(always)]
pub(super) fn round(value: f32) -> u32 {
    let bits = value.to_bits();
    if value.is_nan() {
        (bits >> 16) | 0x40
    } else if bits & 0x7f80_0000 == 0 {
        (bits >> 16) & 0x8000
    } else {
        (bits + 0x7fff + ((bits >> 16) & 1)) >> 16
    }
}
