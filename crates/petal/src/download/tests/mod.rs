//! Downloads from a server in the test, with all that a network does to them.

mod archives;
mod caching;
mod requests;

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use sha2::{Digest, Sha256};
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
