//! What comes from outside: signals, outputs that are closed or full, photos that vanish, too little memory, numbers and
//! names that nobody means.

#![cfg(unix)]

mod binary;

use std::fs::{self, File};
use std::io::pipe;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use binary::{assert_success, command, petal, stderr, stdout, with_photos};
use ndarray::ArrayD;
use petal::model::Model;

const SMALL: [&str; 6] = ["--image-size", "32", "--batch-size", "8", "--threads", "1"];

fn train<'a>(run: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    [&["train", "photos", "--output", run], &SMALL[..], more].concat()
}

fn assert_no_panic(output: &Output) {
    assert!(!stderr(output).contains("panicked"), "{}", stderr(output));
    assert_ne!(output.status.code(), Some(101), "{}", stderr(output));
}

fn full() -> Stdio {
    File::options().write(true).open("/dev/full").unwrap().into()
}

/// A pipe that nobody reads.
fn closed() -> Stdio {
    pipe().unwrap().1.into()
}

fn start(at: &Path, arguments: &[&str]) -> Child {
    command(at, arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

#[track_caller]
fn wait_for(child: &mut Child, path: &Path) {
    let begin = Instant::now();
    while !path.exists() {
        assert!(child.try_wait().unwrap().is_none(), "ended without {}", path.display());
        assert!(begin.elapsed() < Duration::from_secs(60), "no {}", path.display());
        std::thread::sleep(Duration::from_millis(2));
    }
}

fn send(signal: &str, child: &Child) {
    assert!(Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap().success());
}

#[test]
fn a_closed_or_full_output_ends_no_training_and_no_command_panics() {
    let folder = with_photos(4);
    let at = folder.path();
    for (run, out, err) in [
        ("full-err", Stdio::null(), full()),
        ("full-out", full(), Stdio::null()),
        ("closed", closed(), closed()),
    ] {
        let arguments = train(run, &["--epochs", "1"]);
        let output = command(at, &arguments).stdout(out).stderr(err).output().unwrap();
        assert_success(&output);
        assert!(
            at.join(run).join("model.petal").exists() && at.join(run).join("report.html").exists(),
            "{run}"
        );
    }
    let photo = "photos/roses/roses_001.jpg";
    for arguments in [
        &["summary", "full-out"][..],
        &["evaluate", "full-out", "photos"],
        &["evaluate", "full-out", "photos", "--json"],
        &["predict", "full-out", photo],
        &["predict", "full-out", photo, "--csv"],
        &["explain", "full-out", photo],
        &["show", photo],
        &["--help"],
        &["train", "--help"],
        &["--version"],
    ] {
        // Who closes the pipe has read enough; on a full disk, something is lost.
        let output = command(at, arguments).stdout(closed()).stderr(Stdio::piped()).output().unwrap();
        assert_no_panic(&output);
        assert!(output.status.success(), "{arguments:?}: {}", stderr(&output));
        let output = command(at, arguments).stdout(full()).stderr(Stdio::piped()).output().unwrap();
        assert_no_panic(&output);
        assert_eq!(output.status.code(), Some(1), "{arguments:?}");
        assert!(stderr(&output).contains("cannot write to stdout"), "{arguments:?}: {}", stderr(&output));
        // An error that cannot be shown is one still.
        let output = command(at, &["evaluate", "nothing.petal", "photos"]).stderr(full()).output().unwrap();
        assert_eq!(output.status.code(), Some(1));
    }
}

#[test]
fn a_hangup_ends_training_unless_nohup_asks_to_go_on() {
    let folder = with_photos(4);
    let at = folder.path();
    for (run, begin, code) in [("ends", "", 130), ("goes-on", "trap '' HUP; ", 0)] {
        let mut child = Command::new("sh")
            .current_dir(at)
            .args(["-c", &format!("{begin}exec \"$0\" \"$@\""), env!("CARGO_BIN_EXE_petal")])
            .args(train(run, &["--epochs", "60", "-q", "--model", "cnn"]))
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        wait_for(&mut child, &at.join(run).join("checkpoint.petal"));
        send("-HUP", &child);
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(code), "{run}: {}", stderr(&output));
        assert!(at.join(run).join("model.petal").exists(), "{run}");
    }
}

#[test]
fn ctrl_c_while_photos_are_read_writes_nothing() {
    let folder = with_photos(1);
    let at = folder.path();
    for i in 0..4000 {
        fs::hard_link(at.join("photos/roses/roses_001.jpg"), at.join(format!("photos/roses/{i}.jpg")))
            .unwrap();
    }
    let child = start(at, &train("run", &[]));
    std::thread::sleep(Duration::from_millis(300));
    send("-INT", &child);
    let sent = Instant::now();
    let output = child.wait_with_output().unwrap();
    // Before it listens, the system ends it.
    let ended = output.status.code() == Some(130) || output.status.signal() == Some(2);
    assert!(ended, "{:?} {}", output.status, stderr(&output));
    assert!(sent.elapsed() < Duration::from_secs(1), "{:?}", sent.elapsed());
    assert!(!at.join("run").exists());
}

#[test]
fn a_second_ctrl_c_ends_at_once() {
    let folder = with_photos(8);
    let at = folder.path();
    // Steps long enough to be interrupted.
    let mut child =
        start(at, &["train", "photos", "--output", "run", "--image-size", "400", "--threads", "1"]);
    wait_for(&mut child, &at.join("run"));
    send("-INT", &child);
    std::thread::sleep(Duration::from_millis(100));
    send("-INT", &child);
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130), "{}", stderr(&output));
    assert!(!at.join("run/model.petal").exists());
}

#[test]
fn a_training_that_diverges_ends_and_says_what_to_try() {
    let folder = with_photos(4);
    let at = folder.path();
    let output = petal(at, &train("run", &["--epochs", "2", "--learning-rate", "1e30"]));
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    assert!(stderr(&output).contains("of epoch 1 is"), "{}", stderr(&output));
    assert!(stderr(&output).contains("--learning-rate 1e-3"), "{}", stderr(&output));
    assert!(!at.join("run/model.petal").exists() && !at.join("run/checkpoint.petal").exists());

    // What was learned before fine-tuning is worth keeping.
    let network = ["--model", "mobilenet-v2", "--weights", "none", "--epochs", "1"];
    let wild = ["--fine-tune-at", "0", "--fine-tune-learning-rate", "1e30"];
    let output = petal(at, &train("tuned", &[&network[..], &wild].concat()));
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    assert!(stderr(&output).contains("--fine-tune-learning-rate 1e-5"), "{}", stderr(&output));
    let model = Model::load(at.join("tuned/model.petal")).unwrap();
    assert_eq!(model.history().epochs(), [0]);
    assert!(model.weights().iter().all(|(_, values)| values.iter().all(|value| value.is_finite())));
    let history = fs::read_to_string(at.join("tuned/history.json")).unwrap();
    assert!(!history.contains("NaN") && !history.contains("null"), "{history}");
    assert_success(&petal(at, &["predict", "tuned", "photos/roses"]));
}

#[test]
fn a_model_of_weights_that_are_no_numbers_answers_nothing() {
    let folder = with_photos(4);
    let at = folder.path();
    assert_success(&petal(at, &train("run", &["--epochs", "1"])));
    let mut model = Model::load(at.join("run/model.petal")).unwrap();
    let bias = ArrayD::from_elem(model.weight("dense_1/bias").unwrap().shape(), f32::NAN);
    model.set_weight("dense_1/bias", bias.view()).unwrap();
    model.save(at.join("nan.petal")).unwrap();
    let photo = "photos/roses/roses_001.jpg";
    for arguments in [
        &["predict", "nan.petal", photo][..],
        &["predict", "nan.petal", photo, "--json"],
        &["evaluate", "nan.petal", "photos"],
        &["evaluate", "nan.petal", "photos", "--json"],
        &["explain", "nan.petal", photo],
    ] {
        let output = petal(at, arguments);
        assert_eq!(output.status.code(), Some(1), "{arguments:?}: {}", stdout(&output));
        assert!(stderr(&output).contains("dense_1/bias"), "{arguments:?}: {}", stderr(&output));
        assert!(!stdout(&output).contains("NaN"), "{arguments:?}: {}", stdout(&output));
    }
}

/// Runs a training whose photos don't fit into memory, and calls `change` after its first epoch.
fn disturbed(at: &Path, run: &str, more: &[&str], change: impl FnOnce()) -> Output {
    let more = [&["--memory-budget", "0"], more].concat();
    let mut child = start(at, &train(run, &more));
    wait_for(&mut child, &at.join(run).join("checkpoint.petal"));
    change();
    child.wait_with_output().unwrap()
}

#[test]
fn a_photo_that_vanishes_or_changes_in_training_is_left_out_and_named() {
    let folder = with_photos(4);
    let at = folder.path();
    let output = disturbed(at, "run", &["--epochs", "60"], || {
        fs::remove_file(at.join("photos/roses/roses_001.jpg")).unwrap();
        fs::copy(at.join("photos/daisy/daisy_001.jpg"), at.join("photos/tulips/tulips_002.jpg")).unwrap();
    });
    assert_success(&output);
    let report = fs::read_to_string(at.join("run/report.html")).unwrap();
    for photo in ["roses_001.jpg", "tulips_002.jpg"] {
        assert_eq!(stderr(&output).matches(photo).count(), 1, "{}", stderr(&output));
        assert!(report.contains(photo), "{photo}");
    }
    let history = fs::read_to_string(at.join("run/history.csv")).unwrap();
    assert_eq!(history.lines().count(), 61);
}

#[test]
fn too_many_vanished_photos_or_one_with_strict_end_training_with_what_was_learned_saved() {
    let folder = with_photos(8);
    let at = folder.path();
    let photo = at.join("photos/roses/roses_001.jpg");
    let bytes = fs::read(&photo).unwrap();
    // A class without a validation photo would be a reason not to begin.
    let output =
        disturbed(at, "strict", &["--epochs", "4000", "--validation-split", "0.5", "--strict"], || {
            fs::remove_file(&photo).unwrap()
        });
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    assert!(stderr(&output).contains("roses_001.jpg"), "{}", stderr(&output));
    assert!(stderr(&output).contains("petal train --resume strict"), "{}", stderr(&output));
    assert_success(&petal(at, &["predict", "strict", "photos/daisy"]));
    fs::write(&photo, bytes).unwrap();

    let output = disturbed(at, "run", &["--epochs", "4000"], || {
        for class in ["roses", "tulips", "daisy", "dandelion"] {
            fs::remove_dir_all(at.join("photos").join(class)).unwrap();
        }
    });
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    assert!(stderr(&output).contains("can no longer be used"), "{}", stderr(&output));
    assert!(stderr(&output).contains("petal train --resume run"), "{}", stderr(&output));
    assert!(at.join("run/model.petal").exists());
}

#[test]
fn more_threads_than_help_are_not_started_and_none_is_an_error_that_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let output = petal(folder.path(), &["summary", "cnn", "--threads", "99999"]);
    assert_success(&output);
    assert!(stderr(&output).contains("4 for each core"), "{}", stderr(&output));
    assert_eq!(petal(folder.path(), &["summary", "cnn", "--threads", "0"]).status.code(), Some(2));
    // Threads of 64 TiB each cannot be had.
    let output = command(folder.path(), &["summary", "cnn"]).env("RUST_MIN_STACK", "70368744177664").output();
    let output = output.unwrap();
    assert_no_panic(&output);
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    assert!(stderr(&output).contains("cannot start"), "{}", stderr(&output));
}

#[test]
fn what_does_not_fit_into_memory_is_refused_before_it_is_taken() {
    let folder = with_photos(1);
    let output = petal(folder.path(), &["train", "photos", "--image-size", "4096", "--output", "run"]);
    assert_eq!(output.status.code(), Some(1), "{:?} {}", output.status, stderr(&output));
    assert!(stderr(&output).contains(" GB"), "{}", stderr(&output));
    assert!(stderr(&output).contains("image size"), "{}", stderr(&output));
    assert!(!folder.path().join("run").exists());
}

#[test]
fn numbers_that_would_overflow_are_refused() {
    let folder = with_photos(2);
    let most = usize::MAX.to_string();
    for option in ["--epochs", "--fine-tune-epochs", "--batch-size", "--early-stopping", "--fine-tune-at"] {
        let output = petal(folder.path(), &train("run", &[option, &most]));
        assert_eq!(output.status.code(), Some(2), "{option}: {}", stderr(&output));
    }
    for arguments in [
        ["summary", "cnn", "--classes", &most],
        ["sample-data", "more", "--per-class", &most],
        ["lecture", "photos", "--epochs-scale", "1e38"],
        ["train", "photos", "--validation-split", "nan"],
    ] {
        let output = petal(folder.path(), &arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {}", stderr(&output));
    }
    // 2^64 bytes are no bytes, if they overflow; meant is: as much as there is.
    let output = petal(folder.path(), &train("run", &["--epochs", "1", "--memory-budget", "17592186044416"]));
    assert_success(&output);
}

#[test]
fn names_do_not_command_the_terminal() {
    let folder = with_photos(3);
    let at = folder.path();
    let class = "ro\u{1b}[31mses\u{7}";
    fs::rename(at.join("photos/roses"), at.join("photos").join(class)).unwrap();
    let photo = at.join("photos").join(class).join("a\nb\u{9b}2J.jpg");
    fs::rename(at.join("photos").join(class).join("roses_001.jpg"), &photo).unwrap();
    let photo = photo.to_str().unwrap();
    let broken = at.join("photos").join(class).join("broken\u{1b}c.jpg");
    fs::write(&broken, "no photo").unwrap();
    for (arguments, code) in [
        (&train("run", &["--epochs", "1"])[..], 0),
        (&["evaluate", "run", "photos"], 0),
        (&["predict", "run", photo, "--top", "5"], 0),
        (&["explain", "run", photo], 0),
        (&["show", photo], 0),
        (&["summary", "no\u{1b}]0;model\u{7}.petal"], 1),
        (&["predict", "run", "no\u{1b}[2J.jpg"], 1),
        (&["train", "no\u{1b}[2Jthing\r"], 1),
        (&["train", "photos", "--strict", "--output", "strict"], 1),
    ] {
        let output = petal(at, arguments);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {}", stderr(&output));
        for text in [stdout(&output), stderr(&output)] {
            let raw = text.chars().find(|&c| c.is_control() && c != '\n');
            assert_eq!(raw, None, "{arguments:?}: {text:?}");
        }
    }
    let output = petal(at, &["predict", "run", photo]);
    assert_eq!(stdout(&output).lines().count(), 1, "a name is no line of its own");
    // CSV is for programs: bytes as they are.
    assert!(stdout(&petal(at, &["predict", "run", photo, "--csv"])).contains(class));
}
