//! The augmentation's sampling of 180×180 photos.

use divan::Bencher;
use divan::counter::BytesCount;
use petal_kernels::{AffineTransform, FillMode, Interpolation};

use crate::BATCH;

#[divan::bench(args = [FillMode::Reflect, FillMode::Nearest, FillMode::Wrap, FillMode::Constant], max_time = 0.5, sample_size = 1)]
fn warp(bencher: Bencher, fill_mode: FillMode) {
    let transform = AffineTransform {
        height: 180,
        width: 180,
        channels: 3,
        fill_mode,
        fill_value: 0.0,
        interpolation: Interpolation::Bilinear,
        rescaling: [1.0 / 255.0, 0.0],
    };
    // Turned by up to half a radian either way, around the middle.
    let map = |n: usize| {
        let (sin, cos) = (n as f32 / BATCH as f32 - 0.5).sin_cos();
        let middle = 89.5;
        [cos, -sin, middle * (1.0 - cos + sin), sin, cos, middle * (1.0 - sin - cos)]
    };
    let maps: Vec<_> = (0..BATCH).map(map).collect();
    let x: Vec<u8> = (0..BATCH * 180 * 180 * 3).map(|i| (i * 7919) as u8).collect();
    let mut y = vec![0.0; x.len()];
    bencher.counter(BytesCount::new(5 * x.len())).bench_local(|| transform.forward(&maps, &*x, &mut y));
}
