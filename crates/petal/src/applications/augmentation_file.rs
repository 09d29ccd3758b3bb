//! Augmentations that a TOML file says.

use std::ops::Range;
use std::path::Path;

use serde_json::{Map, Value as Json, json};
use toml::de::{DeTable, DeValue};

use super::Augmentation;
use crate::layers::{AnyLayer, Input, Layer};
use crate::{Error, Result};

pub(super) fn read(path: &Path) -> Result<Augmentation> {
    let text = std::fs::read_to_string(path).map_err(Error::io("read", path))?;
    parse(&text).map(Augmentation::Custom).map_err(|Problem { at, what }| {
        let line = text[..at.min(text.len())].matches('\n').count() + 1;
        Error::file(path, format!("line {line}: {what}"))
    })
}

/// What is wrong, and the byte where.
#[derive(Debug)]
struct Problem {
    at: usize,
    what: String,
}

impl Problem {
    fn new(place: &Range<usize>, what: impl Into<String>) -> Self {
        Problem { at: place.start, what: what.into() }
    }
}

/// The layers in the order of the text.
fn parse(text: &str) -> Result<Vec<AnyLayer>, Problem> {
    let document = DeTable::parse(text).map_err(|error| {
        Problem::new(&error.span().unwrap_or(0..0), format!("no TOML: {}", error.message()))
    })?;
    let mut tables: Vec<(Range<usize>, &str, &DeTable<'_>)> = Vec::new();
    for (key, value) in document.get_ref() {
        let class = key.get_ref().as_ref();
        // A layer that comes twice is an array of tables.
        let elements = match value.get_ref() {
            DeValue::Array(elements) => elements.iter().collect(),
            _ => vec![value],
        };
        for element in elements {
            let DeValue::Table(table) = element.get_ref() else {
                let what = format!("{class} is no table; write [{class}] and its settings below");
                return Err(Problem::new(&key.span(), what));
            };
            tables.push((element.span(), class, table));
        }
    }
    tables.sort_by_key(|(place, ..)| place.start);
    if tables.is_empty() {
        return Err(Problem::new(&(0..0), "names no layer; write [RandomFlip], for example"));
    }
    tables.into_iter().map(|(place, class, table)| layer(&place, class, table)).collect()
}

fn layer(place: &Range<usize>, class: &str, table: &DeTable<'_>) -> Result<AnyLayer, Problem> {
    let examples = AnyLayer::augmentations();
    let Some(example) = examples.iter().find(|layer| layer.class_name() == class) else {
        let names: Vec<&str> = examples.iter().map(AnyLayer::class_name).collect();
        return Err(Problem::new(
            place,
            format!(
                "there is no layer '{class}'; {}the layers are {}",
                did_you_mean(class, &names),
                names.join(", ")
            ),
        ));
    };
    let known = example.get_config();
    let known =
        known.as_object().map(|settings| settings.keys().map(String::as_str).collect()).unwrap_or(Vec::new());
    let mut config = Map::new();
    for (key, value) in table {
        let name = key.get_ref().as_ref();
        if !known.contains(&name) {
            let settings = match known.is_empty() {
                true => "it has none".into(),
                false => format!("its settings are {}", known.join(", ")),
            };
            return Err(Problem::new(
                &key.span(),
                format!("{class} has no setting '{name}'; {}{settings}", did_you_mean(name, &known)),
            ));
        }
        let value = json(value.get_ref()).ok_or_else(|| {
            Problem::new(&value.span(), format!("{name} is neither a number nor a text, nor a list of such"))
        })?;
        // The one that doesn't fit is found by setting each alone.
        let mut alone = example.get_config();
        alone[name] = value.clone();
        if let Err(problem) = build(class, alone) {
            let usual = shown(&example.get_config()[name]);
            return Err(Problem::new(
                &key.span(),
                format!("{class}: {name} is {value}: {problem}; it could be {usual}, for example"),
            ));
        }
        config.insert(name.to_owned(), value);
    }
    build(class, config.into()).map_err(|problem| Problem::new(place, format!("{class}: {problem}")))
}

/// The layer with these settings, if they are within their ranges.
fn build(class: &str, config: Json) -> Result<AnyLayer, String> {
    let layer: AnyLayer =
        serde_json::from_value(json!({ "class_name": class, "config": config })).map_err(|problem| {
            match problem.to_string() {
                // An enum without names for its variants has no better words.
                problem if problem.contains("untagged") => "expected a number, or two in brackets".into(),
                problem => problem.replace("missing field", "it needs the setting"),
            }
        })?;
    match layer.clone().on(&Input::image(64, 64, 3)) {
        Ok(_) => Ok(layer),
        Err(Error::Layer { problem, .. }) => Err(problem),
        Err(problem) => Err(problem.to_string()),
    }
}

fn did_you_mean(typed: &str, known: &[&str]) -> String {
    let similarity = |name: &&str| strsim::jaro(typed, name);
    match known.iter().max_by(|a, b| similarity(a).total_cmp(&similarity(b))) {
        Some(name) if similarity(name) > 0.7 => format!("did you mean {name}? "),
        _ => String::new(),
    }
}

/// A setting as it is typed: without the digits that an `f32` gets as an `f64`.
fn shown(setting: &Json) -> String {
    match setting {
        Json::Number(number) if number.is_f64() => (number.as_f64().unwrap_or_default() as f32).to_string(),
        Json::Array(elements) => format!("[{}]", elements.iter().map(shown).collect::<Vec<_>>().join(", ")),
        other => other.to_string(),
    }
}

/// What JSON has words for.
fn json(value: &DeValue<'_>) -> Option<Json> {
    Some(match value {
        DeValue::String(text) => text.as_ref().into(),
        DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix()).ok()?.into(),
        DeValue::Float(number) => {
            number.as_str().parse::<f64>().ok().filter(|number| number.is_finite())?.into()
        }
        DeValue::Boolean(flag) => (*flag).into(),
        DeValue::Array(elements) => {
            elements.iter().map(|element| json(element.get_ref())).collect::<Option<Vec<_>>>()?.into()
        }
        DeValue::Datetime(_) | DeValue::Table(_) => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layers::{FlipMode, MixUp, RandomErasing, RandomFlip, RandomRotation};

    #[test]
    fn layers_come_in_the_order_of_the_text_also_those_that_come_twice() {
        let text = "# From weak to strong.\n[RandomRotation]\nfactor = [-0.1, 0.2]\nfill_mode = \"nearest\"\n\n\
                    [[RandomErasing]]\nfactor = 0.3\n[RandomFlip]\nmode = \"horizontal\"\n[[RandomErasing]]\n[MixUp]\n";
        let rotation = RandomRotation::new((-0.1, 0.2)).fill_mode(crate::layers::FillMode::Nearest);
        let expected: Vec<AnyLayer> = vec![
            rotation.into(),
            RandomErasing::new(0.3).into(),
            RandomFlip::new(FlipMode::Horizontal).into(),
            RandomErasing::default().into(),
            MixUp::default().into(),
        ];
        assert_eq!(parse(text).unwrap(), expected);
    }

    #[test]
    fn every_augmentation_can_be_written_with_all_of_its_settings() {
        for layer in AnyLayer::augmentations() {
            assert_eq!(build(layer.class_name(), layer.get_config()), Ok(layer.clone()));
            assert!(layer.augments(), "{}", layer.class_name());
        }
    }

    #[test]
    fn errors_name_the_line_and_what_was_meant() {
        for (text, expected) in [
            (
                "[RandomFilp]",
                "line 1: there is no layer 'RandomFilp'; did you mean RandomFlip? the layers are ",
            ),
            ("\n[Dense]\nunits = 3", "line 2: there is no layer 'Dense'; "),
            (
                "[MixUp]\n\nalhpa = 1",
                "line 3: MixUp has no setting 'alhpa'; did you mean alpha? its settings are alpha",
            ),
            (
                "[RandomRotation]\nfactor = 'x'",
                "line 2: RandomRotation: factor is \"x\": expected a number, or two",
            ),
            (
                "[RandomZoom]\nheight_factor = 3",
                "line 2: RandomZoom: height_factor is 3: its height factor is -3 to 3; expected bounds in -0.99999994 to 1; it could be [-0.1, 0.1], for",
            ),
            ("[RandomRotation]", "line 1: RandomRotation: it needs the setting `factor`"),
            ("[RandomFlip]\nmode = \"up\"", "line 2: RandomFlip: mode is \"up\": unknown variant `up`"),
            ("RandomFlip = 1", "line 1: RandomFlip is no table; write [RandomFlip]"),
            ("# a\n[A]\nx = \n", "line 3: no TOML: "),
            ("# nothing", "line 1: names no layer"),
        ] {
            let file = tempfile::NamedTempFile::new().unwrap();
            std::fs::write(file.path(), text).unwrap();
            let problem = read(file.path()).unwrap_err().to_string();
            assert!(problem.contains(expected), "{problem}");
        }
    }
}
