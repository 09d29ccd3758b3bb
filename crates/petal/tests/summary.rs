//! `summary()` is Keras' text, byte for byte: tests/fixtures/summaries, made by fixtures/summaries.py.

use petal::Result;
use petal::layers::*;
use petal::model::{Model, Sequential, Summary, Tensor};

fn keras(name: &str) -> String {
    let path = format!("{}/tests/fixtures/summaries/{name}.txt", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(path).unwrap()
}

#[track_caller]
fn assert_is_keras(summary: Summary<'_>, name: &str) {
    let (ours, theirs) = (summary.to_string(), keras(name));
    assert!(ours == theirs, "{name}: Petal's text\n{ours}\nKeras' text\n{theirs}");
}

fn cnn_layers() -> Vec<LayerSpec> {
    let mut layers: Vec<LayerSpec> = vec![Rescaling::new(1.0 / 255.0).into()];
    for filters in [16, 32, 64] {
        layers.push(Conv2D::new(filters, 3).same().relu().into());
        layers.push(MaxPooling2D::new(2).into());
    }
    layers.extend([Flatten::new().into(), Dense::new(128).relu().into(), Dense::new(5).into()]);
    layers
}

fn sequential(layers: Vec<LayerSpec>) -> Result<Model> {
    layers.into_iter().fold(Sequential::new(Input::image(180, 180, 3)), Sequential::add).build()
}

fn functional(layers: Vec<LayerSpec>) -> Result<Model> {
    let x = Input::image(180, 180, 3);
    let y = layers.into_iter().try_fold(x.clone(), |h: Tensor, layer| layer.on(&h))?;
    Model::new(&x, &y)
}

#[test]
fn the_lectures_cnn() -> Result<()> {
    for (kind, model) in
        [("sequential", sequential(cnn_layers())?), ("functional", functional(cnn_layers())?)]
    {
        assert_is_keras(model.summary(), &format!("cnn_{kind}"));
        assert_is_keras(model.summary().line_length(88), &format!("cnn_{kind}_120_columns"));
        assert_is_keras(model.summary().show_trainable(true), &format!("cnn_{kind}_show_trainable"));
    }
    Ok(())
}

#[test]
fn counts_follow_the_flags_and_a_nested_models_layers_have_rows_on_request() -> Result<()> {
    let base = Sequential::new(Input::new([4]))
        .name("base")
        .add(Dense::new(3))
        .add(BatchNormalization::new())
        .build()?;
    let x = Input::new([4]);
    let mut model = Model::new(&x, &Dense::new(2).on(&base.on(&x)?)?)?;
    let counts = |model: &Model| {
        let text = model.summary().to_string();
        text.lines().filter_map(|line| line.strip_prefix(' ')).map(str::to_owned).collect::<Vec<_>>()
    };
    let total = "Total params: 35 (140.00 B)";
    assert_eq!(
        counts(&model),
        [total, "Trainable params: 29 (116.00 B)", "Non-trainable params: 6 (24.00 B)"]
    );
    model.get_layer_mut("base")?.set_trainable(false);
    assert_eq!(
        counts(&model),
        [total, "Trainable params: 8 (32.00 B)", "Non-trainable params: 27 (108.00 B)"]
    );
    let rows = model.summary().expand_nested(true).show_trainable(true).to_string();
    assert!(
        rows.contains("│    └ dense (Dense)          │ (None, 3)             │         15 │   N   │"),
        "{rows}"
    );
    assert!(
        rows.contains("│ dense (Dense)               │ (None, 2)             │          8 │   Y   │"),
        "{rows}"
    );
    Ok(())
}

#[test]
fn narrow_lines_and_long_names_keep_the_table_straight() -> Result<()> {
    let x = Input::with_name([4], "ein Eingang mit Übermaß und Leerzeichen");
    let model = Model::new(&x, &Dense::new(3).name("a".repeat(200)).on(&x)?)?;
    for length in [0, 40, 41, 57, 76, 300] {
        for summary in [model.summary(), model.summary().show_trainable(true)] {
            let text = summary.line_length(length).to_string();
            let widths: Vec<usize> =
                text.lines().skip(1).filter(|l| !l.starts_with(' ')).map(|l| l.chars().count()).collect();
            assert!(widths.iter().all(|&width| width == length.max(40)), "{text}");
        }
    }
    Ok(())
}
