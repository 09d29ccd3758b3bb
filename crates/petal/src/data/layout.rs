//! Whether a folder of photos is laid out as its owner seems to mean it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path, PathBuf};

use super::doubt::{Doubt, Doubts};
use super::listing::{ENDINGS, Entries};
use super::set_folders::{PhotoSet, SetFolders, holds_photos, set};
use crate::{Error, PathText, Result};

/// Refuses classes that are sets of photos, each with the folders of the classes; two classes that only are named so are a
/// doubt.
pub(super) fn check_sides(directory: &Path, class_names: &[String], doubts: &mut Doubts) -> Result<()> {
    let mut sides: Vec<(PhotoSet, &String)> =
        class_names.iter().filter_map(|name| Some((set(name)?, name))).collect();
    if sides.len() < 2 {
        return Ok(());
    }
    sides.sort();
    let names: Vec<String> = sides.into_iter().map(|(_, name)| name.clone()).collect();
    let Some(sets) = SetFolders::find(directory)? else {
        doubts.push(Doubt::SidesAsClasses { classes: names });
        return Ok(());
    };
    Err(Error::Data(format!(
        "{} has no classes but sets of photos: {}; take one of them, like {}, or all with ImageFolder::sets",
        PathText::new(directory),
        names.join(", "),
        PathText::new(&sets.train),
    )))
}

/// Looks for classes that lie too deep and for names that are almost the same.
pub(super) fn check(
    directory: &Path,
    class_names: &[String],
    files: &[(PathBuf, usize)],
    doubts: &mut Doubts,
) {
    // For each class how many photos it has itself, and its sub-folders with photos.
    let mut direct = vec![0; class_names.len()];
    let mut below = vec![BTreeSet::new(); class_names.len()];
    for (file, class) in files {
        let Ok(rest) = file.strip_prefix(directory.join(&class_names[*class])) else { continue };
        let mut parts = rest.components();
        match (parts.next(), parts.next()) {
            (Some(Component::Normal(folder)), Some(_)) => {
                below[*class].insert(PathText::new(folder).to_string());
            }
            _ => direct[*class] += 1,
        }
    }
    let sides: BTreeSet<&String> = below.iter().flatten().filter(|folder| set(folder).is_some()).collect();
    let split =
        |folders: &&BTreeSet<String>| folders.iter().filter(|folder| set(folder).is_some()).count() > 1;
    if below.iter().filter(split).count() > 1 {
        doubts.push(Doubt::SidesInClasses { sides: sides.into_iter().cloned().collect() });
    } else if direct.iter().any(|&photos| photos > 0) {
        for ((class, &direct), folders) in class_names.iter().zip(&direct).zip(&below) {
            if direct == 0 && folders.len() > 1 {
                let folders = folders.iter().cloned().collect();
                doubts.push(Doubt::DeepClass { class: class.clone(), folders });
            }
        }
    }
    let mut seen: BTreeMap<String, &String> = BTreeMap::new();
    for class in class_names {
        let words = class.to_lowercase().replace(['-', '_'], " ");
        let letters = words.split_whitespace().collect::<Vec<_>>().join(" ");
        match seen.get(&letters) {
            Some(first) => {
                doubts.push(Doubt::SimilarClasses { first: (*first).clone(), second: class.clone() });
            }
            None => {
                seen.insert(letters, class);
            }
        }
    }
}

/// Why a classifier cannot be trained on `directory`, of whose classes not enough have photos (`counts`), with `loose`
/// photos beside them.
pub(super) fn why_unusable(
    directory: &Path,
    class_names: &[String],
    counts: &[usize],
    loose: usize,
) -> String {
    let advice = "make one sub-folder for each class, named after it, and put its photos there";
    let shown = PathText::new(directory);
    if let Some(meant) = folder_of_classes(directory) {
        return format!(
            "{shown} has photos of one class only, and a classifier needs two or more; did you mean {}?",
            PathText::new(&meant)
        );
    }
    let mut with_photos = class_names.iter().zip(counts).filter(|(_, count)| **count > 0);
    match (class_names, with_photos.next()) {
        ([], _) => match loose {
            0 => format!("{shown} has no class folders and no photos; {advice}"),
            1 => format!("{shown} has 1 photo but no class folders; {advice}"),
            _ => format!("{shown} has {loose} photos but no class folders; {advice}"),
        },
        (_, Some((class, count))) => {
            let photos = if *count == 1 { "1 photo".into() } else { format!("{count} photos") };
            let others = match class_names.len() - 1 {
                0 => String::new(),
                1 => " and another one without".into(),
                others => format!(" and {others} others without"),
            };
            format!(
                "{shown} has one class, '{class}', with {photos}{others}; a classifier needs two or more: {advice}"
            )
        }
        (names, None) => {
            let (count, folders) = (names.len(), if names.len() == 1 { "folder" } else { "folders" });
            format!(
                "{shown} has {count} class {folders} ({}) but no photos: no file below them ends in {}",
                names.join(", "),
                ENDINGS.join(", ")
            )
        }
    }
}

/// The folder that has the classes, if `directory` holds it and nothing else of interest, at any depth.
fn folder_of_classes(directory: &Path) -> Option<PathBuf> {
    const DEEPEST: usize = 8;
    let mut folder = directory.to_owned();
    for _ in 0..DEEPEST {
        let entries = Entries::of(&folder).ok()?;
        let holding: Vec<PathBuf> = entries
            .class_folders()
            .map(|name| folder.join(name))
            .filter(|below| holds_photos(below, DEEPEST))
            .collect();
        match holding.as_slice() {
            [one] => folder = one.clone(),
            [] => return None,
            _ => return (folder != directory).then_some(folder),
        }
    }
    None
}
