//! Moving photos out of a folder, and back.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Component, Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::saving::write_atomically;
use crate::{Error, PathText, Result};

/// The record of what was moved, in the folder that it was moved to.
const RECORD: &str = "petal-set-aside.json";

/// What was ticked on the page: photos by their path in the folder.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Ticked {
    set_aside: BTreeSet<String>,
}

/// Where photos of `folder` are set aside: `flowers-set-aside` beside `flowers`.
///
/// # Errors
/// If the folder isn't there.
pub fn aside(folder: &Path) -> Result<PathBuf> {
    let folder = folder.canonicalize().map_err(Error::io("read", folder))?;
    let Some(name) = folder.file_name() else {
        return Err(Error::file(&folder, "has no folder beside it; name a folder of photos"));
    };
    let mut name = name.to_owned();
    name.push("-set-aside");
    Ok(folder.with_file_name(name))
}

/// Moves the photos that `ticked` lists, a file that the page of [`Findings`](super::Findings) has saved, from `folder` to
/// the folder beside it. Returns how many were moved.
///
/// A record of all that is to be moved is written first, so that [`undo`] knows what to do also after a crash.
///
/// # Errors
/// If the list cannot be read or names something outside of the folder, a photo isn't there, or one lies aside already
/// under its name: then nothing is moved. If a photo cannot be moved; those before it are, and [`undo`] moves them back.
pub fn apply(folder: &Path, ticked: &Path) -> Result<usize> {
    let aside = aside(folder)?;
    let list = read(ticked)?;
    for photo in &list.set_aside {
        let (from, to) = (folder.join(photo), aside.join(photo));
        if !is_there(&from) {
            let problem =
                format!("is not there, but {} lists it; run petal clean again", PathText::new(ticked));
            return Err(Error::file(from, problem));
        }
        if is_there(&to) {
            return Err(Error::file(to, "is there already; move it away, so that nothing is overwritten"));
        }
    }
    let record = aside.join(RECORD);
    let mut moved = if is_there(&record) { read(&record)? } else { Ticked::default() };
    moved.set_aside.extend(list.set_aside.iter().cloned());
    fs::create_dir_all(&aside).map_err(Error::io("create", &aside))?;
    write(&record, &moved)?;
    for photo in &list.set_aside {
        rename(&folder.join(photo), &aside.join(photo))?;
    }
    Ok(list.set_aside.len())
}

/// Moves all photos that were set aside back to `folder`. Returns how many.
///
/// # Errors
/// If nothing was set aside, or another file has a photo's name by now: then nothing is moved. If a photo cannot be moved.
pub fn undo(folder: &Path) -> Result<usize> {
    let aside = aside(folder)?;
    let record = aside.join(RECORD);
    if !is_there(&record) {
        return Err(Error::file(record, "is not there: no photo of this folder is set aside"));
    }
    let list = read(&record)?;
    // A crash may have left some where they were.
    let back: Vec<&String> = list.set_aside.iter().filter(|photo| is_there(&aside.join(photo))).collect();
    for photo in &back {
        let to = folder.join(photo);
        if is_there(&to) {
            return Err(Error::file(to, "is there already; move it away, so that nothing is overwritten"));
        }
    }
    for photo in &back {
        rename(&aside.join(photo), &folder.join(photo))?;
    }
    fs::remove_file(&record).map_err(Error::io("remove", &record))?;
    // What else lies there stays, and so do its folders.
    for photo in &list.set_aside {
        let parents = Path::new(photo).ancestors().skip(1);
        parents.for_each(|parent| drop(fs::remove_dir(aside.join(parent))));
    }
    Ok(back.len())
}

fn is_there(path: &Path) -> bool {
    path.symlink_metadata().is_ok()
}

fn rename(from: &Path, to: &Path) -> Result<()> {
    if let Some(folder) = to.parent() {
        fs::create_dir_all(folder).map_err(Error::io("create", folder))?;
    }
    fs::rename(from, to).map_err(Error::io("move", from))
}

fn read(path: &Path) -> Result<Ticked> {
    let text = fs::read(path).map_err(Error::io("read", path))?;
    let list: Ticked = serde_json::from_slice(&text).map_err(|error| {
        Error::file(path, format!("{error}; expected a list that the page of petal clean has saved"))
    })?;
    let outside = |photo: &&String| {
        photo.is_empty() || !Path::new(photo).components().all(|part| matches!(part, Component::Normal(_)))
    };
    match list.set_aside.iter().find(outside) {
        Some(photo) => Err(Error::file(path, format!("lists '{photo}', which is no path within the folder"))),
        None => Ok(list),
    }
}

fn write(path: &Path, list: &Ticked) -> Result<()> {
    let text = serde_json::to_string_pretty(list).map_err(|error| Error::file(path, error))?;
    write_atomically(path, |file| file.write_all(text.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_set_aside_comes_back_and_nothing_is_overwritten() {
        let at = tempfile::tempdir().unwrap();
        let (folder, list) = (at.path().join("photos"), at.path().join("list.json"));
        fs::create_dir_all(folder.join("a")).unwrap();
        for name in ["1", "2", "3"] {
            fs::write(folder.join("a").join(name), name).unwrap();
        }
        fs::write(&list, r#"{"set_aside": ["a/1", "a/2"]}"#).unwrap();
        assert_eq!(apply(&folder, &list).unwrap(), 2);
        assert!(!folder.join("a/1").exists() && at.path().join("photos-set-aside/a/1").exists());
        assert!(apply(&folder, &list).unwrap_err().to_string().contains("is not there"));
        fs::write(folder.join("a/2"), "another").unwrap();
        assert!(undo(&folder).unwrap_err().to_string().contains("is there already"));
        assert!(!folder.join("a/1").exists(), "nothing is moved then");
        fs::remove_file(folder.join("a/2")).unwrap();
        assert_eq!(undo(&folder).unwrap(), 2);
        assert_eq!(fs::read_to_string(folder.join("a/2")).unwrap(), "2");
        assert!(!at.path().join("photos-set-aside").exists());
        for outside in ["../x", "/etc/passwd", ""] {
            fs::write(&list, format!(r#"{{"set_aside": ["{outside}"]}}"#)).unwrap();
            assert!(apply(&folder, &list).unwrap_err().to_string().contains("no path within"));
        }
    }
}
