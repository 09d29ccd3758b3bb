//! Every command opens models of Keras, and says what a file is that is none.

mod binary;

use std::fs;
use std::path::{Path, PathBuf};

use binary::{assert_success, petal, stderr, stdout, with_photos};
use serde_json::Value;

/// A model of Keras among the library's fixtures: photos of 12 × 10 pixels, three classes.
fn keras(name: &str) -> String {
    let fixtures = concat!(env!("CARGO_MANIFEST_DIR"), "/../petal/tests/fixtures/keras_models");
    Path::new(fixtures).join(name).to_str().unwrap().to_owned()
}

#[track_caller]
fn refused(folder: &Path, arguments: &[&str]) -> String {
    let output = petal(folder, arguments);
    assert_eq!(output.status.code(), Some(1), "{arguments:?}: {}", stderr(&output));
    let text = stderr(&output);
    assert!(text.starts_with("petal: ") && !text.contains("panicked"), "{text}");
    text
}

/// The classes' probabilities of each photo that `petal predict --json` gives.
fn probabilities(folder: &Path, arguments: &[&str]) -> Vec<Value> {
    let output = petal(folder, &[&["predict", "--json"], arguments].concat());
    assert_success(&output);
    stdout(&output).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn every_command_opens_models_of_keras() {
    let folder = with_photos(2);
    let folder = folder.path();
    let roses = "photos/roses/roses_001.jpg";
    for name in ["whole.h5", "keras2_nested_zip.keras", "keras2_sequential.h5", "torch.keras"] {
        let model = keras(name);
        let output = petal(folder, &["summary", &model]);
        assert_success(&output);
        assert!(stdout(&output).contains("Total params"));

        let [photo] = probabilities(folder, &[&model, roses, "--class-names", "daisy,roses,tulips"])
            .try_into()
            .unwrap();
        let classes = photo["probabilities"].as_object().unwrap();
        let sum: f64 = classes.values().map(|probability| probability.as_f64().unwrap()).sum();
        assert!(
            (sum - 1.0).abs() < 1e-4
                && ["daisy", "roses", "tulips"].iter().all(|class| classes.contains_key(*class))
        );

        let arguments =
            ["explain", &model, roses, "--class-names", "daisy,roses,tulips", "--class", "tulips"];
        let output = petal(folder, &arguments);
        assert_success(&output);
        assert!(
            stdout(&output).contains("roses_001.jpg: tulips ") && folder.join("explanation.png").exists()
        );

        let three = folder.join("three");
        for class in ["daisy", "roses", "tulips"] {
            let _ = fs::create_dir_all(three.join(class));
            fs::copy(folder.join(format!("photos/{class}/{class}_001.jpg")), three.join(class).join("1.jpg"))
                .unwrap();
        }
        let output = petal(folder, &["evaluate", &model, "three", "--json"]);
        assert_success(&output);
        assert!(
            stderr(&output)
                .contains("they are taken for the folders in alphabetical order, daisy, roses, tulips")
        );
        let figures: Value = serde_json::from_str(&stdout(&output)).unwrap();
        assert_eq!(figures["photos"], 3);
        assert!(figures["loss"].as_f64().unwrap() > 0.0, "{figures}");
    }
}

#[test]
fn classes_are_named_by_files_too_and_without_any_by_their_numbers() {
    let folder = with_photos(1);
    let folder = folder.path();
    let (model, roses) = (keras("whole.h5"), "photos/roses/roses_001.jpg");
    let class = |photo: &Value| photo["class"].as_str().unwrap().to_owned();
    let numbered = class(&probabilities(folder, &[&model, roses])[0]);
    let number: usize = numbered.strip_prefix("class ").unwrap().parse().unwrap();
    fs::write(folder.join("labels.txt"), "0 daisy\n1 roses\n2 tulips\n").unwrap();
    let named = class(&probabilities(folder, &[&model, roses, "--class-names", "labels.txt"])[0]);
    assert_eq!(named, ["daisy", "roses", "tulips"][number]);
    assert!(
        refused(folder, &["predict", &model, roses, "--class-names", "a,b"])
            .contains("3 classes; --class-names has 2")
    );
    assert!(
        refused(folder, &["predict", &model, roses, "--class-names", "a,b,a"])
            .contains("has 'a'; expected a name")
    );
    // A single output is of two classes.
    let binary = probabilities(folder, &[&keras("binary.keras"), roses]);
    assert_eq!(binary[0]["probabilities"].as_object().unwrap().len(), 2);
}

#[test]
fn a_petal_model_without_class_names_predicts_numbered_classes() {
    use petal::layers::{Dense, GlobalAveragePooling2D, Input, Layer, Rescaling};
    let folder = with_photos(1);
    let folder = folder.path();
    let x = Input::image(24, 32, 3);
    let h = GlobalAveragePooling2D::new().on(&Rescaling::new(1.0 / 255.0).on(&x).unwrap()).unwrap();
    let model = petal::model::Model::new(&x, &Dense::new(4).on(&h).unwrap()).unwrap();
    model.save(folder.join("model.petal")).unwrap();
    let photos = probabilities(folder, &["model.petal", "photos"]);
    assert_eq!(photos.len(), 5);
    assert!(photos.iter().all(|photo| photo["class"].as_str().unwrap().starts_with("class ")));
    let named = probabilities(folder, &["model.petal", "photos", "--class-names", "a,b,c,d"]);
    assert!(["a", "b", "c", "d"].contains(&named[0]["class"].as_str().unwrap()));
    assert_success(&petal(
        folder,
        &["explain", "model.petal", "photos/roses/roses_001.jpg", "--layer", "rescaling"],
    ));
}

#[test]
fn what_a_model_expects_of_pixels_can_be_said() {
    let folder = with_photos(1);
    let folder = folder.path();
    let (model, roses) = (keras("keras2_sequential.h5"), "photos/roses/roses_001.jpg");
    let output = petal(folder, &["predict", &model, roses]);
    assert_success(&output);
    assert!(stderr(&output).contains("no layer that rescales pixels"));
    let output =
        petal(folder, &["predict", &model, roses, "--preprocess-input", "tf", "--crop-to-aspect-ratio"]);
    assert_success(&output);
    assert_eq!(stderr(&output), "");
    assert_ne!(
        probabilities(folder, &[&model, roses])[0]["probabilities"],
        probabilities(folder, &[&model, roses, "--preprocess-input", "tf"])[0]["probabilities"]
    );
    let output = petal(folder, &["predict", &keras("whole.h5"), roses]);
    assert_eq!(stderr(&output), "");
}

#[test]
fn models_of_any_size_need_one() {
    let folder = with_photos(1);
    let folder = folder.path();
    let (model, roses) = (keras("any_size.keras"), "photos/roses/roses_001.jpg");
    assert!(refused(folder, &["predict", &model, roses]).contains("say which, by --image-size"));
    assert_eq!(probabilities(folder, &[&model, roses, "--image-size", "24x32"]).len(), 1);
    let output = petal(folder, &["summary", &model, "--image-size", "24x32"]);
    assert!(stdout(&output).contains("(None, 24, 32, 3)"));
    assert!(
        refused(folder, &["summary", &keras("whole.h5"), "--image-size", "24"])
            .contains("not images of 24 × 24")
    );
}

#[test]
fn what_cannot_be_opened_is_called_by_what_it_is() {
    let folder = with_photos(1);
    let folder = folder.path();
    let roses = "photos/roses/roses_001.jpg";
    let text = refused(folder, &["predict", roses, roses]);
    assert!(text.contains("roses_001.jpg: is a photo (JPEG); expected a .petal file of Petal"), "{text}");
    let text = refused(folder, &["predict", "photos", roses]);
    assert!(text.contains("is a folder without a model"), "{text}");
    fs::create_dir(folder.join("lecture")).unwrap();
    for name in ["1-cnn.petal", "3-transfer.petal", "report.html"] {
        fs::write(folder.join("lecture").join(name), "").unwrap();
    }
    let text = refused(folder, &["predict", "lecture", roses]);
    assert!(
        text.contains("name one of the models in it: lecture/1-cnn.petal, lecture/3-transfer.petal"),
        "{text}"
    );
    let text = refused(folder, &["explain", &keras("whole.h5"), "photos"]);
    assert!(text.contains("photos is a folder; petal explain takes one photo"), "{text}");
    let text = refused(folder, &["summary", "resnet18"]);
    assert!(
        text.contains("resnet18 is no file, and none of the networks cnn, ") && text.contains("resnet50"),
        "{text}"
    );
    assert_success(&petal(folder, &["summary", "MobileNetV2", "--image-size", "32"]));
    #[cfg(unix)]
    {
        assert!(refused(folder, &["predict", "/dev/zero", roses]).contains("is no plain file"));
        let fifo: PathBuf = folder.join("fifo");
        assert!(std::process::Command::new("mkfifo").arg(&fifo).status().unwrap().success());
        assert!(refused(folder, &["summary", "fifo"]).contains("is no plain file"));
    }
}

#[test]
fn a_model_that_gives_no_classes_is_summarized_and_how_to_use_it_is_said() {
    let folder = with_photos(1);
    let model = keras("training_flags.keras");
    assert_success(&petal(folder.path(), &["summary", &model]));
    let text = refused(folder.path(), &["predict", &model, "photos/roses/roses_001.jpg"]);
    assert!(
        text.contains("its outputs have the shape (None, 10, 8, 4); expected one value for each class"),
        "{text}"
    );
    assert!(text.contains("It is a model of Keras") && text.contains("training_flags.petal"), "{text}");
}

#[test]
fn options_that_a_model_needs_not_are_refused() {
    let folder = with_photos(2);
    let folder = folder.path();
    let arguments =
        ["--image-size", "24", "--batch-size", "4", "--epochs", "1", "--validation-split", "0.5", "-q"];
    assert_success(&petal(folder, &[&["train", "photos", "-o", "run"], &arguments[..]].concat()));
    let roses = "photos/roses/roses_001.jpg";
    let text = refused(folder, &["predict", "run", roses, "--class-names", "a,b,c,d,e"]);
    assert!(
        text.contains("class names of its own, daisy, ") && text.contains("leave --class-names out"),
        "{text}"
    );
    let text = refused(folder, &["predict", "run", roses, "--interpolation", "area"]);
    assert!(text.contains("leave --interpolation out"), "{text}");
    let output = petal(folder, &["summary", "run", "--classes", "7"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("--classes would change nothing in a model's file"));
}
