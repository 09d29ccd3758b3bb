//! Median time in ms of a training step of the lecture's CNN (180×180, batch 32, Adam, data in memory) with Burn's CPU
//! backend Flex: `cargo run --release -- [STEPS]`, for `bench/step_time`.

use std::time::Instant;

use burn::module::Module;
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::loss::CrossEntropyLossConfig;
use burn::nn::pool::{MaxPool2d, MaxPool2dConfig};
use burn::nn::{Linear, LinearConfig, PaddingConfig2d};
use burn::optim::{AdamConfig, GradientsParams};
use burn::tensor::activation::relu;
use burn::tensor::{Device, Distribution, Int, Tensor};

#[derive(Module, Debug)]
struct LectureCnn {
    convolutions: [Conv2d; 3],
    pool: MaxPool2d,
    hidden: Linear,
    output: Linear,
}

impl LectureCnn {
    fn new(device: &Device) -> Self {
        let convolution = |[input, output]: [usize; 2]| {
            let padding = PaddingConfig2d::Explicit(1, 1, 1, 1);
            Conv2dConfig::new([input, output], [3, 3]).with_padding(padding).init(device)
        };
        LectureCnn {
            convolutions: [[3, 16], [16, 32], [32, 64]].map(convolution),
            pool: MaxPool2dConfig::new([2, 2]).init(),
            hidden: LinearConfig::new(22 * 22 * 64, 128).init(device),
            output: LinearConfig::new(128, 5).init(device),
        }
    }

    fn forward(&self, photos: Tensor<4>) -> Tensor<2> {
        let scaled = photos / 255.0;
        let features =
            self.convolutions.iter().fold(scaled, |h, layer| self.pool.forward(relu(layer.forward(h))));
        self.output.forward(relu(self.hidden.forward(features.flatten::<2>(1, 3))))
    }
}

fn main() {
    let steps: usize = std::env::args().nth(1).map_or(15, |steps| steps.parse().expect("STEPS is a number"));
    let device = Device::flex().autodiff();
    let mut model = LectureCnn::new(&device);
    let mut optimizer = AdamConfig::new().init();
    let loss = CrossEntropyLossConfig::new().init(&device);
    let photos = Tensor::<4>::random([32, 3, 180, 180], Distribution::Uniform(0.0, 255.0), &device);
    let labels: [i32; 32] = std::array::from_fn(|n| n as i32 % 5);
    let labels = Tensor::<1, Int>::from_data(labels, &device);
    let mut times = Vec::new();
    for _ in 0..steps + 2 {
        let start = Instant::now();
        let gradients = loss.forward(model.forward(photos.clone()), labels.clone()).backward();
        let gradients = GradientsParams::from_grads(gradients, &model);
        model = optimizer.step(1e-3, model, gradients);
        times.push(start.elapsed().as_secs_f64() * 1e3);
    }
    let times = &mut times[2..];
    times.sort_by(f64::total_cmp);
    println!("cnn burn {:.1}", times[times.len() / 2]);
}
