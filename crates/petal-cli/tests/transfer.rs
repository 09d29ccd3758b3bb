//! Transfer learning: with the weights that Keras has downloaded, and without.

mod binary;

use std::fs;
use std::process::Command;
use std::time::Duration;

use binary::{WEIGHTS, assert_success, command, offline, petal, stderr, stdout, with_photos, with_weights};

const SMALL: [&str; 7] = ["train", "photos", "--image-size", "64", "--batch-size", "8", "--quiet"];

fn transfer<'a>(output: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    [&SMALL[..], &["--model", "mobilenet-v2", "--output", output], more].concat()
}

#[test]
fn one_flag_trains_a_new_layer_and_then_fine_tunes() {
    let folder = with_photos(6);
    let at = folder.path();
    if !with_weights(at) {
        return;
    }
    let more = ["--fine-tune-at", "100", "--epochs", "2", "--fine-tune-epochs", "1"];
    assert_success(&petal(at, &transfer("run", &more)));
    let history = fs::read_to_string(at.join("run/history.csv")).unwrap();
    assert_eq!(history.lines().count(), 4, "{history}");
    assert!(fs::read_to_string(at.join("run/curves.svg")).unwrap().contains("fine-tuning"));
    assert!(fs::read_to_string(at.join("run/report.html")).unwrap().contains("from layer 100 on"));
    let output = petal(at, &["summary", "run"]);
    assert!(stdout(&output).contains("Trainable params: 1,867,845"), "{}", stdout(&output));

    let output = petal(at, &["explain", "run", "photos/tulips/tulips_001.jpg", "--class", "roses"]);
    assert_success(&output);
    assert!(stdout(&output).contains("roses"), "{}", stdout(&output));
    image::open(at.join("explanation.png")).unwrap();
    for (arguments, said) in [
        (&["--class", "thistles"], "daisy, dandelion, roses, sunflowers, tulips"),
        (&["--layer", "conv9"], "conv9"),
    ] {
        let arguments = [&["explain", "run", "photos/tulips/tulips_001.jpg"], &arguments[..]].concat();
        let output = petal(at, &arguments);
        assert_eq!(output.status.code(), Some(1));
        assert!(stderr(&output).contains(said), "{}", stderr(&output));
    }
}

#[test]
fn a_head_is_fitted_in_one_epoch_and_fine_tuning_and_resume_go_on_from_there() {
    let folder = with_photos(6);
    let at = folder.path();
    if !with_weights(at) {
        return;
    }
    assert_success(&petal(at, &transfer("run", &["--fit-head"])));
    let history = fs::read_to_string(at.join("run/history.csv")).unwrap();
    assert_eq!(history.lines().count(), 2, "{history}");
    assert!(fs::read_to_string(at.join("run/report.html")).unwrap().contains("logistic regression"));
    assert_success(&petal(at, &["train", "--resume", "run", "--epochs", "2", "--quiet"]));
    let further = fs::read_to_string(at.join("run/history.csv")).unwrap();
    assert!(further.starts_with(&history) && further.lines().count() == 3, "{further}");

    let more = ["--fit-head", "--fine-tune-at", "100", "--fine-tune-epochs", "1"];
    assert_success(&petal(at, &transfer("tuned", &more)));
    let tuned = fs::read_to_string(at.join("tuned/history.csv")).unwrap();
    assert!(tuned.starts_with(&history) && tuned.lines().count() == 3, "{tuned}");

    let output = petal(at, &["train", "photos", "--model", "cnn", "--fit-head"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("--fit-head would change nothing"), "{}", stderr(&output));
}

#[cfg(unix)]
#[test]
fn a_run_that_is_interrupted_in_either_phase_ends_where_an_undisturbed_one_does() {
    let folder = with_photos(4);
    let at = folder.path();
    if !with_weights(at) {
        return;
    }
    let more = ["--fine-tune-at", "140", "--epochs", "3", "--fine-tune-epochs", "3", "--early-stopping", "2"];
    assert_success(&petal(at, &transfer("whole", &more)));
    let model = |run: &str| fs::read(at.join(run).join("model.petal")).unwrap();
    let history = |run: &str| fs::read_to_string(at.join(run).join("history.csv")).unwrap();
    for (run, epochs) in [("head", 1), ("tuned", 4)] {
        let mut child = command(at, &transfer(run, &more)).spawn().unwrap();
        // A header and a line an epoch.
        let csv = at.join(run).join("history.csv");
        while fs::read_to_string(&csv).map_or(0, |text| text.lines().count()) < epochs + 1
            && child.try_wait().unwrap().is_none()
        {
            std::thread::sleep(Duration::from_millis(2));
        }
        let _ = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
        // A machine fast enough may have finished before the signal came.
        if child.wait().unwrap().code() == Some(130) {
            assert!(at.join(run).join("report.html").exists());
            assert_success(&petal(at, &["train", "--resume", run, "--quiet"]));
        }
        assert_eq!(history(run), history("whole"), "{run}");
        assert!(model(run) == model("whole"), "other weights after an interruption: {run}");
    }
}

#[test]
fn without_weights_one_message_says_which_file_goes_where() {
    let folder = with_photos(4);
    let at = folder.path();
    let output = offline(at, &transfer("run", &[]));
    assert_eq!(output.status.code(), Some(1));
    let place = at.join("keras/models").join(WEIGHTS);
    assert!(stderr(&output).contains(&place.display().to_string()), "{}", stderr(&output));
    assert_eq!(stderr(&output).lines().filter(|line| line.starts_with("petal: ")).count(), 1);
    assert!(!at.join("run").exists(), "a run that cannot begin leaves no folder");

    for (arguments, said) in [
        (&["--weights", "nowhere.h5"][..], "nowhere.h5"),
        (&["--weights", "none", "--fine-tune-at", "154"], "0 to 153"),
        (&["--weights", "photos/daisy/daisy_001.jpg"], "daisy_001.jpg"),
    ] {
        let output = offline(at, &transfer("run", arguments));
        assert_eq!(output.status.code(), Some(1));
        assert!(stderr(&output).contains(said), "{}", stderr(&output));
    }
    // Whoever asks for fine-tuning gets no network that cannot have it.
    let output = offline(at, &[&SMALL[..], &["--fine-tune-at", "100"]].concat());
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains(WEIGHTS), "{}", stderr(&output));
    let output = offline(at, &[&SMALL[..], &["--fine-tune-at", "100", "--weights", "none"]].concat());
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("no network to fine-tune"), "{}", stderr(&output));
}

#[test]
fn the_names_of_networks_have_summaries_without_weights() {
    let folder = tempfile::tempdir().unwrap();
    let output = offline(folder.path(), &["summary", "mobilenet-v2"]);
    assert_success(&output);
    assert!(stdout(&output).contains("Total params: 2,264,389"), "{}", stdout(&output));
    assert!(stdout(&output).contains("Trainable params: 6,405"), "{}", stdout(&output));
}
