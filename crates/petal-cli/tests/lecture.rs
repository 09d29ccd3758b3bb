//! The whole lecture in one command.

mod binary;

use std::fs;
use std::path::Path;

use binary::{assert_success, command, petal, stderr, stdout, with_photos};

const WEIGHTS: &str = "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_224_no_top.h5";

#[test]
fn four_phases_make_one_report() {
    let weights = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/weights").join(WEIGHTS);
    if !weights.exists() {
        eprintln!("skipped: {} is missing", weights.display());
        return;
    }
    let folder = with_photos(8);
    let at = folder.path();
    fs::create_dir_all(at.join("keras/models")).unwrap();
    fs::copy(weights, at.join("keras/models").join(WEIGHTS)).unwrap();
    let output = petal(at, &["lecture", "photos", "--epochs-scale", "0.1", "--output", "lecture"]);
    assert_success(&output);
    assert_eq!(stdout(&output).trim(), Path::new("lecture").join("report.html").display().to_string());
    let epochs = |phase: &str| {
        let history = fs::read_to_string(at.join(format!("lecture/{phase}.csv"))).unwrap();
        assert!(at.join(format!("lecture/{phase}.petal")).exists());
        history.lines().count() - 1
    };
    assert_eq!(epochs("1-cnn"), 1);
    assert_eq!(epochs("2-cnn-regularized"), 2);
    assert_eq!(epochs("3-feature-extraction"), 1);
    assert_eq!(epochs("4-fine-tuning"), 2, "the history of fine-tuning begins with what came before");
    let report = fs::read_to_string(at.join("lecture/report.html")).unwrap();
    for part in ["1 · CNN", "4 · Fine-tuning", "Compared", "Confusion matrix", "1,867,845", "Where it looks"]
    {
        assert!(report.contains(part), "{part}");
    }
    assert!(fs::read_to_string(at.join("lecture/4-fine-tuning-curves.svg")).unwrap().contains("fine-tuning"));
    for picture in ["photos", "augmentations", "curves", "confusion_matrix", "heat_maps", "feature_map"] {
        image::open(at.join(format!("lecture/{picture}.png"))).unwrap();
    }
    assert_success(&petal(at, &["predict", "lecture/4-fine-tuning.petal", "photos/daisy"]));
}

#[test]
fn without_weights_two_phases_run_and_the_report_says_why_the_others_did_not() {
    let folder = with_photos(4);
    let at = folder.path();
    let arguments = ["lecture", "photos", "--epochs-scale", "0.01", "--output", "lecture"];
    let output = command(at, &arguments)
        .env("HTTPS_PROXY", "http://127.0.0.1:1")
        .env("https_proxy", "http://127.0.0.1:1")
        .output()
        .unwrap();
    assert_success(&output);
    let place = at.join("keras/models").join(WEIGHTS).display().to_string();
    assert!(stderr(&output).contains(&place), "{}", stderr(&output));
    let report = fs::read_to_string(at.join("lecture/report.html")).unwrap();
    assert!(report.contains("2 · CNN, regularized") && report.contains(&place));
    assert!(!report.contains("3 · "));

    let output = petal(at, &arguments);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("lecture"), "a run is not overwritten: {}", stderr(&output));
    assert_eq!(petal(at, &["lecture", "photos", "--phases", "4"]).status.code(), Some(2));
    assert_eq!(petal(at, &["lecture", "nowhere"]).status.code(), Some(1));
}

#[cfg(unix)]
#[test]
fn ctrl_c_leaves_what_was_done_and_a_report_of_it() {
    let folder = with_photos(4);
    let at = folder.path();
    let arguments =
        ["lecture", "photos", "--phases", "1,2", "--epochs-scale", "20", "--output", "lecture", "-q"];
    let mut child = command(at, &arguments).spawn().unwrap();
    while !at.join("lecture/1-cnn-progress.json").exists() {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    let interrupted =
        std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(interrupted.success());
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert!(at.join("lecture/1-cnn.petal").exists() && !at.join("lecture/2-cnn-regularized.petal").exists());
    let report = fs::read_to_string(at.join("lecture/report.html")).unwrap();
    assert!(report.contains("1 · CNN") && report.contains("Ctrl-C"));
}
