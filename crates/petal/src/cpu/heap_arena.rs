//! Stands for `arena` in a build that doesn't ask the system for huge pages: looking up addresses then
//! costs about a tenth of a training step.

use std::ops::{Deref, DerefMut};

/// Floats that start as zeros.
#[derive(Debug)]
pub(super) struct Arena(Vec<f32>);

impl Arena {
    /// Aborts like any allocation if there is no such memory.
    pub(super) fn zeroed(len: usize) -> Self {
        Arena(vec![0.0; len.max(1)])
    }
}

impl Deref for Arena {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        &self.0
    }
}

impl DerefMut for Arena {
    fn deref_mut(&mut self) -> &mut [f32] {
        &mut self.0
    }
}
