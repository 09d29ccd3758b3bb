//! What photos add to a training step of the lecture's CNN, 180×180, batch 32. For `bench/input`.
//!
//! ```sh
//! cargo run --release -p petal --example input_cost -- flower_photos [ROUNDS]
//! ```

use std::time::Instant;

use ndarray::ArrayD;
use petal::applications::{lecture_augmentation, lecture_cnn};
use petal::data::{Batch, Subset};
use petal::prelude::*;

/// Notes when each step ends.
#[derive(Default)]
struct Clock {
    last: Option<Instant>,
    steps: Vec<f64>,
}

impl Callback for Clock {
    fn on_epoch_begin(&mut self, _epoch: usize, _training: &mut Training<'_>) -> petal::Result<()> {
        self.last = None;
        Ok(())
    }

    fn on_batch_end(
        &mut self,
        _step: usize,
        _logs: &Logs,
        _training: &mut Training<'_>,
    ) -> petal::Result<()> {
        let now = Instant::now();
        let before = self.last.replace(now);
        self.steps.extend(before.map(|before| (now - before).as_secs_f64() * 1e3));
        Ok(())
    }
}

struct Case<'a> {
    name: &'static str,
    model: Model,
    data: &'a dyn Dataset,
    clock: Clock,
}

fn main() -> petal::Result<()> {
    const STEPS: usize = 6;
    let mut arguments = std::env::args().skip(1);
    let directory = arguments.next().unwrap_or_else(|| "flower_photos".into());
    let rounds: usize = arguments.next().and_then(|rounds| rounds.parse().ok()).unwrap_or(5);
    let photos = ImageFolder::new(directory).image_size(180, 180).seed(42).load()?;
    let classes = photos.class_names().len();
    // So few that an epoch is short.
    let photos = Subset::new(&photos, 0..photos.len().min(STEPS * 32))?;
    let tensors = in_memory(&photos)?;
    let shape = [180, 180, 3];
    let case = |name, model, data| Case { name, model, data, clock: Clock::default() };
    let mut cases = [
        case("tensors in memory", lecture_cnn(shape, classes, 1)?, &tensors as &dyn Dataset),
        case("cached photos", lecture_cnn(shape, classes, 1)?, &photos),
        case("cached photos, augmented", augmented(shape, classes)?, &photos),
    ];
    for case in &mut cases {
        case.model.compile(Adam::new(1e-3), SparseCategoricalCrossentropy::from_logits())?;
    }
    for _ in 0..rounds {
        for Case { model, data, clock, .. } in &mut cases {
            model.fit(*data, Fit::epochs(1).callback(clock).verbose(Verbose::Silent))?;
        }
    }
    println!("| | ms a step, median | added |\n|---|---|---|");
    let base = median(&mut cases[0].clock.steps);
    for Case { name, clock, .. } in &mut cases {
        let step = median(&mut clock.steps);
        println!("| {name} | {step:.1} | {:+.1} % |", 100.0 * (step / base - 1.0));
    }
    Ok(())
}

fn augmented(shape: [usize; 3], classes: usize) -> petal::Result<Model> {
    let x = Input::new(shape);
    let h = lecture_augmentation(shape, 1)?.on(&x)?;
    Model::new(&x, &lecture_cnn(shape, classes, 1)?.on(&h)?)
}

fn in_memory(photos: &Subset<'_>) -> petal::Result<ArrayDataset> {
    let mut batch = Batch::default();
    photos.load(&photos.order(0), 0, &mut batch)?;
    let labels: Vec<usize> = batch.targets.iter().map(|&label| label as usize).collect();
    let shape = [&[photos.len()], photos.sample_shape()].concat();
    let pixels = ArrayD::from_shape_vec(shape, batch.inputs.to_floats().into_owned())
        .expect("as many pixels as the shape says");
    ArrayDataset::new(pixels, &labels)
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
