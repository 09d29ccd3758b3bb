//! How what is typed becomes a value.

use std::convert::Infallible;
use std::ffi::OsStr;
use std::marker::PhantomData;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use petal::applications::{Application, Architecture, Augmentation, Weights};
use petal::data::AspectRatio;
use petal::program::DTypePolicy;
use petal::saving::any_path;
use serde::{Deserialize, Serialize};

use crate::photo_folder::absolute;

/// The weights that transfer learning begins with.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pretrained {
    #[default]
    Imagenet,
    None,
    #[serde(with = "any_path")]
    File(PathBuf),
}

impl Pretrained {
    /// The same, a file from the root on.
    ///
    /// # Errors
    /// If the present folder is gone.
    pub fn absolute(&self) -> Result<Self, String> {
        match self {
            Pretrained::File(file) => Ok(Pretrained::File(absolute(file)?)),
            weights => Ok(weights.clone()),
        }
    }
}

impl FromStr for Pretrained {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(match text {
            "imagenet" => Pretrained::Imagenet,
            "none" => Pretrained::None,
            file => Pretrained::File(file.into()),
        })
    }
}

impl From<&Pretrained> for Weights {
    fn from(pretrained: &Pretrained) -> Weights {
        match pretrained {
            Pretrained::Imagenet => Weights::Imagenet,
            Pretrained::None => Weights::None,
            Pretrained::File(path) => Weights::File(path.clone()),
        }
    }
}

/// A whole number of 1 to `MAX`, with which sums and sizes stay far from overflowing.
pub fn at_least_one<const MAX: usize>(text: &str) -> Result<usize, String> {
    whole_number(text, 1, MAX)
}

/// As [`at_least_one`], but not 1.
pub fn at_least_two<const MAX: usize>(text: &str) -> Result<usize, String> {
    whole_number(text, 2, MAX)
}

/// As [`at_least_one`], or 0.
pub fn up_to<const MAX: usize>(text: &str) -> Result<usize, String> {
    whole_number(text, 0, MAX)
}

fn whole_number(text: &str, least: usize, most: usize) -> Result<usize, String> {
    match text.parse() {
        Ok(number) if (least..=most).contains(&number) => Ok(number),
        _ => Err(format!("expected a whole number, {least} to {most}")),
    }
}

/// The most that an option may ask for: more than anyone needs.
pub const MOST: usize = 1_000_000;

/// What the two options on a photo's proportions ask for, which exclude each other.
pub fn aspect_ratio(crop_to_aspect_ratio: bool, pad_to_aspect_ratio: bool) -> AspectRatio {
    match (crop_to_aspect_ratio, pad_to_aspect_ratio) {
        (true, _) => AspectRatio::Crop,
        (_, true) => AspectRatio::Pad,
        _ => AspectRatio::Stretch,
    }
}

/// What `--model` takes, by any of its names.
pub fn architecture() -> impl TypedValueParser<Value = Architecture> {
    named(Architecture::all().map(Architecture::name).collect())
}

/// A network for transfer learning, by any of its names.
pub fn application() -> impl TypedValueParser<Value = Application> {
    named(Application::ALL.iter().map(|application| application.name()).collect())
}

fn named<T: FromStr<Err = petal::Error> + Clone + Send + Sync + 'static>(
    names: Vec<&'static str>,
) -> impl TypedValueParser<Value = T> {
    Named { names, value: PhantomData }
}

/// A value that knows all that it may be called, and what it is called usually.
#[derive(Clone)]
struct Named<T> {
    names: Vec<&'static str>,
    value: PhantomData<T>,
}

impl<T: FromStr<Err = petal::Error> + Clone + Send + Sync + 'static> TypedValueParser for Named<T> {
    type Value = T;

    fn parse_ref(
        &self,
        command: &clap::Command,
        argument: Option<&clap::Arg>,
        value: &OsStr,
    ) -> Result<T, clap::Error> {
        match value.to_str().and_then(|name| name.parse().ok()) {
            Some(found) => Ok(found),
            // It says which there are, and which one is similar.
            None => PossibleValuesParser::new(self.names.clone())
                .try_map(|name| name.parse())
                .parse_ref(command, argument, value),
        }
    }
}

/// A share of the photos.
pub fn share(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(share) if share > 0.0 && share < 1.0 => Ok(share),
        _ => Err("expected a number above 0 and below 1, like 0.2".into()),
    }
}

/// What epochs are multiplied by.
pub fn scale(text: &str) -> Result<f32, String> {
    match positive(text) {
        Ok(scale) if scale <= 1000.0 => Ok(scale),
        _ => Err("expected a number above 0 and up to 1000, like 0.5".into()),
    }
}

pub fn positive(text: &str) -> Result<f32, String> {
    match text.parse::<f32>() {
        Ok(number) if number > 0.0 && number.is_finite() => Ok(number),
        _ => Err("expected a number above 0, like 0.001 or 1e-4".into()),
    }
}

/// The lecture's phases, 1 to 4, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Phases(pub Vec<usize>);

pub fn phases(text: &str) -> Result<Phases, String> {
    let number = |text: &str| text.trim().parse().ok().filter(|number| (1..=4).contains(number));
    let range = |part: &str| match part.split_once('-') {
        Some((first, last)) => Some(number(first)?..=number(last)?),
        None => number(part).map(|number| number..=number),
    };
    let ranges: Option<Vec<_>> = text.split(',').map(range).collect();
    let mut phases: Vec<usize> = ranges.unwrap_or_default().into_iter().flatten().collect();
    phases.sort_unstable();
    phases.dedup();
    if phases.is_empty() {
        return Err("expected phases of 1 to 4, like 1,2 or 1-3".into());
    }
    if phases.contains(&4) && !phases.contains(&3) {
        return Err("phase 4 goes on from phase 3; ask for both: 3,4".into());
    }
    Ok(Phases(phases))
}

/// What one layer's rate is multiplied by for the layer before it.
pub fn factor(text: &str) -> Result<f32, String> {
    match text.parse() {
        Ok(factor) if factor > 0.0 && factor <= 1.0 => Ok(factor),
        _ => Err("expected a number above 0 and at most 1, like 0.95".into()),
    }
}

/// What is taken from a label for all classes.
pub fn smoothing(text: &str) -> Result<f32, String> {
    match text.parse() {
        Ok(share) if (0.0..1.0).contains(&share) => Ok(share),
        _ => Err("expected a number of at least 0 and below 1, like 0.1".into()),
    }
}

/// What stays of a moving average at a step.
pub fn share_of_average(text: &str) -> Result<f32, String> {
    match text.parse() {
        Ok(share) if (0.0..1.0).contains(&share) => Ok(share),
        _ => Err("expected a number of at least 0 and below 1, like 0.99".into()),
    }
}

/// Seconds, minutes or hours.
pub fn time(text: &str) -> Result<Duration, String> {
    let units = [('s', 1.0), ('m', 60.0), ('h', 3600.0)];
    let read = |(unit, seconds): (char, f64)| Some(seconds * text.strip_suffix(unit)?.parse::<f64>().ok()?);
    match units.into_iter().find_map(read) {
        Some(seconds) if (1.0..=1e8).contains(&seconds) => Ok(Duration::from_secs_f64(seconds)),
        _ => Err("expected a time of at least a second, like 90s, 5m or 1h".into()),
    }
}

pub fn image_size(text: &str) -> Result<(usize, usize), String> {
    let side = |text: &str| text.parse().ok().filter(|side| (1..=4096).contains(side));
    let size = match text.split_once(['x', '×']) {
        Some((height, width)) => side(height).zip(side(width)),
        None => side(text).map(|side| (side, side)),
    };
    size.ok_or_else(|| "expected pixels, 1 to 4096: 180, or HEIGHTxWIDTH like 180x240".into())
}

/// Reads a word as serde does, so that the choices are those of the library.
fn word<T: serde::de::DeserializeOwned>(text: &str, choices: &str) -> Result<T, String> {
    serde_json::from_value(serde_json::Value::from(text)).map_err(|_| format!("expected one of {choices}"))
}

pub fn augmentation(text: &str) -> Result<Augmentation, String> {
    let choices = "none, light, strong, or a .toml file that names layers";
    let path = Path::new(text);
    match word(text, choices) {
        Err(_) if path.extension().is_some_and(|ending| ending == "toml") || path.is_file() => {
            Augmentation::open(path).map_err(|problem| problem.to_string())
        }
        word => word,
    }
}

pub fn interpolation(text: &str) -> Result<petal::data::Interpolation, String> {
    word(text, "nearest, bilinear, bicubic, area, lanczos3, lanczos5, gaussian, mitchellcubic")
}

pub fn color_mode(text: &str) -> Result<petal::data::ColorMode, String> {
    word(text, "rgb, grayscale, rgba")
}

/// A dtype policy by Keras' name.
pub fn precision(text: &str) -> Result<DTypePolicy, String> {
    text.parse()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phases_are_a_list_of_numbers_and_ranges() {
        assert_eq!(phases("1-4"), Ok(Phases(vec![1, 2, 3, 4])));
        assert_eq!(phases("3, 4,1"), Ok(Phases(vec![1, 3, 4])));
        for wrong in ["", "0", "5", "2-", "4-1", "4", "1,,2", "cnn"] {
            assert!(phases(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn numbers_that_would_overflow_are_refused() {
        assert_eq!(at_least_one::<MOST>("1000000"), Ok(MOST));
        for wrong in ["0", "-1", "1000001", "18446744073709551615", "18446744073709551616", "1e3", ""] {
            assert!(at_least_one::<MOST>(wrong).is_err(), "{wrong}");
        }
        for wrong in ["0", "1", "nan", "inf", "-0.2", "20%"] {
            assert!(share(wrong).is_err(), "{wrong}");
        }
        for wrong in ["0", "nan", "inf", "1e38", "1001"] {
            assert!(scale(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn sizes_are_square_or_height_by_width() {
        assert_eq!(image_size("180"), Ok((180, 180)));
        assert_eq!(image_size("180x240"), Ok((180, 240)));
        for wrong in ["0", "180x", "x", "-3", "180x0", "99999"] {
            assert!(image_size(wrong).is_err(), "{wrong}");
        }
    }
}
