//! Options that change nothing and places that cannot be written are refused, before a photo is read.

mod binary;

use std::fs;

use binary::{assert_success, petal, stderr, with_photos};

const SMALL: [&str; 6] = ["--image-size", "32", "--batch-size", "8", "--epochs", "1"];

#[test]
fn an_option_without_effect_is_refused_by_name() {
    let folder = with_photos(4);
    let at = folder.path();
    assert_success(&petal(at, &[&["train", "photos", "-o", "run", "-q"], &SMALL[..]].concat()));
    let pretrained = ["train", "photos", "--model", "mobilenet-v2", "--weights", "none"];
    let resume = ["train", "--resume", "run", "--epochs", "2"];
    let photo = "photos/daisy/daisy_001.jpg";
    for (arguments, named) in [
        ([&resume[..], &["--learning-rate", "0.5"]].concat(), "--learning-rate"),
        ([&resume[..], &["--batch-size", "1", "--model", "resnet50"]].concat(), "--model"),
        ([&resume[..], &["--output", "other"]].concat(), "--output"),
        ([&resume[..], &["--seed", "42"]].concat(), "--seed"),
        ([&resume[..], &["--strict"]].concat(), "--strict"),
        (vec!["train", "photos", "--accept-changed-data"], "--resume"),
        (vec!["train", "photos", "--weights", "nowhere.h5"], "--weights"),
        (vec!["train", "photos", "--weights", "imagenet", "--model", "cnn-regularized"], "--weights"),
        (vec!["train", "photos", "--fine-tune-at", "100"], "--fine-tune-at"),
        ([&pretrained[..], &["--fine-tune-epochs", "3"]].concat(), "--fine-tune-epochs"),
        ([&pretrained[..], &["--fine-tune-learning-rate", "1e-4"]].concat(), "--fine-tune-learning-rate"),
        (
            vec!["train", "photos", "--validation", "photos", "--validation-split", "0.3"],
            "--validation-split",
        ),
        (vec!["lecture", "photos", "--phases", "1,2", "--weights", "none"], "--weights"),
        (vec!["predict", "run", photo, "--top", "2", "--csv"], "--top"),
        (vec!["predict", "run", photo, "--top", "2", "--json"], "--top"),
        (vec!["summary", "run", "--classes", "3"], "--classes"),
        (vec!["show", photo, "--image-size", "64"], "--image-size"),
        (vec!["show", photo, "--seed", "1"], "--seed"),
        (vec!["download", "flower_photos", "--extract"], "--extract"),
        (vec!["download", "flower_photos", "--name", "roses"], "--name"),
    ] {
        let output = petal(at, &arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {}", stderr(&output));
        let said = stderr(&output);
        assert!(said.contains(named), "{arguments:?}: {said}");
        assert!(!said.contains("photos of 5 classes"), "{arguments:?} reads photos first");
    }
    for (arguments, named) in [
        (["--epochs", "18446744073709551615"], "--epochs"),
        (["--fine-tune-epochs", "18446744073709551615"], "--fine-tune-epochs"),
    ] {
        let output = petal(at, &[&["train", "photos"], &arguments[..]].concat());
        assert!(output.status.code() == Some(2) && stderr(&output).contains(named), "{}", stderr(&output));
    }
    let output = petal(
        at,
        &[&["train", "photos", "-q", "-o", "large"], &SMALL[..], &["--memory-budget", "17592186044416"]]
            .concat(),
    );
    assert_success(&output);
}

#[test]
fn what_cannot_work_is_refused_before_a_photo_is_read() {
    let folder = with_photos(3);
    let at = folder.path();
    fs::write(at.join("file"), "").unwrap();
    fs::create_dir_all(at.join("full")).unwrap();
    fs::write(at.join("full/notes.txt"), "").unwrap();
    let transfer = ["train", "photos", "--model", "mobilenet-v2", "--image-size", "64"];
    for (arguments, said) in [
        (vec!["train", "photos", "-o", "file"], "file"),
        (vec!["train", "photos", "-o", "file/run"], "file/run"),
        (vec!["train", "photos", "-o", "full"], "notes.txt"),
        (vec!["train", "photos", "-o", "photos"], "photos holds other files"),
        (vec!["train", "photos", "-o", "photos/daisy"], "photos/daisy holds other files"),
        (vec!["lecture", "photos", "-o", "full"], "notes.txt"),
        (vec!["train", "photos", "--image-size", "4"], "at least 8 × 8 pixels"),
        ([&transfer[..], &["--weights", "nowhere.h5"]].concat(), "nowhere.h5"),
        ([&transfer[..], &["--weights", "photos/daisy/daisy_001.jpg"]].concat(), "daisy_001.jpg"),
        ([&transfer[..], &["--weights", "none", "--fine-tune-at", "999"]].concat(), "0 to 153"),
        (vec!["lecture", "photos", "--weights", "nowhere.h5"], "nowhere.h5"),
        (vec!["show", "photos", "-o", "photos/pictures"], "--output"),
    ] {
        let output = petal(at, &arguments);
        assert_eq!(output.status.code(), Some(1), "{arguments:?}: {}", stderr(&output));
        assert!(stderr(&output).contains(said), "{arguments:?}: {}", stderr(&output));
        assert!(!stderr(&output).contains("photos of 5 classes"), "{arguments:?} reads photos first");
    }
    let mut left: Vec<_> = fs::read_dir(at).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    left.sort();
    assert_eq!(left, ["file", "full", "photos"], "what is refused leaves nothing");
    assert_eq!(fs::read_dir(at.join("full")).unwrap().count(), 1);
}
