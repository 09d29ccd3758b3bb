//! One file over HTTP: into a temporary file beside its place, taken up again after a broken connection.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::time::Duration;

use tempfile::NamedTempFile;
use ureq::http::{Response, StatusCode, header};
use ureq::{Agent, Body};

use super::Progress;
use super::check::Check;
use crate::{Error, Result};

/// How often in a row a download may break before a byte has come.
const ATTEMPTS: u32 = 4;

/// Downloads `url` to `path`, whole and as `check` wants it, or not at all.
pub(super) fn fetch(
    url: &str,
    path: &Path,
    check: &Check,
    patience: Duration,
    progress: &mut dyn FnMut(Progress),
) -> Result<()> {
    let failed = |reason: String| {
        let place = path.display();
        Error::Download(format!("cannot download {url}: {reason}. Or put the file there by hand: {place}"))
    };
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut builder = tempfile::Builder::new();
    builder.prefix(".petal-").suffix(".part");
    // Temporary files are private by default; this one becomes an ordinary file, within the user's umask.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let mut part = builder.tempfile_in(folder).map_err(Error::io("write", folder))?;

    let mut download = Download { agent: agent(url, patience), url, total: None, version: None, received: 0 };
    let mut attempts = 0;
    loop {
        let before = download.received;
        match download.run(&mut part, progress) {
            Ok(()) => break,
            Err(Failure::Final(reason)) => return Err(failed(reason)),
            Err(Failure::File(problem)) => return Err(Error::io("write", part.path())(problem)),
            Err(Failure::Broken(reason)) => {
                attempts = if download.received > before { 1 } else { attempts + 1 };
                if attempts == ATTEMPTS {
                    return Err(failed(reason));
                }
                std::thread::sleep(patience / 200 * (1 << attempts));
            }
        }
    }
    if let Some(problem) = check.problem(part.path())? {
        return Err(failed(format!("what came is not the file that it should be: {problem}")));
    }
    part.as_file().sync_all().map_err(Error::io("write", part.path()))?;
    part.persist(path).map_err(|failed| Error::io("write", path)(failed.error))?;
    Ok(())
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

/// A download that may take several requests.
struct Download<'a> {
    agent: Agent,
    url: &'a str,
    /// The file's length, once the server has said it.
    total: Option<u64>,
    /// What tells this version of the file from another one (ETag or Last-Modified).
    version: Option<String>,
    received: u64,
}

impl Download<'_> {
    fn run(&mut self, part: &mut NamedTempFile, progress: &mut dyn FnMut(Progress)) -> Result<(), Failure> {
        let mut request = self.agent.get(self.url);
        match &self.version {
            Some(version) if self.received > 0 => {
                request = request.header(header::RANGE, format!("bytes={}-", self.received));
                request = request.header(header::IF_RANGE, version);
            }
            // Without a version nobody knows whether the rest is of the same file.
            _ => self.received = 0,
        }
        let response = request.call().map_err(refused)?;
        self.accept(&response)?;
        let file = part.as_file_mut();
        file.set_len(self.received)
            .and_then(|()| file.seek(SeekFrom::Start(self.received)))
            .map_err(Failure::File)?;
        self.copy(response.into_body(), file, progress)
    }

    /// Reads from the response's head what is coming.
    fn accept(&mut self, response: &Response<Body>) -> Result<(), Failure> {
        let text = |name| response.headers().get(name).and_then(|value| value.to_str().ok());
        let length = text(header::CONTENT_LENGTH).and_then(|length| length.parse::<u64>().ok());
        match response.status() {
            StatusCode::OK => {
                self.received = 0;
                self.total = length;
                // A weak ETag (W/…) does not promise the same bytes.
                let tag = text(header::ETAG).filter(|tag| !tag.starts_with("W/"));
                self.version = tag.or(text(header::LAST_MODIFIED)).map(str::to_owned);
                Ok(())
            }
            StatusCode::PARTIAL_CONTENT => {
                let range = text(header::CONTENT_RANGE).unwrap_or_default();
                if range.starts_with(&format!("bytes {}-", self.received)) {
                    return Ok(());
                }
                let problem =
                    format!("the server sent bytes '{range}' instead of those from {}", self.received);
                self.version = None;
                Err(Failure::Broken(problem))
            }
            StatusCode::RANGE_NOT_SATISFIABLE => {
                self.version = None;
                Err(Failure::Broken("the server has fewer bytes than before".into()))
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
        file: &mut File,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<(), Failure> {
        let (mut body, mut buffer) = (body.into_reader(), vec![0; 1 << 16]);
        loop {
            progress(Progress { received: self.received, total: self.total });
            let n = body.read(&mut buffer).map_err(|problem| {
                Failure::Broken(format!("the connection broke after {} bytes ({problem})", self.received))
            })?;
            if n == 0 {
                break;
            }
            file.write_all(&buffer[..n]).map_err(Failure::File)?;
            self.received += n as u64;
        }
        match self.total {
            Some(total) if total != self.received => {
                Err(Failure::Broken(format!("only {} of {total} bytes came", self.received)))
            }
            _ => Ok(()),
        }
    }
}

fn refused(problem: ureq::Error) -> Failure {
    match problem {
        ureq::Error::HostNotFound => {
            Failure::Final("its server cannot be found (is there a connection to the internet?)".into())
        }
        ureq::Error::Io(problem) if problem.kind() == io::ErrorKind::ConnectionRefused => {
            Failure::Final("its server refuses the connection".into())
        }
        problem @ (ureq::Error::Io(_)
        | ureq::Error::Timeout(_)
        | ureq::Error::ConnectionFailed
        | ureq::Error::Protocol(_)) => Failure::Broken(problem.to_string()),
        problem => Failure::Final(problem.to_string()),
    }
}
