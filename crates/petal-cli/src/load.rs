//! Loading folders of photos, with what should be said about them.

use std::io::{IsTerminal, Write};
use std::path::Path;

use petal::data::{Comparison, Dataset, ImageDataset, ImageFolder};

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

/// Says what was found in the parts of a folder, and which files were left out.
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
    eprintln!(
        "{}: {photos} photos of {} classes ({}){shares}",
        directory.display(),
        classes.len(),
        classes.join(", ")
    );
    let skipped: Vec<_> = parts.iter().flat_map(|(_, data)| data.skipped()).collect();
    if !skipped.is_empty() {
        eprintln!("Left out {} files that cannot be read as photos:", skipped.len());
        for file in skipped {
            eprintln!("  {}: {}", file.path.display(), file.reason);
        }
    }
}

/// Says what makes a validation folder doubtful.
pub fn warn(comparison: &Comparison) {
    if !comparison.is_clean() {
        eprintln!("{comparison}");
    }
}
