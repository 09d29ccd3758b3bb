//! Every layer against Keras: output and gradients of one call, from `tests/fixtures/layers.safetensors`.
//!
//! A case's inputs are the kernels of dense layers that are called on one-hot rows, so that the plan has to give their
//! gradients.

use petal_kernels as kernels;
use safetensors::SafeTensors;
use serde_json::{Value as Json, json};

use super::op::Op;
use super::runner::Runner;
use super::{Passes, Plan};
use crate::layers::{AnyLayer, Dense, Input, Layer, LayerSpec, Reshape};
use crate::model::{Model, Tensor};
use crate::program::{Gradient, Mode, Run, homography};

/// A case's recording.
struct Case<'a> {
    case: &'a Json,
    tensors: &'a SafeTensors<'a>,
}

impl Case<'_> {
    fn name(&self) -> &str {
        self.case["case"].as_str().unwrap()
    }

    fn flag(&self, key: &str) -> bool {
        self.case[key].as_bool().unwrap()
    }

    fn class_name(&self) -> &str {
        self.case["layer"]["class_name"].as_str().unwrap()
    }

    fn shape(&self, tensor: &str) -> Vec<usize> {
        self.tensors.tensor(&format!("{}/{tensor}", self.name())).unwrap().shape().to_vec()
    }

    fn values(&self, tensor: &str) -> Vec<f32> {
        let view = self.tensors.tensor(&format!("{}/{tensor}", self.name())).unwrap();
        view.data().chunks_exact(4).map(|bytes| f32::from_le_bytes(bytes.try_into().unwrap())).collect()
    }

    fn inputs(&self) -> usize {
        self.case["inputs"].as_u64().unwrap() as usize
    }

    fn weights(&self) -> Vec<&str> {
        self.case["weights"].as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect()
    }

    fn batch(&self) -> usize {
        self.shape("input0")[0]
    }
}

/// What a call gave, with the names of the recording.
struct Outcome {
    output: Vec<f32>,
    /// Input and weight gradients.
    gradients: Vec<(String, Vec<f32>)>,
    /// Weights after the call.
    after: Vec<(String, Vec<f32>)>,
}

/// Calls `layer` on the rows `rows` of the case's inputs. `adjust` may change the plan's operations, `samples` are the
/// numbers that random draws depend on.
fn call(
    case: &Case<'_>,
    layer: AnyLayer,
    rows: std::ops::Range<usize>,
    samples: &[usize],
    adjust: impl Fn(&mut Op),
) -> Outcome {
    let batch = rows.len();
    let one_hot = Input::new([batch]);
    let inputs: Vec<Tensor> = (0..case.inputs())
        .map(|i| {
            let shape = &case.shape(&format!("input{i}"))[1..];
            let dense = Dense::new(shape.iter().product()).use_bias(false).name(format!("input{i}"));
            let reshape = Reshape::new(shape.iter().map(|&axis| axis as isize).collect::<Vec<_>>());
            reshape.on(&dense.on(&one_hot).unwrap()).unwrap()
        })
        .collect();
    let spec = LayerSpec::from(layer).name("layer").trainable(case.flag("trainable"));
    let (output, prefix) = if case.flag("training") || case.inputs() > 1 {
        (spec.on(&inputs[..]).unwrap(), "layer")
    } else {
        // Inference mode with gradients is a model called with training off.
        let x = Input::new(inputs[0].shape().clone());
        let inner = Model::named("inner", 0, &x, &spec.on(&x).unwrap()).unwrap();
        (inner.with_training(false).on(&inputs[0]).unwrap(), "inner/layer")
    };
    let mut model = Model::new(&one_hot, &output).unwrap();
    let mut places = Vec::new();
    for weight in model.graph().all_weights() {
        let range = weight.weight.range();
        let (name, tensor) = if let Some(name) = weight.path.strip_prefix(&format!("{prefix}/")) {
            (name.to_owned(), format!("weight/{name}"))
        } else {
            let name = weight.path.strip_suffix("/kernel").unwrap().to_owned();
            (name.clone(), name)
        };
        places.push((name, tensor, range, weight.trainable));
    }
    for (_, tensor, range, _) in &places {
        let values = case.values(tensor);
        let values = if tensor.starts_with("input") {
            let row = values.len() / case.batch();
            &values[rows.start * row..rows.end * row]
        } else {
            &values
        };
        model.arena_mut()[range.clone()].copy_from_slice(values);
    }
    let program = model.program(Mode::Train, Gradient::Weights).without_logits();
    let mut plan = Plan::new(program, batch, Passes::default());
    plan.forward.iter_mut().for_each(|step| adjust(&mut step.op));
    let layout = plan.gradients.clone();
    let mut engine = Runner::new(plan).unwrap();
    let run = Run { samples, epoch: 0, seed: 1 };
    let mut eye = vec![0.0; batch * batch];
    eye.iter_mut().step_by(batch + 1).for_each(|value| *value = 1.0);
    let mut weights = model.arena().to_vec();
    engine.forward(run, &eye, &weights);
    engine.move_statistics(&mut weights);
    let output = engine.output(batch).to_vec();
    let mut gradients = Vec::new();
    if case.flag("gradients") {
        let upstream = case.values("upstream");
        let row = upstream.len() / case.batch();
        let d_output = engine.loss_buffers(batch).1.unwrap();
        d_output.copy_from_slice(&upstream[rows.start * row..rows.end * row]);
        engine.backward(run, &weights, &mut |_, _| Ok(())).unwrap();
        for (name, _, range, _) in places.iter().filter(|(.., trainable)| *trainable) {
            let start = layout.of(range.start).unwrap();
            gradients.push((name.clone(), engine.gradients_mut()[start..start + range.len()].to_vec()));
        }
    }
    let after = places.into_iter().map(|(name, _, range, _)| (name, weights[range].to_vec())).collect();
    Outcome { output, gradients, after }
}

/// The first value that is further from Keras' than 1e-4 of the larger of it and 1.
fn compare(what: &str, found: &[f32], expected: &[f32]) -> Result<(), String> {
    if found.len() != expected.len() {
        return Err(format!("{what}: {} values, Keras has {}", found.len(), expected.len()));
    }
    for (i, (found, expected)) in found.iter().zip(expected).enumerate() {
        let tolerance = 1e-4 * expected.abs().max(1.0);
        if (found - expected).abs() > tolerance || found.is_nan() != expected.is_nan() {
            return Err(format!("{what}[{i}] is {found}, Keras has {expected}"));
        }
    }
    Ok(())
}

/// Compares the rows of a call with the recording.
fn check(case: &Case<'_>, rows: std::ops::Range<usize>, outcome: &Outcome) -> Result<(), String> {
    let expected = |tensor: &str, by_row: bool| {
        let values = case.values(tensor);
        let row = values.len() / case.batch();
        if by_row { values[rows.start * row..rows.end * row].to_vec() } else { values }
    };
    compare("output", &outcome.output, &expected("output", true))?;
    for (name, found) in &outcome.gradients {
        let by_row = name.starts_with("input");
        compare(&format!("gradient of {name}"), found, &expected(&format!("grad/{name}"), by_row))?;
    }
    for (name, found) in outcome.after.iter().filter(|(name, _)| name.starts_with("moving")) {
        compare(&format!("{name} after the call"), found, &expected(&format!("after/{name}"), false))?;
    }
    Ok(())
}

/// The layer with settings that make its draw for sample `i` the recorded one, if it has such settings.
fn pinned(case: &Case<'_>, i: usize) -> AnyLayer {
    let mut layer = case.case["layer"].clone();
    let config = &mut layer["config"];
    let exactly = |value: f32| json!([value, value]);
    let [height, width] = [1, 2].map(|axis| case.shape("input0")[axis] as f32);
    match case.class_name() {
        "RandomRotation" => config["factor"] = exactly(case.values("transform/angle")[i] / 360.0),
        "RandomZoom" => {
            config["height_factor"] = exactly(case.values("transform/height_zoom")[i] - 1.0);
            config["width_factor"] = exactly(case.values("transform/width_zoom")[i] - 1.0);
        }
        "RandomTranslation" => {
            let moved = case.values("transform/translations");
            config["height_factor"] = exactly(moved[2 * i + 1] / height);
            config["width_factor"] = exactly(moved[2 * i] / width);
        }
        "RandomShear" => {
            let sheared = case.values("transform/shear_factor");
            config["x_factor"] = exactly(sheared[2 * i]);
            config["y_factor"] = exactly(sheared[2 * i + 1]);
        }
        "RandomInvert" => config["factor"] = exactly(case.values("transform/chosen")[i]),
        "RandomGrayscale" => config["factor"] = json!(case.values("transform/chosen")[i]),
        "RandomHue" => config["factor"] = exactly(2.0 * case.values("transform/factor")[i].abs()),
        "RandomSaturation" => {
            let factor = case.values("transform/factor")[i];
            config["factor"] = exactly(factor / (1.0 + factor));
        }
        "RandomSharpness" => config["factor"] = exactly(case.values("transform/factor")[i]),
        "RandomGaussianBlur" => {
            config["factor"] = exactly(case.values("transform/chosen")[i]);
            config["sigma"] = exactly(case.values("transform/sigma")[0] - 1e-6);
        }
        "RandomColorDegeneration" => config["factor"] = exactly(case.values("transform/factor")[i]),
        "RandomPosterization" => {
            config["factor"] = exactly(8.0 - case.values("transform/shift_factor")[i]);
        }
        _ => {}
    }
    serde_json::from_value(layer).unwrap()
}

/// Solarization, whose settings cannot say what is drawn: its kernel with the recorded draws.
fn check_solarization(case: &Case<'_>) -> Result<(), String> {
    let range = case.case["layer"]["config"]["value_range"].clone();
    let range = serde_json::from_value(range).unwrap();
    let draws = case.values("transform/additions").into_iter().zip(case.values("transform/thresholds"));
    let recolor = |(addition, threshold)| kernels::Recolor::Solarize { addition, threshold, range };
    let recolors: Vec<_> = draws.map(recolor).collect();
    let (x, dy) = (case.values("input0"), case.values("upstream"));
    let [mut output, mut gradient] = [vec![0.0; x.len()], vec![0.0; x.len()]];
    kernels::recolor(3, &recolors, &x, &mut output);
    kernels::recolor_backward(3, &recolors, &x, &dy, &mut gradient);
    compare("output", &output, &case.values("output"))?;
    compare("gradient", &gradient, &case.values("grad/input0"))
}

/// Perspective, whose settings cannot say what is drawn: its kernel with the recorded corners.
fn check_perspective(case: &Case<'_>) -> Result<(), String> {
    let [height, width, channels] = case.shape("input0")[1..] else { unreachable!() };
    let config = &case.case["layer"]["config"];
    let transform = kernels::AffineTransform {
        height,
        width,
        channels,
        fill_mode: kernels::FillMode::Constant,
        fill_value: config["fill_value"].as_f64().unwrap() as f32,
        interpolation: match config["interpolation"].as_str() {
            Some("nearest") => kernels::Interpolation::Nearest,
            _ => kernels::Interpolation::Bilinear,
        },
        rescaling: [1.0, 0.0],
    };
    let x = case.values("input0");
    let (mut output, len) = (x.clone(), height * width * channels);
    let [right, bottom] = [width, height].map(|size| size as f64 - 1.0);
    let corners = [[0.0, 0.0], [right, 0.0], [0.0, bottom], [right, bottom]];
    let (chosen, moved) = (case.values("transform/chosen"), case.values("transform/end_points"));
    for (i, (x, y)) in x.chunks(len).zip(output.chunks_mut(len)).enumerate() {
        if chosen[i] == 1.0 {
            let moved = [0, 1, 2, 3].map(|corner| [0, 1].map(|axis| moved[8 * i + 2 * corner + axis].into()));
            transform.perspective(&homography(moved, corners).unwrap(), x, y);
        }
    }
    compare("output", &output, &case.values("output"))
}

/// Mixed images and labels, by the recorded shares and partners.
fn check_mix(case: &Case<'_>) -> Result<(), String> {
    let [height, width, channels] = case.shape("input0")[1..] else { unreachable!() };
    let shares = case.values("transform/mix_weight");
    let partners: Vec<usize> = case.values("transform/permutation").iter().map(|&n| n as usize).collect();
    let mix = |i: usize| match case.class_name() {
        "MixUp" => kernels::Mix::Blend { share: shares[i] },
        _ => {
            let bounds = case.values("transform/bounds");
            let range = |axis: usize| {
                let [start, end] = [0, 1].map(|end| bounds[4 * i + 2 * axis + end].ceil() as usize);
                start..end
            };
            kernels::Mix::Paste { rectangle: [range(0), range(1)] }
        }
    };
    let mixes: Vec<kernels::Mix> = (0..case.batch()).map(mix).collect();
    let (x, labels) = (case.values("input0"), case.values("transform/labels"));
    let mut output = vec![0.0; x.len()];
    kernels::mix([height, width, channels], &mixes, &partners, &x, &mut output);
    compare("output", &output, &case.values("output"))?;
    let classes = labels.len() / case.batch();
    let share = |i: usize| shares[i / classes];
    let other = |i: usize| labels[partners[i / classes] * classes + i % classes];
    let mixed: Vec<f32> =
        labels.iter().enumerate().map(|(i, own)| share(i) * own + (1.0 - share(i)) * other(i)).collect();
    compare("labels", &mixed, &case.values("transform/mixed_labels"))
}

/// A layer that draws: image by image, with the recorded draws, or with any number of a sample that draws the same.
fn check_random(case: &Case<'_>) -> Result<(), String> {
    for i in 0..case.batch() {
        let amount = match case.class_name() {
            "RandomContrast" => Some(case.values("transform/contrast_factor")[i]),
            "RandomBrightness" => Some(case.values("transform/rgb_delta")[i]),
            _ => None,
        };
        let adjust = |op: &mut Op| {
            if let (Op::Color(op), Some(amount)) = (op, amount) {
                op.shift.amounts = [amount, amount];
            }
        };
        // A shear and a hue go the other way for half of the images.
        let searched = matches!(case.class_name(), "RandomFlip" | "RandomCrop" | "RandomHue" | "RandomShear");
        let results = (0..if searched { 300 } else { 1 })
            .map(|sample| check(case, i..i + 1, &call(case, pinned(case, i), i..i + 1, &[sample], adjust)));
        let mut last = Ok(());
        for result in results {
            last = result;
            if last.is_ok() {
                break;
            }
        }
        last.map_err(|problem| format!("image {i}: {problem}"))?;
    }
    Ok(())
}

/// What Petal does otherwise, or doesn't have.
fn left_out(case: &Case<'_>) -> bool {
    let interpolation = case.case["layer"]["config"]["interpolation"].as_str();
    // Keras gives back its input, of a shape that isn't the layer's output shape.
    case.name() == "random_crop_inference"
        || interpolation.is_some_and(|name| name != "bilinear" && name != "nearest")
}

#[test]
fn every_layer_has_the_output_and_the_gradients_of_keras() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/layers.safetensors");
    let bytes = std::fs::read(path).unwrap();
    let (_, metadata) = SafeTensors::read_metadata(&bytes).unwrap();
    let cases = &metadata.metadata().as_ref().unwrap()["cases"];
    let cases: Vec<Json> = serde_json::from_str(cases).unwrap();
    let tensors = SafeTensors::deserialize(&bytes).unwrap();
    let mut problems = Vec::new();
    let mut checked = 0;
    for case in cases.iter().map(|case| Case { case, tensors: &tensors }).filter(|case| !left_out(case)) {
        let drawn = case.case["transform"].as_array().is_some_and(|names| !names.is_empty());
        let result = if drawn {
            match case.class_name() {
                "Solarization" => check_solarization(&case),
                "RandomPerspective" => check_perspective(&case),
                "MixUp" | "CutMix" => check_mix(&case),
                _ => check_random(&case),
            }
        } else {
            let layer: AnyLayer = serde_json::from_value(case.case["layer"].clone()).unwrap();
            let samples: Vec<usize> = (0..case.batch()).collect();
            let outcome = call(&case, layer, 0..case.batch(), &samples, |_| {});
            let names: Vec<_> =
                outcome.after.iter().map(|(name, _)| name.as_str()).skip(case.inputs()).collect();
            assert_eq!(names, case.weights(), "{}", case.name());
            check(&case, 0..case.batch(), &outcome)
        };
        checked += 1;
        problems.extend(result.err().map(|problem| format!("{}: {problem}", case.name())));
    }
    assert!(problems.is_empty(), "{} of {checked} cases:\n{}", problems.len(), problems.join("\n"));
    assert!(checked > 270, "only {checked} cases were checked");
}
