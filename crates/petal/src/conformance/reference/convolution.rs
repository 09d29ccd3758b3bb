//! Products with weights: convolutions and dense layers.

use super::layout::{image, pixels};
use super::step::{Call, Derivatives};
use crate::program::{BatchNorm, Conv2d, Dense, WeightNumber};

/// An operation each of whose outputs is a sum of products of inputs and weights.
#[derive(Clone, Copy)]
pub(super) enum Product<'a> {
    Conv2d(&'a Conv2d),
    DepthwiseConv2d(&'a Conv2d),
    Dense(&'a Dense),
}

/// Places of an input's value, a kernel's weight and the output's value that their product belongs to.
struct Triple {
    input: usize,
    weight: usize,
    output: usize,
}

impl<'a> Product<'a> {
    fn kernel(self) -> WeightNumber {
        match self {
            Product::Conv2d(conv) | Product::DepthwiseConv2d(conv) => conv.kernel,
            Product::Dense(dense) => dense.kernel,
        }
    }

    fn bias(self) -> Option<WeightNumber> {
        match self {
            Product::Conv2d(conv) | Product::DepthwiseConv2d(conv) => conv.bias,
            Product::Dense(dense) => dense.bias,
        }
    }

    fn norm(self) -> Option<&'a BatchNorm> {
        match self {
            Product::Conv2d(conv) | Product::DepthwiseConv2d(conv) => conv.norm.as_ref(),
            Product::Dense(dense) => dense.norm.as_ref(),
        }
    }
}

impl Call<'_> {
    /// The sums, normalized by the moving statistics if a normalization follows.
    pub(super) fn weighted(&self, product: Product<'_>) -> Vec<f64> {
        let sums = self.sums(product);
        match product.norm() {
            Some(norm) => self.batch_norm(norm, &sums),
            None => sums,
        }
    }

    fn sums(&self, product: Product<'_>) -> Vec<f64> {
        let channels = self.filters();
        let (kernel, bias) = (self.weight(product.kernel()), self.weight_or(product.bias(), 0.0, channels));
        let mut sums: Vec<f64> = (0..self.outputs()).map(|i| bias[i % channels]).collect();
        self.each_triple(product, |Triple { input, weight, output }| {
            sums[output] += self.inputs[0][input] * kernel[weight];
        });
        sums
    }

    pub(super) fn weighted_backward(&self, product: Product<'_>, d_output: &[f64]) -> Derivatives {
        let (mut d_sums, mut weights) = (d_output.to_vec(), Vec::new());
        if let Some(norm) = product.norm() {
            let mut derivatives = self.batch_norm_backward(norm, &self.sums(product), d_output);
            d_sums = derivatives.inputs.pop().unwrap_or_default();
            weights = derivatives.weights;
        }
        let kernel = self.weight(product.kernel());
        let (mut d_input, mut d_kernel) = (vec![0.0; self.inputs[0].len()], vec![0.0; kernel.len()]);
        self.each_triple(product, |Triple { input, weight, output }| {
            d_input[input] += kernel[weight] * d_sums[output];
            d_kernel[weight] += self.inputs[0][input] * d_sums[output];
        });
        weights.push((product.kernel(), d_kernel));
        if let Some(bias) = product.bias() {
            let mut d_bias = vec![0.0; self.filters()];
            d_sums.iter().enumerate().for_each(|(i, d)| d_bias[i % self.filters()] += d);
            weights.push((bias, d_bias));
        }
        Derivatives { inputs: vec![d_input], weights }
    }

    /// The last axis of the output.
    fn filters(&self) -> usize {
        self.output.last().copied().unwrap_or(1)
    }

    fn each_triple(&self, product: Product<'_>, mut visit: impl FnMut(Triple)) {
        let (channels, filters) = (self.channels(), self.filters());
        match product {
            // Each group of channels has filters of its own.
            Product::Conv2d(conv) => {
                let groups = conv.groups.max(1);
                let (group_channels, group_filters) = (channels / groups, filters / groups);
                self.each_cell(conv, |pixel, cell, output, filter| {
                    let group = filter / group_filters;
                    for c in 0..group_channels {
                        let input = pixel * channels + group * group_channels + c;
                        let weight = (cell * group_channels + c) * filters + filter;
                        visit(Triple { input, weight, output });
                    }
                });
            }
            Product::DepthwiseConv2d(conv) => {
                let multiplier = filters / channels;
                self.each_cell(conv, |pixel, cell, output, channel| {
                    let input = pixel * channels + channel / multiplier;
                    visit(Triple { input, weight: cell * filters + channel, output });
                });
            }
            Product::Dense(_) => {
                for output in 0..self.outputs() {
                    let (row, unit) = (output / filters, output % filters);
                    for i in 0..channels {
                        visit(Triple { input: row * channels + i, weight: i * filters + unit, output });
                    }
                }
            }
        }
    }

    /// Calls `f` with the pixel of the batch that a cell of the window lies on, the cell, the output's value and its
    /// channel; cells on the padding add nothing.
    fn each_cell(&self, conv: &Conv2d, mut f: impl FnMut(usize, usize, usize, usize)) {
        let [height, width, _] = image(self.shapes[0]);
        let kernel = &self.program.weights[conv.kernel].shape;
        for n in 0..self.samples() {
            for (output, (y, x, channel)) in pixels(image(self.output)).enumerate() {
                for cell in 0..kernel[0] * kernel[1] {
                    let (ky, kx) = (cell / kernel[1], cell % kernel[1]);
                    let row = (y * conv.strides[0] + ky * conv.dilation[0]).checked_sub(conv.padding.top);
                    let column = (x * conv.strides[1] + kx * conv.dilation[1]).checked_sub(conv.padding.left);
                    if let (Some(row), Some(column)) = (row, column)
                        && row < height
                        && column < width
                    {
                        let pixel = (n * height + row) * width + column;
                        f(pixel, cell, n * self.output.elements() + output, channel);
                    }
                }
            }
        }
    }
}
