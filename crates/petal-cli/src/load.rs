//! Loading folders of photos, with what should be said about them.

use std::io::{IsTerminal, Write};
use std::path::Path;

use petal::PathText;
use petal::data::{Dataset, ImageDataset, ImageFolder};

use crate::terminal::say;

/// Shows on a terminal how many photos are decoded.
pub fn with_progress(folder: ImageFolder, quiet: bool) -> ImageFolder {
    if quiet || !std::io::stderr().is_terminal() {
        return folder;
    }
    folder.progress(|done, all| {
        if done % 50 == 0 || done == all {
            let end = if done == all { "\r\x1b[K" } else { "" };
            let mut stderr = std::io::stderr().lock();
            let _ = write!(stderr, "\rReading photos {done}/{all}{end}");
            let _ = stderr.flush();
        }
    })
}

/// Says what was found in the parts of a folder.
pub fn describe(directory: &Path, parts: &[(&str, &ImageDataset)]) {
    let classes = parts[0].1.class_names();
    let photos: usize = parts.iter().map(|(_, data)| data.len()).sum();
    let shares = match parts {
        [_] => String::new(),
        _ => {
            let shares: Vec<String> =
                parts.iter().map(|(part, data)| format!("{} for {part}", data.len())).collect();
            format!("; {}", shares.join(", "))
        }
    };
    say!(
        "{}: {photos} photos of {} classes ({}){shares}",
        PathText::new(directory),
        classes.len(),
        named(classes)
    );
}

/// Says which files were left out and what else is doubtful about the photos, in a bounded number of lines.
pub fn warn(parts: &[&ImageDataset]) {
    const SHOWN: usize = 20;
    let skipped: Vec<_> = parts.iter().flat_map(|data| data.skipped()).collect();
    if !skipped.is_empty() {
        let files = if skipped.len() == 1 { "file" } else { "files" };
        say!("Left out {} {files} that cannot be read as photos:", skipped.len());
        skipped.iter().take(SHOWN).for_each(|file| say!("  {file}"));
        if skipped.len() > SHOWN {
            say!("  and {} more", skipped.len() - SHOWN);
        }
    }
    // Both sides of a split have the same.
    parts[0].doubts().lines().iter().for_each(|line| say!("warning: {line}"));
}

fn named(classes: &[String]) -> String {
    const SHOWN: usize = 20;
    let shown: Vec<_> = classes.iter().take(SHOWN).map(|name| PathText::new(name).to_string()).collect();
    match classes.len().saturating_sub(SHOWN) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}
