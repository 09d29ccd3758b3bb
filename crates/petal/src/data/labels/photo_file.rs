//! Which file a table means.

use std::path::{Path, PathBuf};

use super::super::listing::ENDINGS;

/// The file of this name in `directory`, or of this name and a photo's ending, also where the name was written on Windows.
/// If there is none, the one that should be there.
pub(super) fn find(directory: &Path, name: &str) -> PathBuf {
    let path = directory.join(name);
    if path.is_file() {
        return path;
    }
    if name.contains('\\') {
        return find(directory, &name.replace('\\', "/"));
    }
    let has_ending = ENDINGS.iter().any(|ending| name.to_ascii_lowercase().ends_with(ending));
    let with_ending = |ending: &&str| {
        [(*ending).to_owned(), ending.to_uppercase()]
            .into_iter()
            .map(|ending| directory.join(format!("{name}{ending}")))
            .find(|path| path.is_file())
    };
    ENDINGS.iter().filter(|_| !has_ending).find_map(with_ending).unwrap_or(path)
}
