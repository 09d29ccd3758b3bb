//! What a user's folder can have wrong with it is found before training, and named.

use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use petal::data::{ArrayDataset, Batch, Dataset, ImageFolder, LabelMode, Preprocessing, prefetch};
use petal::random::Key;
use petal::{Error, Result};
use tempfile::TempDir;

fn fixture(name: &str) -> PathBuf {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/data")).join(name)
}

fn bytes(name: &str) -> Vec<u8> {
    fs::read(fixture(name)).unwrap()
}

/// A folder with these files; a name ending in `/` is a folder.
fn folder(files: &[(&str, &[u8])]) -> TempDir {
    let root = tempfile::tempdir().unwrap();
    for (name, bytes) in files {
        let path = root.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        if name.ends_with('/') {
            fs::create_dir_all(path).unwrap();
        } else {
            fs::write(path, bytes).unwrap();
        }
    }
    root
}

/// Two classes of `each` different pictures.
fn two_classes(each: usize) -> TempDir {
    let root = tempfile::tempdir().unwrap();
    for class in ["cat", "dog"] {
        fs::create_dir(root.path().join(class)).unwrap();
        for i in 0..each {
            let shade = (i * 2 + usize::from(class == "dog")) as u8;
            let picture = image::RgbImage::from_pixel(4, 4, image::Rgb([shade; 3]));
            picture.save(root.path().join(class).join(format!("{i:03}.png"))).unwrap();
        }
    }
    root
}

fn open(root: &TempDir) -> ImageFolder {
    ImageFolder::new(root.path()).image_size(4, 4).batch_size(4)
}

fn message<T>(result: Result<T>) -> String {
    result.err().expect("this must be an error").to_string()
}

#[test]
fn broken_files_are_left_out_with_their_reasons() {
    let (jpeg, png) = (bytes("rgb.jpg"), bytes("rgba.png"));
    let root = folder(&[
        ("a/1.jpg", &jpeg),
        ("a/2.jpg", b""),
        ("a/3.jpg", &jpeg[..jpeg.len() - 1]),
        ("a/4.jpg", &jpeg[..jpeg.len() / 2]),
        ("a/5.png", &png[..png.len() - 1]),
        ("a/6.png", b"<!DOCTYPE html><html>404"),
        ("b/1.jpg", &png),
        ("b/2.gif", &bytes("still.gif")[..60]),
        ("b/3.bmp", b"BM"),
        ("b/4.png", b"\0\0\0 ftypheic"),
    ]);
    let photos = open(&root).shuffle(false).load().unwrap();
    let names = |paths: Vec<&Path>| -> Vec<String> {
        let names =
            paths.iter().map(|path| path.strip_prefix(root.path()).unwrap().to_str().unwrap().to_owned());
        names.collect()
    };
    assert_eq!(names(photos.file_paths().iter().map(PathBuf::as_path).collect()), ["a/1.jpg", "b/1.jpg"]);
    assert_eq!(photos.labels(), [0, 1]);
    let skipped = photos.skipped();
    let expected = ["a/2.jpg", "a/3.jpg", "a/4.jpg", "a/5.png", "a/6.png", "b/2.gif", "b/3.bmp", "b/4.png"];
    assert_eq!(names(skipped.iter().map(|skipped| skipped.path.as_path()).collect()), expected);
    let words = [
        "empty",
        "cut off",
        "cut off",
        "PNG is broken",
        "web page",
        "GIF is broken",
        "BMP is broken",
        "HEIC",
    ];
    for (skipped, word) in skipped.iter().zip(words) {
        assert!(skipped.reason.contains(word), "{skipped}");
    }

    let error = message(open(&root).strict(true).load());
    assert!(error.contains("8 broken files") && error.contains("strict"), "{error}");
    assert!(expected.iter().all(|name| error.contains(name)), "{error}");
}

#[cfg(unix)]
#[test]
fn links_to_nowhere_and_to_devices_are_left_out() {
    let root = two_classes(2);
    std::os::unix::fs::symlink("nowhere", root.path().join("cat/gone.jpg")).unwrap();
    std::os::unix::fs::symlink("/dev/zero", root.path().join("cat/zero.jpg")).unwrap();
    let photos = open(&root).load().unwrap();
    assert_eq!(photos.len(), 4);
    let reasons: Vec<_> = photos.skipped().iter().map(ToString::to_string).collect();
    assert!(reasons.iter().any(|reason| reason.contains("gone.jpg: cannot be read")), "{reasons:?}");
    assert!(
        reasons.iter().any(|reason| reason.contains("zero.jpg: is a pipe, a socket or a device")),
        "{reasons:?}"
    );
}

#[test]
fn damaged_files_never_panic() {
    let preprocessing = Preprocessing::new(5, 5);
    let mut random = Key::new(1).generator();
    for entry in fs::read_dir(fixture("")).unwrap().flatten() {
        let whole = fs::read(entry.path()).unwrap();
        if entry.path().extension().is_some_and(|ending| ending == "json") {
            continue;
        }
        for _ in 0..200 {
            let mut damaged = whole.clone();
            for _ in 0..=random.below(4) {
                let at = random.below(damaged.len());
                damaged[at] = random.bits() as u8;
            }
            if random.below(3) == 0 {
                damaged.truncate(random.below(damaged.len()));
            }
            let _ = preprocessing.load_bytes(&damaged);
        }
    }
}

#[test]
fn a_picture_that_claims_to_be_huge_is_refused() {
    let mut bmp = bytes("rgb.bmp");
    bmp[18..22].copy_from_slice(&60_000_u32.to_le_bytes());
    bmp[22..26].copy_from_slice(&60_000_u32.to_le_bytes());
    let error = message(Preprocessing::new(5, 5).load_bytes(&bmp));
    assert!(error.contains("60000 x 60000"), "{error}");
}

#[test]
fn folders_without_classes_say_what_to_do() {
    let picture = bytes("rgb.bmp");
    type Files<'a> = &'a [(&'a str, &'a [u8])];
    let cases: [(Files, &str); 7] = [
        (&[], "no class folders and no photos"),
        (&[("1.jpg", &picture), ("2.PNG", &picture)], "2 photos but no class folders"),
        (&[("cat/1.jpg", &picture)], "one class, 'cat', with 1 photo; "),
        (
            &[("cat/1.jpg", &picture), ("dog/", b"")],
            "one class, 'cat', with 1 photo and another one without; ",
        ),
        (&[("data/flowers/a/1.jpg", &picture), ("data/flowers/b/1.jpg", &picture)], "data/flowers?"),
        (&[("a/1.txt", b"x"), ("b/", b"")], "no file below them ends in"),
        (&[("a/1.jpg", b""), ("b/1.jpg", b"")], "no photo for training or validation"),
    ];
    for (files, expected) in cases {
        let root = folder(files);
        let error = message(open(&root).load());
        assert!(error.contains(expected), "{error}");
        assert!(error.contains(root.path().to_str().unwrap()), "{error}");
    }
    let error = message(ImageFolder::new(fixture("rgb.jpg")).load());
    assert!(error.contains("rgb.jpg is a file; expected a folder of photos"), "{error}");
    assert!(message(ImageFolder::new("no/such/folder").load()).contains("no/such/folder"));
}

#[test]
fn settings_that_cannot_be_are_refused_before_anything_is_read() {
    let root = two_classes(5);
    let folder = || open(&root);
    let cases = [
        (message(folder().split()), "no validation_split"),
        (message(folder().validation_split(0.2).split()), "needs a seed"),
        (message(folder().validation_split(0.2).seed(1).load()), "load takes the whole folder"),
        (message(folder().validation_split(1.0).seed(1).split()), "above 0 and below 1"),
        (message(folder().validation_split(f64::NAN).seed(1).split()), "above 0 and below 1"),
        (message(folder().validation_split(0.09).seed(1).training()), "leaves none for validation"),
        (message(folder().image_size(0, 4).load()), "image_size is 0 x 4"),
        (message(folder().batch_size(0).load()), "batch_size is 0"),
        (message(folder().crop_to_aspect_ratio(true).pad_to_aspect_ratio(true).load()), "set one of them"),
        (message(folder().class_names(["cat", "bird"]).load()), "'bird'"),
        (message(folder().class_names(["cat", "cat"]).load()), "twice"),
    ];
    for (error, expected) in cases {
        assert!(error.contains(expected), "{error}");
    }
    assert!(folder().shuffle(false).validation_split(0.2).split().is_ok());
    fs::create_dir(root.path().join("owl")).unwrap();
    assert!(message(folder().label_mode(LabelMode::Binary).load()).contains("exactly 2 classes"));
    assert!(folder().label_mode(LabelMode::Binary).class_names(["dog", "cat"]).load().is_ok());
}

#[test]
fn a_side_whose_files_are_all_broken_is_an_error() {
    let root = two_classes(3);
    for i in 0..3 {
        fs::write(root.path().join(format!("dog/{i:03}.png")), b"").unwrap();
    }
    let error = message(open(&root).shuffle(false).validation_split(0.5).split());
    assert!(error.contains("3 broken files") && error.contains("dog"), "{error}");
}

#[test]
fn the_split_does_not_depend_on_broken_files() {
    let root = two_classes(20);
    let folder = || open(&root).seed(3).validation_split(0.25);
    let (training, validation) = folder().split().unwrap();
    let broken = training.file_paths()[4].clone();
    fs::write(&broken, b"").unwrap();
    let (fewer, same) = folder().split().unwrap();
    assert_eq!(same.file_paths(), validation.file_paths());
    assert_eq!(fewer.skipped()[0].path, broken);
    let rest: Vec<_> = training.file_paths().iter().filter(|path| **path != broken).cloned().collect();
    assert_eq!(fewer.file_paths(), rest);
    // The cache has moved up, too.
    for (sample, path) in fewer.file_paths().iter().enumerate() {
        assert_eq!(fewer.image(sample).unwrap(), image::open(path).unwrap().to_rgb8());
    }
}

#[test]
fn a_batch_is_the_same_from_memory_and_from_files() {
    let root = two_classes(10);
    let seen = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&seen);
    let folder = || open(&root).seed(5).label_mode(LabelMode::Categorical);
    let all = folder()
        .progress(move |_, total| {
            assert_eq!(total, 20);
            counter.fetch_add(1, Ordering::Relaxed);
        })
        .load()
        .unwrap();
    assert_eq!((all.cached(), seen.load(Ordering::Relaxed)), (20, 20));
    let some = folder().memory_budget(7 * 48 + 1).load().unwrap();
    assert_eq!(some.cached(), 7);
    let order = all.order(3);
    assert_eq!(order, some.order(3));
    let (mut a, mut b) = (Batch::default(), Batch::default());
    all.load(&order, 0, &mut a).unwrap();
    some.load(&order, 0, &mut b).unwrap();
    assert_eq!(a, b);
    let inputs = a.inputs.to_floats();
    for (i, &sample) in order.iter().enumerate() {
        let dog = all.labels()[sample] as f32;
        assert_eq!(a.targets[i * 2..][..2], [1.0 - dog, dog]);
        assert_eq!(inputs[i * 48] % 2.0, dog);
    }

    let gone = some.file_paths()[15].clone();
    fs::remove_file(&gone).unwrap();
    some.load(&[0, 15], 0, &mut b).unwrap();
    assert_eq!((b.samples, &some.lost()[0].path), (vec![0], &gone));
}

#[test]
fn each_epoch_visits_all_training_photos_in_another_order() {
    let root = two_classes(30);
    let (training, validation) = open(&root).seed(1).validation_split(0.5).split().unwrap();
    let (first, second) = (training.order(0), training.order(1));
    assert_ne!(first, second);
    assert_eq!(first, training.order(0));
    let mut sorted = first.clone();
    sorted.sort_unstable();
    assert_eq!(sorted, (0..30).collect::<Vec<_>>());
    assert_eq!(validation.order(0), validation.order(1));
    assert_eq!(validation.order(0), (0..30).collect::<Vec<_>>());
}

/// Fails at sample 6.
struct Failing(ArrayDataset);

impl Dataset for Failing {
    fn len(&self) -> usize {
        self.0.len()
    }
    fn batch_size(&self) -> usize {
        2
    }
    fn sample_shape(&self) -> &[usize] {
        self.0.sample_shape()
    }
    fn target_width(&self) -> usize {
        1
    }
    fn class_names(&self) -> &[String] {
        &[]
    }
    fn order(&self, epoch: usize) -> Vec<usize> {
        self.0.order(epoch)
    }
    fn load(&self, samples: &[usize], epoch: usize, batch: &mut Batch) -> Result<()> {
        if samples.contains(&6) {
            Err(Error::Data("sample 6".into()))
        } else {
            self.0.load(samples, epoch, batch)
        }
    }
}

#[test]
fn prefetching_gives_every_batch_in_order_and_stops_when_told() {
    let inputs = ndarray::Array2::from_shape_fn((11, 2), |(i, j)| (i * 2 + j) as f32);
    let dataset = ArrayDataset::new(inputs, &[0; 11]).unwrap().batch_size(3).shuffle(9);
    let order = dataset.order(0);
    let mut seen = Vec::new();
    prefetch(&dataset, 0, &order, |batch| {
        for (row, &sample) in batch.inputs.to_floats().chunks(2).zip(&batch.samples) {
            assert_eq!(row, [sample as f32 * 2.0, sample as f32 * 2.0 + 1.0]);
        }
        seen.extend_from_slice(&batch.samples);
        Ok(ControlFlow::Continue(()))
    })
    .unwrap();
    assert_eq!(seen, order);

    let mut steps = 0;
    prefetch(&dataset, 0, &order, |_| {
        steps += 1;
        Ok(if steps == 2 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
    })
    .unwrap();
    assert_eq!(steps, 2);
    let stopped = prefetch(&dataset, 0, &order, |_| Err(Error::Training("stop".into())));
    assert_eq!(message(stopped), "stop");
    prefetch(&dataset, 0, &[], |_| panic!("there is no batch")).unwrap();

    let failing = Failing(dataset);
    let mut steps = 0;
    let outcome = prefetch(&failing, 0, &(0..11).collect::<Vec<_>>(), |_| {
        steps += 1;
        Ok(ControlFlow::Continue(()))
    });
    assert_eq!((message(outcome), steps), ("sample 6".into(), 3));
}

#[test]
fn arrays_keep_their_elements_order_and_check_their_lengths() {
    let inputs = ndarray::Array3::from_shape_fn((2, 3, 4), |(i, j, k)| (i * 12 + j * 4 + k) as f32);
    let turned = inputs.permuted_axes([2, 1, 0]);
    let dataset = ArrayDataset::new(turned.clone(), &[0, 2, 1, 2]).unwrap().one_hot();
    let mut batch = Batch::default();
    dataset.load(&[1], 0, &mut batch).unwrap();
    assert_eq!(*batch.inputs.to_floats(), [1.0, 13.0, 5.0, 17.0, 9.0, 21.0]);
    assert_eq!((batch.targets.as_slice(), dataset.target_width()), (&[0.0, 0.0, 1.0][..], 3));
    assert!(message(ArrayDataset::new(turned.clone(), &[0])).contains("[4, 3, 2]"));
    let targets = ndarray::Array2::zeros((4, 5));
    assert_eq!(ArrayDataset::with_targets(turned, targets).unwrap().target_width(), 5);
}
