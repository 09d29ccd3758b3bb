//! Forward and backward CNN kernels on plain `&[f32]` slices.
//!
//! Activations are NHWC (`[batch, height, width, channels]`), weights are in Keras' layouts. There are no tensors,
//! no layers and no I/O here: a kernel is a shape, and methods of it that read and write slices.
//!
//! - Outputs are overwritten, never accumulated into, unless a kernel says so.
//! - Slices of the wrong length are programming errors and panic.
//! - Kernels run on rayon's current pool. Partial sums are cut by the work's shape, so results are the same bits on
//!   any number of threads.
//! - A `*_scratch()` method gives the number of `f32` that its kernel needs in `scratch`; their contents don't matter.

mod activation;
mod alignment;
mod batch_norm;
mod blend;
mod channel_scale;
mod color;
mod conv2d;
mod dense;
mod depthwise_conv2d;
mod dropout;
mod elementwise;
mod erase;
mod exponential;
mod fake_quantize;
mod filter;
mod global_pooling;
mod hsv;
mod inverted_residual;
mod kernel_weights;
mod layer_norm;
mod loss;
mod matmul;
mod mix;
mod noise;
mod optimizer;
mod pad;
mod padding;
mod parallel;
mod pixels;
mod pooled_conv2d;
mod pooling;
mod precision;
mod quantized;
mod recolor;
mod register_tile;
mod resize;
mod simd;
mod softmax;
mod transpose;
mod warp;
mod winograd;

pub use activation::{Activation, ActivationGradient, Unary};
pub use batch_norm::BatchNorm;
pub use blend::{blend_columns, blend_rows};
pub use channel_scale::{
    channel_offset, channel_offset_gradient, channel_scale, channel_scale_gradient,
    channel_scale_gradient_scratch, prelu_backward, prelu_forward, prelu_gradient,
};
pub use color::{
    auto_contrast, auto_contrast_backward, brightness, brightness_backward, contrast, contrast_backward,
};
pub use conv2d::Conv2d;
pub use dense::Dense;
pub use depthwise_conv2d::DepthwiseConv2d;
pub use dropout::{alpha_dropout, alpha_dropout_backward, dropout, spatial_dropout};
pub use elementwise::{
    add, add_assign, channel_affine, chosen_gradient, copy, copy_block, extract_block, maximum_assign,
    minimum_assign, multiply_assign, multiply_rows_assign, repeat_rows, reverse_channels, scale_offset,
    sum_rows,
};
pub use erase::{Fill, Rectangle, erase, erase_backward};
pub use fake_quantize::fake_quantize;
pub use filter::{equalize_image, filter_image};
pub use global_pooling::{
    global_average_backward, global_average_forward, global_max_backward, global_max_forward,
};
pub use hsv::{scale_saturation, turn_hue};
pub use inverted_residual::{BlockWeights, InvertedResidual};
pub use kernel_weights::KernelWeights;
pub use layer_norm::LayerNorm;
pub use loss::{
    binary_cross_entropy, categorical_cross_entropy, mean_squared_error, softmax_cross_entropy,
    sparse_categorical_cross_entropy, sparse_softmax_cross_entropy,
};
pub use mix::{Mix, mix, mix_backward};
pub use noise::{gaussian_dropout, gaussian_noise};
pub use optimizer::{AdamStep, RmspropStep, SgdStep, sum_of_squares};
pub use pad::{Crop2d, Pad2d};
pub use padding::Padding;
pub use pixels::Pixels;
pub use pooled_conv2d::PooledConv2d;
pub use pooling::Pool2d;
pub use precision::Precision;
pub use quantized::{
    MAX_QUANTIZED_TERMS, QuantizedConv2d, QuantizedDepthwiseConv2d, QuantizedKernel, QuantizedOutput,
    as_bytes, as_bytes_mut, dequantize, look_up, quantize, quantized_add, quantized_average,
    quantized_global_average, quantized_max, quantized_multiply, quantized_pad,
};
pub use recolor::{Recolor, recolor, recolor_backward};
pub use resize::Resize;
pub use simd::{VARIABLE as SIMD_VARIABLE, Vectors};
pub use softmax::{log_softmax_backward, log_softmax_forward, softmax_backward, softmax_forward};
pub use transpose::transpose;
pub use warp::{AffineTransform, FillMode, Interpolation};
