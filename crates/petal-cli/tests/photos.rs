//! Photos looked at, and how they are read.

mod binary;

use std::fs;

use binary::{assert_success, petal, stderr, stdout, with_photos, with_run};
use petal::model::Model;

#[test]
fn one_photo_is_described_and_written_as_png() {
    let folder = with_photos(1);
    let at = folder.path();
    let output = petal(at, &["show", "photos/daisy/daisy_001.jpg", "--output", "pictures"]);
    assert_success(&output);
    assert!(stderr(&output).contains("JPEG, 184 × 232 pixels, RGB, "), "{}", stderr(&output));
    assert_eq!(stdout(&output).trim(), "pictures/photo.png");
    let written = image::open(at.join("pictures/photo.png")).unwrap();
    assert_eq!((written.width(), written.height()), (184, 232));

    // Its own picture is not overwritten.
    let before = fs::read(at.join("pictures/photo.png")).unwrap();
    let output = petal(at, &["show", "pictures/photo.png", "--output", "pictures"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("--output"), "{}", stderr(&output));
    assert_eq!(fs::read(at.join("pictures/photo.png")).unwrap(), before);

    let whole = fs::read(at.join("photos/daisy/daisy_001.jpg")).unwrap();
    fs::write(at.join("cut.jpg"), &whole[..whole.len() / 2]).unwrap();
    let output = petal(at, &["show", "cut.jpg"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("cut.jpg: the JPEG is cut off"), "{}", stderr(&output));
    assert!(!at.join("photo.png").exists());
}

#[test]
fn a_picture_that_would_count_as_a_photo_is_spoken_of() {
    let folder = with_photos(1);
    let at = folder.path();
    let output = petal(at, &["show", "photos/daisy/daisy_001.jpg", "--output", "photos/daisy"]);
    assert_success(&output);
    assert!(stderr(&output).contains("photos/daisy/photo.png lies beside the photo"), "{}", stderr(&output));
    let output = petal(at, &["show", "photos/daisy/daisy_001.jpg", "--output", "."]);
    assert!(!stderr(&output).contains("beside"), "{}", stderr(&output));
}

#[test]
fn large_photos_are_averaged_in_a_run_and_by_its_model_unless_pixels_are_to_be_exact() {
    let folder = with_run(2, 1);
    let at = folder.path();
    let train = ["train", "photos", "--image-size", "32x28", "--epochs", "1", "--quiet"];
    assert_success(&petal(at, &[&train[..], &["--output", "exact", "--exact-pixels"]].concat()));
    let lecture =
        ["lecture", "photos", "--phases", "1", "--epochs-scale", "0.1", "--quiet", "--output", "lecture"];
    assert_success(&petal(at, &lecture));
    for (run, expected) in [("run", true), ("exact", false), ("lecture", false)] {
        let settings: serde_json::Value =
            serde_json::from_slice(&fs::read(at.join(run).join("settings.json")).unwrap()).unwrap();
        assert_eq!(settings["preprocessing"]["average_large"], expected, "{run}");
    }
    let answer = |run: &str| stdout(&petal(at, &["predict", run, "photos/daisy/daisy_001.jpg", "--json"]));
    for (run, averages) in [("run", true), ("exact", false)] {
        let model = Model::load(at.join(run).join("model.petal")).unwrap();
        let preprocessing = model.preprocessing().unwrap().clone();
        assert_eq!(preprocessing.average_large, averages);
        // The sample photos are more than four times the run's size, so the two ways give different pixels.
        let pixels = preprocessing.load(at.join("photos/daisy/daisy_001.jpg")).unwrap();
        let probabilities = model.into_predictor(1).unwrap().probabilities(&pixels).unwrap();
        let found: serde_json::Value = serde_json::from_str(&answer(run)).unwrap();
        let expected = f64::from(probabilities.iter().copied().fold(0.0, f32::max));
        assert!((found["probability"].as_f64().unwrap() - expected).abs() < 1e-6, "{run}: {found}");
    }
    assert_ne!(answer("run"), answer("exact"));
}
