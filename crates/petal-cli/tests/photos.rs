//! Photos looked at and downloaded.

mod binary;

use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::Path;

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

/// The address of a server that gives these bytes to whoever asks.
fn serve(bytes: Vec<u8>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut request = [0; 4096];
            let _ = stream.read(&mut request);
            let head =
                format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", bytes.len());
            let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&bytes));
        }
    });
    address
}

fn archive(folder: &Path) -> Vec<u8> {
    let mut archive = tar::Builder::new(Vec::new());
    archive.append_dir_all("flower_photos", folder).unwrap();
    archive.into_inner().unwrap()
}

#[test]
fn downloaded_photos_are_meant_by_their_name_where_there_is_no_such_folder() {
    let folder = with_photos(2);
    let at = folder.path();
    let output = petal(at, &["show", "flower_photos"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("`petal download flower_photos`"), "{}", stderr(&output));

    let url = format!("{}/flower_photos.tar", serve(archive(&at.join("photos"))));
    let output = petal(at, &["download", &url, "--name", "flower_photos", "--extract"]);
    assert_success(&output);
    let unpacked = at.join("keras/datasets/flower_photos");
    assert_eq!(stdout(&output).trim(), unpacked.display().to_string());
    assert!(stderr(&output).contains("http://127.0.0.1"), "{}", stderr(&output));
    assert!(unpacked.join("flower_photos/daisy/daisy_001.jpg").is_file());

    let output = petal(at, &["show", "flower_photos"]);
    assert_success(&output);
    assert!(stderr(&output).contains("10 photos of 5 classes"), "{}", stderr(&output));
    // And the word downloads nothing that is there.
    let output = petal(at, &["download", "flower_photos"]);
    assert_success(&output);
    assert_eq!(stdout(&output).trim(), unpacked.join("flower_photos").display().to_string());
}

#[test]
fn a_download_that_is_not_what_it_should_be_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let url = format!("{}/birds.zip", serve(b"no archive".to_vec()));
    let hash = "0".repeat(64);
    for (arguments, said) in [
        (&["download", &url, "--hash", &hash][..], "not the file that it should be"),
        (&["download", &url, "--extract"], "birds.zip"),
        (&["download", "birds"], "https://"),
        (&["download", "http://127.0.0.1:1/birds.zip"], "put the file there by hand"),
    ] {
        let output = petal(at, arguments);
        assert_eq!(output.status.code(), Some(1), "{arguments:?}");
        assert!(stderr(&output).contains(said), "{arguments:?}: {}", stderr(&output));
    }
    let left = fs::read_dir(at.join("keras/datasets")).unwrap().count();
    assert_eq!(left, 0, "files are left over");

    let output = petal(at, &["download", &url, "--output", "here", "--quiet"]);
    assert_success(&output);
    assert_eq!(stdout(&output).trim(), "here/birds.zip");
    assert_eq!(stderr(&output), "");
}
