//! The real binary, used well and used badly.

mod binary;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use binary::{assert_success, petal, stderr, stdout, with_photos};

const SMALL: [&str; 4] = ["--image-size", "32", "--batch-size", "8"];

fn train<'a>(more: &[&'a str]) -> Vec<&'a str> {
    [&["train", "photos", "--output", "run"], &SMALL[..], more].concat()
}

#[test]
fn a_run_leaves_a_model_that_evaluates_predicts_and_explains_itself() {
    let folder = with_photos(6);
    let at = folder.path();
    let output = petal(at, &train(&["--epochs", "2", "--model", "cnn-regularized"]));
    assert_success(&output);
    assert_eq!(stdout(&output).trim(), Path::new("run").join("report.html").display().to_string());
    assert!(stderr(&output).contains("30 photos of 5 classes"), "{}", stderr(&output));
    assert!(stderr(&output).contains("Epoch 2/2"), "{}", stderr(&output));
    for file in ["model.petal", "history.csv", "history.json", "settings.json", "report.html"] {
        assert!(at.join("run").join(file).exists(), "{file}");
    }
    for picture in ["curves", "confusion_matrix", "photos", "augmentations"] {
        image::open(at.join("run").join(format!("{picture}.png"))).unwrap();
    }
    let history = fs::read_to_string(at.join("run/history.csv")).unwrap();
    assert_eq!(history.lines().count(), 3);
    assert!(fs::read_to_string(at.join("run/report.html")).unwrap().contains("Confusion matrix"));

    // The model file alone is enough.
    fs::rename(at.join("run/model.petal"), at.join("alone.petal")).unwrap();
    let output = petal(at, &["evaluate", "alone.petal", "photos", "--json"]);
    assert_success(&output);
    let scores: serde_json::Value = serde_json::from_str(&stdout(&output)).unwrap();
    assert_eq!(scores["photos"], 30);
    assert_eq!(scores["classes"]["classes"].as_array().unwrap().len(), 5);

    let output = petal(at, &["predict", "alone.petal", "photos", "--json"]);
    assert_success(&output);
    let lines: Vec<serde_json::Value> =
        stdout(&output).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 30);
    for line in &lines {
        let sum: f64 = line["probabilities"].as_object().unwrap().values().map(|p| p.as_f64().unwrap()).sum();
        assert!((sum - 1.0).abs() < 1e-5, "{line}");
    }
    let right = lines.iter().filter(|line| {
        Path::new(line["photo"].as_str().unwrap())
            .parent()
            .unwrap()
            .ends_with(line["class"].as_str().unwrap())
    });
    // Both commands go the same way from photo to class.
    assert_eq!(right.count() as f64 / 30.0, scores["classes"]["accuracy"].as_f64().unwrap());

    let output = petal(at, &["predict", "alone.petal", "photos/daisy/daisy_001.jpg", "--csv"]);
    assert_success(&output);
    assert!(stdout(&output).starts_with("photo,class,probability,daisy,dandelion,roses,sunflowers,tulips\n"));
    assert_eq!(stdout(&output).lines().count(), 2);
}

#[test]
fn the_same_seed_gives_the_same_model_on_any_number_of_threads() {
    let folder = with_photos(4);
    let run = |output: &str, threads: &str| {
        let arguments =
            [&["train", "photos", "--epochs", "2", "--output", output, "--threads", threads], &SMALL[..]]
                .concat();
        assert_success(&petal(folder.path(), &arguments));
        fs::read(folder.path().join(output).join("model.petal")).unwrap()
    };
    assert!(run("one", "1") == run("two", "3"));
}

#[test]
fn a_broken_photo_is_named_and_left_out_or_strictly_refused() {
    let folder = with_photos(4);
    let at = folder.path();
    let whole = fs::read(at.join("photos/roses/roses_001.jpg")).unwrap();
    fs::write(at.join("photos/roses/cut.jpg"), &whole[..whole.len() / 2]).unwrap();
    fs::write(at.join("photos/roses/empty.png"), "").unwrap();
    let output = petal(at, &train(&["--epochs", "1"]));
    assert_success(&output);
    let text = stderr(&output);
    assert!(
        text.contains("Left out 2 files") && text.contains("cut.jpg") && text.contains("empty.png"),
        "{text}"
    );
    assert!(fs::read_to_string(at.join("run/report.html")).unwrap().contains("cut.jpg"));

    let output = petal(at, &["train", "photos", "--strict", "--output", "strict"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("cut.jpg"), "{}", stderr(&output));

    let output = petal(at, &["predict", "run", "photos/roses"]);
    assert_eq!(output.status.code(), Some(1), "a photo that was left out shows in the exit code");
    assert_eq!(stdout(&output).lines().count(), 4);
    assert!(stderr(&output).contains("cut.jpg"), "{}", stderr(&output));
}

#[test]
fn mistakes_are_explained_with_what_to_do() {
    let folder = with_photos(2);
    let at = folder.path();
    fs::create_dir(at.join("empty")).unwrap();
    fs::write(at.join("not-a-model.petal"), "nothing").unwrap();
    for (arguments, said) in [
        (&["train", "nowhere"][..], "nowhere"),
        (&["train", "empty"], "sub-folder"),
        (&["train", "photos/daisy"], "sub-folder"),
        (&["train", "photos", "--validation-split", "0.001"], "validation"),
        (&["train", "photos", "--image-size", "4"], "image size is 4 × 4"),
        (&["predict", "not-a-model.petal", "photos"], "not-a-model.petal"),
        (&["predict", "nowhere.petal", "photos"], "nowhere.petal"),
        (&["train", "--resume", "photos"], "not the folder of a run"),
        (&["sample-data", "photos", "--per-class", "3"], "not empty"),
        (&["summary", "nowhere.petal"], "nowhere.petal"),
    ] {
        let output = petal(at, arguments);
        assert_eq!(output.status.code(), Some(1), "{arguments:?}: {}", stderr(&output));
        assert!(
            stderr(&output).lines().any(|line| line.starts_with("petal: ")),
            "{arguments:?}: {}",
            stderr(&output)
        );
        assert!(stderr(&output).contains(said), "{arguments:?}: {}", stderr(&output));
        assert!(!stderr(&output).contains("panicked"), "{arguments:?}: {}", stderr(&output));
    }
    assert_eq!(petal(at, &["train", "--epochs", "0"]).status.code(), Some(2));
    assert!(!at.join("runs").exists(), "a run that cannot begin leaves no folder");
}

#[test]
fn a_validation_folder_with_other_classes_is_refused_by_name() {
    let folder = with_photos(3);
    let at = folder.path();
    assert_success(&petal(at, &["sample-data", "validation", "--per-class", "2", "--seed", "7"]));
    fs::rename(at.join("validation/roses"), at.join("validation/rosen")).unwrap();
    let arguments = train(&["--epochs", "1", "--validation", "validation"]);
    let output = petal(at, &arguments);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("roses") && stderr(&output).contains("rosen"), "{}", stderr(&output));
    fs::rename(at.join("validation/rosen"), at.join("validation/roses")).unwrap();
    fs::copy(at.join("photos/daisy/daisy_001.jpg"), at.join("validation/daisy/copy.jpg")).unwrap();
    let output = petal(at, &arguments);
    assert_success(&output);
    assert!(stderr(&output).contains("copy.jpg"), "the same picture on both sides: {}", stderr(&output));
}

#[test]
fn summary_and_show_work_without_a_run() {
    let folder = with_photos(3);
    let output = petal(folder.path(), &["summary", "cnn"]);
    assert_success(&output);
    assert!(stdout(&output).contains("Total params: 3,989,285 (15.22 MB)"), "{}", stdout(&output));
    let output = petal(folder.path(), &["show", "photos", "--output", "pictures"]);
    assert_success(&output);
    let pictures: Vec<PathBuf> = stdout(&output).lines().map(|line| folder.path().join(line)).collect();
    assert_eq!(pictures.len(), 2);
    for picture in pictures {
        assert!(image::open(&picture).unwrap().width() > 500);
    }
}

#[cfg(unix)]
#[test]
fn ctrl_c_saves_and_resume_ends_where_an_undisturbed_run_does() {
    let folder = with_photos(4);
    let at = folder.path();
    let more = ["--model", "cnn-regularized", "--epochs", "40", "--early-stopping", "39"];
    let undisturbed = [&["train", "photos", "--output", "whole"], &SMALL[..], &more].concat();
    assert_success(&petal(at, &undisturbed));

    let mut child = Command::new(env!("CARGO_BIN_EXE_petal"))
        .current_dir(at)
        .args(train(&more))
        .stderr(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    while !at.join("run/checkpoint.petal").exists() {
        std::thread::sleep(Duration::from_millis(5));
    }
    let interrupted = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(interrupted.success());
    let code = child.wait().unwrap().code();
    // A machine fast enough may have finished before the signal came.
    if code == Some(130) {
        assert!(at.join("run/model.petal").exists() && at.join("run/report.html").exists());
        assert_success(&petal(at, &["train", "--resume", "run"]));
    }
    let model = |run: &str| fs::read(at.join(run).join("model.petal")).unwrap();
    assert!(model("run") == model("whole"), "other weights after an interruption");
    let history = |run: &str| fs::read_to_string(at.join(run).join("history.csv")).unwrap();
    assert_eq!(history("run"), history("whole"));
}

#[test]
fn a_training_is_followed_in_tensorboard() {
    let folder = with_photos(4);
    let train =
        ["train", "photos", "--model", "cnn-regularized", "--image-size", "32", "--epochs", "2", "--quiet"];
    let output = petal(folder.path(), &[&train[..], &["--output", "run", "--tensorboard", "logs"]].concat());
    assert_success(&output);
    // The names of what is in the file of a half.
    let has = |half: &str, names: &[&str]| {
        let files: Vec<_> = std::fs::read_dir(folder.path().join("logs").join(half)).unwrap().collect();
        assert_eq!(files.len(), 1, "{half}");
        let bytes = std::fs::read(files[0].as_ref().unwrap().path()).unwrap();
        for name in names {
            let found = bytes.windows(name.len()).filter(|window| *window == name.as_bytes()).count();
            assert!(found > 0, "{half}: {name}");
        }
    };
    has(
        "train",
        &[
            "epoch_loss",
            "epoch_accuracy",
            "epoch_learning_rate",
            "conv2d/kernel/histogram",
            "photos",
            "augmentations",
        ],
    );
    has("validation", &["epoch_loss", "epoch_accuracy", "confusion_matrix"]);
}
