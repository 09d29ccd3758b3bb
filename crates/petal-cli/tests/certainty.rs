//! How far answers can be trusted: the pages of `petal evaluate` and `petal compare`, and what is unknown.

mod binary;

use std::fs;
use std::path::Path;

use binary::{assert_success, petal, stderr, stdout, with_photos, with_run};
use serde_json::Value;

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

#[test]
fn an_evaluation_is_a_page_beside_the_run_or_where_it_is_wanted() {
    let folder = with_run(8, 1);
    let at = folder.path();
    let output = petal(at, &["evaluate", "run", "photos"]);
    assert_success(&output);
    assert!(stderr(&output).contains("Page: run/evaluation.html"), "{}", stderr(&output));
    let page = fs::read_to_string(at.join("run/evaluation.html")).unwrap();
    for part in
        ["Confusion matrix", "Class by class", "AUROC", "Calibration error", "Most confident mistakes"]
    {
        assert!(page.contains(part), "{part}");
    }
    // The validation photos' probabilities stand in the run's own report, too.
    let report = fs::read_to_string(at.join("run/report.html")).unwrap();
    assert!(report.contains("AUROC") && report.contains("Calibration error"));
    assert!(at.join("run/rankings.png").exists() && at.join("run/reliability.svg").exists());

    fs::copy(at.join("run/model.petal"), at.join("alone.petal")).unwrap();
    assert_success(&petal(at, &["evaluate", "alone.petal", "photos"]));
    assert!(at.join("evaluation.html").exists());
    let output = petal(at, &["evaluate", "run", "photos", "--json", "-o", "pages/new"]);
    assert_success(&output);
    assert!(at.join("pages/new/evaluation.html").exists());
    let scores = json(&stdout(&output));
    assert!(scores["auroc"].as_f64().unwrap() > 0.0 && scores["average_precision"].as_f64().unwrap() > 0.0);

    fs::write(at.join("file"), "").unwrap();
    let output = petal(at, &["evaluate", "run", "photos", "-o", "file"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("file") && stdout(&output).is_empty());
}

#[test]
fn an_evaluation_says_which_classes_have_no_photo() {
    let folder = with_run(6, 1);
    let at = folder.path();
    fs::rename(at.join("photos"), at.join("test")).unwrap();
    fs::remove_dir_all(at.join("test/roses")).unwrap();
    fs::rename(at.join("test/tulips"), at.join("test/<bees>")).unwrap();
    assert_success(&petal(at, &["evaluate", "run", "test"]));
    let page = fs::read_to_string(at.join("run/evaluation.html")).unwrap();
    assert!(page.contains("Classes without a photo</dt><dd>roses, tulips<"));
    assert!(
        page.contains("&lt;bees&gt;") && !page.contains("<bees>"),
        "the folder that was left out is named"
    );
    // One class alone can't be told from others.
    for class in ["daisy", "sunflowers"] {
        fs::remove_dir_all(at.join("test").join(class)).unwrap();
    }
    let output = petal(at, &["evaluate", "run", "test", "--json"]);
    assert_success(&output);
    assert!(json(&stdout(&output))["auroc"].is_null());
}

#[test]
fn two_runs_are_compared_on_the_validation_photos_of_the_first() {
    let folder = with_run(10, 1);
    let at = folder.path();
    let train =
        ["train", "photos", "-o", "other", "--image-size", "24", "--epochs", "3", "-q", "--seed", "7"];
    assert_success(&petal(at, &train));
    let output = petal(at, &["compare", "run", "other"]);
    assert_success(&output);
    let (answer, said) = (stdout(&output), stderr(&output));
    assert!(answer.contains("McNemar's exact test has p = ") && answer.contains("Brier score"), "{answer}");
    // Another seed is another split.
    assert!(said.contains("other was trained on ") && said.contains(" of these 10 photos"), "{said}");
    let page = fs::read_to_string(at.join("comparison.html")).unwrap();
    for part in ["Which is better", "Where they differ", "flatters it", "Training", "F1 of other"] {
        assert!(page.contains(part), "{part}");
    }
    let output = petal(at, &["compare", "run", "run", "--json", "-o", "pages"]);
    assert_success(&output);
    let same = json(&stdout(&output));
    assert_eq!(same["mcnemar"], serde_json::json!({ "only_first": 0, "only_second": 0, "p": 1.0 }));
    let values = &same["metrics"][0]["values"];
    let run = json(&fs::read_to_string(at.join("run/history.json")).unwrap());
    let accuracy = run["values"]["val_accuracy"][0].as_f64().unwrap();
    assert!((values[0].as_f64().unwrap() - accuracy).abs() < 1e-6 && values[0] == values[1]);
    assert!(!stderr(&output).contains("trained on"), "{}", stderr(&output));
    assert!(fs::read_to_string(at.join("pages/comparison.html")).unwrap().contains("Both say the same"));
}

#[test]
fn other_photos_and_lone_files_are_compared_and_other_classes_are_not() {
    let folder = with_run(6, 1);
    let at = folder.path();
    fs::copy(at.join("run/model.petal"), at.join("alone.petal")).unwrap();
    let output = petal(at, &["compare", "alone.petal", "run"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("name photos"), "{}", stderr(&output));
    let output = petal(at, &["compare", "alone.petal", "run", "photos"]);
    assert_success(&output);
    let said = stderr(&output);
    assert!(said.contains("Whether alone was trained on some of these photos is not known"), "{said}");
    assert!(said.contains("run was trained on 24 of these 30 photos"), "{said}");

    let others = with_photos(4);
    fs::rename(others.path().join("photos/roses"), others.path().join("photos/bees")).unwrap();
    let photos = others.path().join("photos");
    let train =
        ["train", photos.to_str().unwrap(), "-o", "bees", "--image-size", "24", "--epochs", "1", "-q"];
    assert_success(&petal(at, &train));
    let output = petal(at, &["compare", "run", "bees"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("different classes"), "{}", stderr(&output));
}

/// The answers of `petal predict --json`, one a photo.
fn answers(folder: &Path, arguments: &[&str]) -> Vec<Value> {
    let output = petal(folder, &[&["predict", "run", "photos", "--json"], arguments].concat());
    assert_success(&output);
    stdout(&output).lines().map(json).collect()
}

#[test]
fn photos_that_look_least_like_the_classes_are_answered_unknown() {
    let folder = with_run(10, 2);
    let at = folder.path();
    let plain = answers(at, &[]);
    let asked = answers(at, &["--unknown", "0.5"]);
    let is_unknown = |answer: &&Value| answer["class"] == "unknown";
    let unknown: Vec<&Value> = asked.iter().filter(is_unknown).collect();
    assert!((5..45).contains(&unknown.len()), "{} of 50", unknown.len());
    assert!(plain.iter().all(|answer| answer["class"] != "unknown" && answer["familiarity"].is_null()));
    for (plain, asked) in plain.iter().zip(&asked) {
        assert_eq!(plain["probabilities"], asked["probabilities"]);
    }
    let familiarity = |answer: &Value| answer["familiarity"].as_f64().unwrap();
    let least = asked.iter().filter(|answer| !is_unknown(answer)).map(familiarity).fold(f64::MAX, f64::min);
    assert!(unknown.iter().all(|answer| familiarity(answer) < least));
    // A share of nearly all keeps more of them.
    let fewer = answers(at, &["--unknown", "0.99"]).iter().filter(is_unknown).count();
    assert!(fewer < unknown.len());

    let output = petal(at, &["predict", "run", "photos", "--unknown", "0.5"]);
    assert_eq!(stdout(&output).matches(": unknown, most like ").count(), unknown.len());
    let output = petal(at, &["predict", "run", "photos", "--unknown", "0.5", "--csv"]);
    assert_eq!(stdout(&output).matches(",unknown,").count(), unknown.len());
    let output = petal(at, &["evaluate", "run", "photos", "--unknown", "0.5", "--json"]);
    assert_eq!(json(&stdout(&output))["unknown"]["photos"], unknown.len());
    let output = petal(at, &["evaluate", "run", "photos", "--unknown", "0.5"]);
    let told = format!("answered unknown: {} of 50 photos", unknown.len());
    assert!(stdout(&output).contains(&told), "{}", stdout(&output));
    assert!(fs::read_to_string(at.join("run/evaluation.html")).unwrap().contains("Answered unknown"));
}

#[test]
fn a_model_that_was_never_calibrated_cannot_say_what_it_does_not_know() {
    let folder = with_run(4, 1);
    let at = folder.path();
    // Keras' own file, without what Petal notes in it.
    assert_success(&petal(at, &["export", "run", "--to", "keras", "-o", "model.keras"]));
    let known = petal(at, &["predict", "model.keras", "photos", "--unknown", "0.9"]);
    assert_success(&known);
    assert_success(&petal(at, &["quantize", "run", "photos", "-o", "int8.petal"]));
    assert_success(&petal(at, &["predict", "int8.petal", "photos", "--unknown", "0.9"]));

    for share in ["0", "1", "half"] {
        assert_eq!(petal(at, &["predict", "run", "photos", "--unknown", share]).status.code(), Some(2));
    }
    let keras = concat!(env!("CARGO_MANIFEST_DIR"), "/../petal/tests/fixtures/explain/cnn.keras");
    let output = petal(at, &["predict", keras, "photos", "--unknown", "0.9"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("--unknown needs"), "{}", stderr(&output));
}
