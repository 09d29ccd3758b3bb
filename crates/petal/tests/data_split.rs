//! File lists and splits are those of Keras' `image_dataset_from_directory` (fixtures by `fixtures/data.py`).
#![cfg(unix)]

use std::fs;
use std::path::{Path, PathBuf};

use petal::data::{Dataset, ImageDataset, ImageFolder};
use serde::Deserialize;

const FIXTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/data");
const FLOWERS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data/flower_photos");

#[derive(Deserialize)]
struct Trees {
    trees: std::collections::BTreeMap<String, Vec<String>>,
    cases: Vec<TreeCase>,
}

#[derive(Deserialize)]
struct TreeCase {
    tree: String,
    options: Options,
    files: Vec<Vec<String>>,
    class_names: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct Options {
    shuffle: Option<bool>,
    seed: Option<u32>,
    validation_split: Option<f64>,
    subset: Option<String>,
    follow_links: Option<bool>,
    class_names: Option<Vec<String>>,
}

#[test]
fn file_lists_of_odd_folders_are_those_of_keras() {
    let trees: Trees = read("trees.json");
    for (name, tree) in &trees.trees {
        let root = tempfile::tempdir().unwrap();
        build(root.path(), tree);
        for case in trees.cases.iter().filter(|case| case.tree == *name) {
            let options = &case.options;
            let found = open(root.path(), options);
            assert_eq!(found.len(), case.files.len());
            for (found, expected) in found.iter().zip(&case.files) {
                // The only file without a picture in it is the link to nowhere, which Keras lists and Petal leaves out.
                let (missing, whole): (Vec<_>, Vec<_>) =
                    expected.iter().cloned().partition(|file| file.ends_with("broken.jpg"));
                assert_eq!(relative(found.file_paths(), root.path()), whole, "{name} {options:?}");
                let skipped: Vec<PathBuf> =
                    found.skipped().iter().map(|skipped| skipped.path.clone()).collect();
                assert_eq!(relative(&skipped, root.path()), missing, "{name} {options:?}");
                assert_eq!(found.class_names(), case.class_names);
                for (path, &label) in found.file_paths().iter().zip(found.labels()) {
                    assert!(path.starts_with(root.path().join(&case.class_names[label])));
                }
            }
        }
    }
}

fn open(root: &Path, options: &Options) -> Vec<ImageDataset> {
    let mut folder = ImageFolder::new(root)
        .image_size(2, 2)
        .shuffle(options.shuffle.unwrap_or(true))
        .follow_links(options.follow_links.unwrap_or(false));
    if let Some(seed) = options.seed {
        folder = folder.seed(seed);
    }
    if let Some(names) = &options.class_names {
        folder = folder.class_names(names);
    }
    if let Some(share) = options.validation_split {
        folder = folder.validation_split(share);
    }
    match options.subset.as_deref() {
        Some("both") => folder.split().map(|(training, validation)| vec![training, validation]).unwrap(),
        Some("training") => vec![folder.training().unwrap()],
        Some(_) => vec![folder.validation().unwrap()],
        None => vec![folder.load().unwrap()],
    }
}

fn build(root: &Path, tree: &[String]) {
    let picture = fs::read(Path::new(FIXTURES).join("rgb.bmp")).unwrap();
    for entry in tree {
        let (path, target) = entry.split_once(" -> ").map_or((entry.as_str(), None), |(a, b)| (a, Some(b)));
        let path = root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        match target {
            Some(target) => std::os::unix::fs::symlink(target, path).unwrap(),
            None if entry.ends_with('/') => fs::create_dir_all(path).unwrap(),
            None => fs::write(path, &picture).unwrap(),
        }
    }
}

#[test]
fn a_draw_has_as_many_of_each_class_as_there_are_and_no_photo_twice() {
    let root = tempfile::tempdir().unwrap();
    let many = (0..20).map(|i| format!("a/{i}.bmp"));
    let few = ["b/1.bmp", "b/2.bmp", "c/1.bmp", "c/2.bmp", "c/3.bmp"].map(String::from);
    build(root.path(), &many.chain(few).collect::<Vec<_>>());
    let draw = |seed, counts| {
        let folder = ImageFolder::new(root.path()).image_size(2, 2).seed(seed);
        folder.draw(counts).map(|(first, second)| {
            assert_eq!(first.labels().len() + second.labels().len(), counts.iter().sum::<usize>().min(25));
            [first, second].map(|side| (side.class_counts(), relative(side.file_paths(), root.path())))
        })
    };
    let [(first, files), (second, others)] = draw(1, [6, 7]).unwrap();
    assert_eq!((first, second), (vec![2, 2, 2], vec![6, 0, 1]));
    assert!(files.iter().all(|file| !others.contains(file)), "{files:?}, {others:?}");
    assert_eq!(draw(1, [6, 7]).unwrap()[1].1, others);
    assert_ne!(draw(2, [6, 7]).unwrap()[1].1, others);
    // Of fewer photos than are asked for, the first gets half.
    assert_eq!(draw(1, [100, 1000]).unwrap().map(|(_, files)| files.len()), [12, 13]);
    let error = draw(1, [6, 0]).unwrap_err().to_string();
    assert!(error.contains("of the 25 photos in"), "{error}");
}

#[test]
fn a_link_to_a_folder_around_itself_ends() {
    let root = tempfile::tempdir().unwrap();
    build(root.path(), &["a/1.jpg", "b/2.jpg", "b/again -> ..", "a/self -> ."].map(String::from));
    let photos =
        ImageFolder::new(root.path()).image_size(2, 2).follow_links(true).shuffle(false).load().unwrap();
    // Through b/again, once to a and once to the loose folder; never round in circles.
    let files = relative(photos.file_paths(), root.path());
    assert_eq!(files, ["a/1.jpg", "b/2.jpg", "b/again/a/1.jpg"]);
}

#[derive(Deserialize)]
struct RealCase {
    seed: u32,
    split: f64,
    class_names: Vec<String>,
    training: Side,
    validation: Side,
}

#[derive(Debug, Deserialize, PartialEq)]
struct Side {
    count: usize,
    first: Vec<String>,
    last: Vec<String>,
    fnv1a: String,
}

#[test]
fn splits_of_the_flower_photos_are_those_of_keras() {
    if !Path::new(FLOWERS).is_dir() {
        println!("skipped: no photos in {FLOWERS}");
        return;
    }
    // The names alone decide; files that need no decoding make the test quick.
    let root = tempfile::tempdir().unwrap();
    let picture = fs::read(Path::new(FIXTURES).join("rgb.bmp")).unwrap();
    for class in fs::read_dir(FLOWERS).unwrap().flatten().filter(|class| class.path().is_dir()) {
        fs::create_dir(root.path().join(class.file_name())).unwrap();
        for photo in fs::read_dir(class.path()).unwrap().flatten() {
            fs::write(root.path().join(class.file_name()).join(photo.file_name()), &picture).unwrap();
        }
    }
    for case in read::<Vec<RealCase>>("real_split.json") {
        let folder =
            ImageFolder::new(root.path()).image_size(1, 1).seed(case.seed).validation_split(case.split);
        let (training, validation) = folder.clone().split().unwrap();
        assert_eq!(training.class_names(), case.class_names);
        for (found, expected) in [(&training, case.training), (&validation, case.validation)] {
            let files = relative(found.file_paths(), root.path());
            let side = Side {
                count: files.len(),
                first: files[..2].to_vec(),
                last: files[files.len() - 2..].to_vec(),
                fnv1a: fnv1a(&files.join("\n")),
            };
            assert_eq!(side, expected, "seed {} split {}", case.seed, case.split);
        }
        assert_eq!(folder.clone().training().unwrap().file_paths(), training.file_paths());
        assert_eq!(folder.validation().unwrap().file_paths(), validation.file_paths());
    }
}

fn fnv1a(text: &str) -> String {
    let hash = text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    format!("{hash:016x}")
}

fn relative(paths: &[PathBuf], root: &Path) -> Vec<String> {
    paths.iter().map(|path| path.strip_prefix(root).unwrap().to_str().unwrap().to_owned()).collect()
}

fn read<T: serde::de::DeserializeOwned>(name: &str) -> T {
    serde_json::from_slice(&fs::read(Path::new(FIXTURES).join(name)).unwrap()).unwrap()
}
