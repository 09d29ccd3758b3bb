//! Convolution and max pooling over 2×2 windows in one, so that what lies between them never reaches memory.
//!
//! Strategies:
//! - forward, 3×3 kernels with stride 1 from 8 channels and filters on are computed window by window (`winograd.rs`);
//!   for others a task has room for two rows of the convolution's output, computes them (`conv2d/gather.rs`), and stores the maxima and which cell
//!   of its window each one is (`pooling/two_by_two.rs`);
//! - backward, at most one in four pixels of the convolution's output has a gradient, fewer if an activation passes on
//!   nothing. These winners of a row of windows are listed for each filter, and only they are computed with:
//!   `kernel_gradient.rs`, `input_gradient.rs`.
//!
//! What has no gradient takes no part, even where the input is infinite or NaN and a product with zero would be NaN.

mod band;
mod input_gradient;
mod kernel_gradient;
mod products;
mod winograd;

use rayon::prelude::*;

use crate::conv2d::Conv2d;
use crate::pooling::{Pool2d, two_by_two};
use crate::simd::dispatch_eight;
use crate::winograd::Winograd;
use crate::{Activation, ActivationGradient, KernelWeights, Padding};
use band::Band;

/// Rows of windows in one task of the forward pass, at least.
const PART_ROWS: usize = 4;
/// Tasks of the forward pass, at most: each needs memory.
const PARTS: usize = 64;
/// Weights of the largest kernel whose gradient stays in the second cache while it is summed.
const KERNEL_FLOATS: usize = 1 << 17;

/// A convolution whose output is divided into windows of 2×2, of which the maxima are the result. A last row or column
/// that is in no window is dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PooledConv2d {
    /// The convolution.
    pub conv: Conv2d,
}

impl PooledConv2d {
    /// Whether there is one for this convolution: one of a single group, without dilation and of a moderate kernel.
    pub fn supports(conv: &Conv2d) -> bool {
        let [height, width, _] = conv.output();
        conv.groups == 1
            && conv.dilation == [1, 1]
            && conv.kernel_len() <= KERNEL_FLOATS
            && height >= 2
            && width >= 2
    }

    /// `[height, width, channels]` of the output.
    pub fn output(&self) -> [usize; 3] {
        let [height, width, filters] = self.conv.output();
        [height / 2, width / 2, filters]
    }

    /// Bytes of `arg`: one for each output.
    pub fn arg_bytes(&self) -> usize {
        self.conv.batch * self.output().iter().product::<usize>()
    }

    /// Scratch of [`forward`](Self::forward).
    pub fn forward_scratch(&self) -> usize {
        match self.winograd() {
            Some(winograd) => winograd.scratch(),
            None => self.conv.forward_gather().packed_len() + self.parts() * self.two_rows(),
        }
    }

    /// `y` = maximum of each window of `activation(x ⋆ kernel + bias)`; `arg` = the window's cell that holds it, as of
    /// [`Pool2d::max_forward`]; where cells differ by rounding alone it may be any of them. 3×3 kernels with stride 1 from 8
    /// channels and 8 filters on are computed by Winograd's transforms: what [`Conv2d::forward`] says of them holds for each
    /// cell, and a window with a cell that is NaN is NaN.
    #[allow(clippy::too_many_arguments, reason = "a convolution's and a pooling's")]
    pub fn forward<'a>(
        &self,
        x: &[f32],
        kernel: impl Into<KernelWeights<'a>>,
        bias: Option<&[f32]>,
        activation: Activation,
        y: &mut [f32],
        arg: &mut [u8],
        scratch: &mut [f32],
    ) {
        let kernel = kernel.into();
        self.check_images(x, y, arg);
        assert!(bias.is_none_or(|bias| bias.len() == self.conv.filters));
        if y.is_empty() {
            return;
        }
        if let Some(winograd) = self.winograd() {
            return winograd::run(&winograd, x, kernel, bias, activation, y, arg, scratch);
        }
        let gather = self.conv.forward_gather();
        let (room, rows) = scratch.split_at_mut(gather.packed_len());
        let packed = kernel.packed(room, |kernel, packed| self.conv.pack_gather(kernel, packed));
        let pool = Pool2d {
            batch: self.conv.batch,
            input: self.conv.output(),
            window: [2, 2],
            strides: [2, 2],
            padding: Padding::default(),
        };
        let [height, width, filters] = self.output();
        let image = self.conv.input.iter().product::<usize>();
        let row = width * filters;
        let part_rows = (self.conv.batch * height).div_ceil(self.parts());
        let parts = y.par_chunks_mut(part_rows * row).zip(arg.par_chunks_mut(part_rows * row));
        parts.zip(rows.par_chunks_mut(self.two_rows())).enumerate().for_each(|(i, ((y, arg), two_rows))| {
            let rows = y.chunks_exact_mut(row).zip(arg.chunks_exact_mut(row));
            for (i, (y, arg)) in (i * part_rows..).zip(rows) {
                let x = &x[i / height * image..][..image];
                for (j, target) in two_rows.chunks_exact_mut(self.two_rows() / 2).enumerate() {
                    gather.run_row(i % height * 2 + j, x, packed, bias, activation, target);
                }
                dispatch_eight(two_by_two::Forward { pool: &pool, x: two_rows, y, arg });
            }
        });
    }

    /// Floats of the packed kernel.
    pub fn packed_len(&self) -> usize {
        self.winograd()
            .map_or_else(|| self.conv.forward_gather().packed_len(), |winograd| winograd.packed_len())
    }

    /// Packs a kernel for [`forward`](Self::forward) of any batch.
    pub fn pack(&self, kernel: &[f32], packed: &mut [f32]) {
        match self.winograd() {
            Some(winograd) => winograd.pack(kernel, packed),
            None => self.conv.pack_gather(kernel, packed),
        }
    }

    /// Scratch of [`backward_input`](Self::backward_input).
    pub fn backward_input_scratch(&self) -> usize {
        input_gradient::scratch(self)
    }

    /// `dx` from `dy`, the gradient before the activation of each window's winner; if the activation that made the input
    /// is given, `dx` is the gradient before that. Beside a gradient that is not finite some elements of `dx` may be NaN.
    pub fn backward_input(
        &self,
        dy: &[f32],
        arg: &[u8],
        kernel: &[f32],
        input_activation: Option<ActivationGradient<'_>>,
        dx: &mut [f32],
        scratch: &mut [f32],
    ) {
        self.check(dx, kernel, dy, arg);
        input_gradient::run(self, dy, arg, kernel, input_activation, dx, scratch);
    }

    /// Scratch of [`backward_kernel`](Self::backward_kernel).
    pub fn backward_kernel_scratch(&self) -> usize {
        kernel_gradient::scratch(self)
    }

    /// Gradients by kernel and bias from `dy`, the gradient before the activation of each window's winner.
    pub fn backward_kernel(
        &self,
        x: &[f32],
        dy: &[f32],
        arg: &[u8],
        dkernel: &mut [f32],
        dbias: Option<&mut [f32]>,
        scratch: &mut [f32],
    ) {
        self.check(x, dkernel, dy, arg);
        assert!(dbias.as_ref().is_none_or(|dbias| dbias.len() == self.conv.filters));
        kernel_gradient::run(self, x, dy, arg, dkernel, dbias, scratch);
    }

    /// The forward pass by tiles, which are the windows.
    fn winograd(&self) -> Option<Winograd> {
        let [height, width, _] = self.output();
        Winograd::forward(&self.conv, [height, width])?.if_at_least(8, 8)
    }

    /// Tasks of the direct forward pass.
    fn parts(&self) -> usize {
        (self.conv.batch * self.output()[0]).div_ceil(PART_ROWS).clamp(1, PARTS)
    }

    /// Floats of two rows of the convolution's output.
    fn two_rows(&self) -> usize {
        let [_, width, filters] = self.conv.output();
        2 * width * filters
    }

    /// Copies what row `row` of windows of image `n` sees.
    fn load_band(&self, band: &Band, x: &[f32], n: usize, row: usize, to: &mut [f32]) {
        let [height, width, channels] = self.conv.input;
        let left = (self.conv.padding.left * channels).min(band.row);
        let inside = (width * channels).min(band.row - left);
        for (r, to) in to.chunks_exact_mut(band.row).take(band.rows).enumerate() {
            match (row * 2 * self.conv.strides[0] + r).checked_sub(self.conv.padding.top) {
                Some(y) if y < height => {
                    let x = &x[(n * height + y) * width * channels..][..inside];
                    to[..left].fill(0.0);
                    to[left..left + inside].copy_from_slice(x);
                    to[left + inside..].fill(0.0);
                }
                _ => to.fill(0.0),
            }
        }
    }

    /// Copies the first rows of a band back to where they belong in the image.
    fn store_band(&self, band: &Band, from: &[f32], row: usize, rows: usize, image: &mut [f32]) {
        let [height, width, channels] = self.conv.input;
        let left = (self.conv.padding.left * channels).min(band.row);
        let inside = (width * channels).min(band.row - left);
        for (r, from) in from.chunks_exact(band.row).take(rows).enumerate() {
            match (row * 2 * self.conv.strides[0] + r).checked_sub(self.conv.padding.top) {
                Some(y) if y < height => {
                    image[y * width * channels..][..inside].copy_from_slice(&from[left..left + inside]);
                }
                _ => {}
            }
        }
    }

    fn check(&self, x: &[f32], kernel: &[f32], y: &[f32], arg: &[u8]) {
        self.check_images(x, y, arg);
        assert_eq!(kernel.len(), self.conv.kernel_len());
    }

    fn check_images(&self, x: &[f32], y: &[f32], arg: &[u8]) {
        assert!(Self::supports(&self.conv), "{self:?} is not supported");
        assert_eq!(x.len(), self.conv.batch * self.conv.input.iter().product::<usize>());
        assert_eq!(y.len(), self.arg_bytes());
        assert_eq!(arg.len(), self.arg_bytes());
    }
}
