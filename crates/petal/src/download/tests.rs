//! Downloads from a server in the test, with all that a network does to them.

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::thread::sleep;
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use sha2::{Digest, Sha256};
use tar::EntryType;
use tempfile::TempDir;

use super::*;

/// A server on this machine and the heads of the requests that it got.
struct Server {
    url: String,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Server {
    /// Answers the n-th request (from 0) by what `respond` writes; then the connection is closed.
    fn new(respond: impl Fn(usize, &mut TcpStream) + Send + 'static) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let requests = Arc::new(Mutex::new(Vec::new()));
        let server = Server { url, requests: requests.clone() };
        std::thread::spawn(move || {
            for (i, stream) in listener.incoming().enumerate() {
                let mut stream = stream.unwrap();
                let mut head = Vec::new();
                let mut byte = [0];
                while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).unwrap_or(0) == 1 {
                    head.push(byte[0]);
                }
                requests.lock().unwrap().push(String::from_utf8_lossy(&head).to_lowercase());
                respond(i, &mut stream);
            }
        });
        server
    }

    /// Answers each request with the whole file.
    fn of(bytes: Vec<u8>) -> Server {
        Server::new(move |_, stream| send(stream, "200 OK", &[], &bytes, bytes.len()))
    }

    fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }
}

/// Sends a head with the whole length, and the first `most` bytes.
fn send(stream: &mut TcpStream, status: &str, headers: &[&str], bytes: &[u8], most: usize) {
    let headers: String = headers.iter().map(|header| format!("{header}\r\n")).collect();
    let length = bytes.len();
    let head = format!("HTTP/1.1 {status}\r\n{headers}Content-Length: {length}\r\nConnection: close\r\n\r\n");
    let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&bytes[..most]));
}

fn bytes(length: usize) -> Vec<u8> {
    (0..length).map(|i| (i * 7 + i / 251) as u8).collect()
}

fn options(cache: &TempDir) -> GetFile<'static> {
    GetFile { patience: Duration::from_secs(20), ..GetFile::new().cache_dir(cache.path()) }
}

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The names in a folder of the cache.
fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn a_file_is_downloaded_once() {
    let (cache, content) = (TempDir::new().unwrap(), bytes(300_000));
    let server = Server::of(content.clone());
    let url = format!("{}/folder/photos.bin?download=1", server.url);
    let mut seen = Vec::new();
    let path = get_file(&url, options(&cache).progress(|progress| seen.push(progress))).unwrap();
    assert_eq!(path, cache.path().join("datasets/photos.bin"));
    assert_eq!(fs::read(&path).unwrap(), content);
    assert_eq!(*seen.last().unwrap(), Progress { received: 300_000, total: Some(300_000) });
    assert!(seen.is_sorted_by_key(|progress| progress.received));
    assert_eq!(get_file(&url, options(&cache)).unwrap(), path);
    assert_eq!(server.requests().len(), 1);
    assert_eq!(names(&cache.path().join("datasets")), ["photos.bin"]);

    let other = get_file(&url, options(&cache).cache_subdir("models").file_name("weights.h5")).unwrap();
    assert_eq!(other, cache.path().join("models/weights.h5"));
}

#[test]
fn a_broken_download_goes_on_where_it_broke() {
    let (cache, content) = (TempDir::new().unwrap(), bytes(100_000));
    let whole = content.clone();
    let server = Server::new(move |i, stream| match i {
        0 => send(stream, "200 OK", &["ETag: \"a\""], &whole, 40_000),
        1 => send(
            stream,
            "206 Partial Content",
            &["ETag: \"a\"", "Content-Range: bytes 40000-99999/100000"],
            &whole[40_000..],
            60_000,
        ),
        _ => (),
    });
    let path = get_file(&format!("{}/a.bin", server.url), options(&cache).hash(sha256(&content))).unwrap();
    assert_eq!(fs::read(path).unwrap(), content);
    let requests = server.requests();
    assert_eq!(requests.len(), 2);
    assert!(requests[1].contains("range: bytes=40000-\r\n") && requests[1].contains("if-range: \"a\"\r\n"));
}

#[test]
fn a_file_that_changed_meanwhile_or_may_have_is_downloaded_from_its_beginning() {
    for tag in ["ETag: \"a\"", "ETag: W/\"a\"", "X: none"] {
        let (cache, content) = (TempDir::new().unwrap(), bytes(50_000));
        let new = content.clone();
        let server = Server::new(move |i, stream| match i {
            0 => send(stream, "200 OK", &[tag], &[1; 60_000], 40_000),
            _ => send(stream, "200 OK", &["ETag: \"b\""], &new, new.len()),
        });
        let path = get_file(&format!("{}/a.bin", server.url), options(&cache)).unwrap();
        assert_eq!(fs::read(path).unwrap(), content);
        assert_eq!(server.requests()[1].contains("range:"), tag == "ETag: \"a\"");
    }
}

#[test]
fn a_server_that_sends_another_part_is_not_believed() {
    let (cache, content) = (TempDir::new().unwrap(), bytes(1000));
    let whole = content.clone();
    let server = Server::new(move |i, stream| match i {
        0 => send(stream, "200 OK", &["ETag: \"a\""], &whole, 400),
        1 => send(stream, "206 Partial Content", &["Content-Range: bytes 0-599/1000"], &whole[..600], 600),
        _ => send(stream, "200 OK", &[], &whole, 1000),
    });
    let path = get_file(&format!("{}/a.bin", server.url), options(&cache)).unwrap();
    assert_eq!(fs::read(path).unwrap(), content);
}

#[test]
fn what_never_comes_whole_leaves_nothing() {
    let cache = TempDir::new().unwrap();
    let server = Server::new(|_, stream| send(stream, "200 OK", &[], &bytes(1000), 0));
    let error = get_file(&format!("{}/a.bin", server.url), options(&cache)).unwrap_err().to_string();
    assert!(error.contains(&format!("cannot download {}/a.bin", server.url)), "{error}");
    let place = cache.path().join("datasets/a.bin");
    assert!(error.ends_with(&format!("put the file there by hand: {}", place.display())), "{error}");
    assert_eq!(server.requests().len(), 4);
    assert_eq!(names(&cache.path().join("datasets")), [""; 0]);
}

#[test]
fn hashes_are_checked() {
    let (cache, content) = (TempDir::new().unwrap(), b"The five boxing wizards jump quickly.".to_vec());
    let server = Server::of(content.clone());
    let url = format!("{}/a.txt", server.url);
    let wrong = "0".repeat(64);
    let error = get_file(&url, options(&cache).hash(&wrong)).unwrap_err().to_string();
    assert!(error.contains(&format!("its hash is {}; expected {wrong}", sha256(&content))), "{error}");
    assert_eq!(names(&cache.path().join("datasets")), [""; 0]);
    let error = get_file(&url, options(&cache).hash("12")).unwrap_err().to_string();
    assert!(error.contains("64 (SHA-256) or 32 (MD5) hexadecimal digits"), "{error}");

    // A file that is there already, without a hash, with a wrong one, with the right ones.
    let path = cache.path().join("datasets/a.txt");
    fs::write(&path, "old").unwrap();
    get_file(&url, options(&cache)).unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"old");
    let before = server.requests().len();
    get_file(&url, options(&cache).hash(sha256(&content).to_uppercase())).unwrap();
    assert_eq!(fs::read(&path).unwrap(), content);
    let md5 = md5::Md5::digest(&content).iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    get_file(&url, options(&cache).hash(md5)).unwrap();
    assert_eq!(server.requests().len(), before + 1);
    // A failure leaves what was there.
    get_file(&url, options(&cache).hash(wrong)).unwrap_err();
    assert_eq!(fs::read(&path).unwrap(), content);
}

#[test]
fn answers_of_the_server() {
    let cache = TempDir::new().unwrap();
    let server = Server::new(|_, stream| send(stream, "404 Not Found", &[], b"no such page", 12));
    let error = get_file(&format!("{}/a.bin", server.url), options(&cache)).unwrap_err().to_string();
    assert!(error.contains("the server answers 404 Not Found"), "{error}");
    assert_eq!(server.requests().len(), 1);

    let server = Server::new(|i, stream| match i {
        0 => send(stream, "503 Service Unavailable", &[], b"", 0),
        _ => send(stream, "200 OK", &[], b"content", 7),
    });
    let path = get_file(&format!("{}/b.bin", server.url), options(&cache)).unwrap();
    assert_eq!(fs::read(path).unwrap(), b"content");
}

#[test]
fn slow_servers_are_waited_for_and_silent_ones_are_asked_again() {
    let (cache, content) = (TempDir::new().unwrap(), bytes(1000));
    let whole = content.clone();
    let server = Server::new(move |_, stream| {
        send(stream, "200 OK", &[], &whole, 0);
        for part in whole.chunks(100) {
            stream.write_all(part).unwrap();
            stream.flush().unwrap();
            sleep(Duration::from_millis(20));
        }
    });
    let path = get_file(&format!("{}/slow.bin", server.url), options(&cache)).unwrap();
    assert_eq!(fs::read(path).unwrap(), content);
    assert_eq!(server.requests().len(), 1);

    let whole = content.clone();
    let server = Server::new(move |i, stream| match i {
        0 => {
            send(stream, "200 OK", &["Last-Modified: Mon, 23 Nov 2026 10:00:00 GMT"], &whole, 700);
            // Open, but silent, for longer than the client has patience.
            let silent = stream.try_clone().unwrap();
            std::thread::spawn(move || {
                sleep(Duration::from_secs(30));
                drop(silent);
            });
        }
        _ => send(stream, "206 Partial Content", &["Content-Range: bytes 700-999/1000"], &whole[700..], 300),
    });
    let options = GetFile { patience: Duration::from_secs(1), ..options(&cache) };
    let path = get_file(&format!("{}/silent.bin", server.url), options).unwrap();
    assert_eq!(fs::read(path).unwrap(), content);
    assert!(server.requests()[1].contains("if-range: mon, 23 nov 2026"));
}

#[test]
fn a_length_is_not_needed() {
    let cache = TempDir::new().unwrap();
    let server = Server::new(|_, stream| {
        stream.write_all(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n").unwrap();
        stream.write_all(&bytes(70_000)).unwrap();
    });
    let mut last = None;
    let options = options(&cache).progress(|progress| last = Some(progress));
    let path = get_file(&format!("{}/a.bin", server.url), options).unwrap();
    assert_eq!(fs::read(path).unwrap(), bytes(70_000));
    assert_eq!(last, Some(Progress { received: 70_000, total: None }));
}

#[test]
fn redirections_are_followed() {
    let cache = TempDir::new().unwrap();
    let target = Server::of(b"content".to_vec());
    let location = format!("Location: {}/elsewhere", target.url);
    let server = Server::new(move |_, stream| send(stream, "302 Found", &[&location], b"", 0));
    let path = get_file(&format!("{}/a.bin", server.url), options(&cache)).unwrap();
    assert_eq!(path, cache.path().join("datasets/a.bin"));
    assert_eq!(fs::read(path).unwrap(), b"content");
}

#[test]
fn without_a_server_the_error_says_where_the_file_belongs() {
    let cache = TempDir::new().unwrap();
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let url = format!("http://{free}/");
    let error = keras_application("weights.h5", &url, options(&cache)).unwrap_err().to_string();
    let place = cache.path().join("models/weights.h5");
    assert!(
        error.contains("refuses the connection") && error.contains(&place.display().to_string()),
        "{error}"
    );
}

#[test]
fn a_server_without_encryption_is_no_https_server() {
    let cache = TempDir::new().unwrap();
    let server = Server::of(b"content".to_vec());
    let url = format!("{}/a.bin", server.url.replace("http:", "https:"));
    let options = GetFile { patience: Duration::from_secs(1), ..options(&cache) };
    assert!(matches!(get_file(&url, options), Err(Error::Download(_))));
}

#[test]
fn names_that_are_none_are_refused() {
    let cache = TempDir::new().unwrap();
    for url in
        ["http://127.0.0.1:1", "http://127.0.0.1:1/", "http://127.0.0.1:1/a/..", "http://127.0.0.1:1/?a=b/c"]
    {
        assert!(
            matches!(get_file(url, options(&cache)), Err(Error::Argument { argument: "url", .. })),
            "{url}"
        );
    }
    for name in ["../a", "/a", "a/b", "a\\b", "", ".."] {
        let result = get_file("http://127.0.0.1:1/a", options(&cache).file_name(name));
        assert!(matches!(result, Err(Error::Argument { argument: "file_name", .. })), "{name}");
    }
}

#[test]
fn weights_must_be_whole_hdf5_files() {
    let cache = TempDir::new().unwrap();
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/keras_files/cnn_keras2.h5");
    let content = fs::read(file).unwrap();
    let page = Server::of(b"<html>Please log in</html>".to_vec());
    let error =
        keras_application("w.h5", &format!("{}/", page.url), options(&cache)).unwrap_err().to_string();
    assert!(error.contains("it is no HDF5 file"), "{error}");

    // Half a file of an older download is replaced; a whole one is used without a question.
    let path = cache.path().join("models/w.h5");
    fs::write(&path, &content[..content.len() / 2]).unwrap();
    let server = Server::of(content.clone());
    for _ in 0..2 {
        let found = keras_application("w.h5", &format!("{}/", server.url), options(&cache)).unwrap();
        assert_eq!((found, fs::read(&path).unwrap()), (path.clone(), content.clone()));
    }
    assert_eq!(server.requests().len(), 1);
}

#[test]
fn the_real_weights_are_found_in_a_cache() {
    let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data/weights"));
    let file = "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_224_no_top.h5";
    if !folder.join(file).exists() {
        println!("skipped: {} is not there", folder.join(file).display());
        return;
    }
    let cache = TempDir::new().unwrap();
    fs::create_dir(cache.path().join("models")).unwrap();
    fs::copy(folder.join(file), cache.path().join("models").join(file)).unwrap();
    let sums = fs::read_to_string(folder.join("SHA256SUMS")).unwrap();
    let line = sums.lines().find(|line| line.ends_with(file)).unwrap();
    let sum = line.split_whitespace().next().unwrap();
    let path = keras_application(file, "http://127.0.0.1:1/", options(&cache).hash(sum)).unwrap();
    assert_eq!(path, cache.path().join("models").join(file));
}

/// A tar archive of entries of these kinds, names and contents (for links: targets); names are written as they are.
fn tar(entries: &[(EntryType, &str, &str)]) -> Vec<u8> {
    let mut archive = tar::Builder::new(Vec::new());
    for (kind, name, content) in entries {
        let mut header = tar::Header::new_ustar();
        header.set_entry_type(*kind);
        header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
        let content = match kind {
            EntryType::Symlink | EntryType::Link => {
                header.set_link_name_literal(content).unwrap();
                ""
            }
            _ => content,
        };
        header.set_size(content.len() as u64);
        header.set_cksum();
        archive.append(&header, content.as_bytes()).unwrap();
    }
    archive.into_inner().unwrap()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn zip(entries: &[(&str, &str)]) -> Vec<u8> {
    let mut archive = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, content) in entries {
        archive.start_file(*name, zip::write::SimpleFileOptions::default()).unwrap();
        archive.write_all(content.as_bytes()).unwrap();
    }
    archive.finish().unwrap().into_inner()
}

const PHOTOS: [(EntryType, &str, &str); 4] = [
    (EntryType::Directory, "photos/", ""),
    (EntryType::Directory, "./photos/daisy", ""),
    (EntryType::Regular, "photos/daisy/1.jpg", "one"),
    (EntryType::Regular, "photos/rose/2.jpg", "two"),
];

#[test]
fn archives_are_unpacked() {
    for archive in [
        tar(&PHOTOS),
        gzip(&tar(&PHOTOS)),
        zip(&[("photos/daisy/1.jpg", "one"), ("photos/rose/2.jpg", "two")]),
    ] {
        let cache = TempDir::new().unwrap();
        let server = Server::of(archive);
        let url = format!("{}/photos.tgz", server.url);
        let folder = get_file(&url, options(&cache).file_name("photos").extract(true)).unwrap();
        assert_eq!(folder, cache.path().join("datasets/photos"));
        assert_eq!(fs::read(folder.join("photos/daisy/1.jpg")).unwrap(), b"one");
        assert_eq!(fs::read(folder.join("photos/rose/2.jpg")).unwrap(), b"two");
        assert_eq!(names(&cache.path().join("datasets")), ["photos", "photos_archive"]);
        // The folder is used as it is; without it, the archive.
        get_file(&url, options(&cache).file_name("photos").extract(true)).unwrap();
        fs::remove_dir_all(&folder).unwrap();
        get_file(&url, options(&cache).file_name("photos").extract(true)).unwrap();
        assert!(folder.join("photos/rose/2.jpg").is_file());
        assert_eq!(server.requests().len(), 1);
        // The other names of Keras.
        let folder = get_file(&url, options(&cache).extract(true)).unwrap();
        assert_eq!(folder, cache.path().join("datasets/photos.tgz"));
        let folder = get_file(&url, options(&cache).file_name("flowers.tar.gz").extract(true)).unwrap();
        assert_eq!(folder, cache.path().join("datasets/flowers_extracted"));
        assert!(cache.path().join("datasets/flowers.tar.gz").is_file());
    }
}

#[test]
fn long_names_are_kept() {
    let long = format!("{}/{}.jpg", "a".repeat(90), "b".repeat(200));
    let mut gnu = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_size(3);
    gnu.append_data(&mut header, &long, &b"one"[..]).unwrap();
    let mut pax = tar::Builder::new(Vec::new());
    pax.append_pax_extensions([("path", long.as_bytes())]).unwrap();
    let mut header = tar::Header::new_ustar();
    header.set_path("short").unwrap();
    header.set_size(3);
    header.set_cksum();
    pax.append(&header, &b"one"[..]).unwrap();
    for archive in [gnu.into_inner().unwrap(), pax.into_inner().unwrap()] {
        let cache = TempDir::new().unwrap();
        let (path, folder) = (cache.path().join("a.tar"), cache.path().join("a"));
        fs::write(&path, archive).unwrap();
        archive::unpack(&path, &folder).unwrap();
        assert_eq!(fs::read(folder.join(&long)).unwrap(), b"one");
    }
}

#[test]
fn no_entry_leaves_the_folder_and_half_a_folder_is_none() {
    let photo = (EntryType::Regular, "photos/1.jpg", "one");
    let whole = gzip(&tar(&PHOTOS));
    for (archive, problem) in [
        (
            tar(&[photo, (EntryType::Regular, "../out", "out")]),
            "its entry '../out' would lie outside of the folder",
        ),
        (tar(&[photo, (EntryType::Regular, "photos/../../out", "out")]), "would lie outside"),
        (tar(&[photo, (EntryType::Directory, "../out", "")]), "would lie outside"),
        (tar(&[photo, (EntryType::Regular, "/tmp/out", "out")]), "'/tmp/out' would lie outside"),
        (tar(&[photo, (EntryType::Symlink, "photos/link", "../..")]), "its entry 'photos/link' is a link"),
        (tar(&[photo, (EntryType::Link, "photos/link", "/etc/passwd")]), "'photos/link' is a link"),
        (tar(&[photo, (EntryType::Fifo, "photos/pipe", "")]), "is neither a file nor a folder"),
        (zip(&[("1.jpg", "one"), ("../out", "out")]), "'../out' would lie outside"),
        (zip(&[("1.jpg", "one"), ("..\\out", "out")]), "would lie outside"),
        (zip(&[("1.jpg", "one"), ("/tmp/out", "out")]), "would lie outside"),
        (whole[..whole.len() / 2].to_vec(), "cannot be unpacked"),
        (zip(&[("1.jpg", "one")])[..40].to_vec(), "cannot be unpacked"),
    ] {
        let cache = TempDir::new().unwrap();
        let server = Server::of(archive);
        let options = options(&cache).file_name("photos").extract(true);
        let error = get_file(&format!("{}/photos.zip", server.url), options).unwrap_err().to_string();
        assert!(error.contains(problem) && error.contains("photos_archive"), "{error}");
        assert_eq!(names(&cache.path().join("datasets")), ["photos_archive"]);
        assert_eq!(names(cache.path()), ["datasets"]);
    }
}

#[test]
fn an_archive_that_would_fill_the_disk_is_not_unpacked() {
    let cache = TempDir::new().unwrap();
    let (path, folder) = (cache.path().join("bomb.tgz"), cache.path().join("bomb"));
    let mut encoder = GzEncoder::new(fs::File::create(&path).unwrap(), Compression::fast());
    let mut header = tar::Header::new_ustar();
    header.set_path("zeros").unwrap();
    header.set_size(300 << 20);
    header.set_cksum();
    encoder.write_all(header.as_bytes()).unwrap();
    std::io::copy(&mut std::io::repeat(0).take(300 << 20), &mut encoder).unwrap();
    encoder.finish().unwrap();
    let error = archive::unpack(&path, &folder).unwrap_err().to_string();
    assert!(error.contains("more than 100 times as large"), "{error}");
    assert_eq!(names(cache.path()), ["bomb.tgz"]);
}

#[test]
fn what_is_no_archive_is_not_kept() {
    let cache = TempDir::new().unwrap();
    let server = Server::of(b"<html>Please log in</html>".to_vec());
    let error =
        get_file(&format!("{}/a.zip", server.url), options(&cache).extract(true)).unwrap_err().to_string();
    assert!(error.contains("it is no .tar, .tar.gz, .tgz or .zip archive"), "{error}");
    assert_eq!(names(&cache.path().join("datasets")), [""; 0]);
}

#[test]
fn the_flower_photos_of_a_cache_of_keras_are_used() {
    for inside in ["datasets/flower_photos", "datasets/flower_photos/flower_photos"] {
        let cache = TempDir::new().unwrap();
        fs::create_dir_all(cache.path().join(inside).join("daisy")).unwrap();
        assert_eq!(flower_photos(options(&cache)).unwrap(), cache.path().join(inside));
    }
}
