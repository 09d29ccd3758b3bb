use petal_kernels as kernels;

use crate::cpu::{Backward, Forward, Needs, Operation};
use crate::program::{Noise, RandomNoise, Run};

/// Gaussian noise and dropout by it, and dropout for SELU; the backward step draws the same numbers again.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct NoiseOp(pub RandomNoise);

impl NoiseOp {
    fn keys<'a>(&self, run: &Run<'_>, keys: &'a mut Vec<u64>) -> &'a [u64] {
        keys.clear();
        keys.extend(run.keys(&self.0.stream));
        keys
    }
}

impl Operation for NoiseOp {
    fn forward(&self, call: Forward<'_>) {
        let keys = self.keys(call.run, call.keys);
        let (x, y) = (call.inputs[0], call.output);
        match self.0.kind {
            Noise::Added { stddev } => kernels::gaussian_noise(keys, stddev, x, y),
            Noise::Multiplied { stddev } => kernels::gaussian_dropout(keys, stddev, x, y),
            Noise::AlphaDropout { rate, repeats } => kernels::alpha_dropout(keys, rate, repeats, x, y),
        }
    }

    fn backward(&self, mut call: Backward<'_>) {
        let Some(dx) = call.d_inputs[0].take() else { return };
        let keys = self.keys(call.run, call.keys);
        let dy = &*call.d_output;
        match self.0.kind {
            Noise::Added { .. } => dx.copy_from_slice(dy),
            Noise::Multiplied { stddev } => kernels::gaussian_dropout(keys, stddev, dy, dx),
            Noise::AlphaDropout { rate, repeats } => {
                kernels::alpha_dropout_backward(keys, rate, repeats, dy, dx);
            }
        }
    }

    fn needs(&self) -> Needs {
        Needs::default()
    }
}
