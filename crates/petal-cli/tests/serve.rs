//! `petal serve` as its clients and its terminal see it.

#![cfg(all(unix, feature = "serve"))]

mod binary;

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use binary::{assert_success, command, petal, stderr, stdout, with_run};
use serde_json::Value;

struct Server {
    child: Child,
    address: String,
}

/// A server on a free port.
fn start(at: &Path, arguments: &[&str]) -> Server {
    let mut child = command(at, &[&["serve", "--port", "0"], arguments].concat())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    let address = line.split("http://").nth(1).and_then(|rest| rest.split(',').next());
    let address = address.unwrap_or_else(|| panic!("{line}")).to_owned();
    Server { child, address }
}

impl Server {
    /// The body of the answer to a photo.
    fn predict(&self, photo: &Path) -> Value {
        let body = fs::read(photo).unwrap();
        let mut stream = TcpStream::connect(&self.address).unwrap();
        let head = "POST /predict?model=flowers HTTP/1.1\r\nHost: here\r\nConnection: close\r\nContent-Type: image/jpeg";
        stream.write_all(format!("{head}\r\nContent-Length: {}\r\n\r\n", body.len()).as_bytes()).unwrap();
        stream.write_all(&body).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap()
    }

    /// Ends it as a service manager does; what it has written on stderr.
    fn end(self) -> String {
        assert!(Command::new("kill").arg(self.child.id().to_string()).status().unwrap().success());
        let output = self.child.wait_with_output().unwrap();
        assert_success(&output);
        stderr(&output)
    }
}

#[test]
fn a_run_answers_as_petal_predict_does_and_ends_by_a_signal() {
    let folder = with_run(2, 1);
    let at = folder.path();
    let photo = fs::read_dir(at.join("photos")).unwrap().next().unwrap().unwrap().path();
    let photo = fs::read_dir(photo).unwrap().next().unwrap().unwrap().path();
    let webp = at.join("photo.webp");
    image::open(&photo).unwrap().save(&webp).unwrap();
    let server = start(at, &["run", "flowers=run/model.petal"]);
    for photo in [photo, webp] {
        let output = petal(at, &["predict", "run", photo.to_str().unwrap(), "--json"]);
        assert_success(&output);
        let predicted: Value = serde_json::from_str(stdout(&output).trim()).unwrap();
        let answer = server.predict(&photo);
        assert_eq!(answer["model"], "flowers");
        assert_eq!(answer["photos"][0]["class"], predicted["class"]);
        for (class, probability) in predicted["probabilities"].as_object().unwrap() {
            let served = answer["photos"][0]["probabilities"][class].as_f64().unwrap();
            assert!((served - probability.as_f64().unwrap()).abs() < 1e-6, "{class}");
        }
    }
    let taken = petal(at, &["serve", "run", "--port", server.address.rsplit(':').next().unwrap()]);
    assert!(
        !taken.status.success() && stderr(&taken).contains("choose another --port"),
        "{}",
        stderr(&taken)
    );
    let log = server.end();
    assert!(log.contains("POST /predict 200") && log.contains("Ended."), "{log}");

    let twice = petal(at, &["serve", "run", "run", "--port", "0"]);
    assert!(stderr(&twice).contains("two models"), "{}", stderr(&twice));
    let missing = petal(at, &["serve", "nowhere", "--port", "0"]);
    assert!(!missing.status.success() && stderr(&missing).contains("nowhere"), "{}", stderr(&missing));
}

#[test]
fn a_server_answers_unknown_where_it_is_told_to() {
    let folder = with_run(6, 1);
    let at = folder.path();
    let class = at.join("photos/roses");
    let photos: Vec<_> = fs::read_dir(class).unwrap().map(|photo| photo.unwrap().path()).collect();
    // Nearly all are less familiar than the most familiar of a hundred.
    let server = start(at, &["flowers=run", "--unknown", "0.01"]);
    let served: Vec<Value> = photos.iter().map(|photo| server.predict(photo)["photos"][0].clone()).collect();
    server.end();
    assert!(served.iter().any(|answer| answer["class"] == "unknown"), "{served:?}");
    for (photo, answer) in photos.iter().zip(&served) {
        let photo = photo.to_str().unwrap();
        let predicted = petal(at, &["predict", "run", photo, "--json", "--unknown", "0.01"]);
        let predicted: Value = serde_json::from_str(stdout(&predicted).trim()).unwrap();
        assert_eq!(predicted["class"], answer["class"]);
    }
}
