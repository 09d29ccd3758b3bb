//! Models with 8-bit numbers: what is rounded, and that another engine gives what Petal gives.

use std::collections::BTreeMap;
use std::fs;

use ndarray::{Array, Array2, ArrayD};
use petal::applications::lecture_cnn;
use petal::conformance::{self, Example};
use petal::data::ArrayDataset;
use petal::layers::*;
use petal::losses::SparseCategoricalCrossentropy;
use petal::model::Model;
use petal::optimizers::Adam;
use petal::program::{DTypePolicy, Gradient, Grid, Mode, Op, Passes, Quantized};
use petal::saving::onnx::{InputKind, Layout, Onnx};
use petal::training::Fit;
use rten::Value;

const SAMPLES: usize = 6;

/// Convolutions with and without normalization, poolings, a sum, and dense layers behind an image's pixels.
fn model() -> Model {
    let x = Input::image(13, 11, 3);
    let h = Rescaling::new(1.0 / 127.5).offset(-1.0).on(&x).unwrap();
    let h = Conv2D::new(8, 3).same().use_bias(false).on(&h).unwrap();
    let h = ReLU::new().max_value(6.0).on(&BatchNormalization::new().on(&h).unwrap()).unwrap();
    let y = DepthwiseConv2D::new(3).same().depth_multiplier(2).relu().on(&h).unwrap();
    let y = BatchNormalization::new().on(&Conv2D::new(8, 1).on(&y).unwrap()).unwrap();
    let h = MaxPooling2D::new(2).on(&Add::new().on([&h, &y]).unwrap()).unwrap();
    let h = Dense::new(9).relu().on(&Flatten::new().on(&h).unwrap()).unwrap();
    Model::new(&x, &Dense::new(4).softmax().on(&h).unwrap()).unwrap()
}

fn photos(height: usize, width: usize) -> Vec<f32> {
    let photo = |i: usize| ((i * 31 + i * i * 17 % 71 + i / 7 * 13) % 256) as f32;
    (0..SAMPLES * height * width * 3).map(photo).collect()
}

fn data(height: usize, width: usize) -> ArrayDataset {
    let inputs = Array::from_shape_vec([SAMPLES, height, width, 3], photos(height, width)).unwrap();
    ArrayDataset::new(inputs, &[0; SAMPLES]).unwrap()
}

fn export(model: &Model, settings: &Onnx) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.onnx");
    let exported = model.export(&path, settings).unwrap();
    let bytes = fs::read(path).unwrap();
    assert_eq!(bytes.len(), exported.bytes);
    bytes
}

fn largest_difference(a: &Array2<f32>, b: &Array2<f32>) -> f32 {
    assert_eq!(a.dim(), b.dim());
    a.iter().zip(b).fold(0.0, |largest, (a, b)| largest.max((a - b).abs()))
}

/// What another engine gives for these inputs.
fn run(file: Vec<u8>, inputs: Value) -> Array2<f32> {
    let outputs = rten::Model::load(file).unwrap().run_one((&inputs).into(), None).unwrap();
    let ([samples, values], outputs) = outputs.into_shape_vec::<f32, 2>().unwrap();
    Array2::from_shape_vec((samples, values), outputs).unwrap()
}

#[test]
fn another_engine_gives_what_petal_gives_with_8_bit_numbers() {
    let suite = conformance::examples(SAMPLES).unwrap();
    let suite = suite.into_iter().map(|Example { name, model, inputs }| (name, model, inputs));
    let own = [
        ("small", model(), photos(13, 11)),
        ("lecture's", lecture_cnn([24, 20, 3], 5, 1).unwrap(), photos(24, 20)),
    ];
    let (mut told_apart, mut differ) = (0, 0);
    for (name, model, inputs) in suite.chain(own) {
        let shape = [&[SAMPLES], &model.input_shape()[..]].concat();
        let array = ArrayD::from_shape_vec(shape.clone(), inputs.clone()).unwrap();
        let Ok(quantized) = model.quantize(&ArrayDataset::new(array, &[0; SAMPLES]).unwrap()) else {
            continue;
        };
        let expected = quantized.predictor(SAMPLES).unwrap().probabilities(&inputs).unwrap();
        let with_floats = model.predictor(SAMPLES).unwrap().probabilities(&inputs).unwrap();
        let found = run(export(&quantized, &Onnx::new()), Value::from_shape(&shape, inputs).unwrap());
        let (other, cost) =
            (largest_difference(&found, &expected), largest_difference(&expected, &with_floats));
        println!("{name}: {other:.1e} between engines, {cost:.1e} between floats and bytes");
        // What lies in the middle of two numbers may go to either.
        assert!(other < 5e-3, "{name}: {other}");
        differ += usize::from(other > 1e-5);
        told_apart += usize::from(cost > 1e-3);
    }
    assert!(told_apart > 10 && differ < 3, "{told_apart}, {differ}");
}

#[test]
fn with_8_bits_nothing_is_rounded_to_16() {
    let mut model = model();
    let data = data(13, 11);
    let exact =
        model.quantize(&data).unwrap().predictor(SAMPLES).unwrap().probabilities(&photos(13, 11)).unwrap();
    model.set_dtype_policy(DTypePolicy::MixedBfloat16);
    let mixed =
        model.quantize(&data).unwrap().predictor(SAMPLES).unwrap().probabilities(&photos(13, 11)).unwrap();
    assert_eq!(mixed, exact);
}

#[test]
fn photos_may_be_bytes_of_any_size_too() {
    let quantized = model().quantize(&data(13, 11)).unwrap();
    let inputs = photos(13, 11);
    let expected = quantized.predictor(SAMPLES).unwrap().probabilities(&inputs).unwrap();
    let bytes: Vec<u8> = inputs.iter().map(|&value| value as u8).collect();
    for input in [InputKind::Uint8, InputKind::AnySize] {
        let values = Value::from_shape(&[SAMPLES, 13, 11, 3], bytes.clone()).unwrap();
        let found = run(export(&quantized, &Onnx::new().input(input)), values);
        assert!(largest_difference(&found, &expected) < 5e-3, "{input:?}");
    }
}

/// The model's program with 8-bit numbers, whatever the ranges.
fn quantized(model: &Model) -> (Vec<f32>, Quantized) {
    let program = model.program(Mode::Infer, Gradient::None).simplify(Passes::default());
    let ranges: BTreeMap<_, _> =
        program.values_to_quantize().into_iter().zip((1..).map(|i| [-0.5 * i as f32, i as f32])).collect();
    let weights = model.shared_weights();
    (weights.to_vec(), program.quantize(&weights, &ranges))
}

#[test]
fn weights_are_whole_steps_of_their_channel_and_move_by_half_a_step() {
    let mut model = model();
    // A channel of zeros.
    let mut kernel = model.weight("dense/kernel").unwrap();
    kernel.index_axis_mut(ndarray::Axis(1), 3).fill(0.0);
    model.set_weight("dense/kernel", kernel.view()).unwrap();
    let (before, Quantized { program, weights }) = quantized(&model);
    let rounded = program.weights.iter().filter_map(|weight| Some((weight, weight.scales.as_ref()?)));
    assert_eq!(rounded.clone().count(), 10, "kernels and biases of five layers");
    for (weight, scales) in rounded {
        let is_kernel = weight.path.ends_with("kernel");
        for (i, value) in weights[weight.range()].iter().enumerate() {
            let steps = f64::from(*value) / f64::from(scales[i % scales.len()]);
            assert!((steps - steps.round()).abs() < 1e-3 * steps.abs().max(1.0), "{}: {steps}", weight.path);
            assert!(!is_kernel || steps.abs() < 127.5, "{}: {steps}", weight.path);
            // Others have become part of a normalization.
            if weight.path.starts_with("dense") {
                let moved = (value - before[weight.offset + i]).abs();
                assert!(moved <= 0.5001 * scales[i % scales.len()], "{}: {moved}", weight.path);
            }
        }
    }
}

#[test]
fn what_integer_kernels_read_and_make_is_rounded_and_nothing_else() {
    let (_, Quantized { program, .. }) = quantized(&model());
    program.check().unwrap();
    let names: Vec<&str> = program
        .steps
        .iter()
        .map(|step| match &step.op {
            Op::FakeQuantize(_) => "round",
            Op::Conv2d(_) | Op::DepthwiseConv2d(_) | Op::Dense(_) => "product",
            Op::Unary(_) => "relu",
            Op::Add => "add",
            Op::MaxPool(_) => "pool",
            Op::Reshape => "reshape",
            Op::Scale { .. } => "scale",
            Op::Softmax { .. } => "softmax",
            other => panic!("{other:?}"),
        })
        .collect();
    // These ranges begin below 0, so that no rounding is a ReLU.
    let expected = "scale round product relu round product relu round product round add round pool round reshape round \
                    product relu round product softmax";
    assert_eq!(names.join(" "), expected);
    // Whole photos: the ReLUs' numbers begin at 0.
    let quantized = model().quantize(&data(13, 11)).unwrap();
    let file = export(&quantized, &Onnx::new().layout(Layout::Nchw));
    let text = String::from_utf8_lossy(&file).into_owned();
    assert!(!text.contains("Relu") && !text.contains("Clip"));
    // A pooling moves numbers on the grid that they are on.
    let grids: Vec<_> = program
        .steps
        .iter()
        .filter_map(|step| if let Op::FakeQuantize(grid) = step.op { Some(grid) } else { None })
        .collect();
    assert_eq!((grids[4], grids[4]), (grids[5], grids[6]));
}

#[test]
fn a_grid_reaches_both_ends_and_has_zero() {
    for [low, high] in
        [[-1.0, 1.0], [0.0, 6.0], [-3.0, 0.0], [0.0, 255.0], [-0.1, 20.0], [2.0, 5.0], [-1e-6, 1.0]]
    {
        let Grid { scale, zero_point } = Grid::of_range([low, high]);
        let number = |x: f32| (x / scale).round() + f32::from(zero_point);
        assert!(
            (-0.5..=255.5).contains(&number(low)) && (-0.5..=255.5).contains(&number(high)),
            "{low}, {high}"
        );
        assert!(scale <= 1.01 * (high.max(0.0) - low.min(0.0)) / 255.0, "{low}, {high}: {scale}");
    }
    assert_eq!(Grid::of_range([0.0, 0.0]), Grid { scale: 1.0, zero_point: 0 });
    assert_eq!(Grid::of_range([0.0, 255.0]), Grid { scale: 1.0, zero_point: 0 });
    // Pixels of -1 to 1 are still told apart.
    let grid = Grid::of_range([-1.0, 1.0]);
    let mut pixels: Vec<i32> =
        (0..256).map(|pixel| ((pixel as f32 / 127.5 - 1.0) / grid.scale).round_ties_even() as i32).collect();
    pixels.dedup();
    assert_eq!(pixels.len(), 255);
}

#[test]
fn the_file_is_a_quarter_of_the_size() {
    let model = lecture_cnn([64, 64, 3], 5, 1).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let floats = model.export(folder.path().join("model.onnx"), &Onnx::new()).unwrap().bytes;
    let bytes = export(&model.quantize(&data(64, 64)).unwrap(), &Onnx::new()).len();
    assert!(bytes < floats / 3 && bytes > floats / 5, "{bytes} of {floats}");
}

#[test]
fn a_saved_model_gives_the_same_answers_in_a_quarter_of_the_size() {
    let folder = tempfile::tempdir().unwrap();
    let [floats, bytes] = ["floats.petal", "bytes.petal"].map(|name| folder.path().join(name));
    let mut model = lecture_cnn([64, 64, 3], 5, 1).unwrap();
    model.compile(Adam::new(1e-3), SparseCategoricalCrossentropy::from_probabilities()).unwrap();
    let quantized = model.quantize(&data(64, 64)).unwrap();
    model.save(&floats).unwrap();
    quantized.save(&bytes).unwrap();
    let [before, after] = [&floats, &bytes].map(|path| fs::metadata(path).unwrap().len());
    assert!(after < before / 3, "{after} of {before}");
    let loaded = Model::load(&bytes).unwrap();
    assert!(loaded.is_quantized() && !Model::load(&floats).unwrap().is_quantized());
    let photos = photos(64, 64);
    let answers = |model: &Model| model.predictor(SAMPLES).unwrap().predict(&photos).unwrap().to_vec();
    assert_eq!(answers(&loaded), answers(&quantized));
    assert_ne!(answers(&quantized), answers(&model));
    assert_eq!(loaded.shared_weights(), quantized.shared_weights());
    // Its loss is that of its answers, and saved again it is the same file.
    let evaluated = loaded.evaluate(&data(64, 64)).unwrap();
    assert!((evaluated.loss - model.evaluate(&data(64, 64)).unwrap().loss).abs() < 0.05);
    let again = folder.path().join("again.petal");
    loaded.save(&again).unwrap();
    assert!(fs::read(&again).unwrap() == fs::read(&bytes).unwrap());
}

#[test]
fn a_quantized_model_is_neither_trained_nor_written_for_keras() {
    let mut model = model();
    model.compile(Adam::new(1e-3), SparseCategoricalCrossentropy::from_probabilities()).unwrap();
    let data = data(13, 11);
    let mut quantized = model.quantize(&data).unwrap();
    let error = quantized.fit(&data, Fit::epochs(1)).unwrap_err().to_string();
    assert!(error.contains("quantize that again"), "{error}");
    let folder = tempfile::tempdir().unwrap();
    let error = quantized.save(folder.path().join("model.keras")).unwrap_err().to_string();
    assert!(error.contains("as .petal or .onnx"), "{error}");
}

#[test]
fn a_file_whose_ranges_are_anothers_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.petal");
    model().quantize(&data(13, 11)).unwrap().save(&path).unwrap();
    let bytes = fs::read(&path).unwrap();
    let renamed: Vec<u8> = {
        let from = br#"\"dense\":[["#;
        let to = br#"\"dunce\":[["#;
        let at = bytes.windows(from.len()).position(|part| part == from).expect("ranges of the dense layer");
        [&bytes[..at], &to[..], &bytes[at + from.len()..]].concat()
    };
    fs::write(&path, renamed).unwrap();
    let error = Model::load(&path).unwrap_err().to_string();
    assert!(error.contains("quantize the model anew"), "{error}");
}

#[test]
fn rounded_kernels_dont_move_the_mean_of_what_a_layer_makes() {
    // All inputs are large, so what rounding changes in a kernel's sum comes through.
    let x = Input::new([64]);
    let model = Model::new(&x, &Dense::new(8).on(&x).unwrap()).unwrap();
    let inputs: Vec<f32> = (0..SAMPLES * 64).map(|i| 100.0 + (i * 7 % 5) as f32).collect();
    let data =
        ArrayDataset::new(Array::from_shape_vec([SAMPLES, 64], inputs.clone()).unwrap(), &[0; SAMPLES])
            .unwrap();
    let mean = |model: &Model| {
        let outputs = model.predictor(SAMPLES).unwrap().predict(&inputs).unwrap().to_vec();
        Array2::from_shape_vec((SAMPLES, 8), outputs).unwrap().mean_axis(ndarray::Axis(0)).unwrap()
    };
    let quantized = model.quantize(&data).unwrap();
    let moved = mean(&quantized) - mean(&model);
    // What rounding the kernel alone does.
    let kernels = [&quantized, &model].map(|model| model.weight("dense/kernel").unwrap());
    let of_kernel = (&kernels[0] - &kernels[1]).sum_axis(ndarray::Axis(0)) * 102.0;
    let largest = |values: &mut dyn Iterator<Item = &f32>| {
        values.fold(0.0f32, |largest, value| largest.max(value.abs()))
    };
    let [moved, of_kernel] = [largest(&mut moved.iter()), largest(&mut of_kernel.iter())];
    assert!(of_kernel > 0.2 && moved < of_kernel / 4.0, "{moved}, {of_kernel}");
}

/// Whatever is rounded is computed with bytes, and gives what the rounded floats give: those of another engine.
#[test]
fn bytes_give_what_rounded_floats_give() {
    for Example { name, model, inputs } in conformance::examples(SAMPLES).unwrap() {
        let shape = [&[SAMPLES], &model.input_shape()[..]].concat();
        let array = ArrayD::from_shape_vec(shape, inputs.clone()).unwrap();
        let Ok(quantized) = model.quantize(&ArrayDataset::new(array, &[0; SAMPLES]).unwrap()) else {
            continue;
        };
        let mut with_floats = quantized.clone();
        with_floats.set_engine(|| Box::new(conformance::Reference::default()));
        let [bytes, floats] = [&quantized, &with_floats].map(|model| {
            let outputs = model.predictor(SAMPLES).unwrap().predict(&inputs).unwrap().to_vec();
            Array2::from_shape_vec((SAMPLES, outputs.len() / SAMPLES), outputs).unwrap()
        });
        // What lies in the middle of two numbers may go to either.
        let largest = floats.iter().fold(0.0f32, |largest, value| largest.max(value.abs()));
        let differ = largest_difference(&bytes, &floats);
        assert!(differ < 2e-2 * largest.max(0.1), "{name}: {differ} of {largest}");
    }
}

#[test]
fn what_has_no_8_bit_numbers_is_refused() {
    let x = Input::image(13, 11, 3);
    let plain = Model::new(&x, &Flatten::new().on(&x).unwrap()).unwrap();
    let error = plain.quantize(&data(13, 11)).unwrap_err().to_string();
    assert!(error.contains("has no layer that can be computed with 8-bit numbers"), "{error}");
    let error = model().quantize(&data(8, 8)).unwrap_err().to_string();
    assert!(error.contains("got samples of shape (None, 8, 8, 3); expected (None, 13, 11, 3)"), "{error}");
    let mut broken = model();
    broken.set_weight("dense/bias", Array::from_elem([9], f32::INFINITY).into_dyn().view()).unwrap();
    let error = broken.quantize(&data(13, 11)).unwrap_err().to_string();
    assert!(error.contains("weight 'dense/bias'"), "{error}");
}
