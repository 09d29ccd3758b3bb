//! Products with weights: convolutions and dense layers. Those whose weights are rounded have them as whole numbers.

use super::super::layout::Stored;
use super::super::proto::Attribute::{self, Int, Ints};
use super::super::proto::Data;
use super::{Call, Lowering};
use crate::program::{BatchNorm, Conv2d, Dense, Padding, WeightNumber};

impl Lowering<'_> {
    pub(super) fn conv2d(&mut self, call: &Call<'_>, conv: &Conv2d) -> Stored {
        let [rows, columns, inputs, filters] = self.kernel_shape(conv.kernel);
        let kernel = by_filter(self.weight(conv.kernel), [rows * columns, inputs, filters]);
        self.convolution(call, conv, [filters, inputs, rows, columns], kernel, conv.groups)
    }

    pub(super) fn depthwise_conv2d(&mut self, call: &Call<'_>, conv: &Conv2d) -> Stored {
        let [rows, columns, channels, multiplier] = self.kernel_shape(conv.kernel);
        let filters = channels * multiplier;
        let kernel = by_filter(self.weight(conv.kernel), [rows * columns, 1, filters]);
        self.convolution(call, conv, [filters, 1, rows, columns], kernel, channels)
    }

    fn convolution(
        &mut self,
        call: &Call<'_>,
        conv: &Conv2d,
        dims: [usize; 4],
        kernel: Vec<f32>,
        groups: usize,
    ) -> Stored {
        let kernel = self.kernel(conv.kernel, &dims, kernel, 0);
        let bias = self.bias(conv.bias);
        let padding = conv.padding;
        let attributes = vec![
            ("kernel_shape", ints(&dims[2..])),
            ("strides", ints(&conv.strides)),
            ("pads", ints(&[padding.top, padding.left, padding.bottom, padding.right])),
            ("dilations", ints(&conv.dilation)),
            ("group", Int(groups.max(1) as i64)),
        ];
        let inputs = [Some(call.inputs[0].name.as_str()), Some(&kernel), bias.as_deref()];
        let inputs: Vec<&str> = inputs.into_iter().flatten().collect();
        Stored::plain(self.graph.node_with("Conv", &inputs, attributes))
    }

    pub(super) fn dense(&mut self, call: &Call<'_>, dense: &Dense) -> Stored {
        let (x, shape) = (&call.inputs[0], call.shapes[0]);
        let units = call.output.last().copied().unwrap_or(1);
        let inputs = shape.last().copied().unwrap_or(1);
        // Rows of an image's channels: a convolution of one pixel.
        if shape.len() == 3 {
            let pixel = Conv2d {
                kernel: dense.kernel,
                bias: dense.bias,
                strides: [1, 1],
                dilation: [1, 1],
                padding: Padding::default(),
                groups: 1,
                norm: None,
            };
            let kernel = by_filter(self.weight(dense.kernel), [1, inputs, units]);
            return self.convolution(call, &pixel, [units, inputs, 1, 1], kernel, 1);
        }
        let mut kernel = self.weight(dense.kernel).to_vec();
        if let Some(order) = &x.order {
            kernel = order.iter().flat_map(|&row| &kernel[row * units..][..units]).copied().collect();
        }
        let bias = self.bias(dense.bias);
        let kernel = self.kernel(dense.kernel, &[inputs, units], kernel, 1);
        Stored::plain(match (shape.len(), bias) {
            (1, Some(bias)) => self.graph.node("Gemm", &[&x.name, &kernel, &bias]),
            (_, Some(bias)) => {
                let product = self.graph.node("MatMul", &[&x.name, &kernel]);
                self.graph.node("Add", &[&product, &bias])
            }
            (_, None) => self.graph.node("MatMul", &[&x.name, &kernel]),
        })
    }

    pub(super) fn batch_norm(&mut self, call: &Call<'_>, norm: &BatchNorm) -> Option<Stored> {
        let normalization = norm.affine(&self.program.weights, self.weights);
        let [scale, offset] = [normalization.scale, normalization.offset]
            .map(|values| values.iter().map(|&value| value as f32).collect());
        self.affine(call, scale, offset)
    }

    /// The kernel's values, whose output channels lie along this axis.
    fn kernel(&mut self, kernel: WeightNumber, dims: &[usize], values: Vec<f32>, axis: usize) -> String {
        let path = self.path(kernel);
        let Some(scales) = &self.program.weights[kernel].scales else {
            return self.graph.floats(path, dims.to_vec(), values);
        };
        let inner: usize = dims[axis + 1..].iter().product();
        let steps = |(i, value): (usize, &f32)| {
            // Engines for processors without an instruction for products of bytes add two of them in 16 bits, which is
            // too few where one is signed.
            ((value / scales[i / inner % scales.len()]).round_ties_even() + 128.0) as u8
        };
        let bytes = Data::Bytes(values.iter().enumerate().map(steps).collect());
        let zero = Data::Bytes(vec![128; scales.len()]);
        self.graph.dequantized(path, dims.to_vec(), bytes, scales, zero, axis)
    }

    fn bias(&mut self, bias: Option<WeightNumber>) -> Option<String> {
        let (path, values) = (self.path(bias?), self.weight(bias?));
        let Some(scales) = &self.program.weights[bias?].scales else {
            return Some(self.graph.floats(path, vec![values.len()], values.to_vec()));
        };
        let steps = values.iter().zip(scales).map(|(value, scale)| (value / scale).round_ties_even() as i32);
        let (numbers, zero) = (Data::Numbers(steps.collect()), Data::Numbers(vec![0; scales.len()]));
        Some(self.graph.dequantized(path, vec![values.len()], numbers, scales, zero, 0))
    }

    fn kernel_shape(&self, kernel: WeightNumber) -> [usize; 4] {
        <[usize; 4]>::try_from(self.program.weights[kernel].shape.as_slice()).unwrap_or_default()
    }
}

/// The kernel `[cells, inputs, filters]` as `[filters, inputs, cells]`.
fn by_filter(kernel: &[f32], [cells, inputs, filters]: [usize; 3]) -> Vec<f32> {
    let mut values = Vec::with_capacity(kernel.len());
    for filter in 0..filters {
        for input in 0..inputs {
            values.extend((0..cells).map(|cell| kernel[(cell * inputs + input) * filters + filter]));
        }
    }
    values
}

fn ints(values: &[usize]) -> Attribute {
    Ints(values.iter().map(|&value| value as i64).collect())
}
