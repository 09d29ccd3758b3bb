use std::fmt;
use std::path::Path;

use crate::printable::printable;

/// A path, or a name, as people are shown it: what a terminal cannot show, or would obey, is escaped.
///
/// Bytes that are not UTF-8 become `\xe9`, control characters `\n` or `\u{1b}`; all else stays as it is.
///
/// ```
/// use petal::PathText;
///
/// assert_eq!(PathText::new("tulips/été.jpg").to_string(), "tulips/été.jpg");
/// assert_eq!(PathText::new("a\nb").to_string(), r"a\nb");
/// ```
#[derive(Clone, Copy, Debug)]
pub struct PathText<'a>(&'a Path);

impl<'a> PathText<'a> {
    /// The text of this path.
    pub fn new<P: AsRef<Path> + ?Sized>(path: &'a P) -> Self {
        PathText(path.as_ref())
    }
}

impl fmt::Display for PathText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        for chunk in self.0.as_os_str().as_encoded_bytes().utf8_chunks() {
            write!(f, "{}", printable(chunk.valid()))?;
            for byte in chunk.invalid() {
                write!(f, "\\x{byte:02x}")?;
            }
        }
        Ok(())
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;

    use super::*;

    #[test]
    fn no_byte_is_lost_and_none_is_obeyed() {
        let name = OsStr::from_bytes(b"ros\xe9/\x1b[2J\xc3\xa9.jpg");
        assert_eq!(PathText::new(name).to_string(), r"ros\xe9/\u{1b}[2Jé.jpg");
    }
}
