//! Running the command.

// Each file of tests takes what it needs.
#![allow(dead_code)]

use std::path::Path;
use std::process::{Command, Output};

use tempfile::TempDir;

/// `petal` with these arguments, in `folder`, which is also Keras' home.
pub fn petal(folder: &Path, arguments: &[&str]) -> Output {
    command(folder, arguments).output().unwrap()
}

/// [`petal`], not yet started.
pub fn command(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_petal"));
    command.current_dir(folder).args(arguments).env("KERAS_HOME", folder.join("keras"));
    command
}

pub fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

pub fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[track_caller]
pub fn assert_success(output: &Output) {
    assert!(output.status.success(), "{:?}\n{}\n{}", output.status, stdout(output), stderr(output));
}

/// A folder that holds `photos`, with this many sample photos a class.
pub fn with_photos(per_class: usize) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let output = petal(folder.path(), &["sample-data", "photos", "--per-class", &per_class.to_string()]);
    assert_success(&output);
    folder
}

/// The same, and `run`, trained on them for this many epochs.
pub fn with_run(per_class: usize, epochs: usize) -> TempDir {
    let folder = with_photos(per_class);
    let train = ["train", "photos", "--output", "run", "--image-size", "32x28", "--quiet", "--epochs"];
    assert_success(&petal(folder.path(), &[&train[..], &[&epochs.to_string()]].concat()));
    folder
}
