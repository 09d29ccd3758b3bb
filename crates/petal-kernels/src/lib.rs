//! Forward and backward CNN kernels on plain `&[f32]` slices.
//!
//! Activations are NHWC (`[batch, height, width, channels]`), weights are in Keras' layouts. There are no tensors,
//! no layers and no I/O here: a kernel is a shape, and methods of it that read and write slices.
