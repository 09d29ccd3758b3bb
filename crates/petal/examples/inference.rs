//! Photos a second that MobileNetV2 (180×180, a head for 5 classes, random weights) classifies. For `bench/inference`.
//!
//! ```sh
//! cargo run --release -p petal --example inference -- tensors              # the model alone, batches of 1 and 32
//! cargo run --release -p petal --example inference -- save model.petal     # the model, for `petal predict`
//! ```

use std::time::Instant;

use ndarray::{Array, Axis};
use petal::applications::{MobileNetV2, Weights};
use petal::data::Preprocessing;
use petal::prelude::*;

const SIZE: usize = 180;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let mut model = mobilenet_v2()?;
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["tensors"] => [1, 32].iter().try_for_each(|&batch| tensors(&model, batch))?,
        ["save", path] => {
            model.set_class_names(["daisy", "dandelion", "roses", "sunflowers", "tulips"])?;
            model.set_preprocessing(Preprocessing::new(SIZE, SIZE))?;
            model.save(path)?;
        }
        _ => return Err("arguments: tensors, or save PATH".into()),
    }
    Ok(())
}

fn mobilenet_v2() -> petal::Result<Model> {
    let base = MobileNetV2::new(SIZE, SIZE).include_top(false).weights(Weights::None).build()?;
    let x = Input::image(SIZE, SIZE, 3);
    let h = MobileNetV2::preprocess_input(&x)?;
    let h = base.with_training(false).on(&h)?;
    let h = GlobalAveragePooling2D::new().on(&h)?;
    Model::new(&x, &Dense::new(5).on(&h)?)
}

fn tensors(model: &Model, batch: usize) -> petal::Result<()> {
    let photos = Array::from_shape_fn([256, SIZE, SIZE, 3], |(n, y, x, c)| {
        ((n * 7 + y * 3 + x * 5 + c * 11) % 256) as f32
    });
    let mut predictor = model.predictor(batch)?;
    let mut calls = 0;
    let mut start = Instant::now();
    loop {
        for photos in photos.axis_chunks_iter(Axis(0), batch) {
            predictor.predict(photos.as_slice().expect("whole photos"))?;
            // The first call fills the memory.
            if calls == 0 {
                start = Instant::now();
            }
            calls += 1;
            let seconds = start.elapsed().as_secs_f64();
            if seconds > 3.0 {
                println!("tensors-{batch} petal {:.1}", ((calls - 1) * batch) as f64 / seconds);
                return Ok(());
            }
        }
    }
}
