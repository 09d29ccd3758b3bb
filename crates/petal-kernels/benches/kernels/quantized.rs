//! Convolutions of bytes, at the shapes of MobileNetV2 and ResNet50 with photos of 224×224.

use divan::Bencher;
use divan::counter::ItemsCount;
use petal_kernels::{
    Conv2d, DepthwiseConv2d, Padding, Precision, QuantizedConv2d, QuantizedDepthwiseConv2d, QuantizedOutput,
};

/// Photos of a batch.
const BATCH: usize = 8;

/// Side of the image, its channels, filters, side of the kernel, strides.
const CONVOLUTIONS: [[usize; 5]; 8] = [
    [224, 3, 32, 3, 2],
    [112, 32, 16, 1, 1],
    [56, 24, 144, 1, 1],
    [28, 192, 32, 1, 1],
    [14, 384, 64, 1, 1],
    [7, 320, 1280, 1, 1],
    [56, 64, 64, 3, 1],
    [14, 256, 256, 3, 1],
];

#[divan::bench(args = CONVOLUTIONS.map(|shape| format!("{shape:?}")), max_time = 1.0, sample_size = 1)]
fn quantized_conv2d(bencher: Bencher, shape: &str) {
    let [side, channels, filters, kernel, strides] =
        *CONVOLUTIONS.iter().find(|known| format!("{known:?}") == shape).expect("it is one of the arguments");
    let shape = Conv2d {
        batch: BATCH,
        input: [side, side, channels],
        filters,
        kernel: [kernel; 2],
        strides: [strides; 2],
        dilation: [1; 2],
        padding: padding(kernel, strides),
        groups: 1,
        precision: Precision::Float32,
    };
    let conv = QuantizedConv2d { shape, zero_point: 3 };
    let x = vec![7; BATCH * side * side * channels];
    let kernel = conv.pack(&vec![-5; shape.kernel_len()], &vec![1; filters], &vec![1e-3; filters]);
    let [height, width, _] = shape.output();
    let mut y = vec![0; BATCH * height * width * filters];
    bencher.counter(ItemsCount::new(2 * BATCH * height * width * shape.kernel_len())).bench_local(|| {
        conv.forward(&x, &kernel, QuantizedOutput::Bytes { y: &mut y, zero_point: 9, bounds: [0, 255] });
    });
}

#[divan::bench(args = ["112 32 1", "112 96 2", "56 144 1", "28 192 1", "14 384 1", "7 960 1"], max_time = 1.0, sample_size = 1)]
fn quantized_depthwise_conv2d(bencher: Bencher, shape: &str) {
    let numbers: Vec<usize> = shape.split(' ').map(|number| number.parse().expect("a number")).collect();
    let [side, channels, strides] = numbers[..].try_into().expect("three numbers");
    let shape = DepthwiseConv2d {
        batch: BATCH,
        input: [side, side, channels],
        multiplier: 1,
        kernel: [3; 2],
        strides: [strides; 2],
        dilation: [1; 2],
        padding: padding(3, strides),
    };
    let conv = QuantizedDepthwiseConv2d { shape, zero_point: 3 };
    let x = vec![7; BATCH * side * side * channels];
    let kernel = conv.pack(&vec![-5; shape.kernel_len()], &vec![1; channels], &vec![1e-3; channels]);
    let [height, width, _] = shape.output();
    let mut y = vec![0; BATCH * height * width * channels];
    bencher.counter(ItemsCount::new(2 * BATCH * height * width * shape.kernel_len())).bench_local(|| {
        conv.forward(&x, &kernel, QuantizedOutput::Bytes { y: &mut y, zero_point: 9, bounds: [0, 255] });
    });
}

/// As Keras' "same" for images of even sides.
fn padding(kernel: usize, strides: usize) -> Padding {
    let before = (kernel - strides.min(kernel)) / 2;
    Padding {
        top: before,
        left: before,
        bottom: kernel - strides.min(kernel) - before,
        right: kernel - strides.min(kernel) - before,
    }
}
