//! What lies below a folder: photos, and what is left out.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Path, PathBuf};

use super::doubt::Doubt;
use super::listing::{has_image_ending, is_litter, is_output};
use crate::{Error, PathText, Result};

/// What lies below a folder.
#[derive(Default)]
pub(super) struct Found {
    /// Photos, as (folder, name).
    pub files: Vec<(PathBuf, OsString)>,
    others: BTreeMap<String, Others>,
    unfollowed_links: Vec<PathBuf>,
    /// Folders that Petal wrote, which were not looked into.
    pub outputs: Vec<PathBuf>,
    /// The real paths of folders and files that are not to be looked at.
    without: Vec<PathBuf>,
}

/// Files that are no photos, by their ending.
#[derive(Default)]
struct Others {
    count: usize,
    /// The first few in the order of their paths.
    first: BTreeSet<PathBuf>,
}

impl Others {
    fn add(&mut self, file: PathBuf) {
        const KEPT: usize = 3;
        self.count += 1;
        self.first.insert(file);
        if self.first.len() > KEPT {
            self.first.pop_last();
        }
    }
}

impl Found {
    /// Nothing yet; folders and files with these real paths will not be looked at.
    pub fn without(without: Vec<PathBuf>) -> Self {
        Found { without, ..Found::default() }
    }

    /// Whether there is nothing but what Petal wrote.
    pub fn is_output(&self) -> bool {
        self.files.is_empty() && !self.outputs.is_empty()
    }

    /// How many files are no photos.
    pub fn other_files(&self) -> usize {
        self.others.values().map(|others| others.count).sum()
    }

    /// Takes up all that is below `folder`.
    pub fn walk(&mut self, folder: &Path, follow_links: bool) -> Result<()> {
        self.walk_below(folder, follow_links, &mut vec![canonical(folder)?])
    }

    /// `above` holds the real paths of `folder` and the folders around it.
    fn walk_below(&mut self, folder: &Path, follow_links: bool, above: &mut Vec<PathBuf>) -> Result<()> {
        if is_output(folder) {
            self.outputs.push(folder.to_owned());
            return Ok(());
        }
        for entry in fs::read_dir(folder).map_err(Error::io("read", folder))? {
            let entry = entry.map_err(Error::io("read", folder))?;
            let (path, name) = (entry.path(), entry.file_name());
            if is_litter(&name) {
                continue;
            }
            if !path.is_dir() {
                let is_without = |without: &PathBuf| {
                    without.file_name() == Some(&name) && canonical(&path).is_ok_and(|real| real == *without)
                };
                if !self.without.iter().any(is_without) {
                    self.file(folder, name);
                }
            } else if entry.file_type().is_ok_and(|kind| kind.is_symlink()) && !follow_links {
                self.unfollowed_links.push(path);
            } else {
                let real = canonical(&path)?;
                // A link to a folder around itself would be walked for ever.
                if !above.contains(&real) && !self.without.contains(&real) {
                    above.push(real);
                    self.walk_below(&path, follow_links, above)?;
                    above.pop();
                }
            }
        }
        Ok(())
    }

    pub fn file(&mut self, folder: &Path, name: OsString) {
        if has_image_ending(&name) {
            self.files.push((folder.to_owned(), name));
        } else {
            self.others.entry(ending(&name)).or_default().add(folder.join(name));
        }
    }

    /// Takes up what is not a photo.
    pub fn take(&mut self, other: Found) {
        for (ending, others) in other.others {
            let all = self.others.entry(ending).or_default();
            let more = others.count - others.first.len();
            others.first.into_iter().for_each(|file| all.add(file));
            all.count += more;
        }
        self.unfollowed_links.extend(other.unfollowed_links);
        self.outputs.extend(other.outputs);
    }

    /// What was not looked at below `folder`.
    pub fn doubts(&self, folder: &Path) -> Vec<Doubt> {
        let mut doubts = Vec::new();
        let mut others: Vec<_> = self.others.iter().collect();
        others.sort_by_key(|(_, others)| std::cmp::Reverse(others.count));
        doubts.extend(others.into_iter().map(|(ending, others)| {
            let below = |file: &PathBuf| file.strip_prefix(folder).unwrap_or(file).to_owned();
            let examples = others.first.iter().map(below).collect();
            Doubt::OtherEnding {
                folder: folder.to_owned(),
                ending: ending.clone(),
                count: others.count,
                examples,
            }
        }));
        if !self.unfollowed_links.is_empty() {
            let mut links = self.unfollowed_links.clone();
            links.sort();
            doubts.push(Doubt::UnfollowedLinks { links });
        }
        doubts
    }
}

/// `.txt` in lower case; nothing where there is no ending, or none that is short enough to be one.
pub(super) fn ending(name: &OsStr) -> String {
    const LONGEST: usize = 12;
    let extension = Path::new(name).extension().map(|extension| PathText::new(extension).to_string());
    match extension.filter(|extension| extension.len() <= LONGEST) {
        Some(extension) => format!(".{}", extension.to_lowercase()),
        None => String::new(),
    }
}

pub(super) fn canonical(path: &Path) -> Result<PathBuf> {
    fs::canonicalize(path).map_err(Error::io("read", path))
}
