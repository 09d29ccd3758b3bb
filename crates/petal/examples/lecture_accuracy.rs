//! Trains the lecture's networks from several seeds on one split, for `bench/accuracy`.
//!
//! ```sh
//! cargo run --release -p petal --example lecture_accuracy -- FOLDER WEIGHTS OUTPUT SEED…
//! ```
//!
//! WEIGHTS are MobileNetV2's without its top. PRECISION=mixed_bfloat16 trains with this dtype policy. Each run writes
//! `OUTPUT/NETWORK-seedN.json`; one that is there already is skipped.

use std::path::Path;
use std::time::Instant;

use petal::applications::{
    MobileNetV2, Weights, fine_tune_at, lecture_cnn, lecture_cnn_regularized, lecture_transfer,
};
use petal::prelude::*;
use petal::program::DTypePolicy;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [folder, weights, output, seeds @ ..] = &arguments[..] else {
        return Err("usage: lecture_accuracy FOLDER WEIGHTS OUTPUT SEED…".into());
    };
    let (train, val) =
        ImageFolder::new(folder).image_size(180, 180).seed(42).validation_split(0.2).split()?;
    let (image, classes) = ([180, 180, 3], train.class_names().len());
    std::fs::create_dir_all(output)?;
    let policy: DTypePolicy =
        std::env::var("PRECISION").map_or(Ok(DTypePolicy::Float32), |name| name.parse())?;
    for seed in seeds {
        let number = seed.parse()?;
        for network in ["cnn", "cnn-regularized", "mobilenet-v2"] {
            let path = Path::new(output).join(format!("{network}-seed{seed}.json"));
            if path.exists() {
                continue;
            }
            let start = Instant::now();
            let loss = || SparseCategoricalCrossentropy::from_logits();
            let fit = |epochs| Fit::epochs(epochs).validation(&val);
            let history = match network {
                "mobilenet-v2" => {
                    let base = MobileNetV2::new(180, 180)
                        .include_top(false)
                        .weights(Weights::File(weights.into()))
                        .build()?;
                    let mut model = lecture_transfer(base, MobileNetV2::preprocess_input, classes, number)?;
                    model.set_dtype_policy(policy);
                    model.compile(Adam::new(1e-4), loss())?;
                    model.fit(&train, fit(10))?;
                    fine_tune_at(&mut model, 100)?;
                    model.compile(RMSprop::new(1e-5), loss())?;
                    model.fit(&train, fit(20).initial_epoch(10))?;
                    model.history().clone()
                }
                _ => {
                    let build = if network == "cnn" { lecture_cnn } else { lecture_cnn_regularized };
                    let mut model = build(image, classes, number)?;
                    model.set_dtype_policy(policy);
                    model.compile(Adam::new(1e-3), loss())?;
                    model.fit(&train, fit(if network == "cnn" { 10 } else { 15 }))?
                }
            };
            let seconds = start.elapsed().as_secs_f64();
            let last = history.series("val_accuracy").last().copied().unwrap_or(f64::NAN);
            println!("{network} seed {seed}: val_accuracy {last:.3} at the end, {seconds:.0} s");
            history.save(path)?;
        }
    }
    Ok(())
}
