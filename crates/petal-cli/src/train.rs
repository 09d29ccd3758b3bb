//! `petal train`.

use std::path::{Path, PathBuf};
use std::time::Instant;

use petal::data::{Comparison, Dataset, ImageDataset, ImageFolder, compare};
use petal::model::Model;
use petal::report::TrainingReport;
use petal::training::callbacks::EarlyStopping;
use petal::training::{Adam, Callback, Fit, Logs, SparseCategoricalCrossentropy, Training, Verbose};

use crate::args::Train;
use crate::interrupt::Interrupt;
use crate::run_folder::{self, BEST, CHECKPOINT, HISTORY_CSV, HISTORY_JSON, MODEL};
use crate::settings::{self, Settings, Validation};
use crate::{INTERRUPTED, Outcome, SUCCESS, load};

pub fn run(args: Train) -> Outcome {
    let interrupt = Interrupt::install()?;
    let verbose = if args.quiet { Verbose::Silent } else { Verbose::Auto };
    let (settings, folder, checkpoint) = match &args.resume {
        None => (Settings::new(&args)?, None, None),
        Some(folder) => {
            let mut settings = Settings::read(folder)?;
            settings.epochs = args.epochs.unwrap_or(settings.epochs);
            (settings, Some(folder.clone()), Some(resumed_model(folder)?))
        }
    };
    let data = Data::load(&settings, args.quiet)?;
    let mut model = match checkpoint {
        Some(model) => model,
        None => new_model(&settings, &data.train)?,
    };
    let folder = match folder {
        Some(folder) => folder,
        None => run_folder::create(args.output.as_deref(), &settings.photos)?,
    };
    settings.write(&folder)?;
    if !args.quiet && args.resume.is_none() {
        eprintln!("{}", model.summary());
    }

    let started = Instant::now();
    train(&mut model, &settings, &data, &folder, interrupt, verbose)?;
    let seconds = started.elapsed().as_secs_f64();

    let interrupted = Interrupt::came();
    if !interrupted {
        // The finished model needs no optimizer, which is twice its size.
        model.forget_optimizer_state();
    }
    model.save(folder.join(MODEL))?;
    model.history().save(folder.join(HISTORY_CSV))?;
    model.history().save(folder.join(HISTORY_JSON))?;
    let report = TrainingReport {
        title: format!("{} on {}", settings::name(settings.model), settings.photos.display()),
        settings: settings.rows(),
        model: &model,
        train: &data.train,
        validation: &data.validation,
        comparison: &data.comparison,
        seconds,
    };
    let report = report.write(&folder)?;
    println!("{}", report.display());
    if interrupted {
        let learned = folder.join(MODEL);
        if folder.join(CHECKPOINT).exists() {
            eprintln!("Ended by Ctrl-C; `petal train --resume {}` goes on.", folder.display());
        } else {
            eprintln!("Ended by Ctrl-C in the first epoch; what was learned is in {}.", learned.display());
        }
        return Ok(INTERRUPTED);
    }
    for file in [CHECKPOINT, BEST] {
        // Whatever is left of them does no harm.
        let _ = std::fs::remove_file(folder.join(file));
    }
    Ok(SUCCESS)
}

/// The two sides, and what is doubtful about them.
struct Data {
    train: ImageDataset,
    validation: ImageDataset,
    comparison: Comparison,
}

impl Data {
    fn load(settings: &Settings, quiet: bool) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        let folder = |directory: &Path| {
            let folder = ImageFolder::new(directory)
                .preprocessing(settings.preprocessing.clone())
                .batch_size(settings.batch_size)
                .seed(settings.seed)
                .follow_links(settings.follow_links)
                .strict(settings.strict);
            let folder = match settings.memory_budget_mib {
                Some(mib) => folder.memory_budget(mib << 20),
                None => folder,
            };
            load::with_progress(folder, quiet)
        };
        let (train, validation) = match &settings.validation {
            Validation::Split(share) => folder(&settings.photos).validation_split(*share).split()?,
            Validation::Folder(directory) => {
                (folder(&settings.photos).load()?, folder(directory).shuffle(false).load()?)
            }
        };
        let comparison = compare(&train, &validation);
        if !comparison.same_classes() {
            return Err(format!(
                "{} and the validation folder have different classes: {comparison}; name the same folders in both",
                settings.photos.display()
            )
            .into());
        }
        if !quiet {
            load::describe(&settings.photos, &[("training", &train), ("validation", &validation)]);
        }
        load::warn(&comparison);
        Ok(Data { train, validation, comparison })
    }
}

fn new_model(settings: &Settings, train: &ImageDataset) -> petal::Result<Model> {
    let mut model = settings.build(train.class_names().len())?;
    model.compile(Adam::new(settings.learning_rate), SparseCategoricalCrossentropy::from_logits())?;
    model.set_class_names(train.class_names())?;
    model.set_preprocessing(train.preprocessing().clone())?;
    Ok(model)
}

/// The model as it was after the last finished epoch, or when Ctrl-C came.
fn resumed_model(folder: &Path) -> Result<Model, String> {
    let checkpoint = folder.join(CHECKPOINT);
    if checkpoint.exists() {
        return Model::load(&checkpoint).map_err(|error| error.to_string());
    }
    if folder.join(MODEL).exists() {
        return Err(format!("{} has ended; there is nothing to go on with", folder.display()));
    }
    Err(format!("{} has no finished epoch to go on from; start it anew", folder.display()))
}

fn train(
    model: &mut Model,
    settings: &Settings,
    data: &Data,
    folder: &Path,
    interrupt: Interrupt,
    verbose: Verbose,
) -> petal::Result<()> {
    let best = folder.join(BEST);
    let mut fit = Fit::epochs(settings.epochs)
        .initial_epoch(model.history().next_epoch())
        .validation(&data.validation)
        .verbose(verbose);
    if settings.balance_classes {
        fit = fit.class_weights(balanced_weights(&data.train));
    }
    if let Some(patience) = settings.early_stopping {
        let mut early_stopping = EarlyStopping::new()
            .monitor("val_accuracy")
            .patience(patience)
            .restore_best_weights(true)
            .verbose(true);
        if best.exists() {
            early_stopping = early_stopping.resume(model.history(), &Model::load(&best)?);
        }
        fit = fit.callback(early_stopping);
    }
    let best_so_far = model.history().get("val_accuracy").iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let checkpoint = Checkpoint {
        file: folder.join(CHECKPOINT),
        history: folder.join(HISTORY_CSV),
        best: settings.early_stopping.map(|_| (best, best_so_far)),
    };
    model.fit(&data.train, fit.callback(checkpoint).callback(interrupt))?;
    Ok(())
}

/// Saves all that is needed to go on after each epoch.
struct Checkpoint {
    file: PathBuf,
    history: PathBuf,
    /// Where early stopping's best model goes, and its val_accuracy.
    best: Option<(PathBuf, f64)>,
}

impl Callback for Checkpoint {
    fn on_epoch_end(
        &mut self,
        epoch: usize,
        logs: &mut Logs,
        training: &mut Training<'_>,
    ) -> petal::Result<()> {
        // An epoch that Ctrl-C cut short is not one to go on after.
        if !training.is_cut_short()
            && let Err(error) = self.save(logs, training.model())
        {
            // What is learned is still in memory; the disk may have room again when it is saved in the end.
            training.say(&format!("\nwarning: no checkpoint of epoch {}: {error}", epoch + 1));
        }
        Ok(())
    }
}

impl Checkpoint {
    fn save(&mut self, logs: &Logs, model: &Model) -> petal::Result<()> {
        if let (Some((file, best)), Some(&now)) = (&mut self.best, logs.get("val_accuracy"))
            && now > *best
        {
            model.save(file)?;
            *best = now;
        }
        model.save(&self.file)?;
        model.history().save(&self.history)
    }
}

/// Weights by which each class counts the same (scikit-learn's "balanced").
fn balanced_weights(train: &ImageDataset) -> Vec<f32> {
    let counts = train.class_counts();
    let (photos, classes) = (train.len() as f32, counts.len() as f32);
    counts.iter().map(|&count| photos / (classes * count.max(1) as f32)).collect()
}
