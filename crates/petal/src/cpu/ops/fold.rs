use petal_kernels as kernels;

use super::batch_norm::BatchNorm;
use crate::cpu::Param;

/// A batch normalization with fixed statistics, as part of the convolution before it.
///
/// With `s = gamma / √(variance + epsilon)` the two together are a convolution with the kernel `s · kernel` and the
/// bias `s · (bias - mean) + beta`; `s` belongs to an output channel, the kernel's last axis.
pub(super) struct Fold<'a> {
    pub norm: &'a BatchNorm,
    pub kernel: Param,
    pub bias: Option<Param>,
    pub weights: &'a [f32],
}

/// What the convolution uses instead of its own weights, and `s`.
pub(super) struct Folded<'a> {
    pub kernel: &'a mut [f32],
    pub bias: &'a mut [f32],
    pub scale: &'a mut [f32],
}

impl<'a> Folded<'a> {
    /// Floats for a kernel of this length and number of output channels.
    pub(super) fn len(kernel: usize, channels: usize) -> usize {
        kernel + 2 * channels
    }

    pub(super) fn of(memory: &'a mut [f32], channels: usize) -> Self {
        let (kernel, rest) = memory.split_at_mut(memory.len() - 2 * channels);
        let (bias, scale) = rest.split_at_mut(channels);
        Folded { kernel, bias, scale }
    }
}

impl Fold<'_> {
    pub(super) fn apply(&self, folded: &mut Folded<'_>) {
        for (channel, (bias, scale)) in folded.bias.iter_mut().zip(&mut *folded.scale).enumerate() {
            let gamma = self.norm.gamma.map_or(1.0, |gamma| gamma.of(self.weights)[channel]);
            let beta = self.norm.beta.map_or(0.0, |beta| beta.of(self.weights)[channel]);
            *scale = gamma * self.inverse_deviation(channel);
            *bias = *scale * self.centered_bias(channel) + beta;
        }
        kernels::channel_scale(self.kernel.of(self.weights), folded.scale, folded.kernel);
    }

    /// Scratch of [`backward`](Self::backward).
    pub(super) fn scratch_len(kernel: usize, channels: usize) -> usize {
        kernels::channel_scale_gradient_scratch(kernel, channels)
    }

    /// From the gradients of the folded kernel and bias to those of the weights.
    ///
    /// `dL/ds = Σ kernel · d_kernel + (bias - mean) · d_bias`, the sum over all but the last axis.
    pub(super) fn backward(
        &self,
        scale: &[f32],
        d_kernel: &[f32],
        d_bias: &[f32],
        gradients: &mut [f32],
        scratch: &mut [f32],
    ) {
        if let Some(gamma) = self.norm.gamma.filter(|gamma| gamma.gradient.is_some()) {
            let d_gamma = &mut gradients[gamma.gradient_range()];
            kernels::channel_scale_gradient(self.kernel.of(self.weights), d_kernel, d_gamma, scratch);
            for (channel, d_gamma) in d_gamma.iter_mut().enumerate() {
                *d_gamma += self.centered_bias(channel) * d_bias[channel];
                *d_gamma *= self.inverse_deviation(channel);
            }
        }
        if let Some(beta) = self.norm.beta.filter(|beta| beta.gradient.is_some()) {
            gradients[beta.gradient_range()].copy_from_slice(d_bias);
        }
        if let Some(bias) = self.bias.filter(|bias| bias.gradient.is_some()) {
            kernels::channel_scale(d_bias, scale, &mut gradients[bias.gradient_range()]);
        }
        if self.kernel.gradient.is_some() {
            kernels::channel_scale(d_kernel, scale, &mut gradients[self.kernel.gradient_range()]);
        }
    }

    fn inverse_deviation(&self, channel: usize) -> f32 {
        1.0 / (self.norm.variance.of(self.weights)[channel] + self.norm.epsilon).sqrt()
    }

    fn centered_bias(&self, channel: usize) -> f32 {
        let bias = self.bias.map_or(0.0, |bias| bias.of(self.weights)[channel]);
        bias - self.norm.mean.of(self.weights)[channel]
    }
}
