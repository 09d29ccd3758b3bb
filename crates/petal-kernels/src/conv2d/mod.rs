//! Two-dimensional convolution (cross-correlation, as in Keras), with stride, dilation and groups.
//!
//! Strategies, chosen by shape alone:
//! - 1×1 kernels with stride 1, no padding and one group are matrix products (`matmul`);
//! - 3×3 kernels with stride 1 over many channels go forward, and back to the input, by tiles of 2×2 outputs
//!   (`winograd`);
//! - forward and the input's gradient are else direct gathers over packed weights (`gather.rs`): no copy of the image, the
//!   borders are runs of pixels with fewer taps;
//! - the kernel's gradient accumulates outer products of pixels row by row (`kernel_gradient.rs`).

mod gather;
mod kernel_gradient;

use crate::matmul::Matmul;
use crate::winograd::Winograd;
use crate::{Activation, ActivationGradient, KernelWeights, Padding, Precision};
use gather::Axis;
pub(crate) use gather::Gather;
pub(crate) use kernel_gradient::add_pixels;

/// Shape of a convolution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Conv2d {
    /// Images.
    pub batch: usize,
    /// `[height, width, channels]` of the input.
    pub input: [usize; 3],
    /// Channels of the output.
    pub filters: usize,
    /// `[height, width]` of the kernel.
    pub kernel: [usize; 2],
    /// Steps `[vertical, horizontal]`.
    pub strides: [usize; 2],
    /// Distance of the kernel's taps `[vertical, horizontal]`.
    pub dilation: [usize; 2],
    /// Zeros around the image.
    pub padding: Padding,
    /// Groups that channels and filters are divided into.
    pub groups: usize,
    /// Of the factors of products where the convolution is a matrix product or goes by Winograd's transforms; others
    /// multiply the numbers as they are.
    pub precision: Precision,
}

impl Conv2d {
    /// `[height, width, channels]` of the output.
    pub fn output(&self) -> [usize; 3] {
        let Padding { top, bottom, left, right } = self.padding;
        let size = |axis: usize, padding: usize| {
            let window = (self.kernel[axis] - 1) * self.dilation[axis] + 1;
            (self.input[axis] + padding + self.strides[axis]).saturating_sub(window) / self.strides[axis]
        };
        [size(0, top + bottom), size(1, left + right), self.filters]
    }

    /// Weights in the kernel `[height, width, channels / groups, filters]`.
    pub fn kernel_len(&self) -> usize {
        self.kernel[0] * self.kernel[1] * (self.input[2] / self.groups) * self.filters
    }

    /// Whether each output pixel is made of the input pixel at its place: a matrix product.
    pub fn is_pointwise(&self) -> bool {
        self.kernel == [1, 1]
            && self.strides == [1, 1]
            && self.groups == 1
            && self.padding == Padding::default()
    }

    /// Scratch of [`forward`](Self::forward).
    pub fn forward_scratch(&self) -> usize {
        match (self.pointwise(), self.winograd()) {
            (Some(matmul), _) => matmul.forward_scratch(),
            (_, Some(winograd)) => winograd.scratch(),
            _ => self.forward_gather().packed_len(),
        }
    }

    /// `y = activation(x ⋆ kernel + bias)`; `kernel` is `[height, width, channels / groups, filters]`.
    ///
    /// 3×3 kernels with stride 1, no dilation and one group, from 16 channels and 24 filters on, are computed by Winograd's
    /// transforms, with 16 products for four outputs instead of 36. Sums are then rounded as if each pixel that an output
    /// sees were multiplied with all nine weights of its channel, of which all but its own cancel: by about 1e-6 of such
    /// products. An input that is infinite or NaN reaches the outputs that it reaches directly and no others, but may make
    /// them NaN where they would be infinite, or where an activation would hide the infinity; so does a weight, also where
    /// it meets the padding alone.
    pub fn forward<'a>(
        &self,
        x: &[f32],
        kernel: impl Into<KernelWeights<'a>>,
        bias: Option<&[f32]>,
        activation: Activation,
        y: &mut [f32],
        scratch: &mut [f32],
    ) {
        let kernel = kernel.into();
        self.check_images(x, y);
        assert!(bias.is_none_or(|bias| bias.len() == self.filters));
        if let Some(matmul) = self.pointwise() {
            return matmul.forward(x, kernel, bias, activation, y, scratch);
        }
        if let Some(winograd) = self.winograd() {
            let [height, width, _] = self.output();
            return winograd.convolve(x, kernel, bias, activation, [height, width], y, scratch);
        }
        let gather = self.forward_gather();
        let room = &mut scratch[..gather.packed_len()];
        let packed = kernel.packed(room, |kernel, packed| self.pack_gather(kernel, packed));
        gather.run(x, packed, bias, activation, None, y);
    }

    /// Whether rows of its output can be made by themselves, by `make_rows`: that of a matrix product
    /// or of a direct convolution.
    pub fn makes_rows(&self) -> bool {
        self.is_pointwise() || self.winograd().is_none()
    }

    /// The rows of one image's output from `first` on that `y` has, on this thread, with a packed kernel: the same bits as
    /// of [`forward`](Self::forward).
    pub(crate) fn make_rows(
        &self,
        first: usize,
        x: &[f32],
        packed: &[f32],
        bias: Option<&[f32]>,
        activation: Activation,
        y: &mut [f32],
    ) {
        let [_, width, filters] = self.output();
        if let Some(matmul) = self.pointwise() {
            let [from, rows] = [first * width, y.len() / filters];
            let x = &x[from * matmul.inputs..][..rows * matmul.inputs];
            return Matmul { rows, ..matmul }.forward_packed(x, packed, bias, activation, y);
        }
        let gather = self.forward_gather();
        for (row, y) in (first..).zip(y.chunks_exact_mut(width * filters)) {
            gather.run_row(row, x, packed, bias, activation, y);
        }
    }

    /// Floats of the packed kernel.
    pub fn packed_len(&self) -> usize {
        match (self.pointwise(), self.winograd()) {
            (Some(matmul), _) => matmul.packed_len(),
            (_, Some(winograd)) => winograd.packed_len(),
            _ => self.forward_gather().packed_len(),
        }
    }

    /// Packs a kernel for [`forward`](Self::forward) of any batch.
    pub fn pack(&self, kernel: &[f32], packed: &mut [f32]) {
        match (self.pointwise(), self.winograd()) {
            (Some(matmul), _) => matmul.pack(kernel, packed),
            (_, Some(winograd)) => winograd.pack(kernel, packed),
            _ => self.pack_gather(kernel, packed),
        }
    }

    /// Scratch of [`backward_input`](Self::backward_input).
    pub fn backward_input_scratch(&self) -> usize {
        match (self.pointwise(), self.winograd_gradient()) {
            (Some(matmul), _) => matmul.backward_input_scratch(),
            (_, Some(winograd)) => winograd.scratch(),
            _ => self.backward_gather().packed_len(),
        }
    }

    /// Gradient by the input, or before the activation that made the input, if that is given; `dy` is the gradient
    /// before this layer's activation. By Winograd's transforms, as of [`forward`](Self::forward), from 16 filters and 24
    /// channels on.
    pub fn backward_input(
        &self,
        dy: &[f32],
        kernel: &[f32],
        input_activation: Option<ActivationGradient<'_>>,
        dx: &mut [f32],
        scratch: &mut [f32],
    ) {
        self.check(dx, kernel, dy);
        if let Some(matmul) = self.pointwise() {
            return matmul.backward_input(dy, kernel, input_activation, dx, scratch);
        }
        if let Some(winograd) = self.winograd_gradient() {
            let size = [self.input[0], self.input[1]];
            winograd.convolve(dy, kernel.into(), None, Activation::Linear, size, dx, scratch);
            return input_activation.into_iter().for_each(|activation| activation.apply(dx));
        }
        let gather = self.backward_gather();
        let packed = &mut scratch[..gather.packed_len()];
        let (channels, filters) = (self.input[2] / self.groups, self.filters / self.groups);
        gather.pack(packed, |group, tap, f, c| {
            kernel[(tap * channels + c) * self.filters + group * filters + f]
        });
        gather.run(dy, packed, None, Activation::Linear, input_activation, dx);
    }

    /// Scratch of [`backward_kernel`](Self::backward_kernel).
    pub fn backward_kernel_scratch(&self) -> usize {
        match self.pointwise() {
            Some(matmul) => matmul.backward_kernel_scratch(),
            None => kernel_gradient::scratch(self),
        }
    }

    /// Gradients by kernel and bias; `dy` is the gradient before the activation.
    pub fn backward_kernel(
        &self,
        x: &[f32],
        dy: &[f32],
        dkernel: &mut [f32],
        dbias: Option<&mut [f32]>,
        scratch: &mut [f32],
    ) {
        self.check(x, dkernel, dy);
        assert!(dbias.as_ref().is_none_or(|dbias| dbias.len() == self.filters));
        match self.pointwise() {
            Some(matmul) => matmul.backward_kernel(x, dy, dkernel, dbias, scratch),
            None => kernel_gradient::run(self, x, dy, dkernel, dbias, scratch),
        }
    }

    fn pointwise(&self) -> Option<Matmul> {
        let rows = self.batch * self.input[0] * self.input[1];
        let (inputs, units, precision) = (self.input[2], self.filters, self.precision);
        self.is_pointwise().then_some(Matmul { rows, inputs, units, precision })
    }

    /// The forward pass by tiles, where these are faster by a tenth and more.
    fn winograd(&self) -> Option<Winograd> {
        let [height, width, _] = self.output();
        Winograd::forward(self, [height.div_ceil(2), width.div_ceil(2)])?.if_at_least(16, 24)
    }

    /// The input's gradient by tiles, likewise.
    fn winograd_gradient(&self) -> Option<Winograd> {
        Winograd::input_gradient(self)?.if_at_least(16, 24)
    }

    fn axes(&self) -> [Axis; 2] {
        let before = [self.padding.top, self.padding.left];
        let output = self.output();
        [0, 1].map(|i| Axis {
            kernel: self.kernel[i],
            stride: self.strides[i],
            dilation: self.dilation[i],
            before: before[i],
            input: self.input[i],
            output: output[i],
            transposed: false,
        })
    }

    /// Packs the weights of the forward pass' gather.
    pub(crate) fn pack_gather(&self, kernel: &[f32], packed: &mut [f32]) {
        assert_eq!(kernel.len(), self.kernel_len());
        let gather = self.forward_gather();
        let (channels, filters) = (self.input[2] / self.groups, self.filters / self.groups);
        gather.pack(packed, |group, tap, c, f| {
            kernel[(tap * channels + c) * self.filters + group * filters + f]
        });
    }

    pub(crate) fn forward_gather(&self) -> Gather {
        Gather {
            axes: self.axes(),
            sources: self.input[2] / self.groups,
            targets: self.filters / self.groups,
            groups: self.groups,
        }
    }

    fn backward_gather(&self) -> Gather {
        Gather {
            axes: self.axes().map(|axis| Axis { transposed: true, ..axis }),
            sources: self.filters / self.groups,
            targets: self.input[2] / self.groups,
            groups: self.groups,
        }
    }

    fn check(&self, x: &[f32], kernel: &[f32], y: &[f32]) {
        self.check_images(x, y);
        assert_eq!(kernel.len(), self.kernel_len());
    }

    fn check_images(&self, x: &[f32], y: &[f32]) {
        assert!(
            self.groups > 0
                && self.input[2].is_multiple_of(self.groups)
                && self.filters.is_multiple_of(self.groups)
        );
        assert_eq!(x.len(), self.batch * self.input.iter().product::<usize>());
        assert_eq!(y.len(), self.batch * self.output().iter().product::<usize>());
    }
}
