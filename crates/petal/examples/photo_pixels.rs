//! Writes photos as a model sees them, 224×224, for `fixtures/imagenet_probabilities.py`: a safetensors file with one
//! array `[224, 224, 3]` a photo.
//!
//! `cargo run --release -p petal --example photo_pixels -- flower_photos pixels.safetensors daisy/1.jpg tulips/2.jpg`

use std::collections::BTreeMap;
use std::path::Path;

use petal::data::Preprocessing;
use safetensors::tensor::{Dtype, TensorView, serialize_to_file};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [folder, output, photos @ ..] = arguments.as_slice() else {
        return Err("arguments: FOLDER OUTPUT PHOTO…".into());
    };
    let mut pixels = BTreeMap::new();
    for photo in photos {
        let floats = Preprocessing::new(224, 224).load(Path::new(folder).join(photo))?;
        pixels.insert(photo, floats.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<u8>>());
    }
    let mut tensors = BTreeMap::new();
    for (photo, bytes) in &pixels {
        tensors.insert(photo, TensorView::new(Dtype::F32, vec![224, 224, 3], bytes)?);
    }
    serialize_to_file(tensors, None, Path::new(output))?;
    Ok(())
}
