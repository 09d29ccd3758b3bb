//! Photos a second that networks with random weights classify, and the same networks as ONNX. For `bench/inference`.
//!
//! ```sh
//! cargo run --release -p petal --example networks -- save FOLDER                       # the networks as ONNX
//! cargo run --release -p petal --example networks -- run NETWORK BATCH [POLICY]        # one of them, 3 seconds
//! ```

use std::path::Path;
use std::time::{Duration, Instant};

use petal::applications::{EfficientNetV2B0, MobileNetV2, ResNet50, Weights};
use petal::model::Model;
use petal::program::DTypePolicy;
use petal::saving::onnx::Onnx;

const NETWORKS: [&str; 3] = ["MobileNetV2", "ResNet50", "EfficientNetV2B0"];
/// Height and width of the photos, as the networks were trained.
const SIZE: usize = 224;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["save", folder] => {
            for name in NETWORKS {
                network(name)?.export(Path::new(folder).join(format!("{name}.onnx")), &Onnx::new())?;
            }
        }
        ["run", name, batch, ref policy @ ..] => {
            let mut model = network(name)?;
            let policy = policy.first().unwrap_or(&DTypePolicy::Float32.name()).parse()?;
            model.set_dtype_policy(policy);
            let who = if policy == DTypePolicy::Float32 { "petal" } else { "petal-bfloat16" };
            println!("{name}-{batch} {who} {:.1}", rate(&model, batch.parse()?)?);
        }
        _ => return Err("arguments: save FOLDER, or run NETWORK BATCH [POLICY]".into()),
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
