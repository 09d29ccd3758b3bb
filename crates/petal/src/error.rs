use std::fmt;
use std::path::{Path, PathBuf};

use crate::PathText;

/// Anything that can go wrong in Petal.
///
/// The text names the file or layer, what was found, what was expected and what to do about it.
#[non_exhaustive]
pub enum Error {
    /// The operating system refused to read or write something.
    Io {
        /// What was tried, as a verb: `read`, `write`, `create`.
        action: &'static str,
        /// The file or folder concerned.
        path: PathBuf,
        /// The operating system's answer.
        source: std::io::Error,
    },
    /// A file was read, but what is in it is not what it should be.
    File {
        /// The file concerned.
        path: PathBuf,
        /// What was found, what was expected, what to do.
        problem: String,
    },
    /// A folder of photos cannot be used as it is.
    Data(String),
    /// A layer cannot take what it was given.
    Layer {
        /// The layer's name, or the one it would have got.
        layer: String,
        /// The shape or value found, the one expected, what to do.
        problem: String,
    },
    /// A model cannot be built or used in this way.
    Model(String),
    /// Training was asked for something that cannot be done.
    Training(String),
    /// A loss or a weight became no number, and [`fit`](crate::model::Model::fit) ended.
    Diverged(String),
    /// A file cannot be had from the internet.
    Download(String),
    /// An argument has a value outside its range.
    Argument {
        /// The argument's name.
        argument: &'static str,
        /// The value received.
        found: String,
        /// The values allowed.
        expected: String,
    },
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Io { action, path, source } => {
                write!(f, "cannot {action} {}: {source}{}", PathText::new(path), remedy(source))
            }
            Error::File { path, problem } => write!(f, "{}: {problem}", PathText::new(path)),
            Error::Layer { layer, problem } => write!(f, "layer '{layer}': {problem}"),
            Error::Argument { argument, found, expected } => {
                write!(f, "{argument} is {found}; expected {expected}")
            }
            Error::Data(problem)
            | Error::Model(problem)
            | Error::Training(problem)
            | Error::Diverged(problem)
            | Error::Download(problem) => f.write_str(problem),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Error::Io { source, .. } => Some(source),
            _ => None,
        }
    }
}

/// The text: a program whose `main` returns an error prints it in this form.
impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// What to do about what the operating system answered, where that is known.
fn remedy(answer: &std::io::Error) -> &'static str {
    use std::io::ErrorKind;
    if answer.raw_os_error().is_none() {
        // Petal's own words say it already.
        return "";
    }
    match answer.kind() {
        ErrorKind::NotFound => "; check the name, and the folder that it is meant from",
        ErrorKind::PermissionDenied => "; ask its owner for access, or choose another place",
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => "; make room, or choose another disk",
        ErrorKind::ReadOnlyFilesystem => "; choose another place",
        ErrorKind::NotADirectory => "; a part of the path is a file, not a folder",
        ErrorKind::IsADirectory => "; that is a folder, name a file in it",
        ErrorKind::InvalidFilename => "; choose a shorter or simpler name",
        _ => "",
    }
}

/// A result whose error is [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    pub(crate) fn io(action: &'static str, path: impl AsRef<Path>) -> impl FnOnce(std::io::Error) -> Error {
        let path = path.as_ref().to_owned();
        move |source| Error::Io { action, path, source }
    }

    pub(crate) fn file(path: impl AsRef<Path>, problem: impl std::fmt::Display) -> Error {
        Error::File { path: path.as_ref().to_owned(), problem: problem.to_string() }
    }

    pub(crate) fn layer(layer: impl Into<String>, problem: impl std::fmt::Display) -> Error {
        Error::Layer { layer: layer.into(), problem: problem.to_string() }
    }

    pub(crate) fn argument(
        argument: &'static str,
        found: impl std::fmt::Display,
        expected: impl std::fmt::Display,
    ) -> Error {
        Error::Argument { argument, found: found.to_string(), expected: expected.to_string() }
    }
}

/// Why a build of petal without this cargo feature can't do what was asked.
pub(crate) fn no_feature(name: &str) -> String {
    format!("this build of petal has no feature `{name}`; add it where Cargo.toml names petal")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_of_main_is_the_text() {
        let error = Error::file("photo.jpg", "is cut off");
        assert_eq!(format!("{error:?}"), "photo.jpg: is cut off");
    }
}
