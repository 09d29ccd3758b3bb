use petal_kernels as kernels;

use crate::model::plan::{Backward, Forward, Needs, Operation, Run};
use crate::random::Key;

/// Gaussian noise and dropout by it, and dropout for SELU; the backward step draws the same numbers again.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct NoiseOp {
    pub noise: Noise,
    pub stream: Key,
}

/// What [`NoiseOp`] does to a value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Noise {
    /// Adds a number of this standard deviation.
    Added { stddev: f32 },
    /// Multiplies by a number of mean 1 and this standard deviation.
    Multiplied { stddev: f32 },
    /// Sets a share of the values to SELU's lower bound; a sample repeats its draws.
    AlphaDropout { rate: f32, repeats: usize },
}

impl NoiseOp {
    fn keys<'a>(&self, run: &Run<'_>, keys: &'a mut Vec<u64>) -> &'a [u64] {
        run.fill_keys(self.stream, keys);
        keys
    }
}

impl Operation for NoiseOp {
    fn forward(&self, call: Forward<'_>) {
        let keys = self.keys(call.run, call.keys);
        let (x, y) = (call.inputs[0], call.output);
        match self.noise {
            Noise::Added { stddev } => kernels::gaussian_noise(keys, stddev, x, y),
            Noise::Multiplied { stddev } => kernels::gaussian_dropout(keys, stddev, x, y),
            Noise::AlphaDropout { rate, repeats } => kernels::alpha_dropout(keys, rate, repeats, x, y),
        }
    }

    fn backward(&self, mut call: Backward<'_>) {
        let Some(dx) = call.d_inputs[0].take() else { return };
        let keys = self.keys(call.run, call.keys);
        let dy = &*call.d_output;
        match self.noise {
            Noise::Added { .. } => dx.copy_from_slice(dy),
            Noise::Multiplied { stddev } => kernels::gaussian_dropout(keys, stddev, dy, dx),
            Noise::AlphaDropout { rate, repeats } => {
                kernels::alpha_dropout_backward(keys, rate, repeats, dy, dx);
            }
        }
    }

    fn is_constant(&self) -> bool {
        false
    }

    fn needs(&self) -> Needs {
        Needs::default()
    }
}
