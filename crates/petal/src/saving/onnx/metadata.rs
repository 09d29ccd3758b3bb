//! What an ONNX file says beside the graph, in the keys and in the Python literals that readers of Ultralytics' models
//! know.

use std::fmt::Write;

use super::proto::Port;
use super::{InputKind, Onnx};
use crate::data::{AspectRatio, ColorMode, Preprocessing};
use crate::model::Model;

/// Keys and values.
pub(super) fn metadata(model: &Model, settings: &Onnx) -> Vec<(&'static str, String)> {
    let mut entries = vec![
        ("description", format!("{}, exported by Petal", model.name())),
        ("version", env!("CARGO_PKG_VERSION").to_owned()),
        ("task", "classify".to_owned()),
        ("stride", "1".to_owned()),
        ("batch", "1".to_owned()),
    ];
    if let Ok([height, width, channels]) = model.input_shape().image() {
        entries.push(("imgsz", format!("[{height}, {width}]")));
        entries.push(("channels", channels.to_string()));
    }
    if !model.class_names().is_empty() {
        entries.push(("names", names(model.class_names())));
    }
    if let Some(Preprocessing {
        color_mode,
        interpolation,
        aspect_ratio,
        exif_orientation,
        average_large,
        ..
    }) = model.preprocessing().filter(|_| settings.input != InputKind::AnySize)
    {
        let [exif_orientation, average_large] =
            [*exif_orientation, *average_large].map(|on| if on { "True" } else { "False" });
        entries.push(("color_mode", color(*color_mode).to_owned()));
        entries.push(("interpolation", interpolation.name().to_owned()));
        entries.push(("aspect_ratio", fit(*aspect_ratio).to_owned()));
        entries.push(("exif_orientation", exif_orientation.to_owned()));
        entries.push(("average_large", average_large.to_owned()));
    }
    entries
}

/// What who opens the file should know first.
pub(super) fn doc(model: &Model, settings: &Onnx, input: &Port, output: &Port) -> String {
    let mut text = format!("{input} → {output}.");
    if model.input_shape().image().is_ok() {
        text.push_str(" Pixels are 0 to 255");
        let resized = match model.preprocessing() {
            Some(preprocessing) if settings.input != InputKind::AnySize => {
                let resized = match preprocessing.aspect_ratio {
                    AspectRatio::Stretch => "stretched to this size",
                    AspectRatio::Crop => {
                        "cut to the right proportions in the middle and brought to this size"
                    }
                    AspectRatio::Pad => "brought into this size with black bars",
                };
                let averaged = match preprocessing.average_large {
                    true => ", halved before as often as both sides stay twice these",
                    false => "",
                };
                let rule = preprocessing.interpolation.name();
                format!(", photos {resized}, {rule} without antialiasing{averaged}")
            }
            _ => String::new(),
        };
        let _ = write!(text, "{resized}.");
    }
    text
}

fn color(mode: ColorMode) -> &'static str {
    match mode {
        ColorMode::Rgb => "rgb",
        ColorMode::Grayscale => "grayscale",
        ColorMode::Rgba => "rgba",
    }
}

fn fit(aspect_ratio: AspectRatio) -> &'static str {
    match aspect_ratio {
        AspectRatio::Stretch => "stretch",
        AspectRatio::Crop => "crop",
        AspectRatio::Pad => "pad",
    }
}

/// A Python dictionary: `{0: 'daisy', 1: 'roses'}`.
fn names(names: &[String]) -> String {
    let entries: Vec<String> =
        names.iter().enumerate().map(|(i, name)| format!("{i}: {}", literal(name))).collect();
    format!("{{{}}}", entries.join(", "))
}

/// A Python string.
fn literal(text: &str) -> String {
    let mut literal = String::from("'");
    for c in text.chars() {
        match c {
            '\'' | '\\' => literal.extend(['\\', c]),
            c if c.is_control() => {
                let _ = write!(literal, "\\x{:02x}", u32::from(c));
            }
            c => literal.push(c),
        }
    }
    literal.push('\'');
    literal
}

#[cfg(test)]
mod tests {
    use super::names;

    #[test]
    fn names_are_a_python_dictionary_whatever_is_in_them() {
        // Each is what Python's ast.literal_eval makes the names of.
        let names_of = |text: &[&str]| names(&text.iter().map(|&name| name.to_owned()).collect::<Vec<_>>());
        assert_eq!(names_of(&["daisy", "water lily"]), "{0: 'daisy', 1: 'water lily'}");
        assert_eq!(names_of(&["Queen Anne's lace"]), r"{0: 'Queen Anne\'s lace'}");
        assert_eq!(names_of(&[r"a\b'", "\"x\""]), r#"{0: 'a\\b\'', 1: '"x"'}"#);
        assert_eq!(
            names_of(&["Gänseblümchen 🌼", "a\nb\0\u{85}"]),
            r"{0: 'Gänseblümchen 🌼', 1: 'a\x0ab\x00\x85'}"
        );
    }
}
