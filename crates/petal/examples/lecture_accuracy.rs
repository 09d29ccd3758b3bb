//! Trains one of the lecture's networks from several seeds on one split, for `bench/accuracy`.
//!
//! ```sh
//! cargo run --release --example lecture_accuracy -- FOLDER cnn|cnn-regularized EPOCHS OUTPUT SEED…
//! ```

use std::path::Path;
use std::time::Instant;

use petal::applications::{lecture_cnn, lecture_cnn_regularized};
use petal::prelude::*;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [folder, architecture, epochs, output, seeds @ ..] = &arguments[..] else {
        return Err("usage: lecture_accuracy FOLDER cnn|cnn-regularized EPOCHS OUTPUT SEED…".into());
    };
    let (train, val) =
        ImageFolder::new(folder).image_size(180, 180).seed(42).validation_split(0.2).split()?;
    let classes = train.class_names().len();
    std::fs::create_dir_all(output)?;
    for seed in seeds {
        let build = if architecture == "cnn" { lecture_cnn } else { lecture_cnn_regularized };
        let mut model = build([180, 180, 3], classes, seed.parse()?)?;
        model.compile(Adam::new(1e-3), SparseCategoricalCrossentropy::from_logits())?;
        let start = Instant::now();
        let history = model.fit(&train, Fit::epochs(epochs.parse()?).validation(&val))?;
        let accuracy = history.get("val_accuracy");
        let best = accuracy.iter().copied().fold(0.0, f64::max);
        let last = accuracy.last().copied().unwrap_or(f64::NAN);
        println!(
            "{architecture} seed {seed}: final {last:.3}, best {best:.3}, {:.0} s",
            start.elapsed().as_secs_f64()
        );
        history.save(Path::new(output).join(format!("{architecture}-seed{seed}.json")))?;
    }
    Ok(())
}
