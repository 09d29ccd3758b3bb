//! `petal clean`, by the real binary.

mod binary;

use std::fs;

use binary::{assert_success, petal, stderr, stdout, with_photos};

#[test]
fn copies_are_found_set_aside_and_brought_back_without_weights() {
    let folder = with_photos(4);
    let at = folder.path();
    fs::copy(at.join("photos/daisy/daisy_001.jpg"), at.join("photos/roses/copy.jpg")).unwrap();
    let output = petal(at, &["clean", "photos", "--weights", "none"]);
    assert_success(&output);
    assert!(stdout(&output).contains("1  exact copies"), "{}", stdout(&output));
    assert!(stderr(&output).contains("not judged without the weights"), "{}", stderr(&output));
    assert!(fs::read_to_string(at.join("clean.html")).unwrap().contains("petal-clean.json"));

    fs::write(at.join("petal-clean.json"), r#"{"set_aside": ["roses/copy.jpg"]}"#).unwrap();
    assert_success(&petal(at, &["clean", "photos", "--apply", "petal-clean.json"]));
    assert!(at.join("photos-set-aside/roses/copy.jpg").exists());
    assert!(!at.join("photos/roses/copy.jpg").exists());
    assert_success(&petal(at, &["clean", "photos", "--undo"]));
    assert!(at.join("photos/roses/copy.jpg").exists());
    let output = petal(at, &["clean", "photos", "--undo"]);
    assert!(stderr(&output).contains("no photo of this folder is set aside"), "{}", stderr(&output));
}
