//! What a file is, told by its content: a name may promise anything.

use std::fs::File;
use std::io::{ErrorKind, Read, Seek, SeekFrom};
use std::path::Path;

use crate::{Error, PathText, Result};

/// The files in which models come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A safetensors file, as Petal's are.
    Safetensors,
    /// A zip archive, as Keras 3's `.keras` files are.
    Zip,
    /// HDF5: Keras' `.h5`, and `.keras` up to TensorFlow 2.11.
    Hdf5,
    /// JSON: the list of a model's parts, `.weights.json`.
    Json,
}

/// What the loading of a model expects, for errors.
pub(super) const MODEL: &str =
    "expected a .petal file of Petal, or a .keras or .h5 file of Keras with a whole model";

/// The file at `path` and what it holds. Only a plain file is opened, since a pipe or a device may never end.
///
/// # Errors
/// If it cannot be read, or holds none of the above; the error says what it seems to be, and what was `expected`.
pub(super) fn open(path: &Path, expected: &str) -> Result<(File, Kind)> {
    let metadata = match std::fs::metadata(path) {
        Err(problem) if problem.kind() == ErrorKind::NotFound => {
            return Err(Error::io("read", path)(std::io::Error::new(ErrorKind::NotFound, missing(path))));
        }
        metadata => metadata.map_err(Error::io("read", path))?,
    };
    if metadata.is_dir() {
        return Err(Error::file(path, folder(path, expected)));
    }
    if !metadata.is_file() {
        return Err(Error::file(path, format!("is no plain file; {expected}")));
    }
    let mut file = File::open(path).map_err(Error::io("read", path))?;
    let mut start = Vec::new();
    (&mut file).take(512).read_to_end(&mut start).map_err(Error::io("read", path))?;
    file.seek(SeekFrom::Start(0)).map_err(Error::io("read", path))?;
    match kind(&start) {
        Ok(kind) => Ok((file, kind)),
        Err(found) => {
            let found = match path.extension().map(|ending| ending.to_ascii_lowercase()) {
                Some(ending) if ending == "onnx" => "an ONNX model",
                Some(ending) if ending == "pb" => "a graph of TensorFlow",
                _ => found,
            };
            Err(Error::file(path, format!("is {found}; {expected}")))
        }
    }
}

/// What begins with these bytes, or a word for what it is instead.
fn kind(start: &[u8]) -> std::result::Result<Kind, &'static str> {
    if start.starts_with(b"PK\x03\x04") || start.starts_with(b"PK\x05\x06") {
        return Ok(Kind::Zip);
    }
    if start.starts_with(b"\x89HDF\r\n\x1a\n") {
        return Ok(Kind::Hdf5);
    }
    // The length of a header of JSON, less than 4 GB, and the header.
    if start.get(4..9) == Some(b"\0\0\0\0{") {
        return Ok(Kind::Safetensors);
    }
    const MAGIC: [(usize, &[u8], &str); 20] = [
        (0, b"\x89PNG", "a photo (PNG)"),
        (0, b"\xff\xd8\xff", "a photo (JPEG)"),
        (0, b"GIF8", "a photo (GIF)"),
        (8, b"WEBP", "a photo (WebP)"),
        (0, b"BM", "a photo (BMP)"),
        (0, b"II*\0", "a photo (TIFF)"),
        (0, b"MM\0*", "a photo (TIFF)"),
        (4, b"TFL3", "a TensorFlow Lite model"),
        (0, b"\x80\x02", "a Python pickle, as old .pt and .pth files of PyTorch are"),
        (0, b"\x80\x03", "a Python pickle, as old .pt and .pth files of PyTorch are"),
        (0, b"\x80\x04", "a Python pickle"),
        (0, b"\x80\x05", "a Python pickle"),
        (0, b"\x93NUMPY", "a NumPy array"),
        (0, b"\x1f\x8b", "a gzip archive"),
        (0, b"BZh", "a bzip2 archive"),
        (0, b"\xfd7zXZ", "an xz archive"),
        (0, b"7z\xbc\xaf", "a 7z archive"),
        (257, b"ustar", "a tar archive"),
        (0, b"%PDF", "a PDF document"),
        (0, b"\x7fELF", "a program"),
    ];
    let has = |(offset, magic, _): &&(usize, &[u8], &str)| {
        start.get(*offset..).is_some_and(|rest| rest.starts_with(magic))
    };
    if let Some((.., found)) = MAGIC.iter().find(has) {
        return Err(found);
    }
    if start.is_empty() {
        return Err("an empty file");
    }
    if start.iter().all(|&byte| byte == 0) {
        return Err("a file that begins with zeros");
    }
    // The last character may have been cut.
    let text = match std::str::from_utf8(start) {
        Ok(text) => text,
        Err(error) if error.error_len().is_none() => {
            std::str::from_utf8(&start[..error.valid_up_to()]).unwrap_or_default()
        }
        Err(_) => return Err("a file of unknown content"),
    };
    match text.trim_start().chars().next() {
        Some('{') => Ok(Kind::Json),
        _ if text.chars().any(|c| c.is_control() && !c.is_whitespace()) => Err("a file of unknown content"),
        Some('<') => Err("a web page or XML"),
        _ => Err("text"),
    }
}

/// What to do with a folder that is given as a model.
fn folder(path: &Path, expected: &str) -> String {
    if path.join("saved_model.pb").exists() {
        return "is a SavedModel of TensorFlow; load it in TensorFlow, and save it with model.save('model.keras')".into();
    }
    let models = models_in(path);
    match models.as_slice() {
        [] => format!("is a folder without a model; {expected}"),
        models => format!("is a folder; name one of the models in it: {}", models.join(", ")),
    }
}

/// What to do where there is no file of the name.
fn missing(path: &Path) -> String {
    let folder = path.parent().filter(|folder| *folder != Path::new("")).unwrap_or(Path::new("."));
    match models_in(folder).as_slice() {
        [] if folder.is_dir() => "there is no such file; check the name".into(),
        [] => "there is no such file, nor its folder; check the path".into(),
        models => format!("there is no such file; the models there are {}", models.join(", ")),
    }
}

/// The names of the models in a folder, at most a few.
fn models_in(folder: &Path) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let is_model = |path: &Path| {
        path.extension()
            .is_some_and(|ending| ["petal", "keras", "h5", "hdf5"].iter().any(|known| ending == *known))
    };
    let paths = entries.flatten().map(|entry| entry.path()).filter(|path| is_model(path));
    let mut names: Vec<String> = paths.map(|path| PathText::new(&path).to_string()).collect();
    names.sort();
    names.truncate(8);
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_is_not_there_brings_those_that_are() {
        let folder = tempfile::tempdir().unwrap();
        let wanted = folder.path().join("mode.petal");
        let problem = |path: &Path| open(path, MODEL).unwrap_err().to_string();
        assert!(problem(&wanted).ends_with("mode.petal: there is no such file; check the name"));
        assert!(problem(&folder.path().join("runs/mode.petal")).contains("nor its folder"));
        std::fs::write(folder.path().join("model.petal"), "").unwrap();
        assert!(problem(&wanted).contains("the models there are"), "{}", problem(&wanted));
        assert!(problem(&wanted).ends_with("model.petal"));
    }

    #[test]
    fn files_are_what_they_begin_with() {
        assert_eq!(kind(b"PK\x03\x04rest"), Ok(Kind::Zip));
        assert_eq!(kind(b"\x89HDF\r\n\x1a\nrest"), Ok(Kind::Hdf5));
        assert_eq!(kind(b"\x40\0\0\0\0\0\0\0{\"__metadata__\""), Ok(Kind::Safetensors));
        assert_eq!(kind(b"{\n  \"metadata\""), Ok(Kind::Json));
        for (start, found) in [
            (&b"\x89PNG\r\n"[..], "a photo (PNG)"),
            (b"\x1c\0\0\0TFL3", "a TensorFlow Lite model"),
            (b"", "an empty file"),
            (b"roses\ntulips\n", "text"),
            (b"<html>", "a web page or XML"),
            (b"\x01\x02\xff\xfe", "a file of unknown content"),
            (&[0; 512], "a file that begins with zeros"),
        ] {
            assert_eq!(kind(start), Err(found));
        }
        // Cut within a character.
        assert_eq!(kind("Gänseblümchen".as_bytes().split_at(2).0), Err("text"));
    }
}
