//! Photos whose classes a table says, by the real binary.

mod binary;

use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::process::Output;

use binary::{assert_success, petal, stderr, stdout, with_photos};
use tempfile::TempDir;

const QUICK: [&str; 8] = ["--image-size", "32", "--batch-size", "8", "--epochs", "1", "--threads", "1"];

fn train(at: &Path, arguments: &[&str]) -> Output {
    petal(at, &[&["train"], arguments, &QUICK].concat())
}

/// Six photos of each of five classes in one folder, `all`, and `all/labels.csv`, which names them without endings, the
/// last two of each class for validation and the test.
fn with_labels() -> TempDir {
    let folder = with_photos(6);
    let at = folder.path();
    fs::create_dir(at.join("all")).unwrap();
    let mut table = String::from("id,species,split\n");
    for class in ["daisy", "dandelion", "roses", "sunflowers", "tulips"] {
        for number in 1..=6 {
            let name = format!("{class}_{number:03}.jpg");
            fs::rename(at.join("photos").join(class).join(&name), at.join("all").join(&name)).unwrap();
            let set = ["train", "train", "train", "train", "val", "test"][number - 1];
            writeln!(table, "{class}_{number:03},a {class},{set}").unwrap();
        }
    }
    fs::write(at.join("all/labels.csv"), table).unwrap();
    folder
}

#[test]
fn a_table_of_labels_trains_measures_shows_and_is_gone_on_with() {
    let folder = with_labels();
    let at = folder.path();
    let output = train(at, &["--labels", "all/labels.csv", "-o", "run"]);
    assert_success(&output);
    let said = stderr(&output);
    assert!(said.contains("all: 30 photos of 5 classes (a daisy, "), "{said}");
    assert!(said.contains("20 for training, 5 for validation, 5 for the test"), "{said}");
    assert!(said.contains("Accuracy on the 5 test photos"), "{said}");
    assert!(!said.contains("warning"), "the table itself is no file that was left out: {said}");
    assert!(said.contains("petal train all --labels all/labels.csv --image-size 32"), "{said}");
    assert!(fs::read_to_string(at.join("run/report.html")).unwrap().contains("<dt>Labels</dt>"));

    let output = petal(at, &["evaluate", "run", "--labels", "all/labels.csv", "--json"]);
    assert_success(&output);
    let scores: serde_json::Value = serde_json::from_str(&stdout(&output)).unwrap();
    assert_eq!(scores["photos"], 5);
    assert!(said.contains(&format!("(loss {:.4})", scores["loss"].as_f64().unwrap())), "{said}");
    assert!(stderr(&output).contains("Measured is on the photos for the test"), "{}", stderr(&output));
    assert_success(&petal(at, &["show", "all", "--labels", "all/labels.csv", "-o", "pictures"]));

    // The table may move with its photos, but not say something else.
    fs::rename(at.join("all"), at.join("moved")).unwrap();
    let resume = |epochs: &str| petal(at, &["train", "--resume", "run", "moved", "--epochs", epochs]);
    assert_success(&resume("2"));
    let table = fs::read_to_string(at.join("moved/labels.csv")).unwrap();
    fs::write(at.join("moved/labels.csv"), table.replace("daisy_001,a daisy", "daisy_001,a roses")).unwrap();
    let output = resume("3");
    assert_eq!(output.status.code(), Some(1));
    let said = stderr(&output);
    assert!(said.contains("1 added (a roses/daisy_001.jpg), 1 gone (a daisy/daisy_001.jpg)"), "{said}");
}

#[test]
fn columns_can_be_named_and_what_is_wrong_is_refused() {
    let folder = with_labels();
    let at = folder.path();
    fs::write(at.join("t.tsv"), "what\tkind\twhich\nx\tdaisy_001\ta\ny\troses_001\tb\ny\troses_002\tb\n")
        .unwrap();
    let columns = ["--file-column", "kind", "--label-column", "which"];
    let labels =
        [&["all", "--labels", "t.tsv", "-o", "run", "--validation-split", "0.4"][..], &columns].concat();
    let output = train(at, &labels);
    assert_success(&output);
    let said = stderr(&output);
    assert!(said.contains("3 photos of 2 classes (a, b)"), "{said}");
    assert!(said.contains("27 photos in all are not in the table of labels and are not used"), "{said}");
    assert!(said.contains("--labels t.tsv --file-column kind --label-column which"), "{said}");
    for (arguments, code, part) in [
        (&["all", "--labels", "t.tsv"][..], 1, "t.tsv: no column is called like that of the photos"),
        (&["all", "--labels", "gone.csv"], 1, "gone.csv"),
        (&["all", "--labels", "all"], 1, "all"),
        (&["all", "--labels", "t.tsv", "--test", "all"], 2, "--test"),
        (&["all", "--label-column", "which"], 2, "--labels"),
        (&["all", "--labels", "all/labels.csv", "--validation-split", "0.3"], 1, "would change nothing"),
    ] {
        let output = train(at, arguments);
        assert_eq!(output.status.code(), Some(code), "{arguments:?} {}", stderr(&output));
        assert!(stderr(&output).contains(part), "{arguments:?}: {}", stderr(&output));
        assert!(!stderr(&output).contains("panicked"));
    }
}
