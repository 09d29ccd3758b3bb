//! `PETAL_PROFILE`: programs that know nothing of profiles say where their time goes, too.

use std::env;
use std::ffi::OsString;
use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::sync::LazyLock;

use super::{Profile, Record, trace};
use crate::{Error, PathText};

/// What happens with a record once nobody measures any more: its table is said on stderr.
#[derive(Debug)]
pub(super) struct AtTheEnd {
    trace: Option<PathBuf>,
}

/// A profile for a new model, if the environment asks for one.
pub(crate) fn asked_for() -> Option<Profile> {
    static VARIABLE: LazyLock<Option<OsString>> = LazyLock::new(|| env::var_os("PETAL_PROFILE"));
    let value = VARIABLE.as_ref().filter(|value| !value.is_empty() && *value != "0")?;
    let profile = Profile::new();
    profile.record().at_the_end = Some(AtTheEnd { trace: (value != "1").then(|| value.into()) });
    Some(profile)
}

impl Drop for Record {
    fn drop(&mut self) {
        let Some(at_the_end) = self.at_the_end.take().filter(|_| self.span.is_some()) else { return };
        let mut text = String::new();
        // Writing to a String cannot fail, and what stderr doesn't take is lost.
        let _ = writeln!(text, "\n{self}");
        if let Some(path) = at_the_end.trace {
            let _ = match trace::write(self, &path).map_err(Error::io("write", &path)) {
                Ok(()) => writeln!(text, "Trace: {}", PathText::new(&path)),
                Err(error) => writeln!(text, "warning: no trace: {error}"),
            };
        }
        let _ = io::stderr().write_all(text.as_bytes());
    }
}
