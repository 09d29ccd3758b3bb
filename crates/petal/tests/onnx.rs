//! Exported models: another engine gives the probabilities that Petal gives.

use std::fs;
use std::path::Path;

use ndarray::{Array2, Array4, ArrayD, Ix2};
use petal::Result;
use petal::applications::*;
use petal::conformance::{self, Example};
use petal::data::{AspectRatio, Interpolation, Preprocessing};
use petal::image::{DynamicImage, Rgb, RgbImage};
use petal::layers::*;
use petal::model::{Model, Sequential};
use petal::program::{Gradient, Mode};
use petal::saving::onnx::{Exported, InputKind, Layout, Onnx};
use rten::Value;

/// The model's file, and what was said of it.
fn export(model: &Model, settings: &Onnx) -> Result<(Vec<u8>, Exported)> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.onnx");
    let exported = model.export(&path, settings)?;
    let bytes = fs::read(path).unwrap();
    assert_eq!(bytes.len(), exported.bytes);
    Ok((bytes, exported))
}

/// What another engine gives for these inputs.
fn run(file: Vec<u8>, inputs: Value) -> Array2<f32> {
    let outputs = rten::Model::load(file).unwrap().run_one((&inputs).into(), None).unwrap();
    let ([samples, values], outputs) = outputs.into_shape_vec::<f32, 2>().unwrap();
    Array2::from_shape_vec((samples, values), outputs).unwrap()
}

fn floats(inputs: &ArrayD<f32>) -> Value {
    Value::from_shape(inputs.shape(), inputs.iter().copied().collect::<Vec<f32>>()).unwrap()
}

fn batch(model: &Model, samples: usize, inputs: Vec<f32>) -> ArrayD<f32> {
    let shape = [&[samples], &model.input_shape()[..]].concat();
    ArrayD::from_shape_vec(shape, inputs).unwrap()
}

fn channels_first(inputs: &ArrayD<f32>) -> ArrayD<f32> {
    match inputs.ndim() {
        4 => inputs.clone().permuted_axes(&[0, 3, 1, 2][..]),
        _ => inputs.clone(),
    }
}

fn largest_difference(a: &Array2<f32>, b: &Array2<f32>) -> f32 {
    assert_eq!(a.dim(), b.dim());
    a.iter().zip(b).fold(0.0, |largest, (a, b)| largest.max((a - b).abs()))
}

/// Probabilities agree within 1e-5, and logits within as much of the largest.
#[track_caller]
fn assert_agrees(name: &str, model: &Model, inputs: &ArrayD<f32>) {
    let probabilities = model.predict_probabilities(inputs.view()).unwrap();
    let mut cases = vec![(Onnx::new(), probabilities, 1.0)];
    if model.program(Mode::Infer, Gradient::None).gives_probabilities() {
        // Where all are 0 or 1, anything would agree.
        assert!(cases[0].1.iter().any(|p| (0.01..0.99).contains(p)), "{name}: {}", cases[0].1);
    } else {
        let logits = model.predict_array(inputs.view()).unwrap().into_dimensionality::<Ix2>().unwrap();
        let largest = logits.fold(0.0, |largest: f32, logit| largest.max(logit.abs()));
        cases.push((Onnx::new().logits(true), logits, largest));
    }
    for (settings, expected, scale) in cases {
        let layouts = [(Layout::Nhwc, inputs.clone()), (Layout::Nchw, channels_first(inputs))];
        for (layout, inputs) in layouts.into_iter().take(if inputs.ndim() == 4 { 2 } else { 1 }) {
            let found = run(export(model, &settings.clone().layout(layout)).unwrap().0, floats(&inputs));
            let difference = largest_difference(&found, &expected) / scale;
            assert!(difference < 1e-5, "{name}, {settings:?}, {layout:?}: {difference}");
        }
    }
}

#[test]
fn all_models_of_the_suite_give_the_same_probabilities() {
    for Example { name, model, inputs } in conformance::examples(3).unwrap() {
        let inputs = batch(&model, 3, inputs);
        assert_agrees(name, &model, &inputs);
    }
}

#[test]
fn logits_are_what_the_last_activation_is_applied_to() {
    let x = Input::image(4, 5, 3);
    let h = Flatten::new().on(&Conv2D::new(4, 2).relu().on(&x).unwrap()).unwrap();
    let inputs =
        Array4::from_shape_fn((2, 4, 5, 3), |(n, y, x, c)| ((n + 3 * y + 7 * x + c) % 5) as f32).into_dyn();
    for (units, last) in
        [(3, Function::Linear), (3, Function::Softmax), (1, Function::Linear), (1, Function::Sigmoid)]
    {
        let plain = Model::new(&x, &Dense::new(units).on(&h).unwrap()).unwrap();
        let mut model = Model::new(&x, &Dense::new(units).activation(last).on(&h).unwrap()).unwrap();
        for (path, values) in plain.weights() {
            model.set_weight(&path, values).unwrap();
        }
        assert_agrees("probabilities", &model, &inputs);
        let (file, exported) = export(&model, &Onnx::new().logits(true)).unwrap();
        assert_eq!(exported.output.to_string(), format!("logits: float32 [batch, {units}]"));
        let expected = plain.predict_array(inputs.view()).unwrap().into_dimensionality().unwrap();
        assert!(largest_difference(&run(file, floats(&inputs)), &expected) < 1e-5);
    }
    let x = Input::new([2]);
    let member = |scale: f64| Softmax::new().on(&Rescaling::new(scale).on(&x).unwrap()).unwrap();
    let ensemble = Model::new(&x, &Average::new().on([&member(1.0), &member(2.0)]).unwrap()).unwrap();
    let error = export(&ensemble, &Onnx::new().logits(true)).unwrap_err().to_string();
    assert!(error.contains("has no logits"), "{error}");
}

#[test]
fn applications_give_the_same_probabilities() {
    macro_rules! check {
        ($($application:ident),*) => {$({
            let x = Input::image(32, 40, 3);
            let base = $application::new(32, 40).weights(Weights::None).classes(7);
            let base = base.classifier_softmax(false).build().unwrap();
            let h = base.on(&$application::preprocess_input(&x).unwrap()).unwrap();
            let model = Model::new(&x, &h).unwrap();
            let inputs = Array4::from_shape_fn((2, 32, 40, 3), |(n, y, x, c)| {
                ((n * 31 + y * y * 17 + x * 13 + c * 71 + x * y) % 256) as f32
            });
            assert_agrees(stringify!($application), &model, &inputs.into_dyn());
        })*};
    }
    check!(
        MobileNetV2,
        MobileNet,
        EfficientNetB0,
        EfficientNetV2B0,
        MobileNetV3Small,
        ResNet50,
        VGG16,
        ConvNeXtTiny,
        DenseNet121,
        NASNetMobile
    );
}

/// A layer whose answer shows each pixel that it was given.
fn pixels(height: usize, width: usize) -> Model {
    let x = Input::image(height, width, 3);
    let h = Rescaling::new(1.0 / 255.0).on(&x).unwrap();
    Model::new(&x, &Flatten::new().on(&h).unwrap()).unwrap()
}

#[test]
fn bytes_of_any_size_are_resized_as_photos_are() {
    let sizes = [(31, 47), (24, 12), (9, 80), (16, 16), (7, 5), (67, 53), (135, 107)];
    for interpolation in [Interpolation::Bilinear, Interpolation::Nearest] {
        for (aspect_ratio, average_large) in [
            (AspectRatio::Stretch, false),
            (AspectRatio::Stretch, true),
            (AspectRatio::Crop, true),
            (AspectRatio::Pad, true),
        ] {
            let mut model = pixels(16, 13);
            let size = Preprocessing::new(16, 13);
            let preprocessing = Preprocessing { interpolation, aspect_ratio, average_large, ..size };
            model.set_preprocessing(preprocessing.clone()).unwrap();
            let settings = Onnx::new().input(InputKind::AnySize).logits(true);
            let (file, exported) = export(&model, &settings).unwrap();
            assert_eq!(exported.input.to_string(), "image: uint8 [batch, height, width, 3]");
            for (height, width) in sizes {
                let photo = RgbImage::from_fn(width, height, |x, y| {
                    Rgb([(x * 37 + y * 11) as u8, (x * y) as u8, (255 - y * 5) as u8])
                });
                let shape = [1, height as usize, width as usize, 3];
                let found = run(file.clone(), Value::from_shape(&shape, photo.as_raw().clone()).unwrap());
                let expected = preprocessing.load_image(&DynamicImage::ImageRgb8(photo)).unwrap();
                for (found, expected) in found.iter().zip(&expected) {
                    // One level where a value lies in the middle of two.
                    assert!(
                        (found * 255.0 - expected).abs() < 1.01,
                        "{interpolation:?}, {aspect_ratio:?}, {height} × {width}: {} for {expected}",
                        found * 255.0
                    );
                }
                let wrong =
                    found.iter().zip(&expected).filter(|(a, b)| (*a * 255.0 - *b).abs() > 0.01).count();
                assert!(wrong * 50 <= expected.len(), "{interpolation:?}, {aspect_ratio:?}: {wrong}");
            }
        }
    }
    let mut model = pixels(16, 13);
    let preprocessing =
        Preprocessing { interpolation: Interpolation::Lanczos3, ..Preprocessing::new(16, 13) };
    model.set_preprocessing(preprocessing).unwrap();
    let error = export(&model, &Onnx::new().input(InputKind::AnySize)).unwrap_err().to_string();
    assert!(error.starts_with("interpolation is lanczos3; expected bilinear or nearest"), "{error}");
    export(&model, &Onnx::new().input(InputKind::Uint8)).unwrap();
}

/// How often a text is in a file.
fn count(file: &[u8], text: &str) -> usize {
    file.windows(text.len()).filter(|bytes| *bytes == text.as_bytes()).count()
}

#[test]
fn channels_first_needs_no_transposing_and_channels_last_one() {
    let x = Input::image(12, 10, 3);
    let h = Conv2D::new(4, 3).strides(2).same().on(&x).unwrap();
    let h = ReLU::new().on(&BatchNormalization::new().on(&h).unwrap()).unwrap();
    let h = BatchNormalization::new().on(&Flatten::new().on(&h).unwrap()).unwrap();
    let h = PReLU::new().on(&Dropout::new(0.5).on(&h).unwrap()).unwrap();
    let model = Model::new(&x, &Dense::new(5).on(&h).unwrap()).unwrap();
    let (first, _) = export(&model, &Onnx::new().layout(Layout::Nchw)).unwrap();
    let (last, _) = export(&model, &Onnx::new()).unwrap();
    assert_eq!(count(&first, "Transpose"), 0);
    // A node's operator, its name and its value's.
    assert_eq!(count(&last, "Transpose"), 4);
    for file in [&first, &last] {
        assert_eq!(count(file, "Dropout"), 0);
        for name in ["conv2d/kernel", "conv2d/bias", "p_re_lu/alpha", "dense/kernel"] {
            assert!(count(file, name) > 0, "{name}");
        }
    }
}

#[test]
fn augmentation_is_no_part_of_what_predicts() {
    let model = lecture_cnn_regularized([24, 20, 3], 5, 1).unwrap();
    let (file, _) = export(&model, &Onnx::new()).unwrap();
    assert_eq!(count(&file, "random"), 0);
}

#[test]
fn names_and_size_are_in_the_keys_that_readers_know() {
    let mut model = pixels(1, 1);
    model.set_class_names(["daisy", "Queen Anne's lace", r"a\b"]).unwrap();
    model.set_preprocessing(Preprocessing::new(1, 1)).unwrap();
    let (file, _) = export(&model, &Onnx::new()).unwrap();
    let text = String::from_utf8_lossy(&file).into_owned();
    for entry in [
        r"{0: 'daisy', 1: 'Queen Anne\'s lace', 2: 'a\\b'}",
        "[1, 1]",
        "classify",
        "stretched to this size, bilinear without antialiasing",
    ] {
        assert!(text.contains(entry), "{entry}");
    }
}

#[test]
fn a_model_without_a_vector_gives_its_images_in_the_inputs_layout() {
    let x = Input::image(6, 5, 3);
    let base = Model::new(&x, &Conv2D::new(4, 2).on(&x).unwrap()).unwrap();
    let inputs = Array4::from_shape_fn((2, 6, 5, 3), |(n, y, x, c)| (n + y * x + c) as f32).into_dyn();
    let expected = base.predict_array(inputs.view()).unwrap();
    for (layout, inputs, expected, port) in [
        (Layout::Nhwc, inputs.clone(), expected.clone(), "output: float32 [batch, 5, 4, 4]"),
        (
            Layout::Nchw,
            channels_first(&inputs),
            channels_first(&expected),
            "output: float32 [batch, 4, 5, 4]",
        ),
    ] {
        let (file, exported) = export(&base, &Onnx::new().layout(layout)).unwrap();
        assert_eq!(exported.output.to_string(), port);
        let outputs = rten::Model::load(file).unwrap().run_one((&floats(&inputs)).into(), None).unwrap();
        let (shape, outputs) = outputs.into_shape_vec::<f32, 4>().unwrap();
        assert_eq!(shape, expected.shape());
        let differs = outputs.iter().zip(expected.iter()).any(|(a, b)| (a - b).abs() > 1e-4);
        assert!(!differs, "{layout:?}");
    }
}

#[test]
fn what_cannot_be_exported_is_refused_before_a_file_is_there() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.onnx");
    let refused = |model: &Model, settings: &Onnx, words: &str| {
        let error = model.export(&path, settings).unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
        assert!(fs::read_dir(folder.path()).unwrap().next().is_none());
    };
    let x = Input::new([3]);
    let vector = Model::new(&x, &Dense::new(2).on(&x).unwrap()).unwrap();
    refused(&vector, &Onnx::new().input(InputKind::Uint8), "not that of an image");
    refused(&vector, &Onnx::new().layout(Layout::Nchw), "not that of an image");
    let mut broken = vector.clone();
    broken.set_weight("dense/bias", ndarray::array![f32::NAN, 0.0].into_dyn().view()).unwrap();
    refused(&broken, &Onnx::new(), "weight 'dense/bias'");
    let error = vector.export(Path::new("/nowhere/model.onnx"), &Onnx::new()).unwrap_err().to_string();
    assert!(error.starts_with("cannot write /nowhere/model.onnx"), "{error}");
}

#[test]
fn a_chain_of_no_layers_that_compute_is_its_input() {
    let model = Sequential::new(Input::new([3])).add(Dropout::new(0.5)).build().unwrap();
    let (file, _) = export(&model, &Onnx::new().logits(true)).unwrap();
    let inputs = Array2::from_shape_fn((4, 3), |(n, i)| (n * i) as f32);
    assert_eq!(run(file, floats(&inputs.clone().into_dyn())), inputs);
}
