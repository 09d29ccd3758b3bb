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
use crate::program::{Gradient, Mode, Run};

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
        engine.backward(run, &weights);
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
        // A shear goes the other way for half of the images.
        let searched = matches!(case.class_name(), "RandomFlip" | "RandomCrop" | "RandomShear");
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
        let result = if drawn && case.class_name() == "Solarization" {
            check_solarization(&case)
        } else if drawn {
            check_random(&case)
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
