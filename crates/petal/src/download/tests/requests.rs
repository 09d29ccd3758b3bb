//! What a network does to a download.

use std::thread::sleep;

use super::*;

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

/// A server that breaks off after `first` bytes, says nothing for the next three requests, and then gives the rest.
fn interrupted(content: &[u8], first: usize, tag: &'static str, rest: Vec<u8>) -> Server {
    let whole = content.to_vec();
    Server::new(move |i, stream| match i {
        0 => send(stream, "200 OK", &[tag], &whole, first),
        1..=3 => (),
        _ if rest.len() == whole.len() - first => {
            let range = format!("Content-Range: bytes {first}-{}/{}", whole.len() - 1, whole.len());
            send(stream, "206 Partial Content", &[tag, &range], &rest, rest.len());
        }
        _ => send(stream, "200 OK", &["ETag: \"b\""], &rest, rest.len()),
    })
}

#[test]
fn the_next_call_goes_on_where_the_last_one_ended() {
    let (cache, content) = (TempDir::new().unwrap(), bytes(100_000));
    let server = interrupted(&content, 40_000, "ETag: \"a\"", content[40_000..].to_vec());
    let url = format!("{}/a.bin", server.url);
    let error = get_file(&url, options(&cache)).unwrap_err().to_string();
    let part = cache.path().join("datasets/a.bin.part");
    assert!(error.contains(&format!("40000 bytes, is kept in {}", part.display())), "{error}");
    assert_eq!(names(&cache.path().join("datasets")), ["a.bin.part", "a.bin.part.json"]);
    let path = get_file(&url, options(&cache)).unwrap();
    assert_eq!(fs::read(path).unwrap(), content);
    assert_eq!(names(&cache.path().join("datasets")), ["a.bin"]);
    assert!(server.requests()[4].contains("range: bytes=40000-\r\n"));
}

#[test]
fn the_next_call_begins_anew_where_the_file_is_another() {
    let (cache, content) = (TempDir::new().unwrap(), bytes(100_000));
    // Another version of the file, no version at all, a file of another address.
    for (tag, address) in [("ETag: \"a\"", "a.bin"), ("X: none", "a.bin"), ("ETag: \"a\"", "other/a.bin")] {
        let new = vec![7; 70_000];
        let server = interrupted(&content, 40_000, tag, new.clone());
        get_file(&format!("{}/a.bin", server.url), options(&cache)).unwrap_err();
        let left = names(&cache.path().join("datasets"));
        assert_eq!(left.is_empty(), tag == "X: none", "{left:?}");
        let path = get_file(&format!("{}/{address}", server.url), options(&cache)).unwrap();
        assert_eq!(fs::read(&path).unwrap(), new);
        assert_eq!(server.requests()[4].contains("range:"), tag != "X: none" && address == "a.bin");
        assert_eq!(names(&cache.path().join("datasets")), ["a.bin"]);
        fs::remove_file(path).unwrap();
    }
}

#[test]
fn a_part_is_removed_when_the_file_comes_from_elsewhere() {
    let (cache, content) = (TempDir::new().unwrap(), bytes(100_000));
    let server = interrupted(&content, 40_000, "ETag: \"a\"", Vec::new());
    let url = format!("{}/a.bin", server.url);
    get_file(&url, options(&cache)).unwrap_err();
    fs::write(cache.path().join("datasets/a.bin"), "by hand").unwrap();
    get_file(&url, options(&cache)).unwrap();
    assert_eq!(names(&cache.path().join("datasets")), ["a.bin"]);
}

#[test]
fn two_at_once_download_once() {
    let (cache, content) = (TempDir::new().unwrap(), bytes(100_000));
    let whole = content.clone();
    let server = Server::new(move |_, stream| {
        send(stream, "200 OK", &[], &whole, 50_000);
        sleep(Duration::from_millis(500));
        let _ = stream.write_all(&whole[50_000..]);
    });
    let url = format!("{}/a.bin", server.url);
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| assert_eq!(fs::read(get_file(&url, options(&cache)).unwrap()).unwrap(), content));
        }
    });
    assert_eq!(server.requests().len(), 1);
    assert_eq!(names(&cache.path().join("datasets")), ["a.bin"]);
}

#[test]
fn a_body_without_end_ends() {
    let cache = TempDir::new().unwrap();
    let server = Server::new(|_, stream| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nETag: \"a\"\r\nConnection: close\r\n\r\n");
        while stream.write_all(&[0; 1 << 16]).is_ok() {}
    });
    let url = format!("{}/a.bin", server.url);
    let error = get_file(&url, options(&cache).max_size(3_000_000)).unwrap_err().to_string();
    assert!(error.contains("it has more than the 3.0 MB that are allowed"), "{error}");
    assert_eq!(names(&cache.path().join("datasets")), [""; 0]);
}

#[test]
fn what_is_too_large_is_refused_before_a_byte_of_it_is_written() {
    let cache = TempDir::new().unwrap();
    let server = Server::new(|_, stream| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 9000000000000000\r\n\r\n");
    });
    let url = format!("{}/a.bin", server.url);
    for (options, problem) in [
        (options(&cache), "free, but 9000000000 MB are needed; make room"),
        (options(&cache).max_size(1_000_000_000), "it has more than the 1000 MB that are allowed"),
    ] {
        let error = get_file(&url, options).unwrap_err().to_string();
        assert!(error.contains(problem), "{error}");
        assert_eq!(names(&cache.path().join("datasets")), [""; 0]);
    }
    assert_eq!(server.requests().len(), 2);
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
fn a_server_without_encryption_is_no_https_server() {
    let cache = TempDir::new().unwrap();
    let server = Server::of(b"content".to_vec());
    let url = format!("{}/a.bin", server.url.replace("http:", "https:"));
    let options = GetFile { patience: Duration::from_secs(1), ..options(&cache) };
    assert!(matches!(get_file(&url, options), Err(Error::Download(_))));
}
