//! Downloads, also interrupted ones.

mod binary;

use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::process::Stdio;
use std::sync::mpsc::channel;

use binary::{assert_success, command, petal, stderr, stdout, with_photos};

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
    // And the word downloads nothing where something is, but says if that isn't whole.
    let output = petal(at, &["download", "flower_photos"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        stderr(&output).contains("holds 10 of the 3670 photos; delete the folder"),
        "{}",
        stderr(&output)
    );
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

/// The names in a folder.
fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn a_killed_download_goes_on_with_the_same_command() {
    let folder = with_photos(2);
    let at = folder.path();
    let whole = archive(&at.join("photos"));
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/birds.tar", listener.local_addr().unwrap());
    let (tell_sent, sent) = channel();
    let (tell_range, range) = channel();
    let bytes = whole.clone();
    std::thread::spawn(move || {
        let half = bytes.len() / 2;
        let mut request = [0; 4096];
        let (mut stream, _) = listener.accept().unwrap();
        let _ = stream.read(&mut request);
        let length = bytes.len();
        write!(stream, "HTTP/1.1 200 OK\r\nETag: \"a\"\r\nContent-Length: {length}\r\n\r\n").unwrap();
        stream.write_all(&bytes[..half]).unwrap();
        tell_sent.send(half).unwrap();
        let (mut second, _) = listener.accept().unwrap();
        let n = second.read(&mut request).unwrap();
        tell_range.send(String::from_utf8_lossy(&request[..n]).to_lowercase()).unwrap();
        let rest = length - half;
        let head = "HTTP/1.1 206 Partial Content\r\nETag: \"a\"\r\nConnection: close\r\n";
        write!(
            second,
            "{head}Content-Range: bytes {half}-{}/{length}\r\nContent-Length: {rest}\r\n\r\n",
            length - 1
        )
        .unwrap();
        second.write_all(&bytes[half..]).unwrap();
    });

    let arguments = ["download", &url, "--name", "birds", "--extract"];
    let mut first = command(at, &arguments).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let (half, cache) = (sent.recv().unwrap(), at.join("keras/datasets"));
    let part = cache.join("birds_archive.part");
    while part.metadata().map_or(0, |metadata| metadata.len()) < half as u64 {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    first.kill().unwrap();
    first.wait().unwrap();
    assert_eq!(names(&cache), ["birds_archive.part", "birds_archive.part.json"]);

    let output = petal(at, &arguments);
    assert_success(&output);
    assert!(range.recv().unwrap().contains(&format!("range: bytes={half}-\r\n")));
    assert_eq!(names(&cache), ["birds", "birds_archive"]);
    assert_eq!(fs::read(cache.join("birds_archive")).unwrap(), whole);
    assert!(cache.join("birds/flower_photos/daisy/daisy_002.jpg").is_file());
}

#[test]
fn what_is_larger_than_allowed_or_cut_off_leaves_nothing() {
    let folder = with_photos(1);
    let at = folder.path();
    let whole = archive(&at.join("photos"));
    let url = format!("{}/birds.tar", serve(vec![7; 1_000_001]));
    let output = petal(at, &["download", &url, "--max-size", "1", "--output", "here"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("more than the 1.0 MB that are allowed"), "{}", stderr(&output));
    assert_eq!(names(&at.join("here")), [""; 0]);

    // Between two entries, where only the missing end tells.
    let entries = whole.len() - 1024;
    let url = format!("{}/birds.tar", serve(whole[..entries].to_vec()));
    let output = petal(at, &["download", &url, "--extract", "--output", "here"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("it is cut off"), "{}", stderr(&output));
    assert_eq!(names(&at.join("here")), [""; 0]);
}
