//! Products with weights: convolutions and dense layers, with the batch normalization after them.

use super::super::layout::Stored;
use super::super::proto::Attribute::{self, Int, Ints};
use super::{Call, Lowering};
use crate::program::{BatchNorm, Conv2d, Dense, WeightNumber};

/// What a batch normalization with fixed statistics does to each channel: `x · scale + offset`.
pub(super) struct Affine {
    pub scale: Vec<f64>,
    pub offset: Vec<f64>,
}

impl Lowering<'_> {
    pub(super) fn conv2d(&mut self, call: &Call<'_>, conv: &Conv2d) -> Stored {
        let [rows, columns, inputs, filters] = self.kernel_shape(conv.kernel);
        let (mut kernel, bias) = self.normalized(conv.kernel, conv.bias, conv.norm.as_ref(), filters);
        kernel = by_filter(&kernel, [rows * columns, inputs, filters]);
        self.convolution(call, conv, [filters, inputs, rows, columns], kernel, bias, conv.groups)
    }

    pub(super) fn depthwise_conv2d(&mut self, call: &Call<'_>, conv: &Conv2d) -> Stored {
        let [rows, columns, channels, multiplier] = self.kernel_shape(conv.kernel);
        let filters = channels * multiplier;
        let (mut kernel, bias) = self.normalized(conv.kernel, conv.bias, conv.norm.as_ref(), filters);
        kernel = by_filter(&kernel, [rows * columns, 1, filters]);
        self.convolution(call, conv, [filters, 1, rows, columns], kernel, bias, channels)
    }

    fn convolution(
        &mut self,
        call: &Call<'_>,
        conv: &Conv2d,
        dims: [usize; 4],
        kernel: Vec<f32>,
        bias: Option<String>,
        groups: usize,
    ) -> Stored {
        let kernel = self.graph.floats(self.path(conv.kernel), dims.to_vec(), kernel);
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
        let (mut kernel, bias) = self.normalized(dense.kernel, dense.bias, dense.norm.as_ref(), units);
        if let Some(order) = &x.order {
            kernel = order.iter().flat_map(|&row| &kernel[row * units..][..units]).copied().collect();
        }
        let path = self.path(dense.kernel);
        // Rows of an image's channels: a convolution of one pixel.
        if shape.len() == 3 {
            let dims = vec![units, inputs, 1, 1];
            let kernel = self.graph.floats(path, dims, by_filter(&kernel, [1, inputs, units]));
            let operands = [Some(x.name.as_str()), Some(&kernel), bias.as_deref()];
            let operands: Vec<&str> = operands.into_iter().flatten().collect();
            return Stored::plain(self.graph.node("Conv", &operands));
        }
        let kernel = self.graph.floats(path, vec![inputs, units], kernel);
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
        let Affine { scale, offset } = self.affine_of(norm);
        let [scale, offset] =
            [scale, offset].map(|values| values.iter().map(|&value| value as f32).collect());
        self.affine(call, scale, offset)
    }

    fn affine_of(&self, norm: &BatchNorm) -> Affine {
        let values = |weight: WeightNumber| self.weight(weight).iter().map(|&value| f64::from(value));
        let channels = self.weight(norm.mean).len();
        let or = |weight: Option<WeightNumber>, value: f64| {
            weight.map_or_else(|| vec![value; channels], |weight| values(weight).collect::<Vec<_>>())
        };
        let deviation = values(norm.variance).map(|variance| (variance + f64::from(norm.epsilon)).sqrt());
        let scale: Vec<f64> =
            or(norm.gamma, 1.0).iter().zip(deviation).map(|(gamma, deviation)| gamma / deviation).collect();
        let offset = or(norm.beta, 0.0)
            .iter()
            .zip(values(norm.mean).zip(&scale))
            .map(|(beta, (mean, scale))| beta - mean * scale)
            .collect();
        Affine { scale, offset }
    }

    /// A kernel whose last axes are the output's channels, and the name of the bias, both normalized.
    fn normalized(
        &mut self,
        kernel: WeightNumber,
        bias: Option<WeightNumber>,
        norm: Option<&BatchNorm>,
        channels: usize,
    ) -> (Vec<f32>, Option<String>) {
        let values = self.weight(kernel).to_vec();
        let own_bias = bias.map(|bias| self.weight(bias));
        let Some(Affine { scale, offset }) = norm.map(|norm| self.affine_of(norm)) else {
            let name = bias
                .map(|bias| self.graph.floats(self.path(bias), vec![channels], self.weight(bias).to_vec()));
            return (values, name);
        };
        let values =
            values.iter().enumerate().map(|(i, &value)| (f64::from(value) * scale[i % channels]) as f32);
        let moved = offset.iter().zip(&scale).enumerate().map(|(i, (offset, scale))| {
            (own_bias.map_or(0.0, |bias| f64::from(bias[i])) * scale + offset) as f32
        });
        let moved = moved.collect();
        let name = match bias {
            Some(bias) => self.graph.floats(self.path(bias), vec![channels], moved),
            None => self.graph.layer_floats("bias", vec![channels], moved),
        };
        (values.collect(), Some(name))
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
