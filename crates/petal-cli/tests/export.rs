//! `petal export`: another engine gives the probabilities that `petal predict` gives.

mod binary;

use std::fs;
use std::path::Path;

use binary::{assert_success, petal, stderr, stdout, with_run};
use rten::Value;

/// The probabilities of all classes of a photo, in the classes' order, by `petal predict`.
fn predicted(folder: &Path, photo: &str) -> Vec<f32> {
    let output = petal(folder, &["predict", "run", photo, "--csv"]);
    assert_success(&output);
    let text = stdout(&output);
    let line = text.lines().nth(1).unwrap();
    line.split(',').skip(3).map(|number| number.parse().unwrap()).collect()
}

/// What an exported model gives for a photo.
fn given(model: &Path, photo: &Path) -> Vec<f32> {
    let photo = image::open(photo).unwrap().to_rgb8();
    let shape = [1, photo.height() as usize, photo.width() as usize, 3];
    let pixels = Value::from_shape(&shape, photo.into_raw()).unwrap();
    let model = rten::Model::load(fs::read(model).unwrap()).unwrap();
    model.run_one((&pixels).into(), None).unwrap().into_shape_vec::<f32, 2>().unwrap().1
}

#[test]
fn a_run_is_exported_and_gives_what_petal_predicts() {
    let folder = with_run(6, 1);
    let at = folder.path();
    let output = petal(at, &["export", "run"]);
    assert_success(&output);
    let text = stdout(&output);
    assert!(text.contains("takes image: float32 [batch, 32, 28, 3], pixels of 0 to 255\n"), "{text}");
    assert!(text.contains("gives probabilities: float32 [batch, 5], daisy, dandelion, roses, "), "{text}");
    assert!(at.join("run/model.onnx").is_file(), "{text}");

    assert_success(&petal(at, &["export", "run", "-o", "any.onnx", "--input", "any-size"]));
    for photo in ["photos/daisy/daisy_001.jpg", "photos/tulips/tulips_002.jpg"] {
        let (found, expected) = (given(&at.join("any.onnx"), &at.join(photo)), predicted(at, photo));
        assert_eq!(found.len(), expected.len());
        for (found, expected) in found.iter().zip(&expected) {
            // Decoders and resizing round a few pixels otherwise.
            assert!((found - expected).abs() < 2e-3, "{photo}: {found} for {expected}");
        }
    }
    let output =
        petal(at, &["export", "run", "-o", "nchw.onnx", "--layout", "nchw", "--logits", "--input", "uint8"]);
    assert_success(&output);
    let text = stdout(&output);
    assert!(text.contains("takes image: uint8 [batch, 3, 32, 28]"), "{text}");
    assert!(text.contains("gives logits: float32 [batch, 5]"), "{text}");
}

#[test]
fn what_cannot_be_exported_leaves_no_file() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let fixtures = concat!(env!("CARGO_MANIFEST_DIR"), "/../petal/tests/fixtures/keras_models");
    let model = format!("{fixtures}/whole.h5");
    for (arguments, words) in [
        (vec!["nowhere.petal", "-o", "a.onnx"], "nowhere.petal"),
        (
            vec![&model, "-o", "a.tflite"],
            "a.tflite: its ending is that of no format that Petal writes; expected .onnx",
        ),
        (vec![&model, "-o", "a.onnx", "--class-names", "a,b"], "3 classes; --class-names has 2"),
        (vec![&model, "-o", "missing/a.onnx"], "cannot write missing/a.onnx"),
    ] {
        let output = petal(at, &[&["export"], &arguments[..]].concat());
        assert_eq!(output.status.code(), Some(1), "{arguments:?}");
        assert!(stderr(&output).contains(words), "{arguments:?}: {}", stderr(&output));
    }
    assert_eq!(fs::read_dir(at).unwrap().count(), 0);

    let output = petal(at, &["export", &model, "-o", "a.onnx"]);
    assert_success(&output);
    assert!(stderr(&output).contains("doesn't name its classes"), "{}", stderr(&output));
    let output = petal(at, &["export", &model, "--to", "onnx", "-o", "b", "--class-names", "a,b,c"]);
    assert_success(&output);
    assert!(stdout(&output).contains("[batch, 3], a, b, c"), "{}", stdout(&output));
    assert!(!stderr(&output).contains("doesn't name"), "{}", stderr(&output));
}

#[test]
fn a_run_becomes_a_file_of_keras_and_petal_reads_it_as_the_run() {
    let folder = with_run(6, 1);
    let at = folder.path();
    let photo = "photos/daisy/daisy_001.jpg";
    let predicted = stdout(&petal(at, &["predict", "run", photo, "--csv"]));
    let summary = |model: &str| stdout(&petal(at, &["summary", model]));
    let optimizer = |line: &&str| !line.contains("ptimizer") && !line.starts_with(" Total");
    let layers = |text: &str| text.lines().filter(optimizer).collect::<Vec<_>>().join("\n");
    for (output, format) in [("flowers.keras", "keras"), ("flowers.h5", "h5")] {
        let exported = petal(at, &["export", "run", "-o", output]);
        assert_success(&exported);
        let text = stdout(&exported);
        assert!(text.contains("takes (None, 32, 28, 3), gives (None, 5)"), "{text}");
        assert!(text.contains(&format!("keras.saving.load_model(\"{output}\")")), "{text}");
        // Names, size and rule of resizing are in it.
        let again = petal(at, &["predict", output, photo, "--csv"]);
        assert_success(&again);
        assert_eq!(stdout(&again), predicted, "{output}");
        assert_eq!(layers(&summary(output)), layers(&summary("run")));
        let evaluated = petal(at, &["evaluate", output, "photos"]);
        assert_success(&evaluated);
        assert_eq!(stdout(&evaluated), stdout(&petal(at, &["evaluate", "run", "photos"])));
        assert_success(&petal(at, &["export", "run", "--to", format]));
        assert!(at.join(format!("run/model.{format}")).is_file());
    }
    let weights = petal(at, &["export", "run", "--to", "weights-h5", "-o", "flowers.weights.h5"]);
    assert_success(&weights);
    assert!(stdout(&weights).contains("model.load_weights(\"flowers.weights.h5\")"), "{}", stdout(&weights));
    for (arguments, words) in [
        (&["-o", "a.keras", "--layout", "nchw"][..], "--layout is for ONNX"),
        (&["-o", "a.keras", "--logits"], "--logits is for ONNX"),
        (&["-o", "a.keras", "--to", "h5"], "a.keras: expected a name that ends in .h5"),
        (&["-o", "a.keras", "--runtime", "dist"], "--runtime is for --to web"),
        (&["--to", "web", "-o", "a.keras", "--runtime", "photos"], "ort.wasm.min.js"),
    ] {
        let refused = petal(at, &[&["export", "run"], arguments].concat());
        assert_eq!(refused.status.code(), Some(1), "{arguments:?}");
        assert!(stderr(&refused).contains(words), "{arguments:?}: {}", stderr(&refused));
        assert!(!at.join("a.keras").exists());
    }
}

#[test]
fn a_run_becomes_a_page_whose_model_gives_what_petal_predicts() {
    let folder = with_run(6, 1);
    let at = folder.path();
    fs::create_dir(at.join("dist")).unwrap();
    for name in ["ort.wasm.min.js", "ort-wasm-simd-threaded.mjs", "ort-wasm-simd-threaded.wasm"] {
        fs::write(at.join("dist").join(name), name).unwrap();
    }
    let output = petal(at, &["export", "run", "--to", "web", "-o", "site", "--runtime", "dist"]);
    assert_success(&output);
    assert!(stdout(&output).contains("http.server -d site"), "{}", stdout(&output));
    assert_eq!(stderr(&output), "");
    let photo = "photos/daisy/daisy_001.jpg";
    let differs = |(a, b): (&f32, &f32)| (a - b).abs() > 1e-3;
    let found = given(&at.join("site/model.onnx"), &at.join(photo));
    assert!(!found.iter().zip(&predicted(at, photo)).any(differs), "{found:?}");
    let card: serde_json::Value =
        serde_json::from_slice(&fs::read(at.join("site/model.json")).unwrap()).unwrap();
    assert_eq!(
        (&card["name"], &card["classes"][0], &card["channels"]),
        (&"run".into(), &"daisy".into(), &3.into())
    );
    let page = fs::read_to_string(at.join("site/index.html")).unwrap();
    for part in page.split("src=\"").skip(1).map(|rest| rest.split('"').next().unwrap()) {
        assert!(at.join("site").join(part).is_file(), "{part}");
    }
    assert!(!page.contains("://"), "{page}");

    let output = petal(at, &["export", "run", "--to", "web", "--runtime", "https://example.org/ort/"]);
    assert_success(&output);
    let page = fs::read_to_string(at.join("run/model-web/index.html")).unwrap();
    assert!(page.contains("src=\"https://example.org/ort/ort.wasm.min.js\""), "{page}");
    assert!(page.contains("script-src 'self' 'wasm-unsafe-eval' blob: https://example.org;"), "{page}");
    let output = petal(at, &["export", "run", "--to", "web", "-o", "later"]);
    assert!(stderr(&output).contains("later/ort"), "{}", stderr(&output));
}

#[test]
fn a_run_is_exported_with_8_bit_numbers_and_says_what_they_cost() {
    let folder = with_run(9, 2);
    let at = folder.path();
    assert_success(&petal(at, &["export", "run", "-o", "floats.onnx", "--input", "any-size"]));
    let output = petal(at, &["export", "run", "-o", "int8.onnx", "--int8", "photos", "--input", "any-size"]);
    assert_success(&output);
    let (text, told) = (stdout(&output), stderr(&output));
    assert!(text.contains(" MB, weights as floats "), "{text}");
    // As many of each class for both.
    assert!(told.contains("45 photos of 5 classes"), "{told}");
    assert!(told.contains("22 for the ranges of numbers, 23 for accuracy"), "{told}");
    assert!(text.contains("right on 23 other photos: "), "{text}");
    let size = |name: &str| fs::metadata(at.join(name)).unwrap().len();
    assert!(size("int8.onnx") * 3 < size("floats.onnx"), "{text}");
    for photo in ["photos/daisy/daisy_001.jpg", "photos/tulips/tulips_002.jpg"] {
        let [floats, bytes] =
            ["floats.onnx", "int8.onnx"].map(|model| given(&at.join(model), &at.join(photo)));
        let difference = floats.iter().zip(&bytes).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(difference > 0.0 && difference < 0.1, "{photo}: {bytes:?} for {floats:?}");
    }

    // The model itself, by the run's own photos, and its export.
    let output = petal(at, &["quantize", "run"]);
    assert_success(&output);
    let text = stdout(&output);
    assert!(text.contains("run/model-int8.petal: ") && text.contains(" validation photos: "), "{text}");
    assert!(size("run/model-int8.petal") * 3 < size("run/model.petal"), "{text}");
    let photo = "photos/daisy/daisy_001.jpg";
    let [floats, bytes] = ["run/model.petal", "run/model-int8.petal"].map(|model| {
        let output = petal(at, &["predict", model, photo, "--json"]);
        assert_success(&output);
        let line: serde_json::Value = serde_json::from_str(&stdout(&output)).unwrap();
        line["probability"].as_f64().unwrap()
    });
    assert!(floats != bytes && (floats - bytes).abs() < 0.1, "{bytes} for {floats}");
    assert_success(&petal(at, &["export", "run/model-int8.petal", "-o", "own.onnx", "--input", "any-size"]));
    let [own, asked] = ["own.onnx", "int8.onnx"].map(|model| given(&at.join(model), &at.join(photo)));
    assert!(own.iter().zip(&asked).all(|(a, b)| (a - b).abs() < 0.1), "{own:?}, {asked:?}");
    assert!(size("own.onnx") * 3 < size("floats.onnx"));
    for (arguments, words) in [
        (&["quantize", "run/model-int8.petal", "photos"][..], "computes with 8-bit numbers already"),
        (&["quantize", "run/model.petal"], "is not the folder of a run"),
        (&["quantize", "run", "-o", "model.keras"], "as .petal or .onnx"),
    ] {
        let output = petal(at, arguments);
        assert_eq!(output.status.code(), Some(1), "{arguments:?}");
        assert!(stderr(&output).contains(words), "{arguments:?}: {}", stderr(&output));
    }

    fs::create_dir_all(at.join("empty/daisy")).unwrap();
    assert_success(&petal(at, &["sample-data", "others", "--per-class", "2"]));
    fs::rename(at.join("others/daisy"), at.join("others/cornflowers")).unwrap();
    for (photos, words) in [
        ("empty", "has no photos of the classes daisy, dandelion, "),
        ("nowhere", "nowhere"),
        (
            "others",
            "has photos of classes that the model doesn't have: cornflowers; it has daisy, dandelion, ",
        ),
    ] {
        let output = petal(at, &["export", "run", "-o", "no.onnx", "--int8", photos]);
        assert_eq!(output.status.code(), Some(1), "{photos}");
        assert!(stderr(&output).contains(words), "{photos}: {}", stderr(&output));
        assert!(!at.join("no.onnx").exists(), "{photos}");
    }
}
