//! Folders that Petal writes, among photos and beside each other.

mod binary;

use std::fs;
use std::process::Stdio;

use binary::{assert_success, command, petal, stderr, stdout, with_photos};

const SMALL: [&str; 6] = ["--image-size", "32", "--batch-size", "8", "--epochs", "1"];

fn train<'a>(more: &[&'a str]) -> Vec<&'a str> {
    [&["train"], more, &SMALL[..]].concat()
}

#[test]
fn what_petal_writes_among_the_photos_is_never_a_class() {
    let folder = with_photos(4);
    let photos = folder.path().join("photos");
    for arguments in [&["."][..], &[".", "-o", "tulips/deep/run"], &[".", "-o", "new/run"]] {
        assert_success(&petal(&photos, &train(arguments)));
    }
    assert!(photos.join("runs/photos-1/model.petal").exists());
    // Sample photos, too, lie in `runs`.
    assert_success(&petal(&photos, &["show", "-o", "runs/pictures"]));
    assert!(photos.join("runs/sample-photos/daisy").exists());
    let output = petal(&photos, &train(&["."]));
    assert_success(&output);
    assert!(stderr(&output).contains("20 photos of 5 classes"), "{}", stderr(&output));
    for left_out in ["runs was left out", "run was left out"] {
        assert!(stderr(&output).contains(left_out), "{}", stderr(&output));
    }
    let output = petal(&photos, &["predict", "runs/photos-1", "."]);
    assert_success(&output);
    assert_eq!(stdout(&output).lines().count(), 20, "pictures of reports are no photos");
}

#[test]
fn a_class_may_be_called_runs() {
    let folder = with_photos(3);
    let at = folder.path();
    fs::rename(at.join("photos/daisy"), at.join("photos/runs")).unwrap();
    let output = petal(at, &train(&["photos"]));
    assert_success(&output);
    assert!(stderr(&output).contains("5 classes (dandelion, roses, runs, "), "{}", stderr(&output));
}

#[cfg(unix)]
#[test]
fn one_folder_is_of_one_run_and_a_killed_one_is_in_nobodys_way() {
    let folder = with_photos(4);
    let at = folder.path();
    let arguments = ["train", "photos", "-q", "-o", "run", "--image-size", "32", "--epochs", "4000"];
    let mut child = command(at, &arguments).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    while !at.join("run/checkpoint.petal").exists() && child.try_wait().unwrap().is_none() {
        std::thread::sleep(std::time::Duration::from_millis(2));
    }
    for arguments in [&arguments[..], &["train", "--resume", "run"]] {
        let output = petal(at, arguments);
        assert_eq!(output.status.code(), Some(1));
        let said = stderr(&output);
        assert!(
            said.contains("run holds a run already") || said.contains("another petal is at work"),
            "{said}"
        );
        assert!(!said.contains("photos of"), "{said}");
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let output = petal(at, &arguments);
    assert!(stderr(&output).contains("`petal train --resume run`"), "{}", stderr(&output));
    let done = petal::model::Model::load(at.join("run/checkpoint.petal")).unwrap().history().next_epoch();
    assert_success(&petal(at, &["train", "--resume", "run", "-q", "--epochs", &(done + 1).to_string()]));

    // Killed before it had begun: the folder is as good as new.
    fs::create_dir(at.join("early")).unwrap();
    fs::write(at.join("early/.petal"), "").unwrap();
    assert_success(&petal(at, &train(&["photos", "-o", "early"])));
    fs::create_dir_all(at.join("runs/photos-1")).unwrap();
    fs::write(at.join("runs/photos-1/.petal"), "").unwrap();
    assert_success(&petal(at, &train(&["photos"])));
    assert!(at.join("runs/photos-1/model.petal").exists());
}

#[cfg(unix)]
#[test]
fn sample_photos_that_were_drawn_half_are_drawn_again() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let photos = at.join("runs/sample-photos");
    let mut child = command(at, &train(&[])).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    while !photos.exists() && child.try_wait().unwrap().is_none() {
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
    std::thread::sleep(std::time::Duration::from_millis(20));
    child.kill().unwrap();
    child.wait().unwrap();
    let output = petal(at, &train(&[]));
    assert_success(&output);
    assert!(stderr(&output).contains("200 photos of 5 classes"), "{}", stderr(&output));
    assert_eq!(fs::read_dir(&photos).unwrap().count(), 5, "something is left over");
}

#[test]
fn a_test_folder_without_a_class_or_with_another_is_evaluated_by_name() {
    let folder = with_photos(4);
    let at = folder.path();
    assert_success(&petal(at, &train(&["photos", "-q", "-o", "run"])));
    fs::rename(at.join("photos"), at.join("test")).unwrap();
    fs::rename(at.join("test/roses"), at.join("test/bees")).unwrap();
    let output = petal(at, &["evaluate", "run", "test", "--json"]);
    assert_success(&output);
    let said = stderr(&output);
    assert!(said.contains("roses") && said.contains("bees"), "{said}");
    let scores: serde_json::Value = serde_json::from_str(&stdout(&output)).unwrap();
    assert_eq!(scores["photos"], 16);
    let supports: Vec<_> = scores["classes"]["classes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|class| class["support"].clone())
        .collect();
    assert_eq!(supports, [4, 4, 0, 4, 4]);

    fs::create_dir(at.join("others")).unwrap();
    fs::rename(at.join("test/bees"), at.join("others/bees")).unwrap();
    let output = petal(at, &["evaluate", "run", "others"]);
    assert_eq!(output.status.code(), Some(1));
    let said = stderr(&output);
    assert!(said.contains("daisy, dandelion, roses") && said.contains("bees"), "{said}");
}
