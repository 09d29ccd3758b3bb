//! The time of a training step of the lecture's CNN, on data in memory: 180×180, batch 32. For `bench/step_time`.
//!
//! ```sh
//! cargo run --release -p petal --example step_time -- [STEPS]
//! ```

use std::time::Instant;

use ndarray::Array;
use petal::applications::lecture_cnn;
use petal::prelude::*;

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

fn main() -> petal::Result<()> {
    let steps: usize = std::env::args().nth(1).and_then(|steps| steps.parse().ok()).unwrap_or(20);
    let images = Array::from_shape_fn([32, 180, 180, 3], |(n, y, x, c)| {
        ((n * 7 + y * 3 + x * 5 + c * 11) % 256) as f32
    });
    let labels: Vec<usize> = (0..32).map(|n| n % 5).collect();
    let data = ArrayDataset::new(images, &labels)?.batch_size(32);
    let mut model = lecture_cnn([180, 180, 3], 5, 1)?;
    model.compile(Adam::new(1e-3), SparseCategoricalCrossentropy::from_logits())?;
    let mut clock = Clock(Vec::new());
    model.fit(&data, Fit::epochs(steps + 3).callback(&mut clock).verbose(Verbose::Silent))?;
    let mut times: Vec<f64> = clock.0.windows(2).skip(2).map(|w| (w[1] - w[0]).as_secs_f64() * 1e3).collect();
    times.sort_by(f64::total_cmp);
    println!("petal {:.0}", times[times.len() / 2]);
    Ok(())
}
