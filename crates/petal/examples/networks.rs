//! Photos a second that networks with random weights classify, and the same networks as ONNX. For `bench/inference`.
//!
//! ```sh
//! cargo run --release -p petal --example networks -- save FOLDER                  # the networks as ONNX
//! cargo run --release -p petal --example networks -- run NETWORK BATCH [NUMBERS]  # one of them, 3 seconds
//! ```
//!
//! NUMBERS is a dtype policy, or `int8`; the networks are saved with these, too.

use std::path::Path;
use std::time::{Duration, Instant};

use ndarray::Array;
use petal::applications::{EfficientNetV2B0, MobileNetV2, ResNet50, Weights};
use petal::data::ArrayDataset;
use petal::model::Model;
use petal::saving::onnx::Onnx;

const NETWORKS: [&str; 3] = ["MobileNetV2", "ResNet50", "EfficientNetV2B0"];
/// Height and width of the photos, as the networks were trained.
const SIZE: usize = 224;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["save", folder] => {
            for name in NETWORKS {
                let (model, folder) = (network(name)?, Path::new(folder));
                model.export(folder.join(format!("{name}.onnx")), &Onnx::new())?;
                quantized(&model)?.export(folder.join(format!("{name}-int8.onnx")), &Onnx::new())?;
            }
        }
        ["run", name, batch, ref numbers @ ..] => {
            let mut model = network(name)?;
            let who = match numbers.first() {
                None => "petal".to_owned(),
                Some(&"int8") => {
                    model = quantized(&model)?;
                    "petal-int8".to_owned()
                }
                Some(policy) => {
                    model.set_dtype_policy(policy.parse()?);
                    format!("petal-{policy}")
                }
            };
            println!("{name}-{batch} {who} {:.1}", rate(&model, batch.parse()?)?);
        }
        _ => return Err("arguments: save FOLDER, or run NETWORK BATCH [NUMBERS]".into()),
    }
    Ok(())
}

fn network(name: &str) -> Result<Model, Box<dyn std::error::Error>> {
    Ok(match name {
        "MobileNetV2" => MobileNetV2::new(SIZE, SIZE).weights(Weights::None).build()?,
        "ResNet50" => ResNet50::new(SIZE, SIZE).weights(Weights::None).build()?,
        "EfficientNetV2B0" => EfficientNetV2B0::new(SIZE, SIZE).weights(Weights::None).build()?,
        _ => return Err(format!("'{name}' is none of {}", NETWORKS.join(", ")).into()),
    })
}

/// With 8-bit numbers, of ranges for a few photos.
fn quantized(model: &Model) -> petal::Result<Model> {
    let photos = Array::from_shape_fn([4, SIZE, SIZE, 3], |(n, y, x, c)| {
        (((n * SIZE + y) * SIZE + x) * 3 + c) as f32 * 7919.0 % 256.0
    });
    model.quantize(&ArrayDataset::new(photos, &[0; 4])?)
}

/// Photos a second, batch by batch, after a first one.
fn rate(model: &Model, batch: usize) -> petal::Result<f64> {
    let photos: Vec<f32> = (0..batch * SIZE * SIZE * 3).map(|i| (i * 7919 % 256) as f32).collect();
    let mut predictor = model.predictor(batch)?;
    predictor.predict(&photos)?;
    let (start, mut calls) = (Instant::now(), 0);
    while start.elapsed() < Duration::from_secs(3) {
        predictor.predict(&photos)?;
        calls += 1;
    }
    Ok((calls * batch) as f64 / start.elapsed().as_secs_f64())
}
