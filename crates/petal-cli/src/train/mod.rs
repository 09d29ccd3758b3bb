//! `petal train`.

mod duration;
mod failed;
mod last_words;
mod phases;
mod resume;
mod together;

use std::path::Path;
use std::time::Instant;

use petal::data::Dataset;
use petal::model::Model;
use petal::report::TrainingReport;
use petal::training::Verbose;
use petal::training::callbacks::TimeLimit;

use crate::args::Train;
use crate::data::Data;
use crate::interrupt::Interrupt;
use crate::output::Output;
use crate::photo_list::PhotoList;
use crate::precision;
use crate::ranks::Ranks;
use crate::run_folder::{HISTORY_CSV, HISTORY_JSON, MODEL, PHOTOS, RunFolder, TRACE};
use crate::settings::{Recipe, Settings};
use crate::terminal::{answer, say, say_lines, warn};
use crate::{FAILURE, Failure, INTERRUPTED, Outcome, SUCCESS, calibrate, profile};
use phases::{CHECKPOINT, PROGRESS, Run};
use resume::Resumed;
use together::follow;

pub fn run(args: Train, ranks: &Ranks) -> Outcome {
    let interrupt = Interrupt::install(ranks)?;
    let begin_of_all = Instant::now();
    if !ranks.leads() {
        return follow(ranks, interrupt);
    }
    let (mut folder, mut settings, mut model, mut data, has_grown) = match &args.resume {
        Some(folder) => {
            let mut resumed = Resumed::open(folder, &args)?;
            resumed.model.check_training_memory(ranks.part_of(resumed.settings.data.batch_size))?;
            let Resumed { settings, photos, model, has_grown, .. } = &resumed;
            let data = together::load(ranks, settings, photos, model, args.quiet)?;
            together::begin(ranks, settings, *has_grown)?;
            interrupt.training_begins();
            resumed.write()?;
            let Resumed { folder, settings, model, has_grown, .. } = resumed;
            (folder, settings, model, data, has_grown)
        }
        None => {
            let (folder, settings, model, data) = begin(&args, ranks, interrupt)?;
            (folder, settings, model, data, false)
        }
    };
    precision::say_if_slow(settings.precision);

    let started = Instant::now();
    let tensorboard = args.tensorboard.as_deref();
    let verbose = if args.quiet { Verbose::Silent } else { Verbose::Auto };
    let profile = profile::begin(args.profile, &mut model);
    let time_limit = settings.time.map(|time| {
        let for_training = time.mul_f64(1.0 - TIME_OF_THE_REPORT).saturating_sub(begin_of_all.elapsed());
        TimeLimit::new(for_training)
    });
    let progress = Run {
        settings: &mut settings,
        data: &data,
        folder: Some(&mut folder),
        ranks,
        interrupt,
        verbose,
        tensorboard,
        time_limit,
        has_grown,
    }
    .train(&mut model);
    profile::end(profile, &folder.join(TRACE));
    let progress = progress.map_err(|error| failed::keep(error, &folder, &settings))?;
    let interrupted = interrupt.came();
    if !interrupted {
        // The finished model needs no optimizer, which is twice its size.
        model.forget_optimizer_state();
    }
    let calibration = calibrate::on_validation(&mut model, &mut data, args.quiet);
    save(&mut folder, &model)?;
    let seconds = progress.seconds.iter().sum::<f64>().max(started.elapsed().as_secs_f64());
    let report = data.report(args.quiet, |data| {
        let report = TrainingReport {
            title: format!(
                "{} on {}",
                settings.model.name(),
                settings.data.sets.photos_from_here().display()
            ),
            settings: settings.rows(),
            model: &model,
            train: &data.train,
            validation: &data.validation,
            test: data.test.as_ref(),
            seconds,
        };
        report.write(folder.path())
    });
    let report = report.map_err(|error| {
        let (model, resume) = (folder.join(MODEL), folder.path().display());
        format!(
            "the report could not be written: {error}; the model is in {}, and `petal train --resume {resume}` writes \
             the report",
            model.display()
        )
    })?;
    // The run is whole without this line.
    let _ = answer!("{}", folder.join("report.html").display());
    if interrupted {
        let resume = format!("`petal train --resume {}`", folder.path().display());
        if folder.join(CHECKPOINT).exists() {
            say!("Ended by Ctrl-C; {resume} goes on.");
        } else {
            let learned = folder.join(MODEL);
            say!(
                "Ended by Ctrl-C in the first epoch; what was learned is in {}, and {resume} begins anew.",
                learned.display()
            );
        }
        return Ok(INTERRUPTED);
    }
    progress.save(&folder.join(PROGRESS))?;
    if !args.quiet {
        say_lines(last_words::last_words(&settings, &model, &report, calibration.as_ref(), folder.path()));
    }
    Ok(if folder.is_rescued() { FAILURE } else { SUCCESS })
}

/// The share of `--time` that is kept for what comes after the last epoch.
const TIME_OF_THE_REPORT: f64 = 0.1;

/// A new run: all that can be refused is, before the photos are read.
fn begin(
    args: &Train,
    ranks: &Ranks,
    interrupt: Interrupt,
) -> Result<(RunFolder, Settings, Model, Data), Failure> {
    let mut settings = Settings::new(args)?;
    let output = Output::new(args.output.as_deref(), "", &settings.data.sets.photos)?;
    let photos = PhotoList::new(&settings.data)?;
    settings.class_names.clone_from(&photos.class_names);
    let model = match Run::new_model(&settings) {
        Err(petal::Error::Download(problem))
            if settings.recipe == Recipe::Auto && !args.asks_for_fine_tuning() =>
        {
            warn(format_args!(
                "{problem}. Without them the lecture's CNN is trained, which knows no photos yet; with them the result \
                 would be far better"
            ));
            let class_names = settings.class_names;
            settings = Settings::instead_of_auto(args, "ImageNet's weights could not be had")?;
            settings.class_names = class_names;
            Run::new_model(&settings)?
        }
        model => model?,
    };
    model.check_training_memory(ranks.part_of(settings.data.batch_size))?;
    let data = together::load(ranks, &settings, &photos, &model, args.quiet)?;
    settings.choose_epochs(args, data.train.len());
    together::begin(ranks, &settings, false)?;
    interrupt.training_begins();
    let mut folder = output.claim()?;
    folder.write(PHOTOS, photos.to_csv())?;
    folder.write_settings(&settings)?;
    if !args.quiet {
        say_lines(model.summary());
    }
    Ok((folder, settings, model, data))
}

/// Saves what was learned, elsewhere if it must be.
fn save(folder: &mut RunFolder, model: &Model) -> petal::Result<()> {
    if folder.make_again().and_then(|_| write(model, folder.path())).is_err() {
        folder.rescue(|folder| write(model, folder))?;
    }
    Ok(())
}

/// Writes what a training gives into a folder.
fn write(model: &Model, folder: &Path) -> petal::Result<()> {
    model.save(folder.join(MODEL))?;
    model.history().save(folder.join(HISTORY_CSV))?;
    model.history().save(folder.join(HISTORY_JSON))
}
