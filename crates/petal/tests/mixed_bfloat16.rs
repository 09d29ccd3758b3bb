//! The dtype policy `mixed_bfloat16`: what it changes, how much, and that it stays with a model.

use ndarray::Array4;
use petal::applications::{MobileNetV2, Weights, lecture_cnn, lecture_transfer};
use petal::prelude::*;
use petal::program::DTypePolicy;

/// Photos of three classes that differ in which third of a channel is bright.
fn photos(count: usize, size: usize) -> ArrayDataset {
    let images = Array4::from_shape_fn([count, size, size, 3], |(n, y, x, c)| {
        let bright = if c == n % 3 { 120.0 } else { 20.0 };
        bright + ((n * 31 + y * 7 + x * 13 + c * 5) % 97) as f32
    });
    let labels: Vec<usize> = (0..count).map(|n| n % 3).collect();
    ArrayDataset::new(images, &labels).unwrap().batch_size(12)
}

fn loss() -> SparseCategoricalCrossentropy {
    SparseCategoricalCrossentropy::from_logits()
}

#[test]
fn a_network_learns_as_with_float32() {
    let data = photos(36, 48);
    let trained = |policy| {
        let mut model = lecture_cnn([48, 48, 3], 3, 1).unwrap();
        model.set_dtype_policy(policy);
        model.compile(Adam::new(1e-3), loss()).unwrap();
        let history = model.fit(&data, Fit::epochs(8).verbose(Verbose::Silent)).unwrap();
        (history.series("loss").to_vec(), history.series("accuracy").last().copied().unwrap())
    };
    let [(exact, _), (rounded, accuracy)] = DTypePolicy::ALL.map(trained);
    assert_ne!(exact, rounded, "the policy changed nothing");
    assert!((exact[0] - rounded[0]).abs() < 0.05 * exact[0], "{exact:?} {rounded:?}");
    assert!(rounded.last().unwrap() < &(0.5 * rounded[0]) && accuracy > 0.9, "{rounded:?}, {accuracy}");
}

#[test]
fn rounding_changes_predictions_of_a_deep_network_little() {
    let base = MobileNetV2::new(96, 96).include_top(false).weights(Weights::None).build().unwrap();
    let mut model = lecture_transfer(base, MobileNetV2::preprocess_input, 3, 1).unwrap();
    let data = photos(6, 96);
    let exact = model.predict(&data).unwrap();
    model.set_dtype_policy(DTypePolicy::MixedBfloat16);
    let rounded = model.predict(&data).unwrap();
    assert_ne!(exact, rounded);
    let scale = exact.iter().fold(0.0f32, |most, value| most.max(value.abs()));
    let farthest = exact.iter().zip(&rounded).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    assert!(farthest < 0.05 * scale, "{farthest} of {scale}");
}

#[test]
fn the_policy_stays_with_a_saved_model() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.petal");
    let mut model = lecture_cnn([32, 32, 3], 3, 1).unwrap();
    model.set_dtype_policy(DTypePolicy::MixedBfloat16);
    model.save(&path).unwrap();
    let loaded = Model::load(&path).unwrap();
    assert_eq!(loaded.dtype_policy(), DTypePolicy::MixedBfloat16);
    let data = photos(4, 32);
    assert_eq!(loaded.predict(&data).unwrap(), model.predict(&data).unwrap());
}

#[test]
fn a_training_that_is_gone_on_with_ends_with_the_same_weights() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.petal");
    let data = photos(24, 32);
    let mut model = lecture_cnn([32, 32, 3], 3, 1).unwrap();
    model.set_dtype_policy(DTypePolicy::MixedBfloat16);
    model.compile(Adam::new(1e-3), loss()).unwrap();
    model.fit(&data, Fit::epochs(1).verbose(Verbose::Silent)).unwrap();
    model.save(&path).unwrap();
    let mut resumed = Model::load(&path).unwrap();
    for model in [&mut model, &mut resumed] {
        model.fit(&data, Fit::epochs(2).initial_epoch(1).verbose(Verbose::Silent)).unwrap();
    }
    assert_eq!(model.shared_weights(), resumed.shared_weights());
}

#[test]
fn names_are_those_of_keras() {
    for policy in DTypePolicy::ALL {
        assert_eq!(policy.to_string().parse(), Ok(policy));
    }
    let refused = |name: &str| name.parse::<DTypePolicy>().unwrap_err();
    assert!(refused("mixed_float16").contains("expected mixed_bfloat16"));
    assert!(refused("bf16").contains("'bf16' is no dtype policy; expected float32 or mixed_bfloat16"));
}
