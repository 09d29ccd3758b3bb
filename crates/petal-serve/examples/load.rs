//! Sends photos to a server from several clients at a time, each on one connection, and prints photos a second and how
//! long an answer takes: `load NAME HOST:PORT FOLDER CLIENTS SECONDS`.

use std::error::Error;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// As many photos as are sent in turn.
const PHOTOS: usize = 200;

fn main() -> Outcome<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [name, address, folder, clients, seconds] = &arguments[..] else {
        return Err("arguments: NAME HOST:PORT FOLDER CLIENTS SECONDS".into());
    };
    let (clients, time) = (clients.parse()?, Duration::from_secs_f64(seconds.parse()?));
    let mut photos = Vec::new();
    find(Path::new(folder), &mut photos)?;
    if photos.is_empty() {
        return Err(format!("no .jpg in {folder}").into());
    }
    // Once for all, before it is measured.
    load(address, &photos, clients, Duration::from_secs(2))?;
    let begin = Instant::now();
    let mut times = load(address, &photos, clients, time)?;
    let rate = times.len() as f64 / begin.elapsed().as_secs_f64();
    times.sort();
    let at = |share: f64| 1000.0 * times[((times.len() - 1) as f64 * share) as usize].as_secs_f64();
    println!("{name}\t{clients}\t{rate:.1}\t{:.1}\t{:.1}", at(0.5), at(0.99));
    Ok(())
}

fn find(folder: &Path, photos: &mut Vec<Vec<u8>>) -> Outcome<()> {
    let mut paths: Vec<_> =
        fs::read_dir(folder)?.map(|entry| entry.map(|entry| entry.path())).collect::<Result<_, _>>()?;
    paths.sort();
    for path in paths {
        if path.is_dir() {
            find(&path, photos)?;
        } else if photos.len() < PHOTOS && path.extension().is_some_and(|ending| ending == "jpg") {
            photos.push(fs::read(path)?);
        }
    }
    Ok(())
}

/// How long each answer took.
fn load(address: &str, photos: &[Vec<u8>], clients: usize, time: Duration) -> Outcome<Vec<Duration>> {
    thread::scope(|scope| {
        let threads: Vec<_> =
            (0..clients).map(|client| scope.spawn(move || run(address, photos, client, time))).collect();
        let mut all = Vec::new();
        for thread in threads {
            all.extend(thread.join().expect("no panic")?);
        }
        Ok(all)
    })
}

fn run(address: &str, photos: &[Vec<u8>], client: usize, time: Duration) -> Outcome<Vec<Duration>> {
    let stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut stream = stream;
    let (end, mut times) = (Instant::now() + time, Vec::new());
    for number in client * 17.. {
        let begin = Instant::now();
        if begin > end {
            break;
        }
        let photo = &photos[number % photos.len()];
        let head = format!(
            "POST /predict HTTP/1.1\r\nHost: {address}\r\nContent-Type: image/jpeg\r\nContent-Length: {}\r\n\r\n",
            photo.len()
        );
        stream.write_all(&[head.as_bytes(), photo].concat())?;
        answer(&mut reader)?;
        times.push(begin.elapsed());
    }
    Ok(times)
}

/// Reads an answer, which is to be a good one.
fn answer(reader: &mut impl BufRead) -> Outcome<()> {
    let (mut status, mut line, mut length) = (String::new(), String::new(), 0);
    reader.read_line(&mut status)?;
    loop {
        line.clear();
        reader.read_line(&mut line)?;
        let Some((name, value)) = line.split_once(':') else { break };
        if name.eq_ignore_ascii_case("content-length") {
            length = value.trim().parse()?;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    match status.contains(" 200 ") {
        true => Ok(()),
        false => Err(format!("{} {}", status.trim(), String::from_utf8_lossy(&body)).into()),
    }
}
