use petal_kernels as kernels;

use crate::cpu::{Backward, Forward, Needs, Operation, Param};
use crate::program::moments_to_affine;

/// `x · scale + offset` with numbers for each of the last values of a sample, over and over.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ChannelAffine {
    pub rows: usize,
    pub coefficients: Coefficients,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Coefficients {
    Fixed {
        scale: Vec<f32>,
        offset: Vec<f32>,
    },
    /// Those that normalize by a mean and a variance that are weights.
    Moments {
        mean: Param,
        variance: Param,
        /// For each of the last values the number of its mean and variance.
        places: Vec<usize>,
        invert: bool,
    },
}

impl ChannelAffine {
    fn apply(
        &self,
        batch: usize,
        weights: &[f32],
        forward: bool,
        scratch: &mut [f32],
        x: &[f32],
        y: &mut [f32],
    ) {
        let channels = self.channels();
        let (scale, offset) = scratch[..2 * channels].split_at_mut(channels);
        match &self.coefficients {
            Coefficients::Fixed { scale: fixed_scale, offset: fixed_offset } => {
                scale.copy_from_slice(fixed_scale);
                offset.copy_from_slice(fixed_offset);
            }
            Coefficients::Moments { mean, variance, places, invert } => {
                let (mean, variance) = (mean.of(weights), variance.of(weights));
                for ((scale, offset), &place) in scale.iter_mut().zip(&mut *offset).zip(places) {
                    (*scale, *offset) = moments_to_affine(mean[place], variance[place], *invert);
                }
            }
        }
        if !forward {
            offset.fill(0.0);
        }
        kernels::channel_affine(self.rows * batch, channels, x, scale, offset, y);
    }

    fn channels(&self) -> usize {
        match &self.coefficients {
            Coefficients::Fixed { scale, .. } => scale.len(),
            Coefficients::Moments { places, .. } => places.len(),
        }
    }
}

impl Operation for ChannelAffine {
    fn forward(&self, call: Forward<'_>) {
        self.apply(call.run.batch(), call.weights, true, call.scratch, call.inputs[0], call.output);
    }

    fn backward(&self, mut call: Backward<'_>) {
        if let Some(d_input) = call.d_inputs[0].take() {
            self.apply(call.run.batch(), call.weights, false, call.scratch, call.d_output, d_input);
        }
    }

    fn needs(&self) -> Needs {
        Needs::default()
    }

    fn scratch_len(&self, _batch: usize) -> [usize; 2] {
        [2 * self.channels(); 2]
    }
}
