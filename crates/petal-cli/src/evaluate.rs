//! `petal evaluate`.

use std::fmt;
use std::path::Path;

use ndarray::{Array2, Axis};
use petal::PathText;
use petal::calibration::{Rankings, Reliability};
use petal::data::{Dataset, ImageDataset};
use petal::model::Model;
use petal::report::{ClassificationReport, EvaluationReport};
use petal::training::Loss;
use serde_json::json;

use crate::args::Evaluate;
use crate::page::Page;
use crate::photo_folder::from_here;
use crate::terminal::{self, answer, say};
use crate::{Failure, Outcome, SUCCESS, load, model_file, photo_folder, profile, run_folder, sets};

pub fn run(args: &Evaluate) -> Outcome {
    let mut model = model_file::open(&args.model, &args.unsaid)?;
    let page = Page::new("evaluation.html", args.output.as_deref(), run_folder::of_model(&args.model))?;
    let preprocessing = model.preprocessing().cloned().expect("an opened model takes photos");
    let (height, width) = preprocessing.image_size;
    let directory = photo_folder::find(args.labels.directory(args.directory.as_deref()))?;
    let (directory, folder) = sets::to_measure_on(directory, args.labels.file()?)?;
    let folder = folder
        .preprocessing(preprocessing)
        .batch_size(args.batch_size)
        .shuffle(false)
        .follow_links(args.follow_links)
        .strict(args.strict);
    let folder = match model.class_names() {
        [] => folder,
        names => folder.classes_of(names),
    };
    let data = load::with_progress(folder, args.json).load()?;
    load::describe(&directory, &[("all", &data)]);
    load::warn(&[&data]);
    if model.class_names().is_empty() {
        name_by_folders(&mut model, args, &directory, data.class_names())?;
    }
    let profile = profile::begin(args.trace.profile.is_some(), &mut model);
    let unknown_below = model_file::unknown_below(&args.model, &model, args.unknown)?;
    let (probabilities, familiarities) = model.classify_views(&data, args.tta)?;
    let unknown = unknown_below.map(|least| Unknown::new(&data, &probabilities, &familiarities, least));
    let unknown = unknown.transpose()?;
    let reliability = Reliability::new(&probabilities, data.labels())?;
    // Other views have no loss of the model's. Another loss takes labels of another form, and many models of Keras have none: then it is the classes'.
    let loss = match model.loss() {
        Some(Loss::SparseCategoricalCrossentropy(_)) if args.tta == 1 => model.evaluate(&data)?.loss,
        _ => reliability.log_loss,
    };
    if let Some(trace) = &args.trace.profile {
        profile::end(profile, trace);
    }
    answer(args, &data, &probabilities, &reliability, loss, unknown.as_ref())?;
    let name = run_folder::name_of(&args.model);
    let path = |path: &Path| PathText::new(&from_here(path)).to_string();
    let mut settings = vec![
        ("Model", path(&run_folder::model_file(&args.model))),
        ("Photos", path(&directory)),
        ("Image size", format!("{height} × {width}")),
        ("Temperature", format!("{:.2}", model.temperature())),
    ];
    if args.tta > 1 {
        settings.push(("Views of each photo", args.tta.to_string()));
    }
    settings.extend(unknown.map(|unknown| ("Answered unknown", unknown.to_string())));
    let report = EvaluationReport {
        title: format!("{name} on {}", path(&directory)),
        settings: settings.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
        photos: &data,
        probabilities: &probabilities,
        loss,
    };
    let report = report.report()?;
    page.write(|path| report.save(path))?;
    Ok(SUCCESS)
}

/// What is answered `unknown` of photos that are of the model's classes.
struct Unknown {
    photos: usize,
    of: usize,
    accuracy_of_others: f64,
}

impl Unknown {
    fn new(
        data: &ImageDataset,
        probabilities: &Array2<f32>,
        familiarities: &[f32],
        least: f32,
    ) -> petal::Result<Self> {
        let known: Vec<usize> = (0..data.len()).filter(|&photo| familiarities[photo] >= least).collect();
        let labels: Vec<usize> = known.iter().map(|&photo| data.labels()[photo]).collect();
        let others = probabilities.select(Axis(0), &known);
        let scores = ClassificationReport::from_probabilities(&labels, &others, data.class_names())?;
        Ok(Unknown { photos: data.len() - known.len(), of: data.len(), accuracy_of_others: scores.accuracy })
    }
}

impl fmt::Display for Unknown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Unknown { photos, of, accuracy_of_others } = self;
        let share = 100.0 * *photos as f64 / (*of).max(1) as f64;
        write!(
            f,
            "{photos} of {of} photos ({share:.1} %); of the others {:.1} % are right",
            100.0 * accuracy_of_others
        )
    }
}

/// Answers with the numbers.
fn answer(
    args: &Evaluate,
    data: &ImageDataset,
    probabilities: &Array2<f32>,
    reliability: &Reliability,
    loss: f64,
    unknown: Option<&Unknown>,
) -> Result<(), Failure> {
    let report = ClassificationReport::from_probabilities(data.labels(), probabilities, data.class_names())?;
    let accuracy = report.accuracy;
    let (low, high) = report.accuracy_interval();
    let error = reliability.expected_error();
    let Reliability { log_loss, brier, .. } = *reliability;
    let rankings = Rankings::new(probabilities, data.labels())?;
    let (auroc, precision) = (rankings.mean_auroc(), rankings.mean_average_precision());
    if args.json {
        let mut line = json!({
            "photos": data.len(),
            "loss": loss,
            "accuracy": accuracy,
            "accuracy_interval": [low, high],
            "calibration_error": error,
            "brier": brier,
            "log_loss": log_loss,
            "auroc": auroc,
            "average_precision": precision,
            "classes": report,
        });
        if let Some(Unknown { photos, accuracy_of_others, .. }) = unknown {
            line["unknown"] = json!({ "photos": photos, "accuracy_of_others": accuracy_of_others });
        }
        return Ok(terminal::answer_as_is(line)?);
    }
    terminal::answer_lines(report)?;
    answer!("")?;
    answer!("accuracy: {accuracy:.4} - loss: {loss:.4}")?;
    answer!("95 % interval of the accuracy: {low:.4} to {high:.4}")?;
    answer!("probabilities: calibration error {error:.4} - log loss {log_loss:.4} - Brier score {brier:.4}")?;
    if let (Some(auroc), Some(precision)) = (auroc, precision) {
        answer!(
            "each class against the others, in the mean: AUROC {auroc:.4} - average precision {precision:.4}"
        )?;
    }
    if let Some(unknown) = unknown {
        answer!("answered unknown: {unknown}")?;
    }
    Ok(())
}

/// Takes the classes for those of the folders, in Keras' order, where the model doesn't say what they are.
fn name_by_folders(
    model: &mut Model,
    args: &Evaluate,
    directory: &Path,
    folders: &[String],
) -> Result<(), Failure> {
    let classes = model_file::class_count(model);
    if folders.len() != classes {
        return Err(format!(
            "{}: the model has {classes} classes and doesn't say which, {} has {} ({}); name them by --class-names",
            args.model.display(),
            directory.display(),
            folders.len(),
            folders.join(", ")
        )
        .into());
    }
    say!(
        "The model doesn't name its classes; they are taken for the folders in alphabetical order, {}. If they are \
         others, name them by --class-names.",
        folders.join(", ")
    );
    Ok(model.set_class_names(folders)?)
}
