//! Paths of any bytes in JSON and the like, by `#[serde(with = "petal::saving::any_path")]`.
//!
//! A path that is UTF-8 is written as its text, as serde does by itself; another one, at which serde fails, as the list
//! of its bytes.

use std::borrow::Cow;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use serde::de::{Deserialize, Deserializer, Error};
use serde::{Serialize, Serializer};

#[derive(serde::Serialize, serde::Deserialize)]
#[serde(untagged)]
enum Written<'a> {
    Text(Cow<'a, str>),
    Bytes(Cow<'a, [u8]>),
}

/// Writes a path.
///
/// # Errors
/// Those of the serializer.
pub fn serialize<S: Serializer>(path: &Path, serializer: S) -> Result<S::Ok, S::Error> {
    let written = match path.to_str() {
        Some(text) => Written::Text(text.into()),
        None => Written::Bytes(path.as_os_str().as_encoded_bytes().into()),
    };
    written.serialize(serializer)
}

/// Reads what [`serialize`] wrote.
///
/// # Errors
/// Those of the deserializer, or if the path cannot be one on this system.
pub fn deserialize<'de, P: From<PathBuf>, D: Deserializer<'de>>(deserializer: D) -> Result<P, D::Error> {
    match Written::deserialize(deserializer)? {
        Written::Text(text) => Ok(PathBuf::from(text.into_owned()).into()),
        Written::Bytes(bytes) => match from_bytes(bytes.into_owned()) {
            Some(name) => Ok(PathBuf::from(name).into()),
            None => Err(D::Error::custom("the bytes of a path of another system; name the path anew")),
        },
    }
}

/// The same for lists of paths, by `#[serde(with = "petal::saving::any_path::list")]`.
pub mod list {
    use super::*;

    #[derive(serde::Serialize, serde::Deserialize)]
    #[serde(transparent)]
    struct One<'a>(#[serde(with = "super")] Cow<'a, Path>);

    /// Writes the paths.
    ///
    /// # Errors
    /// Those of the serializer.
    pub fn serialize<S: Serializer>(paths: &[PathBuf], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(paths.iter().map(|path| One(path.into())))
    }

    /// Reads what [`serialize`] wrote.
    ///
    /// # Errors
    /// Those of the deserializer, or if a path cannot be one on this system.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<PathBuf>, D::Error> {
        let paths = Vec::<One>::deserialize(deserializer)?;
        Ok(paths.into_iter().map(|path| path.0.into_owned()).collect())
    }
}

#[cfg(unix)]
fn from_bytes(bytes: Vec<u8>) -> Option<OsString> {
    Some(std::os::unix::ffi::OsStringExt::from_vec(bytes))
}

#[cfg(not(unix))]
fn from_bytes(bytes: Vec<u8>) -> Option<OsString> {
    String::from_utf8(bytes).ok().map(OsString::from)
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, serde::Serialize, serde::Deserialize)]
    struct File {
        #[serde(with = "super")]
        path: PathBuf,
    }

    #[test]
    fn every_path_comes_back_and_text_stays_text() {
        for (bytes, json) in
            [(&b"a/\xc3\xa9"[..], r#"{"path":"a/é"}"#), (b"ros\xe9", r#"{"path":[114,111,115,233]}"#)]
        {
            let file = File { path: from_bytes(bytes.to_vec()).unwrap().into() };
            assert_eq!(serde_json::to_string(&file).unwrap(), json);
            assert_eq!(serde_json::from_str::<File>(json).unwrap(), file);
        }
    }
}
