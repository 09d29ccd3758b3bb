//! A run that ended in any way, gone on with.

#![cfg(unix)]

mod binary;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use binary::{assert_success, command, petal, stderr, with_photos};
use tempfile::TempDir;

/// A run of many short epochs.
fn train<'a>(output: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let small = ["train", "photos", "--image-size", "32", "--batch-size", "8", "-q", "--output", output];
    [&small[..], more].concat()
}

fn start(at: &Path, arguments: &[&str]) -> Child {
    command(at, arguments).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

/// Waits until there is this file, or the program has ended.
fn wait_for(file: &Path, child: &mut Child) {
    while !file.exists() && child.try_wait().unwrap().is_none() {
        std::thread::sleep(Duration::from_millis(1));
    }
}

fn signal(child: &mut Child, name: &str) -> Option<i32> {
    assert!(Command::new("kill").args([name, &child.id().to_string()]).status().unwrap().success());
    child.wait().unwrap().code()
}

/// A folder with photos and a run that was interrupted after its first epochs, and how many these were.
fn interrupted(more: &[&str]) -> (TempDir, usize) {
    let folder = with_photos(4);
    let mut child = start(folder.path(), &train("run", &[&["--epochs", "4000"], more].concat()));
    wait_for(&folder.path().join("run/checkpoint.petal"), &mut child);
    assert_eq!(signal(&mut child, "-INT"), Some(130));
    let epochs = epochs(folder.path(), "run");
    (folder, epochs)
}

fn history(at: &Path, run: &str) -> String {
    fs::read_to_string(at.join(run).join("history.csv")).unwrap()
}

/// The number of finished epochs.
fn epochs(at: &Path, run: &str) -> usize {
    let settings = petal::model::Model::load(at.join(run).join("checkpoint.petal")).unwrap();
    settings.history().epochs().len()
}

fn model(at: &Path, run: &str) -> Vec<u8> {
    fs::read(at.join(run).join("model.petal")).unwrap()
}

/// All files below a folder with their bytes.
fn contents(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
        .into_iter()
        .filter(|path| path.is_file())
        .map(|path| (path.clone(), fs::read(path).unwrap()))
        .collect()
}

#[track_caller]
fn assert_refused(output: &Output, said: &[&str]) {
    assert!(matches!(output.status.code(), Some(1 | 2)), "{:?}\n{}", output.status, stderr(output));
    for part in said {
        assert!(stderr(output).contains(part), "'{part}' is not in: {}", stderr(output));
    }
    assert!(!stderr(output).contains("panicked"), "{}", stderr(output));
}

#[test]
fn other_classes_are_refused_and_other_files_are_named() {
    let (folder, epochs) = interrupted(&[]);
    let at = folder.path();
    let before = contents(&at.join("run"));
    let more = (epochs + 1).to_string();
    let resume = ["train", "--resume", "run", "--epochs", &more];

    fs::rename(at.join("photos/daisy"), at.join("photos/zinnias")).unwrap();
    let classes = "daisy, dandelion, roses, sunflowers, tulips";
    assert_refused(&petal(at, &resume), &[classes, "dandelion, roses, sunflowers, tulips, zinnias"]);
    fs::rename(at.join("photos/zinnias"), at.join("photos/daisy")).unwrap();

    for number in 1..=4 {
        fs::copy(at.join("photos/roses/roses_001.jpg"), at.join(format!("photos/tulips/new{number}.jpg")))
            .unwrap();
    }
    fs::remove_file(at.join("photos/daisy/daisy_002.jpg")).unwrap();
    let said = ["4 added (tulips/new1.jpg", "1 gone (daisy/daisy_002.jpg)", "split", "--accept-changed-data"];
    assert_refused(&petal(at, &resume), &said);
    assert!(contents(&at.join("run")) == before, "what is refused changes nothing");

    let output = petal(at, &[&resume[..], &["--accept-changed-data"]].concat());
    assert_success(&output);
    assert!(stderr(&output).contains("4 added"), "{}", stderr(&output));
    assert!(fs::read_to_string(at.join("run/report.html")).unwrap().contains("Other photos"));
}

#[test]
fn the_photos_are_those_of_the_run_wherever_the_command_is_given() {
    let (folder, epochs) = interrupted(&[]);
    let at = folder.path();
    let elsewhere = at.join("elsewhere");
    fs::create_dir_all(elsewhere.join("photos")).unwrap();
    for class in ["roses", "tulips"] {
        fs::create_dir(elsewhere.join("photos").join(class)).unwrap();
        fs::copy(at.join("photos/daisy/daisy_001.jpg"), elsewhere.join("photos").join(class).join("1.jpg"))
            .unwrap();
    }
    let more = (epochs + 1).to_string();
    let output = petal(&elsewhere, &["train", "--resume", "../run", "--epochs", &more]);
    assert_success(&output);
    assert!(stderr(&output).contains("20 photos of 5 classes"), "{}", stderr(&output));

    // Photos that were moved are found where they are now, and only if they are the same.
    fs::rename(at.join("photos"), at.join("moved")).unwrap();
    let more = (epochs + 2).to_string();
    let resume = ["train", "--resume", "run", "--epochs", &more];
    assert_refused(&petal(at, &resume), &["photos", "no longer"]);
    assert_refused(&petal(at, &[&resume[..], &["elsewhere/photos"]].concat()), &["roses, tulips"]);
    assert_success(&petal(at, &[&resume[..], &["moved"]].concat()));
    assert_eq!(history(at, "run").lines().count(), 1 + epochs + 2);
}

#[test]
fn an_ended_run_trains_more_epochs_as_if_it_had_never_ended_and_nothing_else() {
    let folder = with_photos(4);
    let at = folder.path();
    assert_success(&petal(at, &train("long", &["--epochs", "4", "--early-stopping", "3"])));
    assert_success(&petal(at, &train("run", &["--epochs", "2", "--early-stopping", "3"])));
    let before = contents(&at.join("run"));
    for (arguments, said) in [
        (&[][..], "--epochs larger than 2"),
        (&["--epochs", "2"], "--epochs larger than 2"),
        (&["--epochs", "1"], "has done 2 epochs already"),
        (&["--fine-tune-epochs", "3"], "--fine-tune-at"),
    ] {
        assert_refused(&petal(at, &[&["train", "--resume", "run"], arguments].concat()), &[said]);
        assert!(contents(&at.join("run")) == before, "{arguments:?} changed the run");
    }
    assert_success(&petal(at, &["train", "--resume", "run", "--epochs", "4", "-q"]));
    assert_eq!(history(at, "run"), history(at, "long"));
    assert!(model(at, "run") == model(at, "long"), "other weights than those of a run of 4 epochs");
}

#[test]
fn ctrl_c_in_the_first_epoch_begins_anew_and_says_so() {
    let folder = with_photos(12);
    let at = folder.path();
    let large = ["train", "photos", "--image-size", "96", "--batch-size", "4", "--epochs", "1"];
    let mut child = command(at, &[&large[..], &["--output", "run"]].concat())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    wait_for(&at.join("run/settings.json"), &mut child);
    let _ = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130), "{}", stderr(&output));
    assert!(stderr(&output).contains("begins anew"), "{}", stderr(&output));
    assert!(at.join("run/model.petal").exists());
    let output = petal(at, &["train", "--resume", "run"]);
    assert_success(&output);
    assert!(stderr(&output).contains("begins anew"), "{}", stderr(&output));
    assert_success(&petal(at, &[&large[..], &["--output", "whole", "-q"]].concat()));
    assert!(model(at, "run") == model(at, "whole"));
}

#[test]
fn kill_at_any_moment_loses_no_epoch_and_leaves_no_temporary_file() {
    let folder = with_photos(4);
    let at = folder.path();
    let more = ["--model", "cnn-regularized", "--epochs", "30", "--early-stopping", "4"];
    assert_success(&petal(at, &train("whole", &more)));
    for (round, file) in ["settings.json", "checkpoint.petal", "best.petal"].iter().enumerate() {
        let run = format!("run{round}");
        let mut child = start(at, &train(&run, &more));
        wait_for(&at.join(&run).join(file), &mut child);
        // Once more in the middle of the training.
        for wait in [0, 150] {
            std::thread::sleep(Duration::from_millis(wait));
            signal(&mut child, "-KILL");
            // Whatever was being written.
            fs::write(at.join(&run).join(".petal-killed.tmp"), "half a checkpoint").unwrap();
            child = start(at, &["train", "--resume", &run, "-q"]);
        }
        let code = child.wait().unwrap().code();
        let ended = fs::read_to_string(at.join(&run).join("progress.json")).unwrap();
        assert!(code == Some(0) || !ended.contains("null"), "{run}: {code:?} {ended}");
        assert_eq!(history(at, &run), history(at, "whole"), "{run}");
        assert!(model(at, &run) == model(at, "whole"), "other weights after a kill: {run}");
        let left = contents(&at.join(&run));
        let left: Vec<_> =
            left.iter().filter(|(path, _)| path.extension().is_some_and(|e| e == "tmp")).collect();
        assert!(left.is_empty(), "{run} has {left:?}");
    }
}

#[test]
fn a_run_killed_after_early_stopping_had_decided_trains_no_further() {
    let folder = with_photos(4);
    let at = folder.path();
    // Nothing improves at such a rate: it stops after the patience.
    let more = ["--epochs", "50", "--early-stopping", "3", "--learning-rate", "1e-30"];
    assert_success(&petal(at, &train("run", &more)));
    let (history_before, model_before) = (history(at, "run"), model(at, "run"));
    assert_eq!(history_before.lines().count(), 1 + 4);
    assert_refused(
        &petal(at, &["train", "--resume", "run", "--epochs", "60"]),
        &["early stopping", "epoch 4"],
    );
    // As it is between the last checkpoint and the end.
    for file in ["model.petal", "report.html", "history.json"] {
        fs::remove_file(at.join("run").join(file)).unwrap();
    }
    let progress = fs::read_to_string(at.join("run/progress.json")).unwrap();
    fs::write(at.join("run/progress.json"), progress.replace("\"early_stopping\"", "null")).unwrap();
    assert_success(&petal(at, &["train", "--resume", "run", "-q"]));
    assert_eq!(history(at, "run"), history_before);
    assert!(model(at, "run") == model_before);
    assert!(at.join("run/report.html").exists());
}

#[test]
fn a_folder_that_vanishes_is_made_again_and_one_that_cannot_be_is_left_for_another() {
    let folder = with_photos(4);
    let at = folder.path();
    let epochs = ["--epochs", "400"];
    let mut child = command(at, &train("deep/run", &epochs))
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    wait_for(&at.join("deep/run/checkpoint.petal"), &mut child);
    fs::rename(at.join("deep"), at.join("taken")).unwrap();
    wait_for(&at.join("deep/run/checkpoint.petal"), &mut child);
    // A file where the folder was: nothing can be made there.
    fs::rename(at.join("deep"), at.join("taken again")).unwrap();
    fs::write(at.join("deep"), "in the way").unwrap();
    std::thread::sleep(Duration::from_secs(2));
    let _ = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    let output = child.wait_with_output().unwrap();
    let said = stderr(&output);
    assert!(said.contains("made again") && said.contains("saving is tried again"), "{said}");
    assert!(said.contains("run-rescued-1") && said.contains("--resume run-rescued-1"), "{said}");
    assert!(at.join("run-rescued-1/model.petal").exists());
    let done = crate::epochs(at, "run-rescued-1");
    let more = (done + 1).to_string();
    assert_success(&petal(at, &["train", "--resume", "run-rescued-1", "--epochs", &more, "-q"]));
    assert_eq!(history(at, "run-rescued-1").lines().count(), 1 + done + 1);
}

#[test]
fn a_lecture_that_is_killed_or_interrupted_goes_on_where_it_was() {
    let folder = with_photos(2);
    let at = folder.path();
    let lecture = |output| {
        ["lecture", "photos", "--phases", "1,2", "--epochs-scale", "0.2", "-q", "--output", output].to_vec()
    };
    assert_success(&petal(at, &lecture("whole")));
    for (run, file, signal_name) in [
        ("first", "1-cnn-checkpoint.petal", "-KILL"),
        ("second", "2-cnn-regularized-checkpoint.petal", "-INT"),
    ] {
        let mut child = start(at, &lecture(run));
        wait_for(&at.join(run).join(file), &mut child);
        signal(&mut child, signal_name);
        assert_success(&petal(at, &["lecture", "--resume", run, "-q"]));
        for file in ["1-cnn.petal", "1-cnn.csv", "2-cnn-regularized.petal", "2-cnn-regularized.csv"] {
            let [a, b] = [run, "whole"].map(|run| fs::read(at.join(run).join(file)).unwrap());
            assert!(a == b, "{run}/{file} is another one than in an undisturbed lecture");
        }
        assert!(!at.join(run).join("2-cnn-regularized-checkpoint.petal").exists());
        assert!(at.join(run).join("report.html").exists());
    }
    assert_refused(&petal(at, &["lecture", "--resume", "whole"]), &["has ended"]);
    assert_refused(&petal(at, &["train", "--resume", "whole"]), &["`petal lecture --resume whole`"]);
    assert_refused(&petal(at, &["lecture", "--resume", "whole", "--seed", "1"]), &["--seed", "--resume"]);
}
