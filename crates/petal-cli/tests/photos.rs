//! Photos looked at.

mod binary;

use std::fs;

use binary::{assert_success, petal, stderr, stdout, with_photos};

#[test]
fn one_photo_is_described_and_written_as_png() {
    let folder = with_photos(1);
    let at = folder.path();
    let output = petal(at, &["show", "photos/daisy/daisy_001.jpg", "--output", "pictures"]);
    assert_success(&output);
    assert!(stderr(&output).contains("JPEG, 184 × 232 pixels, RGB, "), "{}", stderr(&output));
    assert_eq!(stdout(&output).trim(), "pictures/photo.png");
    let written = image::open(at.join("pictures/photo.png")).unwrap();
    assert_eq!((written.width(), written.height()), (184, 232));

    // Its own picture is not overwritten.
    let before = fs::read(at.join("pictures/photo.png")).unwrap();
    let output = petal(at, &["show", "pictures/photo.png", "--output", "pictures"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("--output"), "{}", stderr(&output));
    assert_eq!(fs::read(at.join("pictures/photo.png")).unwrap(), before);

    let whole = fs::read(at.join("photos/daisy/daisy_001.jpg")).unwrap();
    fs::write(at.join("cut.jpg"), &whole[..whole.len() / 2]).unwrap();
    let output = petal(at, &["show", "cut.jpg"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("cut.jpg: the JPEG is cut off"), "{}", stderr(&output));
    assert!(!at.join("photo.png").exists());
}

#[test]
fn a_picture_that_would_count_as_a_photo_is_spoken_of() {
    let folder = with_photos(1);
    let at = folder.path();
    let output = petal(at, &["show", "photos/daisy/daisy_001.jpg", "--output", "photos/daisy"]);
    assert_success(&output);
    assert!(stderr(&output).contains("photos/daisy/photo.png lies beside the photo"), "{}", stderr(&output));
    let output = petal(at, &["show", "photos/daisy/daisy_001.jpg", "--output", "."]);
    assert!(!stderr(&output).contains("beside"), "{}", stderr(&output));
}
