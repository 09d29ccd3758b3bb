//! Kernels that do little more than read and write memory.

use divan::Bencher;
use divan::counter::BytesCount;
use petal_kernels::{
    Activation, ActivationGradient, AdamStep, BatchNorm, Padding, Pool2d, RmspropStep, SgdStep, Unary, add,
    global_average_backward, global_average_forward, sparse_softmax_cross_entropy,
};

use crate::{BATCH, values};

/// Bytes of `len` values of `f32`.
fn floats(len: usize) -> BytesCount {
    BytesCount::new(4 * len)
}

/// Size and channels of the lecture's pooled layers.
const POOLED: [[usize; 2]; 3] = [[180, 16], [90, 32], [45, 64]];

#[divan::bench_group(max_time = 0.25, sample_size = 1)]
mod max_pooling {
    use super::*;

    fn pool([size, channels]: [usize; 2]) -> (Pool2d, usize, usize) {
        let pool = Pool2d {
            batch: BATCH,
            input: [size, size, channels],
            window: [2; 2],
            strides: [2; 2],
            padding: Padding::default(),
        };
        (pool, BATCH * size * size * channels, BATCH * pool.output().iter().product::<usize>())
    }

    #[divan::bench(args = POOLED)]
    fn forward(bencher: Bencher, shape: [usize; 2]) {
        let (pool, x, y) = pool(shape);
        let bytes = BytesCount::new(4 * (x + y) + y);
        let (x, mut y, mut arg) = (values(x), values(y), vec![0; pool.arg_bytes()]);
        bencher.counter(bytes).bench_local(|| pool.max_forward(&x, &mut y, &mut arg));
    }

    #[divan::bench(args = POOLED)]
    fn backward(bencher: Bencher, shape: [usize; 2]) {
        let (pool, x, y) = pool(shape);
        let bytes = BytesCount::new(4 * (x + y) + y);
        let (x, mut y, mut arg) = (values(x), values(y), vec![0; pool.arg_bytes()]);
        pool.max_forward(&x, &mut y, &mut arg);
        let mut dx = x;
        bencher.counter(bytes).bench_local(|| pool.max_backward(&y, &arg, &mut dx));
    }

    #[divan::bench(args = POOLED)]
    fn average_forward(bencher: Bencher, shape: [usize; 2]) {
        let (pool, x, y) = pool(shape);
        let bytes = floats(x + y);
        let (x, mut y) = (values(x), values(y));
        bencher.counter(bytes).bench_local(|| pool.average_forward(&x, &mut y));
    }
}

/// Pixels of a batch and channels of some of MobileNetV2's layers.
const LAYERS: [[usize; 2]; 4] =
    [[BATCH * 8100, 96], [BATCH * 2025, 144], [BATCH * 144, 576], [BATCH * 36, 1280]];

#[divan::bench_group(max_time = 0.25, sample_size = 1)]
mod global_average_pooling {
    use super::*;

    #[divan::bench]
    fn forward(bencher: Bencher) {
        let (x, mut y) = (values(BATCH * 36 * 1280), values(BATCH * 1280));
        bencher
            .counter(floats(x.len() + y.len()))
            .bench_local(|| global_average_forward(BATCH, 36, 1280, &x, &mut y));
    }

    #[divan::bench]
    fn backward(bencher: Bencher) {
        let (dy, mut dx) = (values(BATCH * 1280), values(BATCH * 36 * 1280));
        bencher
            .counter(floats(dx.len() + dy.len()))
            .bench_local(|| global_average_backward(BATCH, 36, 1280, &dy, &mut dx));
    }
}

#[divan::bench_group(max_time = 0.25, sample_size = 1)]
mod batch_norm {
    use super::*;

    fn norm([rows, channels]: [usize; 2]) -> (BatchNorm, Vec<f32>, [Vec<f32>; 4]) {
        let statistics = [(); 4].map(|()| (0..channels).map(|c| 1.0 + c as f32 / 1e3).collect());
        (BatchNorm { rows, channels, epsilon: 1e-3 }, values(rows * channels), statistics)
    }

    #[divan::bench(args = LAYERS)]
    fn statistics(bencher: Bencher, shape: [usize; 2]) {
        let (norm, x, [mut mean, mut variance, ..]) = norm(shape);
        let mut scratch = values(norm.statistics_scratch());
        bencher
            .counter(floats(x.len()))
            .bench_local(|| norm.statistics(&x, &mut mean, &mut variance, &mut scratch));
    }

    #[divan::bench(args = LAYERS)]
    fn normalize(bencher: Bencher, shape: [usize; 2]) {
        let (norm, x, [mean, variance, gamma, beta]) = norm(shape);
        let mut y = x.clone();
        bencher
            .counter(floats(2 * x.len()))
            .bench_local(|| norm.normalize(&x, &mean, &variance, Some(&gamma), Some(&beta), &mut y));
    }

    #[divan::bench(args = LAYERS)]
    fn backward_batch(bencher: Bencher, shape: [usize; 2]) {
        let (norm, x, [mean, variance, mut gamma, mut beta]) = norm(shape);
        let (mut dx, dy) = (x.clone(), x.clone());
        let mut scratch = values(norm.backward_scratch());
        bencher.counter(floats(5 * x.len())).bench_local(|| {
            norm.backward_batch(
                &x,
                &dy,
                &mean,
                &variance,
                None,
                Some(&mut dx),
                Some(&mut gamma),
                Some(&mut beta),
                &mut scratch,
                |_| norm.rows,
            );
        });
    }

    #[divan::bench(args = LAYERS)]
    fn backward_fixed(bencher: Bencher, shape: [usize; 2]) {
        let (norm, x, [mean, variance, mut gamma, mut beta]) = norm(shape);
        let (mut dx, dy) = (x.clone(), x.clone());
        let mut scratch = values(norm.backward_scratch());
        bencher.counter(floats(4 * x.len())).bench_local(|| {
            norm.backward_fixed(
                &x,
                &dy,
                &mean,
                &variance,
                None,
                Some(&mut dx),
                Some(&mut gamma),
                Some(&mut beta),
                &mut scratch,
            );
        });
    }
}

#[divan::bench_group(max_time = 0.25, sample_size = 1)]
mod elementwise {
    use super::*;

    const RELU6: Unary = Unary::Relu { max_value: Some(6.0), negative_slope: 0.0, threshold: 0.0 };

    #[divan::bench(args = LAYERS)]
    fn relu6_forward(bencher: Bencher, [rows, channels]: [usize; 2]) {
        let x = values(rows * channels);
        let mut y = x.clone();
        bencher.counter(floats(2 * x.len())).bench_local(|| RELU6.forward(&x, &mut y));
    }

    #[divan::bench(args = LAYERS)]
    fn relu6_backward(bencher: Bencher, [rows, channels]: [usize; 2]) {
        let x = values(rows * channels);
        let mut dx = x.clone();
        bencher.counter(floats(3 * x.len())).bench_local(|| RELU6.backward(&x, &x, &x, &mut dx));
    }

    #[divan::bench(args = LAYERS)]
    fn fused_relu6_backward(bencher: Bencher, [rows, channels]: [usize; 2]) {
        let y = values(rows * channels);
        let mut dy = y.clone();
        let gradient = ActivationGradient { activation: Activation::Relu6, y: &y };
        bencher.counter(floats(3 * y.len())).bench_local(|| gradient.apply(&mut dy));
    }

    #[divan::bench]
    fn residual_add(bencher: Bencher) {
        let a = values(BATCH * 45 * 45 * 24);
        let (b, mut y) = (a.clone(), a.clone());
        bencher.counter(floats(3 * a.len())).bench_local(|| add(&a, &b, &mut y));
    }

    #[divan::bench]
    fn cross_entropy(bencher: Bencher) {
        let (logits, mut losses, mut d) = (values(BATCH * 1000), values(BATCH), values(BATCH * 1000));
        let targets = vec![7.0; BATCH];
        bencher.counter(floats(2 * logits.len())).bench_local(|| {
            sparse_softmax_cross_entropy(BATCH, 1000, &logits, &targets, None, &mut losses, Some(&mut d));
        });
    }
}

/// Weights of MobileNetV2 that train from layer 100 on, and of the lecture's CNN.
const WEIGHTS: [usize; 2] = [1_867_845, 3_989_285];

#[divan::bench_group(max_time = 0.25, sample_size = 1)]
mod optimizer {
    use super::*;

    #[divan::bench(args = WEIGHTS)]
    fn adam(bencher: Bencher, n: usize) {
        let step = AdamStep {
            alpha: 1e-3,
            beta_1: 0.9,
            beta_2: 0.999,
            epsilon: 1e-7,
            decay: 0.0,
            amsgrad: false,
            gradient_scale: 1.0,
            clip: None,
        };
        let (mut w, g, mut m, mut v) = (values(n), values(n), values(n), vec![0.1; n]);
        bencher.counter(floats(7 * n)).bench_local(|| step.apply(&mut w, &g, &mut m, &mut v, None));
    }

    #[divan::bench(args = WEIGHTS)]
    fn rmsprop(bencher: Bencher, n: usize) {
        let step = RmspropStep {
            learning_rate: 1e-3,
            rho: 0.9,
            momentum: 0.0,
            epsilon: 1e-7,
            centered: false,
            decay: 0.0,
            gradient_scale: 1.0,
            clip: None,
        };
        let (mut w, g, mut v) = (values(n), values(n), vec![0.1; n]);
        bencher.counter(floats(5 * n)).bench_local(|| step.apply(&mut w, &g, &mut v, None, None));
    }

    #[divan::bench(args = WEIGHTS)]
    fn sgd_with_momentum(bencher: Bencher, n: usize) {
        let step = SgdStep {
            learning_rate: 1e-3,
            momentum: 0.9,
            nesterov: false,
            decay: 0.0,
            gradient_scale: 1.0,
            clip: None,
        };
        let (mut w, g, mut m) = (values(n), values(n), values(n));
        bencher.counter(floats(5 * n)).bench_local(|| step.apply(&mut w, &g, Some(&mut m)));
    }
}
