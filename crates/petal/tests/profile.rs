//! What a profile says of a training.

use ndarray::Array4;
use petal::Result;
use petal::data::ArrayDataset;
use petal::layers::*;
use petal::model::Model;
use petal::profile::Profile;
use petal::training::*;
use serde_json::Value;

const EPOCHS: usize = 3;

fn network() -> Result<Model> {
    let x = Input::image(24, 24, 3);
    let h = Rescaling::new(1.0 / 255.0).on(&x)?;
    let h = MaxPooling2D::new(2).on(&Conv2D::new(16, 3).same().relu().name("pooled").on(&h)?)?;
    let h = BatchNormalization::new().name("normalized").on(&h)?;
    let a = Conv2D::new(8, 1).name("left").on(&h)?;
    let b = Conv2D::new(8, 3).same().name("right").on(&h)?;
    let h = GlobalAveragePooling2D::new().on(&Add::new().on([&a, &b])?)?;
    Model::new(&x, &Dense::new(5).name("classes_by_a_name_that_is_too_long_for_its_column").on(&h)?)
}

fn trained(profile: Option<&Profile>) -> Result<Model> {
    let mut model = network()?;
    profile.iter().for_each(|profile| model.set_profile(profile));
    model.compile(Adam::new(1e-3), SparseCategoricalCrossentropy::from_logits())?;
    let images =
        Array4::from_shape_fn((20, 24, 24, 3), |(n, y, x, c)| ((n * 7 + y * 3 + x * 5 + c) % 256) as f32);
    let labels: Vec<usize> = (0..20).map(|n| n % 5).collect();
    let data = ArrayDataset::new(images, &labels)?.batch_size(8);
    model.fit(&data, Fit::epochs(EPOCHS).validation(&data).verbose(Verbose::Silent))?;
    Ok(model)
}

#[test]
fn each_step_has_its_line_and_weights_are_the_same_bits() -> Result<()> {
    let profile = Profile::new();
    let model = trained(Some(&profile))?;
    let bits = |model: &Model| model.shared_weights().iter().map(|w| w.to_bits()).collect::<Vec<_>>();
    assert_eq!(bits(&model), bits(&trained(None)?));

    let table = profile.to_string();
    // Three batches of twenty samples in each epoch, in training and in validation.
    let calls = 3 * EPOCHS;
    for (layer, operation, passes) in [
        ("rescaling", "scale", &["forward", "infer"][..]),
        ("pooled", "pooled_conv2d 3×3", &["forward", "backward", "infer"]),
        ("normalized", "batch_norm", &["forward", "backward"]),
        ("left", "conv2d 1×1", &["forward", "backward", "infer"]),
        ("right", "conv2d 3×3", &["forward", "backward", "infer"]),
        ("add", "add", &["forward", "infer"]),
        ("global_average_pooling2d", "global_pool", &["forward", "backward", "infer"]),
        ("…too_long_for_its_column", "dense", &["forward", "backward", "infer"]),
    ] {
        for pass in passes {
            let line = format!("{layer:24} {operation:20} {pass:8} {calls:>6} ");
            assert!(table.contains(&line), "{line}:\n{table}");
        }
    }
    for around in ["loss and metrics", "optimizer", "wait for the next batch", "callbacks after an epoch"] {
        assert!(table.contains(around), "{around}:\n{table}");
    }
    assert!(table.lines().all(|line| line.chars().count() <= 100), "{table}");

    // Sorted by time, of which the shares are, together with what is outside.
    let (steps, rest) = table.split_once("\n\n").unwrap();
    let shares: Vec<f64> = steps.lines().skip(1).map(share).collect();
    assert!(shares.is_sorted_by(|a, b| a >= b), "{table}");
    let outside = rest.split_once("wall time, ").unwrap().1.split_once('%').unwrap().0;
    let all = shares.iter().sum::<f64>() + outside.parse::<f64>().unwrap();
    assert!((all - 100.0).abs() < 0.05 * (shares.len() + 1) as f64, "{all}:\n{table}");
    Ok(())
}

/// The share in a line of the table.
fn share(line: &str) -> f64 {
    let before = line.split_once('%').unwrap().0;
    before.rsplit(' ').next().unwrap().parse().unwrap()
}

#[test]
fn the_trace_is_of_nested_complete_events() -> Result<()> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("trace.json");
    let profile = Profile::new();
    trained(Some(&profile))?;
    profile.write_trace(&path)?;
    let trace: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    let events = trace["traceEvents"].as_array().unwrap();
    let named = |name: &str| events.iter().filter(|event| event["name"] == name).count();
    assert_eq!([named("training step"), named("backward")], [3 * EPOCHS; 2]);
    assert_eq!(named("forward"), 2 * 3 * EPOCHS);
    assert_eq!(named("pooled"), 3 * 3 * EPOCHS);
    // In each thread, what begins within another event ends within it.
    let mut open: Vec<(f64, &Value)> = Vec::new();
    for event in events {
        assert!(event["ph"] == "X" && event["pid"] == 1 && event["tid"] == 1 && event["cat"].is_string());
        let (begin, took) = (event["ts"].as_f64().unwrap(), event["dur"].as_f64().unwrap());
        assert!(begin >= 0.0 && took >= 0.0);
        open.retain(|(end, _)| *end > begin);
        if let Some((end, outer)) = open.last() {
            // Sums of fractions of microseconds.
            assert!(begin + took <= end + 1e-3, "{event} within {outer}");
        }
        open.push((begin + took, event));
    }
    let within = |name: &str, outer: &str| {
        let range = |event: &Value| (event["ts"].as_f64().unwrap(), event["dur"].as_f64().unwrap());
        let outer: Vec<_> = events.iter().filter(|event| event["name"] == outer).map(range).collect();
        events.iter().filter(|event| event["name"] == name).map(range).all(|(begin, took)| {
            outer.iter().any(|(start, long)| *start <= begin && begin + took <= start + long + 1e-3)
        })
    };
    assert!(within("backward", "training step") && within("optimizer", "training step"));
    Ok(())
}

#[test]
fn a_long_trace_ends_and_says_so() -> Result<()> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("trace.json");
    let profile = Profile::new();
    (0..100_007).for_each(|_| drop(profile.measure("something")));
    let table = profile.to_string();
    assert!(table.contains("the first 100000 of 100007 calls") && table.contains(" 100007 "), "{table}");
    profile.write_trace(&path)?;
    let trace: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    assert_eq!(trace["traceEvents"].as_array().unwrap().len(), 100_000);
    Ok(())
}
