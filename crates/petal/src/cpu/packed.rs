//! Kernels as they are multiplied, of weights that stay as they are: packing them again in each call would take a
//! quarter of the time of a single photo.

use std::ops::{Deref, Range};

use super::arena::Arena;

/// Packed kernels, one after the other.
#[derive(Debug)]
pub(crate) struct Packed {
    floats: Arena,
    end: usize,
}

impl Packed {
    /// Room for so many floats.
    pub(super) fn with_room(len: usize) -> Self {
        Packed { floats: Arena::zeroed(len), end: 0 }
    }

    /// Adds a kernel of `len` floats. Returns its place.
    pub(super) fn add(&mut self, len: usize, pack: impl FnOnce(&mut [f32])) -> Range<usize> {
        let place = self.end..self.end + len;
        pack(&mut self.floats[place.clone()]);
        self.end = place.end;
        place
    }
}

impl Deref for Packed {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        &self.floats
    }
}
