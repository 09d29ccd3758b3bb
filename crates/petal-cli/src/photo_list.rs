//! Which photos a run was given, so that one that is gone on with sees the same.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use crate::Failure;
use crate::data::DataSettings;
use crate::photo_folder::from_here;
use crate::run_folder::{PHOTOS, RunFolder, how_to_resume};
use crate::sets::{Folder, Validation};
use crate::terminal::say;

/// The classes and the files of a run's photos with their sizes, none of them opened.
pub struct PhotoList {
    pub class_names: Vec<String>,
    /// Bytes by `photos,daisy/1.jpg`, `validation,daisy/1.jpg` or `test,daisy/1.jpg`.
    files: BTreeMap<String, u64>,
}

/// The first line of the file that the list is kept in.
const HEADER: &str = "set,file,bytes";

impl PhotoList {
    /// Lists the photos, and says which folders are none of theirs.
    ///
    /// # Errors
    /// If there are none.
    pub fn new(settings: &DataSettings) -> Result<Self, Failure> {
        let sets = &settings.sets;
        let found = sets.open().follow_links(settings.follow_links).list()?;
        for output in &found.outputs {
            say!("{} was left out: it holds what Petal wrote, no photos", output.display());
        }
        let mut files = BTreeMap::new();
        let mut add = |set: &str, folder: &Path, photos: &[(PathBuf, usize)]| {
            for (path, class) in photos {
                let path_below = path.strip_prefix(folder).unwrap_or(path);
                let name = match &sets.labels {
                    // As it would be if folders said the class, so that another class is another photo.
                    Some(_) => {
                        let mut below_class = OsString::from(&found.class_names[*class]);
                        below_class.push("/");
                        below_class.push(path_below);
                        field(Path::new(&below_class))
                    }
                    None => field(path_below),
                };
                // A file that is gone by now will be missed when it is read.
                let bytes = fs::metadata(path).map_or(0, |file| file.len());
                files.insert(format!("{set},{name}"), bytes);
            }
        };
        add("photos", &sets.photos_from_here(), &found.files);
        let photos = || sets.photos_from_here();
        if let Some(files) = &found.validation {
            let folder =
                if let Validation::Folder(folder) = &sets.validation { from_here(folder) } else { photos() };
            add("validation", &folder, files);
        }
        if let Some(files) = &found.test {
            let folder = sets.test.as_ref().map_or_else(photos, |Folder(folder)| from_here(folder));
            add("test", &folder, files);
        }
        Ok(PhotoList { class_names: found.class_names, files })
    }

    /// The photos of a run that is to be gone on with, and what is other about them than when it began.
    ///
    /// # Errors
    /// If they are gone, or have other classes, which the run's model could not tell apart.
    pub fn of_run(
        settings: &DataSettings,
        class_names: &[String],
        folder: &RunFolder,
    ) -> Result<(Self, Option<String>), Failure> {
        let path = settings.sets.photos_from_here();
        let shown = path.display();
        if !path.is_dir() {
            let resume = how_to_resume(folder.path()).unwrap_or_default();
            return Err(format!(
                "the photos of {} are no longer in {shown}; put them back there, or say where they are now, with DIR after {resume}",
                folder.path().display(),
            )
            .into());
        }
        let list = PhotoList::new(settings)?;
        if list.class_names != class_names {
            return Err(format!(
                "{shown} has other classes than the run began with: {}; the run has {}. Put the folders back, or train \
                 anew",
                list.class_names.join(", "),
                class_names.join(", ")
            )
            .into());
        }
        let difference = match list.compare(&folder.join(PHOTOS)) {
            Ok(None) => None,
            Ok(Some(difference)) => {
                let split = match settings.sets.validation {
                    Validation::Split(_) if difference.changes_split() => {
                        "; so the split is another one, and photos that were trained on are validated on"
                    }
                    _ => "",
                };
                Some(format!(
                    "the photos in {shown} are not those that the run began with: {difference}{split}"
                ))
            }
            Err(problem) => Some(problem),
        };
        Ok((list, difference))
    }

    /// The list as CSV.
    pub fn to_csv(&self) -> Vec<u8> {
        let rows = self.files.iter().map(|(name, bytes)| format!("{name},{bytes}\n"));
        format!("{HEADER}\n{}", rows.collect::<String>()).into_bytes()
    }

    /// What is other than in the list at `path`; none if nothing is.
    ///
    /// # Errors
    /// If that list cannot be read.
    fn compare(&self, path: &Path) -> Result<Option<Difference>, String> {
        let cannot = |problem: &dyn fmt::Display| {
            let path = path.display();
            format!(
                "{path}, the list of the run's photos, cannot be read ({problem}); nobody knows whether they are the same"
            )
        };
        let text = fs::read_to_string(path).map_err(|error| cannot(&error))?;
        self.compare_with(&text).map_err(|problem| cannot(&problem))
    }

    /// What is other than in a list as CSV; none if nothing is.
    ///
    /// # Errors
    /// If that is no list.
    pub fn compare_with(&self, text: &str) -> Result<Option<Difference>, String> {
        let mut lines = text.lines();
        if lines.next() != Some(HEADER) {
            return Err(format!("its first line is not {HEADER}"));
        }
        let mut before = BTreeMap::new();
        for line in lines {
            let row =
                line.rsplit_once(',').and_then(|(name, bytes)| Some((name, bytes.parse::<u64>().ok()?)));
            let (name, bytes) = row.ok_or_else(|| format!("'{line}' is no row of it"))?;
            before.insert(name, bytes);
        }
        let mut difference = Difference::default();
        for (name, bytes) in &self.files {
            match before.remove(name.as_str()) {
                None => difference.added.push(shown(name)),
                Some(other) if other != *bytes => difference.changed.push(shown(name)),
                Some(_) => {}
            }
        }
        difference.gone = before.into_keys().map(shown).collect();
        Ok((difference != Difference::default()).then_some(difference))
    }
}

/// How two lists of photos differ, by the files' names.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Difference {
    added: Vec<String>,
    gone: Vec<String>,
    /// Of another size.
    changed: Vec<String>,
}

impl Difference {
    /// Whether a split of these photos is another one.
    fn changes_split(&self) -> bool {
        !self.added.is_empty() || !self.gone.is_empty()
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        /// How many files are named.
        const NAMED: usize = 3;
        let parts = [(&self.added, "added"), (&self.gone, "gone"), (&self.changed, "of another size")];
        let parts = parts.iter().filter(|(files, _)| !files.is_empty()).map(|(files, how)| {
            let named = files.iter().take(NAMED).map(String::as_str).collect::<Vec<_>>().join(", ");
            let more = if files.len() > NAMED { ", …" } else { "" };
            format!("{} {how} ({named}{more})", files.len())
        });
        f.write_str(&parts.collect::<Vec<_>>().join(", "))
    }
}

/// A path as a CSV field (RFC 4180) on one line; what is not UTF-8 and what would break lines is escaped, so that
/// different paths stay different.
fn field(path: &Path) -> String {
    let plain = path.to_str().filter(|text| !text.contains('\\') && !text.contains(char::is_control));
    let text = match plain {
        Some(text) => text.to_owned(),
        None => path.as_os_str().as_encoded_bytes().escape_ascii().to_string(),
    };
    if text.contains([',', '"']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text }
}

/// The file in a row's first two fields.
fn shown(name: impl AsRef<str>) -> String {
    let (set, file) = name.as_ref().split_once(',').unwrap_or_default();
    let file = file.trim_matches('"').replace("\"\"", "\"");
    let file = PathBuf::from(file);
    match set {
        "validation" => format!("{} for validation", file.display()),
        "test" => format!("{} for the test", file.display()),
        _ => file.display().to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(files: &[(&str, u64)]) -> PhotoList {
        let files = files.iter().map(|(name, bytes)| (format!("photos,{}", field(Path::new(name))), *bytes));
        PhotoList { class_names: Vec::new(), files: files.collect() }
    }

    #[test]
    fn what_was_added_removed_or_changed_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("photos.csv");
        let before = list(&[("a/1.jpg", 10), ("a/x, \"y\".jpg", 20), ("b/2\n.jpg", 30), ("b/3.jpg", 40)]);
        fs::write(&path, before.to_csv()).unwrap();
        assert_eq!(before.compare(&path), Ok(None));
        let now = list(&[("a/1.jpg", 11), ("b/2\n.jpg", 30), ("b/3.jpg", 40), ("c/é.jpg", 1)]);
        let difference = now.compare(&path).unwrap().unwrap();
        assert!(difference.changes_split());
        assert_eq!(
            difference.to_string(),
            "1 added (c/é.jpg), 1 gone (a/x, \"y\".jpg), 1 of another size (a/1.jpg)"
        );
        fs::write(&path, "nothing").unwrap();
        assert!(now.compare(&path).unwrap_err().contains("photos.csv"));
    }
}
