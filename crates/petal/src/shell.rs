//! Commands that can be copied into a shell.

use std::path::Path;

/// A path as a shell takes it for one word: in quotes where it holds anything that means something to a shell.
pub fn quoted(path: &Path) -> String {
    let path = path.to_string_lossy();
    let plain = |letter: char| letter.is_alphanumeric() || "/._-+:=@,%\\".contains(letter);
    // A backslash parts folders where paths have it; elsewhere it escapes.
    let plain = |letter: char| plain(letter) && (letter != '\\' || cfg!(windows));
    if !path.is_empty() && !path.starts_with('-') && path.chars().all(plain) {
        return path.into_owned();
    }
    let before = if path.starts_with('-') { "./" } else { "" };
    if path.contains(char::is_control) {
        // The form of bash and zsh, in which nothing reaches the terminal that it would obey.
        let escaped = |letter: char| match letter {
            '\'' | '\\' => format!("\\{letter}"),
            control if control.is_control() => format!("\\u{:04x}", u32::from(control)),
            letter => letter.to_string(),
        };
        return format!("$'{before}{}'", path.chars().map(escaped).collect::<String>());
    }
    if cfg!(windows) {
        return format!("\"{before}{path}\"");
    }
    format!("'{before}{}'", path.replace('\'', "'\\''"))
}

#[cfg(all(test, unix))]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn a_shell_reads_a_path_as_it_was() {
        for path in ["runs/photos-1", "my photos/été", "it's", "$(touch x)", "*", "a;b", "~", "C:\\x"] {
            let command = format!("printf %s {}", quoted(Path::new(path)));
            let output = Command::new("sh").args(["-c", &command]).output().unwrap();
            assert_eq!(String::from_utf8(output.stdout).unwrap(), path);
        }
        assert_eq!(quoted(Path::new("a\n'\u{1b}[2J")), r"$'a\u000a\'\u001b[2J'");
        assert_eq!(quoted(Path::new("runs/photos-1/model.petal")), "runs/photos-1/model.petal");
        assert_eq!(quoted(Path::new("-rf x")), "'./-rf x'");
    }
}
