//! Convolutions, depthwise convolutions and dense layers: forward and both gradients.

use std::fmt;

use divan::Bencher;
use divan::counter::ItemsCount;
use petal_kernels::{Activation, Conv2d, Dense, DepthwiseConv2d, Padding, PooledConv2d, Precision};

use crate::{BATCH, values};

/// `[input size, channels, filters, kernel, stride]` of a convolution with padding `same`.
#[derive(Clone, Copy)]
struct Shape([usize; 5]);

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [size, channels, filters, kernel, stride] = self.0;
        write!(f, "{size}x{size}x{channels} to {filters}, {kernel}x{kernel}/{stride}")
    }
}

impl Shape {
    fn padding(&self) -> Padding {
        let [size, _, _, kernel, stride] = self.0;
        Padding::same([size; 2], [kernel; 2], [stride; 2])
    }

    fn conv(&self) -> Conv2d {
        let [size, channels, filters, kernel, stride] = self.0;
        Conv2d {
            batch: BATCH,
            input: [size, size, channels],
            filters,
            kernel: [kernel; 2],
            strides: [stride; 2],
            dilation: [1; 2],
            padding: self.padding(),
            groups: 1,
            precision: Precision::Float32,
        }
    }

    fn depthwise(&self) -> DepthwiseConv2d {
        let [size, channels, _, kernel, stride] = self.0;
        DepthwiseConv2d {
            batch: BATCH,
            input: [size, size, channels],
            multiplier: 1,
            kernel: [kernel; 2],
            strides: [stride; 2],
            dilation: [1; 2],
            padding: self.padding(),
        }
    }
}

/// Benchmarks of a layer's three methods.
macro_rules! layer {
    ($name:ident, $shapes:expr, $shape:ty, |$one:ident| $layer:expr, $outputs:expr) => {
        #[divan::bench_group(max_time = 0.25, sample_size = 1)]
        mod $name {
            use super::*;

            fn lengths($one: &$shape) -> [usize; 4] {
                let layer = $layer;
                let (x, y, filters) = $outputs(&layer);
                [x, y, layer.kernel_len(), filters]
            }

            /// Multiply-adds are counted as if no tap were outside the image.
            fn operations(shape: &$shape) -> ItemsCount {
                let [_, y, kernel, filters] = lengths(shape);
                ItemsCount::new(2 * y * kernel / filters)
            }

            #[divan::bench(args = $shapes)]
            fn forward(bencher: Bencher, $one: &$shape) {
                let layer = $layer;
                let [x, y, kernel, filters] = lengths($one);
                let (x, kernel, bias) = (values(x), values(kernel), values(filters));
                let (mut y, mut scratch) = (values(y), values(layer.forward_scratch()));
                bencher.counter(operations($one)).bench_local(|| {
                    layer.forward(&x, &kernel, Some(&bias), Activation::Relu6, &mut y, &mut scratch);
                });
            }

            #[divan::bench(args = $shapes)]
            fn input_gradient(bencher: Bencher, $one: &$shape) {
                let layer = $layer;
                let [x, y, kernel, _] = lengths($one);
                let (dy, kernel) = (values(y), values(kernel));
                let (mut dx, mut scratch) = (values(x), values(layer.backward_input_scratch()));
                bencher.counter(operations($one)).bench_local(|| {
                    layer.backward_input(&dy, &kernel, None, &mut dx, &mut scratch);
                });
            }

            #[divan::bench(args = $shapes)]
            fn kernel_gradient(bencher: Bencher, $one: &$shape) {
                let layer = $layer;
                let [x, y, kernel, filters] = lengths($one);
                let (x, dy) = (values(x), values(y));
                let (mut dkernel, mut dbias) = (values(kernel), values(filters));
                let mut scratch = values(layer.backward_kernel_scratch());
                bencher.counter(operations($one)).bench_local(|| {
                    layer.backward_kernel(&x, &dy, &mut dkernel, Some(&mut dbias), &mut scratch);
                });
            }
        }
    };
}

/// The lecture's CNN and MobileNetV2's first layer.
const CONVOLUTIONS: [Shape; 4] = [
    Shape([180, 3, 16, 3, 1]),
    Shape([90, 16, 32, 3, 1]),
    Shape([45, 32, 64, 3, 1]),
    Shape([180, 3, 32, 3, 2]),
];

/// ResNet50's 3×3 layers, which VGG16 has too, at 224×224 photos.
const THREE_BY_THREE: [Shape; 4] = [
    Shape([56, 64, 64, 3, 1]),
    Shape([28, 128, 128, 3, 1]),
    Shape([14, 256, 256, 3, 1]),
    Shape([7, 512, 512, 3, 1]),
];

/// MobileNetV2's expansions and projections.
const POINTWISE: [Shape; 14] = [
    Shape([90, 32, 16, 1, 1]),
    Shape([90, 16, 96, 1, 1]),
    Shape([45, 96, 24, 1, 1]),
    Shape([45, 24, 144, 1, 1]),
    Shape([23, 32, 192, 1, 1]),
    Shape([23, 192, 32, 1, 1]),
    Shape([12, 64, 384, 1, 1]),
    Shape([12, 384, 64, 1, 1]),
    Shape([12, 96, 576, 1, 1]),
    Shape([12, 576, 96, 1, 1]),
    Shape([6, 160, 960, 1, 1]),
    Shape([6, 960, 160, 1, 1]),
    Shape([6, 960, 320, 1, 1]),
    Shape([6, 320, 1280, 1, 1]),
];

/// MobileNetV2's depthwise layers.
const DEPTHWISE: [Shape; 10] = [
    Shape([90, 32, 32, 3, 1]),
    Shape([90, 96, 96, 3, 2]),
    Shape([45, 144, 144, 3, 1]),
    Shape([45, 144, 144, 3, 2]),
    Shape([23, 192, 192, 3, 1]),
    Shape([23, 192, 192, 3, 2]),
    Shape([12, 384, 384, 3, 1]),
    Shape([12, 576, 576, 3, 1]),
    Shape([12, 576, 576, 3, 2]),
    Shape([6, 960, 960, 3, 1]),
];

fn conv_lengths(conv: &Conv2d) -> (usize, usize, usize) {
    let image: usize = conv.input.iter().product();
    (conv.batch * image, conv.batch * conv.output().iter().product::<usize>(), conv.filters)
}

fn depthwise_lengths(conv: &DepthwiseConv2d) -> (usize, usize, usize) {
    let image: usize = conv.input.iter().product();
    (conv.batch * image, conv.batch * conv.output().iter().product::<usize>(), conv.output()[2])
}

layer!(conv2d, CONVOLUTIONS, Shape, |shape| shape.conv(), conv_lengths);
layer!(conv2d_of_8, THREE_BY_THREE, Shape, |shape| Conv2d { batch: 8, ..shape.conv() }, conv_lengths);
layer!(pointwise, POINTWISE, Shape, |shape| shape.conv(), conv_lengths);
layer!(
    conv2d_of_8_bfloat16,
    THREE_BY_THREE,
    Shape,
    |shape| Conv2d { batch: 8, precision: Precision::Bfloat16, ..shape.conv() },
    conv_lengths
);
layer!(
    pointwise_bfloat16,
    POINTWISE,
    Shape,
    |shape| Conv2d { precision: Precision::Bfloat16, ..shape.conv() },
    conv_lengths
);
layer!(depthwise, DEPTHWISE, Shape, |shape| shape.depthwise(), depthwise_lengths);

/// The lecture's CNN: convolutions with ReLU and max pooling. Operations are counted as if all pixels had a gradient.
#[divan::bench_group(max_time = 0.25, sample_size = 1)]
mod pooled_conv2d {
    use super::*;

    const SHAPES: [Shape; 3] = [CONVOLUTIONS[0], CONVOLUTIONS[1], CONVOLUTIONS[2]];

    struct Layer {
        pooled: PooledConv2d,
        x: Vec<f32>,
        kernel: Vec<f32>,
        /// One in four windows has no gradient, as after a ReLU.
        dy: Vec<f32>,
        arg: Vec<u8>,
        operations: ItemsCount,
    }

    fn layer(shape: &Shape) -> Layer {
        let pooled = PooledConv2d { conv: shape.conv() };
        let (x, y, filters) = conv_lengths(&pooled.conv);
        let operations = ItemsCount::new(2 * y * pooled.conv.kernel_len() / filters);
        let random = values(pooled.arg_bytes());
        let dy = random.iter().map(|value| value.max(-0.5) + 0.5).collect();
        let arg = random.iter().map(|value| (value * 1e4) as i32 as u8 % 4).collect();
        Layer { x: values(x), kernel: values(pooled.conv.kernel_len()), pooled, dy, arg, operations }
    }

    #[divan::bench(args = SHAPES)]
    fn forward(bencher: Bencher, shape: &Shape) {
        let Layer { pooled, x, kernel, dy: mut y, mut arg, operations } = layer(shape);
        let (bias, mut scratch) = (values(pooled.conv.filters), values(pooled.forward_scratch()));
        bencher.counter(operations).bench_local(|| {
            pooled.forward(&x, &kernel, Some(&bias), Activation::Relu, &mut y, &mut arg, &mut scratch);
        });
    }

    #[divan::bench(args = SHAPES)]
    fn input_gradient(bencher: Bencher, shape: &Shape) {
        let Layer { pooled, x: mut dx, kernel, dy, arg, operations } = layer(shape);
        let mut scratch = values(pooled.backward_input_scratch());
        bencher.counter(operations).bench_local(|| {
            pooled.backward_input(&dy, &arg, &kernel, None, &mut dx, &mut scratch);
        });
    }

    #[divan::bench(args = SHAPES)]
    fn kernel_gradient(bencher: Bencher, shape: &Shape) {
        let Layer { pooled, x, kernel: mut dkernel, dy, arg, operations } = layer(shape);
        let (mut dbias, mut scratch) =
            (values(pooled.conv.filters), values(pooled.backward_kernel_scratch()));
        bencher.counter(operations).bench_local(|| {
            pooled.backward_kernel(&x, &dy, &arg, &mut dkernel, Some(&mut dbias), &mut scratch);
        });
    }
}

/// The lecture's dense layer and MobileNetV2's head, as `[inputs, units]`.
const DENSE: [[usize; 2]; 2] = [[30_976, 128], [1280, 5]];

#[divan::bench_group(max_time = 0.25, sample_size = 1)]
mod dense {
    use super::*;

    fn layer([inputs, units]: [usize; 2]) -> (Dense, ItemsCount) {
        (
            Dense { rows: BATCH, inputs, units, precision: Precision::Float32 },
            ItemsCount::new(2 * BATCH * inputs * units),
        )
    }

    #[divan::bench(args = DENSE)]
    fn forward(bencher: Bencher, shape: [usize; 2]) {
        let (layer, operations) = layer(shape);
        let Dense { rows, inputs, units, .. } = layer;
        let (x, kernel, bias) = (values(rows * inputs), values(inputs * units), values(units));
        let (mut y, mut scratch) = (values(rows * units), values(layer.forward_scratch()));
        bencher.counter(operations).bench_local(|| {
            layer.forward(&x, &kernel, Some(&bias), Activation::Relu, &mut y, &mut scratch);
        });
    }

    #[divan::bench(args = DENSE)]
    fn input_gradient(bencher: Bencher, shape: [usize; 2]) {
        let (layer, operations) = layer(shape);
        let Dense { rows, inputs, units, .. } = layer;
        let (dy, kernel) = (values(rows * units), values(inputs * units));
        let (mut dx, mut scratch) = (values(rows * inputs), values(layer.backward_input_scratch()));
        bencher.counter(operations).bench_local(|| {
            layer.backward_input(&dy, &kernel, None, &mut dx, &mut scratch);
        });
    }

    #[divan::bench(args = DENSE)]
    fn kernel_gradient(bencher: Bencher, shape: [usize; 2]) {
        let (layer, operations) = layer(shape);
        let Dense { rows, inputs, units, .. } = layer;
        let (x, dy) = (values(rows * inputs), values(rows * units));
        let (mut dkernel, mut dbias) = (values(inputs * units), values(units));
        let mut scratch = values(layer.backward_kernel_scratch());
        bencher.counter(operations).bench_local(|| {
            layer.backward_kernel(&x, &dy, &mut dkernel, Some(&mut dbias), &mut scratch);
        });
    }
}
