//! Photos that are divided into training, validation and test already: which folders are taken for that, and which not.

use std::fs;
use std::path::{Path, PathBuf};

use petal::Result;
use petal::data::{Dataset, ImageFolder, ImageSets, SetFolders};
use tempfile::TempDir;

/// A folder with these files, each another picture; what is behind a `=` is the picture's number, and a name ending in
/// `/` is a folder.
fn folder(files: &[&str]) -> TempDir {
    let root = tempfile::tempdir().unwrap();
    for (i, file) in files.iter().enumerate() {
        let (name, number) = file.split_once('=').unwrap_or((file, ""));
        let path = root.path().join(name);
        if name.ends_with('/') {
            fs::create_dir_all(path).unwrap();
            continue;
        }
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let shade = number.parse().unwrap_or(100 + i as u8);
        image::RgbImage::from_pixel(3, 2, image::Rgb([shade, 7, 90]))
            .save_with_format(path, image::ImageFormat::Png)
            .unwrap();
    }
    root
}

fn open(root: &Path) -> ImageFolder {
    ImageFolder::new(root).image_size(2, 2).seed(1)
}

fn message<T>(result: Result<T>) -> String {
    result.err().expect("this must be an error").to_string()
}

fn lines(sets: &ImageSets, root: &TempDir) -> Vec<String> {
    let root = root.path().to_str().unwrap();
    sets.train.doubts().lines().into_iter().map(|line| line.replace(root, "F")).collect()
}

/// The sets that are found, by the paths below the folder: training, validation, test.
fn found(root: &TempDir) -> Option<[Option<PathBuf>; 3]> {
    let below = |path: PathBuf| path.strip_prefix(root.path()).unwrap().to_owned();
    let sets = SetFolders::find(root.path()).unwrap()?;
    Some([Some(sets.train), sets.validation, sets.test].map(|set| set.map(below)))
}

#[test]
fn sets_are_told_from_classes() {
    let some = |names: [&str; 3]| Some(names.map(|name| (!name.is_empty()).then(|| PathBuf::from(name))));
    for (files, expected) in [
        (
            &["train/a/1.png", "train/b/1.png", "val/a/1.png", "test/b/1.png"][..],
            some(["train", "val", "test"]),
        ),
        (&["Train/a/1.png", "Train/b/1.png", "VALID/a/1.png"], some(["Train", "VALID", ""])),
        (&["training_set/a/1.png", "training_set/b/1.png", "dev/a/1.png"], some(["training_set", "dev", ""])),
        (&["train/a/1.png", "train/b/1.png", "test/b/1.png"], some(["train", "", "test"])),
        // Nobody knows what these show.
        (&["train/a/1.png", "train/b/1.png", "test/1.png"], some(["train", "", ""])),
        (&["train/a/1.png", "train/b/1.png", "test/unknown/1.png"], some(["train", "", ""])),
        // As some archives are packed.
        (
            &["train/train/a/1.png", "train/train/b/1.png", "val/val/a/1.png"],
            some(["train/train", "val/val", ""]),
        ),
        // What else lies there is no class.
        (
            &["train/a/1.png", "train/b/1.png", "val/a/1.png", "samples/x/1.png", "docs/"],
            some(["train", "val", ""]),
        ),
        // Classes that are called so.
        (&["train/1.png", "test/1.png"], None),
        (&["train/1.png", "train/old/2.png", "test/1.png"], None),
        (&["bus/1.png", "train/1.png", "val/1.png"], None),
        (&["bus/red/1.png", "train/red/1.png", "train/blue/1.png", "test/red/1.png"], None),
        (&["bus/1.png", "train/steam/1.png", "train/diesel/1.png", "test/1.png"], None),
        (&["train/a/1.png", "train/b/1.png"], None),
        (&["a/1.png", "b/1.png"], None),
    ] {
        assert_eq!(found(&folder(files)), expected, "{files:?}");
    }
    let both = folder(&["train/a/1.png", "train/b/1.png", "val/a/1.png", "dev/a/1.png"]);
    assert!(message(SetFolders::find(both.path())).contains("both are called like the validation set"));
}

#[test]
fn classes_are_those_of_training_and_what_other_sets_lack_or_add_is_said() {
    let root = folder(&[
        "train/cat/1.png",
        "train/cat/2.png",
        "train/dog/1.png",
        "train/dog/2.png",
        "val/dog/3.png",
        "test/ant/1.png",
        "test/cat/3.png",
        "test/cat/4.png=101",
    ]);
    let sets = open(root.path()).sets().unwrap();
    let test = sets.test.as_ref().unwrap();
    for set in [&sets.train, &sets.validation, test] {
        assert_eq!(set.class_names(), ["cat", "dog"]);
    }
    assert_eq!(
        (sets.train.len(), sets.validation.class_counts(), test.class_counts()),
        (4, vec![0, 1], vec![2, 0])
    );
    assert_eq!(
        lines(&sets, &root),
        [
            "class 'cat' has no folder in F/val",
            "class 'dog' has no folder in F/test",
            "F/test/ant is none of the classes; its 1 photo is not used",
            "1 picture is 2 times there, once in training and once in test: F/train/cat/2.png, F/test/cat/4.png",
        ]
    );
    fs::create_dir(root.path().join("val/owl")).unwrap();
    fs::copy(root.path().join("val/dog/3.png"), root.path().join("val/owl/3.png")).unwrap();
    let error = message(open(root.path()).sets());
    assert!(error.contains("owl is none of the classes; its 1 photo is not used"), "{error}");
    assert!(error.contains("name the folders alike, or move these away"), "{error}");
    fs::remove_dir_all(root.path().join("val")).unwrap();
    fs::create_dir(root.path().join("val")).unwrap();
    let error = message(open(root.path()).sets());
    assert!(error.contains("val has no photos of the classes cat, dog; its folders are: none"), "{error}");
}

#[test]
fn without_a_validation_folder_the_training_photos_are_split_and_the_test_set_is_kept() {
    let root = folder(&[
        "train/a/1.png",
        "train/a/2.png",
        "train/a/3.png",
        "train/b/1.png",
        "train/b/2.png",
        "train/b/3.png",
        "test/a/1.png",
        "test/b/1.png",
    ]);
    let sets = open(root.path()).validation_split(0.34).sets().unwrap();
    let (train, validation) = open(&root.path().join("train")).validation_split(0.34).split().unwrap();
    assert_eq!(sets.train.file_paths(), train.file_paths());
    assert_eq!(sets.validation.file_paths(), validation.file_paths());
    assert_eq!(
        sets.test.unwrap().file_paths(),
        [root.path().join("test/a/1.png"), root.path().join("test/b/1.png")]
    );
    assert!(message(open(root.path()).sets()).contains("no validation_split is set"));
}

#[test]
fn sets_that_are_named_may_lie_anywhere_and_are_no_classes() {
    let root = folder(&[
        "photos/a/1.png",
        "photos/a/2.png",
        "photos/b/1.png",
        "photos/b/2.png",
        "photos/val/a/3.png",
        "photos/val/b/3.png",
        "photos/b/held back/a/4.png",
    ]);
    let photos = root.path().join("photos");
    let named = || open(&photos).validation_folder(photos.join("val"));
    let sets = named().test_folder(photos.join("b/held back")).sets().unwrap();
    assert_eq!((sets.train.len(), sets.validation.len(), sets.test.as_ref().unwrap().len()), (4, 2, 1));
    assert_eq!(sets.train.class_names(), ["a", "b"]);
    let sets = named().test_folder(photos.join("val")).sets().unwrap();
    assert_eq!(
        lines(&sets, &root),
        [
            "the test is done on photos for training or validation: each of the 2 test photos is among them, byte for byte; \
          its accuracy says nothing about new photos"
        ]
    );
    assert!(message(named().test_folder(root.path().join("gone")).sets()).contains("gone"));
    let listed = named().list().unwrap();
    assert_eq!((listed.files.len(), listed.validation.unwrap().len(), listed.test), (5, 2, None));
}
