//! Photos whose classes a table says.

use std::fs;
use std::path::Path;

use petal::Result;
use petal::data::{Dataset, ImageFolder, ImageSets, LabelFile, PhotoSet};
use tempfile::TempDir;

/// A folder with these photos, each another picture, and with `labels.csv`.
fn folder(photos: &[&str], table: &str) -> TempDir {
    let root = tempfile::tempdir().unwrap();
    for (i, photo) in photos.iter().enumerate() {
        let path = root.path().join("photos").join(photo);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        image::RgbImage::from_pixel(3, 2, image::Rgb([i as u8, 7, 90]))
            .save_with_format(path, image::ImageFormat::Png)
            .unwrap();
    }
    fs::write(root.path().join("labels.csv"), table).unwrap();
    root
}

fn table(root: &TempDir) -> LabelFile {
    LabelFile::new(root.path().join("labels.csv"))
}

fn open(root: &TempDir) -> ImageFolder {
    ImageFolder::new(root.path().join("photos")).image_size(2, 2).seed(1).labels(table(root))
}

/// The files of a data set with their classes, sorted.
fn labelled(data: &petal::data::ImageDataset, root: &TempDir) -> Vec<String> {
    let below = |path: &Path| path.strip_prefix(root.path().join("photos")).unwrap().display().to_string();
    let files = data.file_paths().iter().zip(data.labels());
    let mut all: Vec<_> =
        files.map(|(path, &label)| format!("{} {}", below(path), data.class_names()[label])).collect();
    all.sort();
    all
}

fn message<T>(result: Result<T>) -> String {
    result.err().expect("this must be an error").to_string()
}

#[test]
fn a_table_says_the_classes_whatever_its_columns_separators_and_names_are_like() {
    let photos = ["1.png", "sub/2.PNG", "3.jpeg", "4.b.png"];
    let expected = ["1.png cat", "3.jpeg cat", "4.b.png dog, big", "sub/2.PNG dog, big"];
    for text in [
        "file,label\n1.png,cat\nsub/2.PNG,\"dog, big\"\n3.jpeg,cat\n4.b.png,\"dog, big\"\n",
        // A mark of the encoding, other line ends, an index, a spreadsheet's semicolons, names of the wrong system.
        "\u{feff};Image ID;Breed\r\n0;1;cat\r\n1;sub\\2;dog, big\r\n2;3;cat\r\n3;4.b;dog, big\r\n",
        "image_id\tname of the animal\n1\tcat\nsub/2\tdog, big\n\n3\t cat \n4.b\tdog, big\n4.b\tdog, big",
    ] {
        let root = folder(&photos, text);
        let data = open(&root).load().unwrap();
        assert_eq!(data.class_names(), ["cat", "dog, big"]);
        assert_eq!(labelled(&data, &root), expected, "{text}");
    }
}

#[test]
fn a_column_divides_the_photos_into_sets() {
    let photos = ["1.png", "2.png", "3.png", "4.png", "5.png", "6.png", "spare.png"];
    let root = folder(
        &photos,
        "filepaths,labels,data set\n1.png,b,train\n2.png,a,Train\n3.png,a,valid\n4.png,b,test\n5.png,c,test\n6.png,b,train\n",
    );
    let ImageSets { train, validation, test } = open(&root).sets().unwrap();
    let test = test.unwrap();
    assert_eq!(train.class_names(), ["a", "b"]);
    assert_eq!((train.len(), validation.class_counts(), test.class_counts()), (3, vec![1, 0], vec![0, 1]));
    assert_eq!(
        train
            .doubts()
            .lines()
            .iter()
            .map(|line| line.replace(root.path().to_str().unwrap(), "F"))
            .collect::<Vec<_>>(),
        [
            "'c' is none of the classes; its 1 photo is not used",
            "1 photo in F/photos is not in the table of labels and is not used: spare.png",
            "class 'a' has only 1 training photo: too few to learn from",
            "class 'a' has no test photo",
            "class 'b' has no validation photo; 2 photos for training",
        ]
    );
    let only = LabelFile { only: Some(PhotoSet::Test), ..table(&root) };
    let measured = open(&root).labels(only).classes_of(&["b".into(), "a".into()]).load().unwrap();
    assert_eq!(measured.class_counts(), [1, 0]);
    assert_eq!(open(&root).classes_of(&["b".into(), "a".into()]).load().unwrap().len(), 5);

    // As fastai has it; and a column that is called like one of sets but is none.
    let root = folder(&photos, "path,label,is_valid\n1.png,b,False\n2.png,a,False\n3.png,a,True\n");
    let sets = open(&root).sets().unwrap();
    assert_eq!((sets.train.len(), sets.validation.len(), sets.test.is_none()), (2, 1, true));
    let root = folder(&photos, "path,label,dataset\n1.png,b,ours\n2.png,a,ours\n3.png,a,theirs\n");
    assert!(table(&root).sets().unwrap().is_empty());
    assert_eq!(open(&root).validation_split(0.34).sets().unwrap().train.len(), 2);
}

#[test]
fn what_is_wrong_with_a_table_is_said_with_file_and_line() {
    let photos = ["1.png", "2.png", "3.png"];
    for (text, said) in [
        ("", "no column is called like that of the photos"),
        ("file,label\n", "no line but that of the columns"),
        ("1.png,a\n2.png,b\n", "the first line is 1.png, a; expected one of file_path, "),
        (
            "file,x,y z\n1.png,a,b\n",
            "no column is called like that of the classes: the first line is file, x, y z",
        ),
        ("file,label,class\n1.png,a,b\n", "'label' and 'class' may both be the column of the classes"),
        ("file,label\n1.png,a\n2.png\n", "labels.csv: line 3: it has 1 of 2 fields; expected: file, label"),
        ("file,label\n1.png,a\n\n2.png, \n", "labels.csv: line 4: it says nothing in the column 'label'"),
        (
            "file,label\n1.png,a\n2.png,b\n1.png,b\n",
            "line 4: 1.png is of the class 'b' here, but 'a' in line 2",
        ),
        ("file,label\n1.png,a\n2.png,b\n1,b\n", "line 4: 1 is of the class 'b' here, but 'a' in line 2"),
        ("file,label\n1.png,a\n2.png,a\n", "all photos to train on are of one class, 'a'"),
        ("file,label\nx/1.png,a\nx/2.png,b\n", "line 2: there is no photo x/1.png in "),
        (
            "file,label,split\n1.png,a,train\n2.png,b,tran\n",
            "line 3: 'tran' in the column 'split' is no set of photos",
        ),
        (
            "file,label,split\n1.png,a,train\n2.png,b,train\n3.png,c,val\n",
            "line 4: the photo 3.png for validation is of the \
          class 'c', which no training photo shows; expected a, b",
        ),
        ("file,label,split\n1.png,a,test\n2.png,b,test\n", "it has no photos to train on"),
    ] {
        let root = folder(&photos, text);
        let error = message(open(&root).validation_split(0.5).sets());
        assert!(error.contains("labels.csv") && error.contains(said), "{text}: {error}");
    }
    let root = folder(&photos, "file,label\n1.png,a\n2.png,b\n");
    let column = |name: &str| LabelFile { label_column: Some(name.into()), ..table(&root) };
    let error = message(open(&root).labels(column("kind")).load());
    assert!(error.contains("there is no column 'kind'; its columns are: file, label"), "{error}");
    assert_eq!(open(&root).labels(column("label")).load().unwrap().len(), 2);
    fs::write(root.path().join("labels.csv"), b"file,label\n1.png,ros\xe9\n").unwrap();
    assert!(message(open(&root).load()).contains("line 2: it is no UTF-8 text"));
    fs::remove_file(root.path().join("labels.csv")).unwrap();
    assert!(message(open(&root).load()).contains("labels.csv"));
    assert!(message(open(&root).test_folder("t").sets()).contains("t is named as a set beside it"));
}

#[test]
fn a_photo_that_is_not_there_is_left_out_by_name() {
    let root = folder(&["1.png", "2.png", "3.png"], "file,label\n1.png,a\n2.png,b\n3.png,b\ngone,a\n");
    let data = open(&root).load().unwrap();
    assert_eq!((data.len(), data.skipped().len()), (3, 1));
    assert!(data.skipped()[0].to_string().contains("gone: "), "{}", data.skipped()[0]);
    assert!(message(open(&root).strict(true).load()).contains("gone"));
}
