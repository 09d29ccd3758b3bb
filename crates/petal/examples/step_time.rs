//! The time of a training step on data in memory, 180×180, batch 32. For `bench/step_time`.
//!
//! ```sh
//! cargo run --release -p petal --example step_time -- cnn|frozen|fine-tune [STEPS [POLICY]]
//! ```

use std::time::Instant;

use ndarray::Array;
use petal::applications::{MobileNetV2, Weights, lecture_cnn};
use petal::prelude::*;
use petal::program::DTypePolicy;

/// Notes when each step ends.
struct Clock(Vec<Instant>);

impl Callback for Clock {
    fn on_batch_end(
        &mut self,
        _step: usize,
        _logs: &Logs,
        _training: &mut Training<'_>,
    ) -> petal::Result<()> {
        self.0.push(Instant::now());
        Ok(())
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let name = arguments.first().map_or("cnn", String::as_str);
    let steps: usize = arguments.get(1).map_or(Ok(15), |steps| steps.parse())?;
    let policy: DTypePolicy = arguments.get(2).map_or(Ok(DTypePolicy::Float32), |policy| policy.parse())?;
    let images = Array::from_shape_fn([32, 180, 180, 3], |(n, y, x, c)| {
        ((n * 7 + y * 3 + x * 5 + c * 11) % 256) as f32
    });
    let labels: Vec<usize> = (0..32).map(|n| n % 5).collect();
    let data = ArrayDataset::new(images, &labels)?.batch_size(32);
    let loss = SparseCategoricalCrossentropy::from_logits();
    let mut model = match name {
        "cnn" => lecture_cnn([180, 180, 3], 5, 1)?,
        "frozen" | "fine-tune" => transfer(name == "fine-tune")?,
        _ => return Err(format!("'{name}' is none of cnn, frozen, fine-tune").into()),
    };
    model.set_dtype_policy(policy);
    if name == "fine-tune" {
        model.compile(RMSprop::new(1e-5), loss)?;
    } else {
        model.compile(Adam::new(1e-3), loss)?;
    }
    let mut clock = Clock(Vec::new());
    // Each step computes everything, as the peers' steps do.
    let fit = Fit::epochs(steps + 3).reuse_features(false).callback(&mut clock).verbose(Verbose::Silent);
    model.fit(&data, fit)?;
    let mut times: Vec<f64> = clock.0.windows(2).skip(2).map(|w| (w[1] - w[0]).as_secs_f64() * 1e3).collect();
    times.sort_by(f64::total_cmp);
    let peer = if policy == DTypePolicy::Float32 { "petal" } else { "petal-bfloat16" };
    println!("{name} {peer} {:.1}", times[times.len() / 2]);
    Ok(())
}

fn transfer(fine_tune: bool) -> petal::Result<Model> {
    let mut base = MobileNetV2::new(180, 180).include_top(false).weights(Weights::None).build()?;
    base.set_trainable(fine_tune);
    if fine_tune {
        base.layers_mut()[..100].iter_mut().for_each(|layer| layer.set_trainable(false));
    }
    let x = Input::image(180, 180, 3);
    let h = MobileNetV2::preprocess_input(&x)?;
    let h = base.with_training(false).on(&h)?;
    let h = GlobalAveragePooling2D::new().on(&h)?;
    Model::new(&x, &Dense::new(5).on(&h)?)
}
