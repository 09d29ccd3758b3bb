//! Trains a small CNN on 10,000 images of 32×32×3 in memory, and says how many it takes a second: what a binding to
//! another language is measured by (`crates/petal-python/bench/arrays.py`).
//!
//!     cargo run --release -p petal --example fit_arrays [EPOCHS]

use std::time::Instant;

use petal::ndarray::Array4;
use petal::prelude::*;
use petal::random::Key;
use petal::training::Verbose;

const IMAGES: usize = 10_000;

fn main() -> petal::Result<()> {
    let epochs = std::env::args().nth(1).and_then(|epochs| epochs.parse().ok()).unwrap_or(3);
    let mut generator = Key::new(0).generator();
    let images = Array4::from_shape_simple_fn((IMAGES, 32, 32, 3), || generator.uniform());
    let labels: Vec<usize> = (0..IMAGES).map(|i| i % 10).collect();
    let data = ArrayDataset::new(images, &labels)?.shuffle(0);

    let x = Input::image(32, 32, 3);
    let h = Conv2D::new(32, 3).relu().on(&x)?;
    let h = MaxPooling2D::new(2).on(&h)?;
    let h = Conv2D::new(64, 3).relu().on(&h)?;
    let h = MaxPooling2D::new(2).on(&h)?;
    let h = Conv2D::new(64, 3).relu().on(&h)?;
    let h = Dense::new(64).relu().on(&Flatten::new().on(&h)?)?;
    let mut model = Model::new(&x, &Dense::new(10).on(&h)?)?;
    model.compile(Adam::new(1e-3), SparseCategoricalCrossentropy::from_logits())?;
    let begin = Instant::now();
    model.fit(&data, Fit::epochs(epochs).verbose(Verbose::Silent))?;
    println!("{:.0} images/s", (epochs * IMAGES) as f64 / begin.elapsed().as_secs_f64());
    Ok(())
}
