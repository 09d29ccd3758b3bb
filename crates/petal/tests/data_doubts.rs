//! What is doubtful about a folder of photos is said, in one line each, and wrong only in what was made wrong.

use std::fs;
use std::path::{Path, PathBuf};

use petal::Result;
use petal::data::{Dataset, Doubt, ImageDataset, ImageFolder, ImageSets, find_photos};
use tempfile::TempDir;

/// A small PNG; other numbers give other pictures.
fn picture(number: usize) -> Vec<u8> {
    let mut bytes = std::io::Cursor::new(Vec::new());
    let shade = [number as u8, (number >> 8) as u8, 90];
    image::RgbImage::from_pixel(3, 2, image::Rgb(shade))
        .write_to(&mut bytes, image::ImageFormat::Png)
        .unwrap();
    bytes.into_inner()
}

/// A folder with these files, each another picture; what is behind a `=` is the picture's number, `!` makes a broken
/// file, and a name ending in `/` a folder.
fn folder(files: &[&str]) -> TempDir {
    let root = tempfile::tempdir().unwrap();
    add(root.path(), files);
    root
}

fn add(root: &Path, files: &[&str]) {
    for (i, file) in files.iter().enumerate() {
        let (name, number) = file.split_once('=').unwrap_or((file, ""));
        let name = name.trim_end_matches('!');
        let path = root.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let number = number.parse().unwrap_or(1000 + i);
        match file.as_bytes() {
            [.., b'/'] => fs::create_dir_all(path).unwrap(),
            [.., b'!'] => fs::write(path, b"no picture").unwrap(),
            _ => fs::write(path, picture(number)).unwrap(),
        }
    }
}

fn open(root: &TempDir) -> ImageFolder {
    ImageFolder::new(root.path()).image_size(2, 2).seed(1)
}

/// The doubts' lines, in which the folder is called `F`.
fn lines(data: &ImageDataset, root: &TempDir) -> Vec<String> {
    let root = root.path().to_str().unwrap();
    data.doubts().lines().into_iter().map(|line| line.replace(root, "F")).collect()
}

fn message<T>(result: Result<T>) -> String {
    result.err().expect("this must be an error").to_string()
}

#[test]
fn nothing_is_said_of_a_folder_as_it_should_be() {
    let root = folder(&["cat/1.png", "cat/2.png", "cat/old/3.png", "dog/1.png", "dog/2.png", "dog/3.png"]);
    let (training, validation) = open(&root).validation_split(0.5).seed(3).split().unwrap();
    let either_side = |counts: Vec<usize>| counts.iter().all(|&count| count > 1);
    assert!(either_side(training.class_counts()) || !training.doubts().is_empty());
    assert_eq!(training.doubts(), validation.doubts());
    let all = open(&root).strict(true).load().unwrap();
    assert!(all.doubts().is_empty(), "{}", all.doubts());
}

#[test]
fn what_systems_leave_behind_is_never_a_class_and_never_a_photo() {
    let litter = [
        "__MACOSX/cat/._1.png!",
        "cat/._1.png!",
        "cat/@eaDir/1.png/SYNOPHOTO_THUMB_XL.jpg!",
        "cat/.ipynb_checkpoints/1-checkpoint.png!",
        "dog/Thumbs.db!",
        "dog/.DS_Store!",
        ".git/1.png!",
        "$RECYCLE.BIN/1.png!",
        "@eaDir/1.png!",
        "lost+found/",
    ];
    let root = folder(&["cat/1.png", "cat/2.png", "dog/1.png", "dog/.2.png"]);
    add(root.path(), &litter);
    let photos = open(&root).strict(true).shuffle(false).load().unwrap();
    assert_eq!(photos.class_names(), ["cat", "dog"]);
    assert_eq!((photos.len(), photos.skipped().len()), (4, 0));
    let found = find_photos(&[root.path().to_owned()], false).unwrap();
    assert_eq!((found.paths.len(), found.doubts.is_empty()), (4, true));
}

#[test]
fn classes_without_photos_are_named_with_the_reason() {
    let root =
        folder(&["a/1.png", "a/2.png", "b/1.png", "c/", "d/1.heic", "d/2.txt", "e/1.png!", "e/2.png!"]);
    let photos = open(&root).load().unwrap();
    assert_eq!(photos.class_names(), ["a", "b", "c", "d", "e"]);
    assert_eq!(
        lines(&photos, &root),
        [
            "class 'c' has no photos: F/c is empty",
            "class 'd' has no photos: none of the 2 files in F/d ends as photos do",
            "1 .heic file was not looked at: HEIC is not read; make JPEGs or PNGs of them, for example with \
             `heif-convert photo.heic photo.jpg` (in F: d/1.heic)",
            "1 .txt file was not looked at (in F: d/2.txt)",
            "class 'e' has no photos: all its 2 are broken",
        ]
    );
    let error = message(open(&root).strict(true).load());
    assert!(error.contains("class 'c' has no photos") && error.contains("strict is set"), "{error}");
}

#[test]
fn classes_that_a_side_lacks_are_named() {
    let root = folder(&["a/1.png", "a/2.png", "a/3.png", "b/1.png", "c/1.png", "c/2.png"]);
    // Without shuffling, the validation photos are the last ones.
    let (training, _) = open(&root).shuffle(false).validation_split(0.4).split().unwrap();
    assert_eq!(
        lines(&training, &root),
        [
            "class 'a' has no validation photo; 3 photos for training",
            "class 'b' has no validation photo; 1 photo for training",
            "class 'b' has only 1 training photo: too few to learn from",
            "class 'c' has no training photo and cannot be learned; 2 photos for validation",
        ]
    );
}

#[test]
fn files_that_are_not_looked_at_are_counted_and_named_by_their_endings() {
    let names = [
        "a/1.png", "a/2.WebP", "a/3.jfif", "a/4.JPE", "a/5.dib", "b/1.png", "b/x.HEIC", "b/y.heic",
        "b/v.heic", "b/w.heic",
    ];
    let root = folder(&names);
    add(
        root.path(),
        &["b/deep/z.heic", "b/notes", "b/old.tar.gz", "loose.png", "another.jpg", "LICENSE.txt", "loose.jxl"],
    );
    let photos = open(&root).load().unwrap();
    assert_eq!(photos.class_counts(), [5, 1]);
    assert_eq!(
        lines(&photos, &root),
        [
            "2 photos lie beside the class folders in F and are not used: another.jpg …",
            "5 .heic files were not looked at: HEIC is not read; make JPEGs or PNGs of them, for example with \
             `heif-convert photo.heic photo.jpg` (in F: b/deep/z.heic, b/v.heic, b/w.heic …)",
            "1 file without an ending was not looked at (in F: b/notes)",
            "1 .gz file was not looked at (in F: b/old.tar.gz)",
            "1 .jxl file was not looked at: JPEG XL is not read; make JPEGs or PNGs of them, for example with `djxl \
             photo.jxl photo.png` (in F: loose.jxl)",
        ]
    );
    // What `predict` takes from a folder: loose photos, too.
    let found = find_photos(&[root.path().to_owned()], false).unwrap();
    assert_eq!(found.paths.len(), 8);
    let endings: Vec<String> =
        found.doubts.lines().iter().map(|line| line.split(" was").next().unwrap().to_owned()).collect();
    assert_eq!(endings[1..], ["1 file without an ending", "1 .gz file", "1 .jxl file", "1 .txt file"]);
}

#[test]
fn the_sides_of_a_split_are_no_classes() {
    for [training, validation] in [["train", "val"], ["Training", "Validation"], ["train", "test"]] {
        let names: Vec<String> = [training, validation]
            .iter()
            .flat_map(|side| ["cat", "dog"].map(|class| format!("{side}/{class}/{side}.png")))
            .collect();
        let root = folder(&names.iter().map(String::as_str).collect::<Vec<_>>());
        let error = message(open(&root).load());
        let at = root.path().display();
        let hint = format!(
            "{training}, {validation}; take one of them, like {at}/{training}, or all with ImageFolder"
        );
        assert!(error.contains(&hint), "{error}");
    }
    // Vehicles, and two folders that only are named so.
    let root = folder(&["bus/1.png", "train/1.png", "train/2.png", "bus/2.png"]);
    assert!(open(&root).load().unwrap().doubts().is_empty());
    let root = folder(&["test/1.png", "train/1.png", "train/2.png", "test/2.png"]);
    let said = lines(&open(&root).load().unwrap(), &root);
    assert!(said.len() == 1 && said[0].starts_with("train and test are classes here"), "{said:?}");
    let root = folder(&["cat/train/1.png", "cat/val/2.png", "dog/train/1.png", "dog/val/2.png"]);
    let said = lines(&open(&root).load().unwrap(), &root);
    assert!(said.len() == 1 && said[0].contains("sub-folders named train and val"), "{said:?}");
}

#[test]
fn classes_that_lie_too_deep_or_are_spelled_twice_are_noticed() {
    let root = folder(&[
        "rose/1.png",
        "rose/2.png",
        "more/tulip/1.png",
        "more/lily/2.png",
        "Rose_/3.png",
        "Rose_/4.png",
    ]);
    assert_eq!(
        lines(&open(&root).load().unwrap(), &root),
        [
            "class 'more' has no photos of its own, but folders of them (lily, tulip): if each is a class, move them up",
            "classes 'Rose_' and 'rose' have almost the same name: if they are one, merge their folders",
        ]
    );
    let root = folder(&["nested/data/photos/a/1.png", "nested/data/photos/b/2.png", "__MACOSX/1.png!"]);
    let error = message(open(&root).load());
    assert!(
        error.ends_with(&format!("did you mean {}/nested/data/photos?", root.path().display())),
        "{error}"
    );
}

#[test]
fn the_same_picture_is_one_line_however_often_it_is_there() {
    let copies: Vec<String> = (0..600).map(|i| format!("{}/{i}.png=5", ["a", "b"][i % 2])).collect();
    let root = folder(&copies.iter().map(String::as_str).collect::<Vec<_>>());
    let (training, validation) = open(&root).validation_split(0.2).split().unwrap();
    let said = lines(&training, &root);
    assert!(
        said.contains(&format!(
            "1 picture is 600 times there, 480 times in training and 120 times in validation, as a and b: {}",
            said.last().unwrap().split(": ").last().unwrap()
        )),
        "{said:?}"
    );
    assert_eq!(said.len(), 2, "{said:?}");
    let Some(Doubt::SamePicture { training: files, validation: others, classes, .. }) =
        validation.doubts().iter().last()
    else {
        panic!("{said:?}")
    };
    assert_eq!((files.len(), others.len(), classes.len()), (480, 120, 2));

    // Many of them: the worst first, and not all.
    let many: Vec<String> = (0..60).map(|i| format!("{}/{i}.png={}", ["a", "b"][i / 30], i % 30)).collect();
    let root = folder(&many.iter().map(String::as_str).collect::<Vec<_>>());
    add(root.path(), &["a/x.png=1"]);
    let said = lines(&open(&root).load().unwrap(), &root);
    assert_eq!(said.len(), 11);
    assert!(said[0].starts_with("1 picture is 3 times there, as a and b: F/a/"), "{}", said[0]);
    assert_eq!(said[10], "… and 20 more of this kind");
}

#[test]
fn validation_on_the_training_photos_is_one_line() {
    let root = folder(&["a/1.png", "a/2.png", "b/1.png", "b/2.png"]);
    let twice = || open(&root).validation_folder(root.path());
    let said = lines(&twice().sets().unwrap().train, &root);
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(said[0].contains("each of the 4 photos is among them"), "{said:?}");
    assert!(message(twice().strict(true).sets()).contains("each of the 4"));
}

#[test]
fn a_validation_folder_is_read_by_the_names_of_the_classes() {
    let train = folder(&["cat/1.png", "cat/2.png", "dog/1.png", "dog/copy.png=7", "owl/1.png", "owl/2.png"]);
    let val = folder(&["ant/1.png=70", "dog/1.png=71", "dog/2.png=7", "owl/1.png=72"]);
    let error = message(open(&train).validation_folder(val.path()).sets());
    assert!(error.contains("other classes than the training folder (cat, dog, owl)"), "{error}");
    assert!(error.contains("ant is none of the classes; its 1 photo is not used"), "{error}");
    fs::remove_file(val.path().join("ant/1.png")).unwrap();
    let seen = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let counter = std::sync::Arc::clone(&seen);
    let progress = move |_, all| counter.store(all, std::sync::atomic::Ordering::Relaxed);
    let both = open(&train).validation_folder(val.path());
    let ImageSets { train: training, validation, test } =
        both.progress(progress).memory_budget(7 * 12).sets().unwrap();
    assert!(test.is_none());
    assert_eq!(training.class_names(), validation.class_names());
    assert_eq!(validation.class_counts(), [0, 2, 1]);
    for (path, &label) in validation.file_paths().iter().zip(validation.labels()) {
        assert!(path.starts_with(val.path().join(&validation.class_names()[label])));
    }
    // One budget and one progress for both.
    assert_eq!((training.cached(), validation.cached()), (6, 1));
    assert_eq!(seen.load(std::sync::atomic::Ordering::Relaxed), 9);
    let said: Vec<_> =
        lines(&training, &train).iter().map(|line| line.replace(val.path().to_str().unwrap(), "V")).collect();
    assert_eq!(
        said,
        [
            "class 'cat' has no folder in V",
            "V/ant is none of the classes; its 0 photos are not used",
            "1 picture is 2 times there, once in training and once in validation: F/dog/copy.png, V/dog/2.png",
        ]
    );
    let other = folder(&["ant/1.png", "bee/1.png"]);
    assert!(
        message(open(&train).validation_folder(other.path()).sets())
            .contains("no photos of the classes cat, dog, owl; its folders are: ant, bee")
    );
}

#[cfg(unix)]
#[test]
fn linked_folders_count_the_same_for_training_and_prediction() {
    let root = folder(&["a/1.png", "a/2.png", "elsewhere/b/1.png", "elsewhere/b/2.png", "more/3.png"]);
    let photos = root.path().join("photos");
    fs::create_dir(&photos).unwrap();
    fs::rename(root.path().join("a"), photos.join("a")).unwrap();
    std::os::unix::fs::symlink(root.path().join("elsewhere/b"), photos.join("b")).unwrap();
    std::os::unix::fs::symlink(root.path().join("more"), photos.join("a/more")).unwrap();
    let data = ImageFolder::new(&photos).image_size(2, 2).load().unwrap();
    let found = find_photos(std::slice::from_ref(&photos), false).unwrap();
    assert_eq!((data.len(), found.paths.len()), (4, 4));
    let line = format!(
        "1 linked folder was not followed: {}; follow links to use their photos",
        photos.join("a/more").display()
    );
    assert_eq!(data.doubts().lines(), std::slice::from_ref(&line));
    assert_eq!(found.doubts.lines(), [line]);
    let followed = ImageFolder::new(&photos).image_size(2, 2).follow_links(true).load().unwrap();
    assert_eq!((followed.len(), followed.doubts().is_empty()), (5, true));
    assert_eq!(find_photos(&[photos], true).unwrap().paths.len(), 5);
}

#[cfg(unix)]
#[test]
fn names_of_any_bytes_are_read_and_shown_but_classes_are_text() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;

    let outer = tempfile::tempdir().unwrap();
    let root = outer.path().join(OsStr::from_bytes(b"fl\xf6wers"));
    add(&root, &["a/1.png", "b/1.png", "b/2.png"]);
    let odd = root.join("a").join(OsStr::from_bytes(b"\xe9\x1b[2J.png"));
    fs::write(&odd, b"no picture").unwrap();
    let data = ImageFolder::new(&root).image_size(2, 2).load().unwrap();
    assert_eq!(data.len(), 3);
    let skipped = &data.skipped()[0];
    assert_eq!(skipped.path, odd);
    assert!(skipped.to_string().contains(r"fl\xf6wers/a/\xe9\u{1b}[2J.png"), "{skipped}");
    let again: petal::data::Skipped = serde_json::from_str(&serde_json::to_string(skipped).unwrap()).unwrap();
    assert_eq!(&again, skipped);
    assert_eq!(find_photos(std::slice::from_ref(&root), false).unwrap().paths[1], odd);

    fs::rename(root.join("b"), root.join(OsStr::from_bytes(b"ros\xe9"))).unwrap();
    let error = message(ImageFolder::new(&root).load());
    assert!(
        error.contains(r"ros\xe9 has a name that is not UTF-8") && error.contains("rename it"),
        "{error}"
    );
}

#[test]
fn doubts_are_plain_data() {
    let root = folder(&["a/1.png=1", "a/2.png=1", "b/1.png", "c/"]);
    let data = open(&root).load().unwrap();
    let json = serde_json::to_value(data.doubts()).unwrap();
    assert_eq!(json[0]["kind"], "empty_class");
    assert_eq!(serde_json::from_value::<petal::data::Doubts>(json).unwrap(), *data.doubts());
    let kinds: Vec<PathBuf> = data
        .doubts()
        .iter()
        .filter_map(|doubt| match doubt {
            Doubt::SamePicture { training, .. } => Some(training[1].clone()),
            _ => None,
        })
        .collect();
    assert_eq!(kinds, [root.path().join("a/2.png")]);
}
