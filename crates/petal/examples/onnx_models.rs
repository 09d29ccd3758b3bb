//! Exports small models with all operations, and all applications with random weights, for `bench/export/engines.py`: of
//! each `NAME.onnx` and `NAME.nchw.onnx`, a batch of inputs, and the probabilities that Petal gives for them.
//!
//! `cargo run --release -p petal --example onnx_models -- FOLDER`

use std::fs;
use std::path::Path;

use ndarray::ArrayView;
use petal::applications::*;
use petal::conformance::{self, Example};
use petal::layers::{Input, Layer};
use petal::model::Model;
use petal::saving::onnx::{Layout, Onnx};

const BATCH: usize = 3;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = std::env::args().nth(1).ok_or("argument: FOLDER")?;
    let folder = Path::new(&folder);
    for Example { name, model, inputs } in conformance::examples(BATCH)? {
        write(folder, name, &model, &inputs)?;
    }
    macro_rules! applications {
        ($($application:ident),*) => {$({
            let x = Input::image(76, 79, 3);
            let base = $application::new(76, 79).weights(Weights::None).classes(7).build()?;
            let model = Model::new(&x, &base.on(&$application::preprocess_input(&x)?)?)?;
            let values = BATCH * model.input_shape().elements();
            let inputs: Vec<f32> = (0..values).map(|i| (i * i / 7 % 256) as f32).collect();
            write(folder, stringify!($application), &model, &inputs)?;
        })*};
    }
    applications!(
        MobileNetV2,
        MobileNet,
        MobileNetV3Small,
        EfficientNetB0,
        EfficientNetV2B0,
        ResNet50,
        ResNet50V2,
        ConvNeXtTiny,
        DenseNet121,
        Xception,
        InceptionV3,
        InceptionResNetV2,
        NASNetMobile,
        VGG16
    );
    Ok(())
}

fn write(folder: &Path, name: &str, model: &Model, inputs: &[f32]) -> Result<(), Box<dyn std::error::Error>> {
    let shape = [&[BATCH], &model.input_shape()[..]].concat();
    let probabilities = model.predict_probabilities(ArrayView::from_shape(shape, inputs)?.into_dyn())?;
    model.export(folder.join(format!("{name}.onnx")), &Onnx::new())?;
    if model.input_shape().len() == 3 {
        model.export(folder.join(format!("{name}.nchw.onnx")), &Onnx::new().layout(Layout::Nchw))?;
    }
    let bytes = |values: &mut dyn Iterator<Item = &f32>| {
        values.flat_map(|value| value.to_le_bytes()).collect::<Vec<u8>>()
    };
    fs::write(folder.join(format!("{name}.inputs")), bytes(&mut inputs.iter()))?;
    fs::write(folder.join(format!("{name}.probabilities")), bytes(&mut probabilities.iter()))?;
    Ok(())
}
