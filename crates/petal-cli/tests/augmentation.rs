//! Augmentations that a file says, mixed photos, and the mean over several views, as users have them.

mod binary;

use std::fs;
use std::path::Path;

use binary::{assert_success, petal, stderr, stdout, with_photos, with_run};
use serde_json::Value;

const FILE: &str =
    "[RandomFlip]\nmode = \"horizontal\"\n\n[TrivialAugmentWide]\n\n[RandomErasing]\nfactor = 0.3\n";

/// Trains a small network on `photos`, and gives its model's bytes.
fn train(at: &Path, run: &str, more: &[&str]) -> Vec<u8> {
    let small = ["train", "photos", "--image-size", "32", "--batch-size", "8", "-q", "--output", run];
    assert_success(&petal(at, &[&small[..], more].concat()));
    fs::read(at.join(run).join("model.petal")).unwrap()
}

#[test]
fn mixed_and_augmented_trainings_are_the_same_on_any_number_of_threads_and_gone_on_with() {
    let folder = with_photos(5);
    let at = folder.path();
    fs::write(at.join("augment.toml"), FILE).unwrap();
    let mixed = ["--augment", "augment.toml", "--mixup", "0.4", "--cutmix", "1", "--label-smoothing", "0.1"];
    let whole = train(at, "whole", &[&mixed[..], &["--epochs", "3", "--threads", "1"]].concat());
    assert_eq!(train(at, "two", &[&mixed[..], &["--epochs", "3", "--threads", "2"]].concat()), whole);
    train(at, "part", &[&mixed[..], &["--epochs", "1"]].concat());
    // What the file said is kept with the run.
    fs::remove_file(at.join("augment.toml")).unwrap();
    assert_success(&petal(at, &["train", "--resume", "part", "--epochs", "3", "-q"]));
    assert_eq!(fs::read(at.join("part/model.petal")).unwrap(), whole);
    let report = fs::read_to_string(at.join("whole/report.html")).unwrap();
    assert!(report.contains("RandomFlip, TrivialAugmentWide, RandomErasing, MixUpOrCutMix"));
    assert!(report.contains("Label smoothing") && at.join("whole/augmentations.png").exists());

    // Each option changes what is learned.
    let plain = train(at, "plain", &["--epochs", "1"]);
    for (run, option) in [
        ("mixup", ["--mixup", "0.4"]),
        ("cutmix", ["--cutmix", "1"]),
        ("smoothed", ["--label-smoothing", "0.1"]),
        ("strong", ["--augment", "strong"]),
    ] {
        assert_ne!(train(at, run, &[&option[..], &["--epochs", "1"]].concat()), plain, "{run}");
    }
    let resumed = petal(at, &["train", "--resume", "plain", "--mixup", "0.2", "--epochs", "2"]);
    assert!(stderr(&resumed).contains("--mixup would change nothing with --resume"), "{}", stderr(&resumed));
}

#[test]
fn a_file_is_shown_and_its_mistakes_are_named_with_their_line() {
    let folder = with_photos(2);
    let at = folder.path();
    let show = |out: &str, augment: &str| {
        petal(at, &["show", "photos", "--image-size", "48", "-o", out, "--augment", augment])
    };
    fs::write(at.join("augment.toml"), FILE).unwrap();
    assert_success(&show("file", "augment.toml"));
    assert_success(&show("light", "light"));
    let picture = |out: &str| fs::read(at.join(out).join("augmentations.png")).unwrap();
    assert_ne!(picture("file"), picture("light"));
    assert_success(&show("none", "none"));
    assert!(!at.join("none/augmentations.png").exists() && at.join("none/photos.png").exists());

    fs::write(at.join("augment.toml"), "[RandomFlip]\nmoed = \"horizontal\"\n").unwrap();
    let refused = show("wrong", "augment.toml");
    let expected = "augment.toml: line 2: RandomFlip has no setting 'moed'; did you mean mode?";
    assert!(!refused.status.success() && stderr(&refused).contains(expected), "{}", stderr(&refused));
    let refused = show("wrong", "strng");
    assert!(stderr(&refused).contains("none, light, strong, or a .toml file"), "{}", stderr(&refused));
}

#[test]
fn with_two_views_a_photo_and_its_mirror_image_get_one_answer() {
    let folder = with_run(3, 1);
    let at = folder.path();
    let photo = fs::read_dir(at.join("photos/roses")).unwrap().next().unwrap().unwrap().path();
    // Of the model's size, so that nothing is rounded on the way.
    let photo = image::open(photo).unwrap().resize_exact(28, 32, image::imageops::FilterType::Triangle);
    photo.save(at.join("photo.png")).unwrap();
    photo.fliph().save(at.join("mirrored.png")).unwrap();
    let probabilities = |photo: &str, views: &str| -> Vec<f64> {
        let output = petal(at, &["predict", "run", photo, "--json", "--tta", views]);
        assert_success(&output);
        let answer: Value = serde_json::from_str(&stdout(&output)).unwrap();
        let values = answer["probabilities"].as_object().unwrap();
        values.values().map(|value| value.as_f64().unwrap()).collect()
    };
    let distance = |views: &str| -> f64 {
        let (one, other) = (probabilities("photo.png", views), probabilities("mirrored.png", views));
        one.iter().zip(&other).map(|(one, other)| (one - other).abs()).fold(0.0, f64::max)
    };
    assert!(distance("1") > 1e-5, "{}", distance("1"));
    assert!(distance("2") < 1e-6, "{}", distance("2"));
    // Between pixels there are roundings.
    assert!(distance("12") < 1e-4, "{}", distance("12"));
    assert_ne!(probabilities("photo.png", "3"), probabilities("photo.png", "2"));

    let evaluate = |views: &str| {
        let output = petal(at, &["evaluate", "run", "photos", "--json", "-o", ".", "--tta", views]);
        assert_success(&output);
        serde_json::from_str::<Value>(&stdout(&output)).unwrap()["loss"].as_f64().unwrap()
    };
    assert_ne!(evaluate("1"), evaluate("6"));
    assert!(fs::read_to_string(at.join("evaluation.html")).unwrap().contains("Views of each photo"));
    assert!(!petal(at, &["predict", "run", "photo.png", "--tta", "13"]).status.success());
}
