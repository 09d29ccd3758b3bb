//! `petal models`, and training with a network of it.

mod binary;

use std::fs;

use binary::{assert_success, petal, stderr, stdout, with_photos};
use serde_json::Value;

/// The line of a network.
fn line(text: &str, network: &str) -> Vec<String> {
    let line = text.lines().find(|line| line.split_whitespace().next() == Some(network));
    line.unwrap_or_else(|| panic!("{network} in {text}")).split_whitespace().map(str::to_owned).collect()
}

#[test]
fn networks_are_listed_with_their_numbers_and_whether_weights_are_here() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let text = stdout(&petal(at, &["models"]));
    let [first, last] = ["mobilenet-v2", "vgg19"].map(|network| line(&text, network));
    assert_eq!(first, ["mobilenet-v2", "3.5", "M", "14", "0.6", "224×224", "71.3", "%"]);
    assert_eq!(last, ["vgg19", "143.7", "M", "575", "39.3", "224×224", "71.3", "%"]);

    fs::create_dir_all(at.join("keras/models")).unwrap();
    fs::write(at.join("keras/models/efficientnetb0_notop.h5"), "").unwrap();
    let output = petal(at, &["models", "--measure", "EfficientNetB0", "mobilenet_v3_small"]);
    assert_success(&output);
    let text = stdout(&output);
    assert_eq!(text.lines().count(), 3, "{text}");
    let measured = line(&text, "efficientnet-b0");
    assert_eq!(measured[8], "here");
    assert!(measured[9].parse::<f64>().unwrap() > 0.0);
    assert!(line(&text, "mobilenet-v3-small")[8].parse::<f64>().unwrap() > 0.0);

    let networks = stdout(&petal(at, &["models", "--json"]));
    let networks: Vec<Value> = networks.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let named = |name: &str| networks.iter().find(|network| network["keras_name"] == name).unwrap();
    assert_eq!(named("NASNetLarge")["parameters"], 88_949_818);
    assert_eq!(named("EfficientNetB7")["image_size"], 600);
    assert!(named("EfficientNetB0")["weights"].as_str().unwrap().ends_with("efficientnetb0_notop.h5"));
    assert!(named("VGG16")["weights"].is_null());
}

#[test]
fn a_network_that_does_not_exist_is_refused_with_those_that_do() {
    let folder = tempfile::tempdir().unwrap();
    for arguments in [&["models", "efficientnet-b9"][..], &["train", "--model", "efficientnet-b9"]] {
        let output = petal(folder.path(), arguments);
        assert_eq!(output.status.code(), Some(2));
        assert!(stderr(&output).contains("efficientnet-b0, "), "{}", stderr(&output));
        assert!(stderr(&output).contains("similar"), "{}", stderr(&output));
    }
}

#[test]
fn any_of_them_trains_by_keras_name() {
    let folder = with_photos(3);
    let at = folder.path();
    let train = ["train", "photos", "--image-size", "32", "--weights", "none", "--epochs", "1", "--quiet"];
    assert_success(&petal(at, &[&train[..], &["--model", "EfficientNetB0", "--output", "run"]].concat()));
    let settings: Value =
        serde_json::from_str(&fs::read_to_string(at.join("run/settings.json")).unwrap()).unwrap();
    assert_eq!(settings["model"], "efficientnet-b0");
    assert_success(&petal(at, &["predict", "run", "photos/roses"]));
}
