//! Memory for activations and gradients, in huge pages where the system has them: a step walks through hundreds of
//! megabytes, and with pages of 4 KiB the CPU would look up their places all the time.

use std::alloc::{Layout, handle_alloc_error};
use std::ops::{Deref, DerefMut};

use memmap2::MmapMut;

/// Floats that start as zeros. The system gives a page only when it is first touched.
#[derive(Debug)]
pub(super) struct Arena(MmapMut);

impl Arena {
    /// Aborts like any allocation if there is no such memory.
    pub(super) fn zeroed(len: usize) -> Self {
        let layout = Layout::array::<f32>(len.max(1)).unwrap_or(Layout::new::<f32>());
        let Ok(map) = MmapMut::map_anon(layout.size()) else { handle_alloc_error(layout) };
        // Without huge pages all works the same, only slower.
        #[cfg(target_os = "linux")]
        let _ = map.advise(memmap2::Advice::HugePage);
        Arena(map)
    }
}

impl Deref for Arena {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        bytemuck::cast_slice(&self.0)
    }
}

impl DerefMut for Arena {
    fn deref_mut(&mut self) -> &mut [f32] {
        bytemuck::cast_slice_mut(&mut self.0)
    }
}
