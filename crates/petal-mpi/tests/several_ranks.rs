//! `mpirun … petal train` on this machine. Skipped, with a line that says so, where there is no `mpirun`.

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use petal::model::Model;
use tempfile::TempDir;

const PETAL: &str = env!("CARGO_BIN_EXE_petal");
const TRAIN: [&str; 10] = [
    "train",
    "photos",
    "--model",
    "cnn-regularized",
    "--image-size",
    "32",
    "--epochs",
    "3",
    "--batch-size",
    "10",
];

fn on_ranks(folder: &Path, ranks: usize, arguments: &[&str]) -> Command {
    let mut command = Command::new("mpirun");
    // In a container one is root, and there may be fewer cores than ranks.
    command.args(["--allow-run-as-root", "--oversubscribe", "-n", &ranks.to_string(), PETAL]);
    command.args(arguments).current_dir(folder);
    command
}

/// A folder with sample photos; none where there is no `mpirun`.
fn with_photos() -> Option<TempDir> {
    if Command::new("mpirun").arg("--version").stdout(Stdio::null()).status().is_err() {
        eprintln!("skipped: there is no mpirun; Debian has it in openmpi-bin");
        return None;
    }
    let folder = tempfile::tempdir().unwrap();
    let drawn =
        Command::new(PETAL).args(["sample-data", "photos", "--per-class", "9"]).current_dir(&folder).output();
    assert_success(&drawn.unwrap());
    Some(folder)
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[track_caller]
fn assert_success(output: &Output) {
    assert!(output.status.success(), "{:?}\n{}", output.status, said(output));
}

fn weights(run: &Path) -> Vec<f32> {
    Model::load(run.join("model.petal")).unwrap().shared_weights().to_vec()
}

fn apart(a: &[f32], b: &[f32]) -> f32 {
    let norm = |values: &mut dyn Iterator<Item = f32>| values.map(|value| value * value).sum::<f32>().sqrt();
    norm(&mut a.iter().zip(b).map(|(a, b)| a - b)) / norm(&mut a.iter().copied())
}

#[test]
fn ranks_train_what_one_program_trains() {
    let Some(folder) = with_photos() else { return };
    let folder = folder.path();
    let train = [&TRAIN[..], &["--early-stopping", "0", "--output"]].concat();
    let alone =
        Command::new(PETAL).args([&train[..], &["alone"]].concat()).current_dir(folder).output().unwrap();
    assert_success(&alone);
    for (ranks, run) in [(2, "two"), (3, "three"), (3, "three-again")] {
        let output = on_ranks(folder, ranks, &[&train[..], &[run]].concat()).output().unwrap();
        assert_success(&output);
        let said = said(&output);
        assert!(said.contains(&format!("{ranks} ranks on 1 machine, 1 thread each")), "{said}");
        // One speaks, and the others don't.
        assert_eq!(said.matches("Epoch 3/3").count(), 1, "{said}");
        assert_eq!(String::from_utf8_lossy(&output.stdout).lines().count(), 1);
        let apart = apart(&weights(&folder.join("alone")), &weights(&folder.join(run)));
        assert!(apart < 1e-3, "{run} is {apart} apart");
    }
    assert_eq!(weights(&folder.join("three")), weights(&folder.join("three-again")));
}

#[test]
fn a_rank_that_is_killed_ends_all_and_any_number_goes_on() {
    let Some(folder) = with_photos() else { return };
    let folder = folder.path();
    let train = [&TRAIN[..], &["--early-stopping", "0", "--output"]].concat();
    let whole = on_ranks(folder, 2, &[&train[..], &["whole"]].concat()).output().unwrap();
    assert_success(&whole);
    let mut job =
        on_ranks(folder, 2, &[&train[..], &["killed"]].concat()).stderr(Stdio::piped()).spawn().unwrap();
    let begin = Instant::now();
    while !folder.join("killed/checkpoint.petal").exists() && begin.elapsed() < Duration::from_secs(120) {
        thread::sleep(Duration::from_millis(5));
    }
    if let Some(rank) = ranks_of(job.id()).pop() {
        let _ = Command::new("kill").args(["-9", &rank]).status();
    }
    // It may have ended before; it may not hang.
    let output = wait(&mut job);
    assert!(output, "the job goes on without a rank");
    if folder.join("killed/model.petal").exists() {
        return;
    }
    for ranks in [1, 2, 3] {
        let run = format!("killed-{ranks}");
        copy(&folder.join("killed"), &folder.join(&run));
        assert_success(&on_ranks(folder, ranks, &["train", "--resume", &run]).output().unwrap());
        let apart = apart(&weights(&folder.join("whole")), &weights(&folder.join(&run)));
        assert!(apart < 1e-3, "{apart} apart");
        assert!(
            ranks != 2 || apart == 0.0,
            "two ranks that go on give {apart} else than two that weren't killed"
        );
    }
}

#[test]
fn a_signal_that_mpirun_hands_on_ends_all_after_their_step_and_saves() {
    let Some(folder) = with_photos() else { return };
    let folder = folder.path();
    let train = [&TRAIN[..7], &["9999", "--early-stopping", "0", "--output", "run"]].concat();
    let mut job = on_ranks(folder, 2, &train).stderr(Stdio::null()).spawn().unwrap();
    let begin = Instant::now();
    while !folder.join("run/checkpoint.petal").exists() && begin.elapsed() < Duration::from_secs(120) {
        thread::sleep(Duration::from_millis(20));
    }
    Command::new("kill").args(["-USR1", &job.id().to_string()]).status().unwrap();
    assert!(wait(&mut job), "the job goes on");
    assert!(folder.join("run/report.html").exists());
}

/// The processes that `mpirun` has started here.
fn ranks_of(mpirun: u32) -> Vec<String> {
    let listed = Command::new("pgrep").args(["-P", &mpirun.to_string()]).output().unwrap();
    String::from_utf8_lossy(&listed.stdout).lines().map(str::to_owned).collect()
}

/// Whether the job ends within a minute.
fn wait(job: &mut std::process::Child) -> bool {
    for _ in 0..600 {
        if job.try_wait().unwrap().is_some() {
            return true;
        }
        thread::sleep(Duration::from_millis(100));
    }
    let _ = job.kill();
    false
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}

#[test]
fn a_mistake_is_said_once_and_ends_all() {
    let Some(folder) = with_photos() else { return };
    let folder = folder.path();
    let output = on_ranks(folder, 2, &["train", "nowhere", "--model", "cnn"]).output().unwrap();
    assert!(!output.status.success());
    assert_eq!(said(&output).matches("petal: ").count(), 1, "{}", said(&output));
    let output = on_ranks(folder, 2, &["train", "photos", "--epochs", "x"]).output().unwrap();
    assert_eq!(said(&output).matches("error: ").count(), 1, "{}", said(&output));
    let output = on_ranks(folder, 2, &["summary", "cnn"]).output().unwrap();
    assert!(said(&output).contains("only `petal train`"), "{}", said(&output));
}

#[test]
fn ranks_that_see_other_photos_are_named_with_them() {
    let Some(folder) = with_photos() else { return };
    let folder = folder.path();
    // The second rank sees a folder where one photo is missing and one is other.
    copy_all(&folder.join("photos"), &folder.join("other/photos"));
    fs::create_dir(folder.join("one")).unwrap();
    fs::rename(folder.join("photos"), folder.join("one/photos")).unwrap();
    fs::remove_file(folder.join("other/photos/roses/roses_001.jpg")).unwrap();
    fs::write(folder.join("other/photos/tulips/tulips_002.jpg"), "shorter").unwrap();
    // Each in its own view of the files, where the same path is another folder.
    let script = format!(
        "case $OMPI_COMM_WORLD_RANK in 0) from=one;; *) from=other;; esac; mkdir -p seen && \
         mount --bind $from/photos seen && exec {PETAL} train seen --model cnn --image-size 32 --epochs 1 --quiet"
    );
    let output = Command::new("mpirun")
        .args([
            "--allow-run-as-root",
            "--oversubscribe",
            "-n",
            "2",
            "unshare",
            "--mount",
            "sh",
            "-c",
            &script,
        ])
        .current_dir(folder)
        .output()
        .unwrap();
    let said = said(&output);
    if said.contains("not permitted") || said.contains("permission denied") {
        eprintln!("skipped: this user may not mount folders");
        return;
    }
    assert!(!output.status.success());
    for expected in
        ["rank 1 on ", "1 gone (roses/roses_001.jpg)", "1 of another size (tulips/tulips_002.jpg)"]
    {
        assert!(said.contains(expected), "{said}");
    }
}

fn copy_all(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let (path, to) = (entry.as_ref().unwrap().path(), to.join(entry.as_ref().unwrap().file_name()));
        if path.is_dir() { copy_all(&path, &to) } else { fs::copy(&path, &to).map(drop).unwrap() }
    }
}
