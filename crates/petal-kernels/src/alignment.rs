//! Scratch that begins with a cache line: vectors that cross lines are loaded at half the speed.

/// Floats of a cache line.
pub(crate) const LINE: usize = 16;

/// What a scratch needs beyond its contents to begin with a cache line.
pub(crate) const ALIGNMENT: usize = LINE - 1;

/// A scratch from its first cache line on.
pub(crate) fn aligned(scratch: &mut [f32]) -> &mut [f32] {
    let start = scratch.as_ptr().align_offset(size_of::<[f32; LINE]>());
    &mut scratch[start..]
}
