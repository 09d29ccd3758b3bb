//! `petal train` without `--model`: the recipe, what comes where it cannot be followed, and its parts as options.

mod binary;

use std::fs;
use std::path::Path;

use binary::{as_typed, assert_success, offline, petal, stderr, stdout, with_photos, with_weights};

const SMALL: [&str; 6] = ["train", "photos", "--image-size", "64", "--batch-size", "8"];

fn lines(run: &Path) -> Vec<String> {
    fs::read_to_string(run.join("history.csv")).unwrap().lines().map(str::to_owned).collect()
}

#[test]
fn with_weights_a_fitted_head_is_fine_tuned_in_one_cycle_and_more_epochs_are_another() {
    let folder = with_photos(6);
    let at = folder.path();
    if !with_weights(at) {
        return;
    }
    let run = |arguments: &[&str]| assert_success(&as_typed(at, arguments).output().unwrap());
    run(&[&SMALL[..], &["--epochs", "3", "-o", "run", "-q"]].concat());
    let history = lines(&at.join("run"));
    assert_eq!(history.len(), 1 + 3, "{history:?}");
    let report = fs::read_to_string(at.join("run/report.html")).unwrap();
    for said in ["auto: ImageNet", "logistic regression", "from layer 100 on, 2 epochs, Adam", "one cycle"] {
        assert!(report.contains(said), "{said}");
    }
    // The first cycle's last rate is almost 0; another one learns again.
    run(&["train", "--resume", "run", "--epochs", "5", "-q"]);
    let further = lines(&at.join("run"));
    assert_eq!(further[..4], history);
    assert_eq!(further.len(), 1 + 5);
    let loss = |line: &str| line.split(',').nth(2).unwrap().parse::<f64>().unwrap();
    assert!((loss(&further[5]) - loss(&further[3])).abs() > 1e-3, "{further:?}");

    run(&[&SMALL[..], &["--epochs", "1", "-o", "head", "-q"]].concat());
    assert_eq!(lines(&at.join("head"))[..], history[..2]);
}

#[test]
fn without_weights_the_regularized_cnn_is_trained_and_it_is_said_what_would_be_better() {
    let folder = with_photos(4);
    let at = folder.path();
    let output = offline(at, &[&SMALL[..], &["--epochs", "1", "-o", "run"]].concat());
    assert_success(&output);
    let said = stderr(&output);
    assert!(said.contains("the lecture's CNN is trained") && said.contains("no_top.h5"), "{said}");
    let report = fs::read_to_string(at.join("run/report.html")).unwrap();
    assert!(report.contains("weights could not be had"), "the report says why");
    assert!(stdout(&petal(at, &["summary", "run"])).contains("data_augmentation"));

    // What cannot be downloaded is not asked for.
    for (arguments, reason) in [
        (["--weights", "none"], "--weights none"),
        (["--color-mode", "grayscale"], "photos in colours"),
        (["--image-size", "24"], "at least 32 pixels"),
    ] {
        let small = ["train", "photos", "--batch-size", "8", "--epochs", "1", "-q", "-o", arguments[1]];
        let output = offline(at, &[&small[..], &arguments].concat());
        assert_success(&output);
        let report = fs::read_to_string(at.join(arguments[1]).join("report.html")).unwrap();
        assert!(report.contains(reason), "{reason}");
    }
    let output = as_typed(at, &["train", "photos", "--weights", "nowhere.h5"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("nowhere.h5"), "{}", stderr(&output));
    let output = as_typed(at, &["train", "photos", "--fit-head"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn schedules_layer_decay_accumulation_averages_and_augmentation_are_options_that_a_resumed_run_keeps() {
    let folder = with_photos(4);
    let at = folder.path();
    let more =
        ["--schedule", "cosine", "--layer-decay", "0.8", "--gradient-accumulation", "2", "--ema", "0.9"];
    let train = |epochs: &'static str, run: &'static str| {
        let of_run = ["--augment", "strong", "-q", "--epochs", epochs, "-o", run];
        assert_success(&petal(at, &[&SMALL[..], &more, &of_run].concat()));
    };
    train("3", "run");
    let report = fs::read_to_string(at.join("run/report.html")).unwrap();
    for said in ["strong", "cosine with a warm-up", "Layer decay", "over 2 batches", "momentum 0.9"] {
        assert!(report.contains(said), "{said}");
    }
    assert!(stdout(&petal(at, &["summary", "run"])).contains("data_augmentation"));
    assert_success(&petal(at, &["train", "--resume", "run", "--epochs", "4", "-q"]));
    assert_eq!(lines(&at.join("run")).len(), 1 + 4);
    train("3", "again");
    assert_eq!(lines(&at.join("again")), lines(&at.join("run"))[..4]);
    for (option, value) in
        [("--layer-decay", "0"), ("--ema", "1"), ("--gradient-accumulation", "1"), ("--time", "5")]
    {
        let output = petal(at, &["train", "photos", option, value]);
        assert_eq!(output.status.code(), Some(2), "{option}");
    }
}

#[test]
fn a_training_ends_when_its_time_does() {
    let folder = with_photos(4);
    let at = folder.path();
    let time = ["train", "photos", "--image-size", "32", "--epochs", "100000", "--time", "2s", "-o", "run"];
    let output = petal(at, &time);
    assert_success(&output);
    let done = lines(&at.join("run")).len() - 1;
    assert!((1..100_000).contains(&done), "{done} epochs");
    assert!(
        (stdout(&output) + &stderr(&output)).contains("longer than the time left"),
        "{}",
        stderr(&output)
    );
}
