//! One file over HTTP: into a part beside its place, taken up again after a broken connection.

use std::io::{self, Read};
use std::time::Duration;

use ureq::http::{Response, StatusCode, header};
use ureq::{Agent, Body};

use super::Progress;
use super::disk::{Disk, megabytes};
use super::part::{Origin, Part};
use crate::PathText;

/// How often in a row a download may break before a byte has come.
const ATTEMPTS: u32 = 4;
/// The most bytes from a server that doesn't say how many come.
const MOST_UNTOLD: u64 = 8_000_000_000;

/// Downloads the rest of a part, or says why it can't.
pub(super) fn fetch(
    url: &str,
    part: &mut Part,
    max_size: Option<u64>,
    patience: Duration,
    progress: &mut dyn FnMut(Progress),
) -> Result<(), String> {
    let folder = part.path().parent().unwrap_or(part.path());
    let disk = Disk::of(folder);
    let mut download = Download { agent: agent(url, patience), url, max_size, disk };
    let mut attempts = 0;
    loop {
        let before = part.received();
        match download.run(part, progress) {
            Ok(()) => return Ok(()),
            Err(Failure::Final(reason)) => return Err(reason),
            Err(Failure::File(problem)) => {
                return Err(format!("{} cannot be written: {problem}", PathText::new(part.path())));
            }
            Err(Failure::Broken(reason)) => {
                attempts = if part.received() > before { 1 } else { attempts + 1 };
                if attempts == ATTEMPTS {
                    return Err(reason);
                }
                std::thread::sleep(patience / 200 * (1 << attempts));
            }
        }
    }
}

fn agent(url: &str, patience: Duration) -> Agent {
    Agent::config_builder()
        .http_status_as_error(false)
        // A redirection must not take the encryption away.
        .https_only(url.starts_with("https://"))
        .user_agent(concat!("petal/", env!("CARGO_PKG_VERSION")))
        .timeout_connect(Some(patience))
        .timeout_per_read(Some(patience))
        .build()
        .new_agent()
}

/// Why a request gave no whole file.
enum Failure {
    /// Trying again won't help.
    Final(String),
    /// The connection broke or the server has a bad moment.
    Broken(String),
    /// The file cannot be written.
    File(io::Error),
}

/// What follows a response's head.
enum Coming {
    /// The bytes that are missing.
    Rest,
    /// Nothing: all of it is here.
    Nothing,
}

/// A download that may take several requests.
struct Download<'a> {
    agent: Agent,
    url: &'a str,
    max_size: Option<u64>,
    disk: Disk,
}

impl Download<'_> {
    fn run(&mut self, part: &mut Part, progress: &mut dyn FnMut(Progress)) -> Result<(), Failure> {
        let mut request = self.agent.get(self.url);
        match part.resumable(self.url) {
            Some(_) if part.is_whole() => return Ok(()),
            Some(version) => {
                request = request.header(header::RANGE, format!("bytes={}-", part.received()));
                request = request.header(header::IF_RANGE, version);
            }
            None => part.restart(None).map_err(Failure::File)?,
        }
        let response = request.call().map_err(refused)?;
        match self.accept(&response, part)? {
            Coming::Rest => self.copy(response.into_body(), part, progress),
            Coming::Nothing => Ok(()),
        }
    }

    /// Reads from the response's head what is coming.
    fn accept(&self, response: &Response<Body>, part: &mut Part) -> Result<Coming, Failure> {
        let text = |name| response.headers().get(name).and_then(|value| value.to_str().ok());
        let anew = |part: &mut Part, reason: String| {
            part.restart(None).map_err(Failure::File)?;
            Err(Failure::Broken(reason))
        };
        match response.status() {
            StatusCode::OK => {
                let total = text(header::CONTENT_LENGTH).and_then(|length| length.parse::<u64>().ok());
                // A weak ETag (W/…) does not promise the same bytes.
                let tag = text(header::ETAG).filter(|tag| !tag.starts_with("W/"));
                let version = tag.or(text(header::LAST_MODIFIED)).map(str::to_owned);
                part.restart(Some(Origin { url: self.url.to_owned(), version, total }))
                    .map_err(Failure::File)?;
                match total.and_then(|total| {
                    oversize(total, self.max_size.unwrap_or(u64::MAX)).or_else(|| self.disk.problem(total))
                }) {
                    Some(problem) => Err(Failure::Final(problem)),
                    None => Ok(Coming::Rest),
                }
            }
            StatusCode::PARTIAL_CONTENT => {
                let range = text(header::CONTENT_RANGE).unwrap_or_default();
                let total = range.rsplit('/').next().and_then(|total| total.parse::<u64>().ok());
                let same = text(header::ETAG).is_none_or(|tag| {
                    part.resumable(self.url)
                        .is_some_and(|version| version == tag || !version.starts_with('"'))
                });
                if range.starts_with(&format!("bytes {}-", part.received()))
                    && same
                    && (total.is_none() || part.total().is_none() || total == part.total())
                {
                    let rest = part.total().map_or(0, |total| total - part.received());
                    return match self.disk.problem(rest) {
                        Some(problem) => Err(Failure::Final(problem)),
                        None => Ok(Coming::Rest),
                    };
                }
                let reason =
                    format!("the server sent bytes '{range}' instead of those from {}", part.received());
                anew(part, reason)
            }
            StatusCode::RANGE_NOT_SATISFIABLE => {
                let end = format!("bytes */{}", part.received());
                match part.total().is_none() && text(header::CONTENT_RANGE) == Some(&end) {
                    true => Ok(Coming::Nothing),
                    false => anew(part, "the server has fewer bytes than before".into()),
                }
            }
            status @ (StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS) => {
                Err(Failure::Broken(format!("the server answers {status}")))
            }
            status if status.is_server_error() => {
                Err(Failure::Broken(format!("the server answers {status}")))
            }
            status => Err(Failure::Final(format!("the server answers {status}"))),
        }
    }

    fn copy(
        &mut self,
        body: Body,
        part: &mut Part,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<(), Failure> {
        let (mut body, mut buffer) = (body.into_reader(), vec![0; 1 << 16]);
        loop {
            progress(Progress { received: part.received(), total: part.total() });
            let n = body.read(&mut buffer).map_err(|problem| {
                Failure::Broken(format!("the connection broke after {} bytes ({problem})", part.received()))
            })?;
            if n == 0 {
                break;
            }
            if part.total().is_none() {
                // Nothing says that this ends.
                let most = self.max_size.unwrap_or(MOST_UNTOLD);
                let problem =
                    oversize(part.received() + n as u64, most).or_else(|| self.disk.take(n as u64).err());
                if let Some(problem) = problem {
                    // More of it won't help.
                    part.restart(None).map_err(Failure::File)?;
                    return Err(Failure::Final(problem));
                }
            }
            part.append(&buffer[..n]).map_err(Failure::File)?;
        }
        match part.total() {
            Some(total) if total > part.received() => {
                Err(Failure::Broken(format!("only {} of {total} bytes came", part.received())))
            }
            Some(total) if total < part.received() => {
                part.restart(None).map_err(Failure::File)?;
                Err(Failure::Broken(format!("more than {total} bytes came")))
            }
            _ => Ok(()),
        }
    }
}

/// What is wrong with this many bytes, if anything.
fn oversize(bytes: u64, most: u64) -> Option<String> {
    (bytes > most).then(|| {
        format!("it has more than the {} that are allowed; allow more if you trust it", megabytes(most))
    })
}

fn refused(problem: ureq::Error) -> Failure {
    match problem {
        ureq::Error::HostNotFound => {
            Failure::Final("its server cannot be found (is there a connection to the internet?)".into())
        }
        ureq::Error::Io(problem) if problem.kind() == io::ErrorKind::ConnectionRefused => {
            Failure::Final("its server refuses the connection".into())
        }
        ureq::Error::Io(problem) => Failure::Broken(format!(
            "no answer came from its server: {problem} (is there a connection to the internet?)"
        )),
        problem @ (ureq::Error::Timeout(_) | ureq::Error::ConnectionFailed | ureq::Error::Protocol(_)) => {
            Failure::Broken(problem.to_string())
        }
        problem => Failure::Final(problem.to_string()),
    }
}
