//! What is said at the end of a training: how good the model is, where it is, and what to do next.

use std::fmt::Write;
use std::path::Path;

use petal::applications::{Application, Architecture};
use petal::calibration::Calibration;
use petal::model::Model;
use petal::report::{Report, saved_epoch};
use petal::shell::quoted;
use petal::training::History;

use crate::args::Pretrained;
use crate::run_folder::MODEL;
use crate::settings::{Recipe, Settings, unlike_imagenet};
use crate::test_set;

/// `report` is that of the model that was saved.
pub fn last_words(
    settings: &Settings,
    model: &Model,
    report: &Report,
    calibration: Option<&Calibration>,
    folder: &Path,
) -> String {
    let mut text = String::new();
    // Writing to a String cannot fail.
    if let Some(scores) = &report.classification {
        let (low, high) = scores.accuracy_interval();
        let epoch = saved_epoch(model.history()).replace('\u{a0}', " ");
        let _ = writeln!(
            text,
            "\nAccuracy on the validation photos: {} ({epoch}), 95 % interval {:.1}–{}",
            percent(scores.accuracy),
            100.0 * low,
            percent(high)
        );
    }
    if let Some(Calibration { temperature, before, after, .. }) = calibration {
        let (before, after) = (percent(before.expected_error()), percent(after.expected_error()));
        let _ = writeln!(
            text,
            "Probabilities are off by {after} in the mean, {before} before logits were divided by {temperature:.2}"
        );
    }
    if let Some(test) = &report.test {
        text += &test_set::words(test);
    }
    let _ = writeln!(text, "Model: {}\n\nNext:", folder.join(MODEL).display());
    let run = quoted(folder);
    let mut commands =
        vec![(format!("petal predict {run} photo.jpg"), "what a photo of yours shows".to_owned())];
    commands.push(match report.mistakes.first() {
        Some(mistake) => (
            format!("petal explain {run} {}", quoted(Path::new(&mistake.file))),
            format!("why it takes this one for {}", mistake.predicted),
        ),
        None => (format!("petal explain {run} photo.jpg"), "where it looks".into()),
    });
    if cfg!(feature = "serve") {
        commands.push((format!("petal serve {run}"), "a page and an API that classify photos".into()));
    }
    commands.push((
        format!("petal export {run} --to onnx"),
        "a file for other programs; --to keras, --to web are others".into(),
    ));
    commands.extend(better(settings, model, report, &run));
    for (command, why) in commands {
        let _ = writeln!(text, "  {command}    # {why}");
    }
    text
}

/// What is likely to give a better model: commands, each with its reason.
fn better(settings: &Settings, model: &Model, report: &Report, run: &str) -> Vec<(String, String)> {
    let (history, preprocessing) = (model.history(), &settings.data.preprocessing);
    let validation = report.classification.as_ref().map_or(0.0, |scores| scores.accuracy);
    let training = history.of_the_weights("accuracy").unwrap_or(validation);
    let overfits = training - validation > OVERFITS;
    let train = train_again(settings);
    let mut commands = Vec::new();
    if settings.recipe == Recipe::Auto {
        return commands;
    }
    if !overfits && still_rises(history) {
        let more = match &settings.fine_tuning {
            Some(fine_tuning) => format!("--fine-tune-epochs {}", 2 * fine_tuning.epochs),
            None => format!("--epochs {}", 2 * settings.epochs),
        };
        let why = "the last epoch was the best: more may be better still".to_owned();
        commands.push((format!("petal train --resume {run} {more}"), why));
    }
    if settings.model == Architecture::Cnn && overfits {
        let why = format!("it overfits: {} on the photos that it learned from", percent(training));
        commands.push((format!("{train} --model cnn-regularized"), why));
    }
    if settings.model.is_pretrained() {
        if settings.fine_tuning.is_none() {
            let weights = match &settings.weights {
                Pretrained::Imagenet => String::new(),
                Pretrained::None => " --weights none".into(),
                Pretrained::File(file) => format!(" --weights {}", quoted(file)),
            };
            let command = format!(
                "{train} --model {}{weights} --fine-tune-at {}",
                settings.model.name(),
                fine_tune_at(settings.model, model)
            );
            commands.push((command, "then its upper layers learn these photos, too: fine-tuning".into()));
        }
    } else if unlike_imagenet(preprocessing.image_size, preprocessing.color_mode).is_none() {
        let why = match settings.recipe {
            Recipe::Instead(_) => "once ImageNet's weights are there: far better",
            _ => {
                "the best recipe: transfer learning, with a network that knows the photos of ImageNet already"
            }
        };
        commands.push((train, why.to_owned()));
    }
    commands
}

/// How much the accuracy on the training photos may be above that on the validation photos.
const OVERFITS: f64 = 0.1;

/// Whether no earlier epoch was as good as the last.
fn still_rises(history: &History) -> bool {
    let values = history.series("val_accuracy");
    match values.split_last() {
        Some((last, before)) => !before.is_empty() && before.iter().all(|value| value < last),
        None => false,
    }
}

/// The command for another network on the same photos.
fn train_again(settings: &Settings) -> String {
    let data = &settings.data;
    let mut command = format!("petal train {}", data.sets.arguments());
    match data.preprocessing.image_size {
        (180, 180) => {}
        (height, width) if height == width => command += &format!(" --image-size {height}"),
        (height, width) => command += &format!(" --image-size {height}x{width}"),
    }
    if data.seed != 42 {
        command += &format!(" --seed {}", data.seed);
    }
    command
}

/// The first layer to fine-tune: the lecture's for MobileNetV2, and as far up in the others.
fn fine_tune_at(architecture: Architecture, model: &Model) -> usize {
    let layers =
        model.layers().iter().filter_map(|node| Some(node.as_model()?.layers().len())).max().unwrap_or(0);
    match architecture {
        Architecture::Transfer(Application::MobileNetV2) => 100,
        _ => layers * 100 / 154,
    }
}

fn percent(share: f64) -> String {
    format!("{:.1} %", 100.0 * share)
}
