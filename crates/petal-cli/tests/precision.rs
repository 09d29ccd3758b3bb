//! `--precision mixed_bfloat16`: asked for once, it holds for the run.

mod binary;

use std::fs;

use binary::{assert_success, command, petal, stderr, stdout, with_photos};

const SMALL: [&str; 6] = ["--image-size", "32", "--batch-size", "8", "--epochs", "1"];

#[test]
fn a_run_keeps_its_precision() {
    let folder = with_photos(4);
    let at = folder.path();
    let train = ["train", "photos", "-q"];
    let run = |name, precision| {
        let options = ["-o", name, "--precision", precision];
        assert_success(&petal(at, &[&train[..], &SMALL, &options].concat()));
        fs::read_to_string(at.join(name).join("settings.json")).unwrap()
    };
    assert!(run("rounded", "mixed_bfloat16").contains("\"precision\": \"mixed_bfloat16\""));
    run("exact", "float32");
    let history = |name: &str| fs::read_to_string(at.join(name).join("history.csv")).unwrap();
    assert_ne!(history("rounded"), history("exact"));
    assert_success(&petal(at, &["train", "--resume", "rounded", "--epochs", "2", "-q"]));
    let whole = ["train", "photos", "-q", "-o", "whole", "--precision", "mixed_bfloat16"];
    let small = SMALL.map(|value| if value == "1" { "2" } else { value });
    assert_success(&petal(at, &[&whole[..], &small].concat()));
    assert_eq!(history("rounded"), history("whole"));
    let photo = "photos/daisy/daisy_001.jpg";
    assert_success(&petal(at, &["predict", "rounded", photo]));
    let report = fs::read_to_string(at.join("rounded/report.html")).unwrap();
    assert!(report.contains("mixed_bfloat16"), "the report doesn't say it");
}

#[test]
fn another_precision_is_refused_with_those_there_are() {
    let folder = with_photos(2);
    let output = petal(folder.path(), &["train", "photos", "--precision", "mixed_float16"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("expected mixed_bfloat16 or float32"), "{}", stderr(&output));
}

#[test]
fn other_vectors_can_be_asked_for() {
    let folder = with_photos(2);
    let at = folder.path();
    assert_success(&petal(at, &[&["train", "photos", "-q", "-o", "run"], &SMALL[..]].concat()));
    let photo = "photos/daisy/daisy_001.jpg";
    let predict = |vectors: &str| {
        let mut command = command(at, &["predict", "run", photo, "--json"]);
        command.env("PETAL_SIMD", vectors).output().unwrap()
    };
    let output = predict("portable");
    assert_success(&output);
    assert!(stdout(&output).contains("daisy"), "{}", stdout(&output));
    let output = predict("sse9");
    assert_eq!(output.status.code(), Some(1));
    let said = stderr(&output);
    assert!(
        said.contains("PETAL_SIMD") && said.contains("sse9") && said.contains("one of portable"),
        "{said}"
    );
}
