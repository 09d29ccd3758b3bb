//! Operations, a kernel pair a file.

pub(crate) mod activations;
pub(crate) mod batch_norm;
pub(crate) mod changes;
pub(crate) mod channel_affine;
pub(crate) mod channel_scale;
pub(crate) mod color;
pub(crate) mod dropout;
pub(crate) mod elementwise;
pub(crate) mod erase;
pub(crate) mod fake_quantize;
mod fold;
pub(crate) mod frame;
pub(crate) mod inverted_residual;
pub(crate) mod layer_norm;
pub(crate) mod layout;
pub(crate) mod mix;
pub(crate) mod noise;
pub(crate) mod pooled_conv2d;
pub(crate) mod pooling;
pub(crate) mod prelu;
pub(crate) mod quantized;
pub(crate) mod recolor;
pub(crate) mod warp;
pub(crate) mod weighted;

use std::ops::Range;

/// Two disjoint parts of the gradient arena; an empty range gives an empty slice.
fn two_gradients(gradients: &mut [f32], a: Range<usize>, b: Range<usize>) -> [&mut [f32]; 2] {
    gradients.get_disjoint_mut([a, b]).expect("two weights' gradients never overlap")
}
