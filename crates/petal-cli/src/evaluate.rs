//! `petal evaluate`.

use std::path::Path;

use petal::calibration::Reliability;
use petal::data::Dataset;
use petal::model::Model;
use petal::report::ClassificationReport;
use petal::training::Loss;
use serde_json::json;

use crate::args::Evaluate;
use crate::terminal::{self, answer, say};
use crate::{Failure, Outcome, SUCCESS, load, model_file, photo_folder, profile, sets};

pub fn run(args: &Evaluate) -> Outcome {
    let mut model = model_file::open(&args.model, &args.unsaid)?;
    let preprocessing = model.preprocessing().cloned().expect("an opened model takes photos");
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
    let probabilities = model.classify(&data)?;
    let report = ClassificationReport::from_probabilities(data.labels(), &probabilities, data.class_names())?;
    let reliability = Reliability::new(&probabilities, data.labels())?;
    // Another loss takes labels of another form, and many models of Keras have none: then it is the classes'.
    let loss = match model.loss() {
        Some(Loss::SparseCategoricalCrossentropy(_)) => model.evaluate(&data)?.loss,
        _ => reliability.log_loss,
    };
    let accuracy = report.accuracy;
    let (low, high) = report.accuracy_interval();
    let error = reliability.expected_error();
    if let Some(trace) = &args.trace.profile {
        profile::end(profile, trace);
    }
    if args.json {
        let line = json!({
            "photos": data.len(),
            "loss": loss,
            "accuracy": accuracy,
            "accuracy_interval": [low, high],
            "calibration_error": error,
            "brier": reliability.brier,
            "log_loss": reliability.log_loss,
            "classes": report,
        });
        terminal::answer_as_is(line)?;
    } else {
        terminal::answer_lines(report)?;
        answer!("")?;
        answer!("accuracy: {accuracy:.4} - loss: {loss:.4}")?;
        answer!("95 % interval of the accuracy: {low:.4} to {high:.4}")?;
        let Reliability { log_loss, brier, .. } = reliability;
        answer!(
            "probabilities: calibration error {error:.4} - log loss {log_loss:.4} - Brier score {brier:.4}"
        )?;
    }
    Ok(SUCCESS)
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
