//! `petal compare`.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use ndarray::Axis;
use petal::PathText;
use petal::data::{Dataset, ImageDataset, ImageFolder, Preprocessing};
use petal::model::Model;
use petal::report::{ComparedMetric, Comparison, ComparisonReport};
use serde_json::{Value, json};

use crate::args::Compare;
use crate::data::DataSettings;
use crate::page::Page;
use crate::photo_folder::from_here;
use crate::terminal::{self, answer, say};
use crate::{Failure, Outcome, SUCCESS, load, model_file, photo_folder, run_folder, sets};

pub fn run(args: &Compare) -> Outcome {
    let paths = [args.first.as_path(), args.second.as_path()];
    let page = Page::new("comparison.html", args.output.as_deref(), None)?;
    let models = [model_file::open(paths[0], &args.unsaid)?, model_file::open(paths[1], &args.unsaid)?];
    let columns = columns(paths, &models)?;
    let source = Source::new(args)?;
    let preprocessing = |model: &Model| model.preprocessing().cloned().expect("an opened model takes photos");
    let photos = source.load(preprocessing(&models[0]), models[0].class_names(), args.json)?;
    load::describe(&source.directory(), &[("all", &photos)]);
    load::warn(&[&photos]);
    let first = models[0].classify(&photos)?;
    let second = if preprocessing(&models[0]) == preprocessing(&models[1]) {
        models[1].classify(&photos)?
    } else {
        let others = source.load(preprocessing(&models[1]), models[0].class_names(), args.json)?;
        if others.file_paths() != photos.file_paths() {
            return Err("photos were changed while they were compared; begin again".into());
        }
        models[1].classify(&others)?
    };
    let second = second.select(Axis(1), &columns);
    let comparison = Comparison::new(photos.labels(), [&first, &second], photos.class_names())?;
    let names = names(paths);
    let names = [names[0].as_str(), &names[1]];
    let doubts: Vec<String> = (0..2)
        .filter_map(|i| trained_on(paths[i], names[i], &photos).transpose())
        .collect::<Result<_, _>>()?;
    doubts.iter().for_each(|doubt| say!("warning: {doubt}"));
    if args.json {
        terminal::answer_as_is(json(&comparison, names, &photos))?;
    } else {
        terminal::answer_lines(comparison.table(names))?;
        answer!("")?;
        answer!("{}", comparison.verdict(names))?;
    }
    let report = ComparisonReport {
        title: format!("{} and {}", names[0], names[1]),
        names,
        models: [&models[0], &models[1]],
        photos: &photos,
        which: source.which(),
        doubts,
        comparison: &comparison,
    };
    page.write(|path| report.save(path))?;
    Ok(SUCCESS)
}

/// Where the photos are that both are measured on.
enum Source {
    /// A folder, and how it is called.
    Folder(PathBuf, Box<ImageFolder>),
    /// The validation photos of a run.
    Validation(Box<DataSettings>),
}

impl Source {
    fn new(args: &Compare) -> Result<Self, Failure> {
        if let Some(directory) = args.labels.directory(args.photos.as_deref()) {
            let directory = photo_folder::find(Some(directory))?;
            let (directory, folder) = sets::to_measure_on(directory, args.labels.file()?)?;
            return Ok(Source::Folder(directory, Box::new(folder.shuffle(false))));
        }
        let run = run_folder::of_model(&args.first);
        match run.map(|run| DataSettings::of_run(&run)).transpose()?.flatten() {
            Some(settings) => Ok(Source::Validation(Box::new(settings))),
            None => Err(format!(
                "{} is of no run, whose validation photos would be taken; name photos after both models: petal compare {} {} \
                 PHOTOS",
                PathText::new(&args.first),
                PathText::new(&args.first),
                PathText::new(&args.second)
            )
            .into()),
        }
    }

    fn load(
        &self,
        preprocessing: Preprocessing,
        classes: &[String],
        quiet: bool,
    ) -> Result<ImageDataset, Failure> {
        Ok(match self {
            Source::Folder(_, folder) => {
                let folder = folder.clone().preprocessing(preprocessing).classes_of(classes);
                load::with_progress(folder, quiet).load()?
            }
            Source::Validation(settings) => {
                let folder = settings.folder().preprocessing(preprocessing);
                load::with_progress(folder, quiet).validation_set()?
            }
        })
    }

    fn directory(&self) -> PathBuf {
        match self {
            Source::Folder(directory, _) => directory.clone(),
            Source::Validation(settings) => settings.sets.photos_from_here(),
        }
    }

    fn which(&self) -> String {
        let directory = PathText::new(&from_here(&self.directory())).to_string();
        match self {
            Source::Folder(..) => format!("photos of {directory}"),
            Source::Validation(_) => format!("validation photos of the first run, of {directory}"),
        }
    }
}

/// Of each class of the first model, where the second has it.
fn columns(paths: [&Path; 2], models: &[Model; 2]) -> Result<Vec<usize>, Failure> {
    for (path, model) in paths.iter().zip(models) {
        if model.class_names().is_empty() {
            return Err(format!(
                "{} doesn't say what its classes are; name them by --class-names a,b,c",
                path.display()
            )
            .into());
        }
    }
    let [first, second] = models.each_ref().map(Model::class_names);
    let columns: Option<Vec<usize>> =
        first.iter().map(|name| second.iter().position(|other| other == name)).collect();
    columns.filter(|_| first.len() == second.len()).ok_or_else(|| {
        format!(
            "the models have different classes: {} has {}, {} has {}; compare models of the same classes",
            paths[0].display(),
            first.join(", "),
            paths[1].display(),
            second.join(", ")
        )
        .into()
    })
}

/// What the models are called: short, and different.
fn names(paths: [&Path; 2]) -> [String; 2] {
    let names = paths.map(run_folder::name_of);
    if names[0] != names[1] {
        return names;
    }
    let whole = paths.map(|path| PathText::new(path).to_string());
    if whole[0] != whole[1] { whole } else { ["first", "second"].map(str::to_owned) }
}

/// That a model was trained on some of the photos, if its run says so.
fn trained_on(path: &Path, name: &str, photos: &ImageDataset) -> Result<Option<String>, Failure> {
    let run = run_folder::of_model(path);
    let Some(settings) = run.map(|run| DataSettings::of_run(&run)).transpose()?.flatten() else {
        return Ok(Some(format!("Whether {name} was trained on some of these photos is not known.")));
    };
    let Ok(listing) = settings.folder().list_sets() else {
        return Ok(Some(format!(
            "The photos of {name} are no longer where they were, so whether it was trained on some of these is not known."
        )));
    };
    let whole = |path: &PathBuf| path.canonicalize().unwrap_or_else(|_| path.clone());
    let trained: HashSet<PathBuf> = listing.files.iter().map(|(path, _)| whole(path)).collect();
    let seen = photos.file_paths().iter().filter(|path| trained.contains(&whole(path))).count();
    Ok((seen > 0).then(|| {
        format!(
            "{name} was trained on {seen} of these {} photos, which flatters it; compare on photos that are new to both.",
            photos.len()
        )
    }))
}

fn json(comparison: &Comparison, names: [&str; 2], photos: &ImageDataset) -> Value {
    let metric = |metric: &ComparedMetric| {
        json!({
            "name": metric.name,
            "values": metric.values,
            "intervals": metric.intervals,
            "difference": metric.difference,
        })
    };
    let metrics: Vec<Value> = comparison.metrics.iter().map(metric).collect();
    let test = comparison.mcnemar;
    json!({
        "photos": photos.len(),
        "models": names,
        "metrics": metrics,
        "mcnemar": { "only_first": test.only_first, "only_second": test.only_second, "p": test.p },
    })
}
