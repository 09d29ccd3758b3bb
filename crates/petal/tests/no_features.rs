//! What every build of Petal can do, whatever its features, and what one without them says of the rest:
//! `cargo test -p petal --no-default-features --test no_features`.

use std::fs;

use petal::data::{ArrayDataset, Photo, Preprocessing};
use petal::image::{Rgb, RgbImage};
use petal::ndarray::{Array4, ArrayView};
use petal::prelude::*;

#[test]
fn a_model_is_trained_saved_loaded_and_says_what_a_photo_shows() -> Result<()> {
    let folder = tempfile::tempdir().unwrap();
    let x = Input::image(8, 8, 3);
    let h = Rescaling::new(1.0 / 255.0).on(&x)?;
    let h = Flatten::new().on(&Conv2D::new(4, 3).relu().on(&h)?)?;
    let mut model = Model::new(&x, &Dense::new(2).on(&h)?)?;
    model.set_class_names(["dark", "light"])?;
    model.set_preprocessing(Preprocessing::new(8, 8))?;
    model.compile(Adam::new(1e-2), SparseCategoricalCrossentropy::from_logits())?;
    let labels: Vec<usize> = (0..16).map(|i| i % 2).collect();
    let samples = Array4::from_shape_fn((16, 8, 8, 3), |(i, ..)| 200.0 * (i % 2) as f32 + i as f32);
    let data = ArrayDataset::new(samples, &labels)?.batch_size(8);
    model.fit(&data, Fit::epochs(30).verbose(Verbose::Silent))?;
    let path = folder.path().join("model.petal");
    model.save(&path)?;

    let model = Model::load(&path)?;
    let preprocessing = model.preprocessing().expect("it was saved");
    for (gray, class, name) in [(10, 0, "dark.png"), (220, 1, "light.jpg"), (220, 1, "light.bmp")] {
        let photo = folder.path().join(name);
        RgbImage::from_pixel(20, 16, Rgb([gray; 3])).save(&photo).unwrap();
        let pixels = preprocessing.load(&photo)?;
        let batch = ArrayView::from_shape((1, 8, 8, 3), &pixels).unwrap();
        let probabilities = model.predict_probabilities(batch.into_dyn())?;
        assert!(probabilities[[0, class]] > 0.5, "{name}: {probabilities}");
        assert_eq!(model.predictor(1)?.probabilities(&pixels)?, probabilities);
    }
    Ok(())
}

#[test]
fn what_needs_a_feature_names_it() {
    let folder = tempfile::tempdir().unwrap();
    let error = |name: &str, content: &[u8]| {
        let path = folder.path().join(name);
        fs::write(&path, content).unwrap();
        match name.rsplit_once('.') {
            Some((_, "gif" | "webp")) => Photo::open(&path).unwrap_err().to_string(),
            _ => Model::load(&path).unwrap_err().to_string(),
        }
    };
    for (feature, built, name, content) in [
        ("keras", cfg!(feature = "keras"), "model.keras", &b"PK\x03\x04"[..]),
        ("keras", cfg!(feature = "keras"), "keras_model.h5", b"\x89HDF\r\n\x1a\n"),
        ("gif", cfg!(feature = "gif"), "rose.gif", b"GIF89a"),
        ("webp", cfg!(feature = "webp"), "rose.webp", b"RIFF\0\0\0\0WEBP"),
    ] {
        let error = error(name, content);
        let missing = format!("this build of petal has no feature `{feature}`");
        assert_eq!(error.contains(&missing), !built, "{error}");
        assert!(error.contains(name), "{error}");
    }
    let x = Input::image(2, 2, 3);
    let saved = Model::new(&x, &Flatten::new().on(&x).unwrap()).unwrap().save(folder.path().join("m.keras"));
    let error = saved.map_err(|error| error.to_string()).err().unwrap_or_default();
    assert_eq!(
        error.contains("this build of petal has no feature `keras`"),
        !cfg!(feature = "keras"),
        "{error}"
    );
    if !cfg!(all(feature = "download", feature = "keras")) {
        let error = MobileNetV2::new(96, 96).build().unwrap_err().to_string();
        assert!(error.contains("this build of petal has no feature `"), "{error}");
    }
}
