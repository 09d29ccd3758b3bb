use petal_kernels as kernels;

use crate::cpu::{Backward, Forward, Needs, Operation};
use crate::program::Run;

/// Dropout; its backward step draws the same numbers again instead of keeping a mask.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Dropout {
    pub rate: f32,
    pub stream: String,
    /// Pixels and channels, where whole channels are dropped.
    pub spatial: Option<(usize, usize)>,
}

impl Dropout {
    fn apply(&self, run: &Run<'_>, keys: &mut Vec<u64>, x: &[f32], y: &mut [f32]) {
        keys.clear();
        keys.extend(run.keys(&self.stream));
        match self.spatial {
            None => kernels::dropout(keys, self.rate, x, y),
            Some((pixels, channels)) => kernels::spatial_dropout(keys, self.rate, pixels, channels, x, y),
        }
    }
}

impl Operation for Dropout {
    fn forward(&self, call: Forward<'_>) {
        self.apply(call.run, call.keys, call.inputs[0], call.output);
    }

    fn backward(&self, mut call: Backward<'_>) {
        if let Some(d_input) = call.d_inputs[0].take() {
            self.apply(call.run, call.keys, call.d_output, d_input);
        }
    }

    fn needs(&self) -> Needs {
        Needs::default()
    }
}
