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

/// [`petal`], not yet started. `train` trains the lecture's first network unless the arguments say another: the recipe
/// that it would choose looks for weights, and begins to download them.
pub fn command(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = as_typed(folder, arguments);
    let chooses = |argument: &&str| ["--model", "--resume", "--help", "-h"].contains(argument);
    if arguments.first() == Some(&"train") && !arguments.iter().any(chooses) {
        command.args(["--model", "cnn"]);
    }
    command
}

/// `petal` with these arguments and no others.
pub fn as_typed(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_petal"));
    command.current_dir(folder).args(arguments).env("KERAS_HOME", folder.join("keras"));
    command
}

/// The file of MobileNetV2's weights in Keras' cache.
pub const WEIGHTS: &str = "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_224_no_top.h5";

/// Puts the weights of MobileNetV2 into Keras' home in `folder`; false where there are none to be had.
pub fn with_weights(folder: &Path) -> bool {
    let shared = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/weights").join(WEIGHTS);
    if !shared.exists() {
        eprintln!("skipped: {} is missing", shared.display());
        return false;
    }
    let models = folder.join("keras/models");
    std::fs::create_dir_all(&models).unwrap();
    std::fs::copy(shared, models.join(WEIGHTS)).unwrap();
    true
}

/// [`as_typed`] on a machine without internet.
pub fn offline(folder: &Path, arguments: &[&str]) -> Output {
    as_typed(folder, arguments)
        .env("HTTPS_PROXY", "http://127.0.0.1:1")
        .env("https_proxy", "http://127.0.0.1:1")
        .output()
        .unwrap()
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
