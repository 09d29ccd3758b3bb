//! Photos in train, val and test, by the real binary: trained on the first, validated on the second, tested on the third.

mod binary;

use std::fs;
use std::path::Path;
use std::process::Output;

use binary::{assert_success, petal, stderr, stdout};
use tempfile::TempDir;

const QUICK: [&str; 8] = ["--image-size", "32", "--batch-size", "8", "--epochs", "2", "--threads", "1"];

fn train(at: &Path, arguments: &[&str]) -> Output {
    petal(at, &[&["train"], arguments, &QUICK].concat())
}

#[track_caller]
fn assert_refused(output: &Output, said: &str) {
    assert!(matches!(output.status.code(), Some(1 | 2)), "{:?}", output.status);
    assert!(stderr(output).contains(said), "'{said}' is not in: {}", stderr(output));
}

/// `d` with these sets of sample photos.
fn with_sets(sets: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (seed, (set, per_class)) in sets.iter().enumerate() {
        let (seed, set) = (seed.to_string(), format!("d/{set}"));
        assert_success(&petal(
            folder.path(),
            &["sample-data", &set, "--per-class", per_class, "--seed", &seed],
        ));
    }
    folder
}

#[test]
fn three_sets_are_used_each_for_its_own_and_the_test_has_the_last_word() {
    let folder = with_sets(&[("train", "4"), ("Valid", "2"), ("test", "3")]);
    let at = folder.path();
    let output = train(at, &["d", "-o", "run"]);
    assert_success(&output);
    let said = stderr(&output);
    assert!(said.contains("d: 45 photos of 5 classes"), "{said}");
    assert!(said.contains("20 for training, 10 for validation, 15 for the test"), "{said}");
    assert!(said.contains("Accuracy on the 15 test photos, by which nothing was chosen: "), "{said}");
    assert!(
        said.contains("petal train d --image-size 32 "),
        "what is to be typed next has no set too much: {said}"
    );

    // The model is measured on the same set, with the same result.
    let output = petal(at, &["evaluate", "run", "d", "--json"]);
    assert_success(&output);
    assert!(stderr(&output).contains("measured is on d/test"), "{}", stderr(&output));
    let scores: serde_json::Value = serde_json::from_str(&stdout(&output)).unwrap();
    assert_eq!(scores["photos"], 15);
    let (accuracy, loss) = (scores["accuracy"].as_f64().unwrap(), scores["loss"].as_f64().unwrap());
    assert!(said.contains(&format!("chosen: {:.1} % (loss {loss:.4})", 100.0 * accuracy)), "{said}");

    let report = fs::read_to_string(at.join("run/report.html")).unwrap();
    for part in [
        "<h2>Test set</h2>",
        "<dt>Test accuracy</dt>",
        "<th class=\"number\">Test</th>",
        &format!("{loss:.4}"),
    ] {
        assert!(report.contains(part), "{part}");
    }
    assert!(at.join("run/test_confusion_matrix.png").exists());
    let list = fs::read_to_string(at.join("run/photos.csv")).unwrap();
    for row in
        ["photos,train/daisy/daisy_001.jpg,", "validation,daisy/daisy_001.jpg,", "test,daisy/daisy_001.jpg,"]
    {
        assert!(list.contains(row), "{row}: {list}");
    }

    // A run goes on with the very sets, moved or not.
    fs::rename(at.join("d"), at.join("moved")).unwrap();
    let resume = ["train", "--resume", "run", "--epochs", "3", "moved"];
    assert_success(&petal(at, &resume));
    fs::remove_file(at.join("moved/test/roses/roses_001.jpg")).unwrap();
    let output = petal(at, &["train", "--resume", "run", "--epochs", "4", "moved"]);
    assert_refused(&output, "1 gone (roses/roses_001.jpg for the test)");

    let output = petal(at, &["show", "moved", "-o", "pictures"]);
    assert_success(&output);
    assert!(stderr(&output).contains("shown is moved/train"), "{}", stderr(&output));
    assert_refused(
        &train(at, &["moved", "--validation-split", "0.3"]),
        "--validation-split would change nothing",
    );
}

#[test]
fn sets_are_named_beside_a_plain_folder_and_split_where_none_is_for_validation() {
    let folder = with_sets(&[("train", "5"), ("test", "2"), ("elsewhere", "3")]);
    let at = folder.path();
    fs::rename(at.join("d/elsewhere"), at.join("elsewhere")).unwrap();
    let output = train(at, &["d", "-o", "split"]);
    assert_success(&output);
    assert!(
        stderr(&output).contains("20 for training, 5 for validation, 10 for the test"),
        "{}",
        stderr(&output)
    );

    let named = ["d/train", "--validation", "elsewhere", "--test", "d/test", "-o", "named"];
    let output = train(at, &named);
    assert_success(&output);
    assert!(
        stderr(&output).contains("25 for training, 15 for validation, 10 for the test"),
        "{}",
        stderr(&output)
    );
    let again = "petal train d/train --validation elsewhere --test d/test --image-size 32 --model";
    assert!(stderr(&output).contains(again), "{}", stderr(&output));

    // The same folder twice; one that isn't there; one that cannot be one.
    let output = train(at, &["d/train", "--validation", "d/train", "-o", "same"]);
    assert_success(&output);
    let said = stderr(&output);
    assert!(said.contains("each of the 25 photos is among them"), "{said}");
    assert_eq!(said.matches("warning").count(), 1, "{said}");
    assert_refused(&train(at, &["d/train", "--test", "nowhere"]), "nowhere");
    assert_refused(&train(at, &["d/train", "--test", "d/train/roses/roses_001.jpg"]), "is a file");
    fs::create_dir(at.join("d/val")).unwrap();
    assert_refused(&train(at, &["d"]), "d/val has no photos of the classes daisy, dandelion");
}

#[test]
fn the_lecture_tests_the_network_that_is_best_in_validation() {
    let folder = with_sets(&[("train", "4"), ("val", "2"), ("test", "2")]);
    let at = folder.path();
    let output = petal(at, &["lecture", "d", "--phases", "1", "--epochs-scale", "0.1", "-o", "lecture"]);
    assert_success(&output);
    let said = stderr(&output);
    assert!(
        said.contains("CNN, the best of these, on the test set:\nAccuracy on the 10 test photos"),
        "{said}"
    );
    let report = fs::read_to_string(at.join("lecture/report.html")).unwrap();
    assert!(report.contains("Test set: CNN, the best network in validation"));
    assert!(report.contains("10 more are kept for the best network in the end."));
}
