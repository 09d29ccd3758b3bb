//! Text that a terminal shows and doesn't obey.

use std::fmt::{self, Display, Write};

/// A name on one line. Control characters, by which a name could move the cursor, change colours or look like a line
/// of its own, are shown escaped: `\n`, `\u{1b}`.
///
/// ```
/// use petal::printable::printable;
/// assert_eq!(printable("roses\u{1b}[2J\n").to_string(), "roses\\u{1b}[2J\\n");
/// assert_eq!(printable("gänseblümchen").to_string(), "gänseblümchen");
/// ```
pub fn printable(name: impl Display) -> impl Display {
    Printable { text: name, keeps_lines: false }
}

/// As [`printable`], for a text of several lines: line breaks stay.
pub fn printable_lines(text: impl Display) -> impl Display {
    Printable { text, keeps_lines: true }
}

struct Printable<T> {
    text: T,
    keeps_lines: bool,
}

impl<T: Display> Display for Printable<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(Escaping { f, keeps_lines: self.keeps_lines }, "{}", self.text)
    }
}

struct Escaping<'a, 'f> {
    f: &'a mut fmt::Formatter<'f>,
    keeps_lines: bool,
}

impl Write for Escaping<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let keeps_lines = self.keeps_lines;
        let is_escaped = |c: char| c.is_control() && !(keeps_lines && c == '\n');
        for part in text.split_inclusive(is_escaped) {
            match part.chars().next_back().filter(|&last| is_escaped(last)) {
                Some(last) => {
                    write!(self.f, "{}{}", &part[..part.len() - last.len_utf8()], last.escape_default())?;
                }
                None => self.f.write_str(part)?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_control_character_is_left() {
        let all: String = (0..=0x2ff).filter_map(char::from_u32).collect();
        let shown = printable(&all).to_string();
        assert!(!shown.contains(char::is_control), "{shown:?}");
        // What is no control character is there still.
        assert!(all.chars().filter(|c| !c.is_control()).all(|c| shown.contains(c)));
        assert_eq!(printable_lines("a\nb\r\x07").to_string(), "a\nb\\r\\u{7}");
    }
}
