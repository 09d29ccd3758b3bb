//! What is in the cache already, and what must be true of it.

use super::*;

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
fn hashes_are_checked() {
    let (cache, content) = (TempDir::new().unwrap(), b"The five boxing wizards jump quickly.".to_vec());
    let server = Server::of(content.clone());
    let url = format!("{}/a.txt", server.url);
    let wrong = "0".repeat(64);
    let error = get_file(&url, options(&cache).hash(&wrong)).unwrap_err().to_string();
    assert!(error.contains(&format!("it has the hash {}; expected {wrong}", sha256(&content))), "{error}");
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
fn without_a_server_the_error_says_where_the_file_belongs() {
    let cache = TempDir::new().unwrap();
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let url = format!("http://{free}/weights.h5");
    let error = keras_application(&url, options(&cache)).unwrap_err().to_string();
    let place = cache.path().join("models/weights.h5");
    assert!(
        error.contains("refuses the connection") && error.contains(&place.display().to_string()),
        "{error}"
    );
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
    let error = keras_application(&format!("{}/w.h5", page.url), options(&cache)).unwrap_err().to_string();
    assert!(error.contains("it is no HDF5 file"), "{error}");

    // Half a file of an older download is replaced; a whole one is used without a question.
    let path = cache.path().join("models/w.h5");
    fs::write(&path, &content[..content.len() / 2]).unwrap();
    let server = Server::of(content.clone());
    for _ in 0..2 {
        let found = keras_application(&format!("{}/w.h5", server.url), options(&cache)).unwrap();
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
    let url = format!("http://127.0.0.1:1/{file}");
    let path = keras_application(&url, options(&cache).hash(sum)).unwrap();
    assert_eq!(path, cache.path().join("models").join(file));
}

#[test]
fn the_flower_photos_of_a_cache_of_keras_are_used_if_they_are_all_there() {
    for inside in ["datasets/flower_photos", "datasets/flower_photos/flower_photos"] {
        let cache = TempDir::new().unwrap();
        for class in ["daisy", "dandelion", "roses", "sunflowers", "tulips"] {
            let class = cache.path().join(inside).join(class);
            fs::create_dir_all(&class).unwrap();
            for i in 0..734 {
                fs::write(class.join(format!("{i}.jpg")), "").unwrap();
            }
        }
        assert_eq!(flower_photos(options(&cache)).unwrap(), cache.path().join(inside));
        fs::remove_file(cache.path().join(inside).join("roses/7.jpg")).unwrap();
        let error = flower_photos(options(&cache)).unwrap_err().to_string();
        assert!(error.contains("holds 3669 of the 3670 photos; delete the folder"), "{error}");
    }
}

#[test]
fn other_flower_photos_are_not_unpacked() {
    let cache = TempDir::new().unwrap();
    let archive = archives::gzip(&archives::tar(&archives::PHOTOS));
    let server = Server::of(archive.clone());
    let error = flower_photos_from(&format!("{}/", server.url), options(&cache)).unwrap_err().to_string();
    let expected = "4c54ace7911aaffe13a365c34f650e71dd5bf1be0a58b464e5a7183e3e595d9c";
    assert!(error.contains(&format!("it has the hash {}; expected {expected}", sha256(&archive))), "{error}");
    assert_eq!(names(&cache.path().join("datasets")), [""; 0]);
}

#[test]
fn a_place_where_a_bad_file_lies_is_not_offered_as_free() {
    let cache = TempDir::new().unwrap();
    let server = Server::new(|_, stream| send(stream, "404 Not Found", &[], b"", 0));
    let url = format!("{}/a.txt", server.url);
    fs::create_dir(cache.path().join("datasets")).unwrap();
    let place = cache.path().join("datasets/a.txt");
    fs::write(&place, "cut o").unwrap();
    let error = get_file(&url, options(&cache).hash("0".repeat(64))).unwrap_err().to_string();
    let said = format!("replace by hand the file {}, which is no good: it has the hash", place.display());
    assert!(error.contains(&said), "{error}");
}
