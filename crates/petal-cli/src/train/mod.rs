//! `petal train`.

mod checkpoint;
mod last_words;
mod phases;

use std::time::Instant;

use petal::report::TrainingReport;
use petal::training::Verbose;

use crate::args::Train;
use crate::data::Data;
use crate::interrupt::Interrupt;
use crate::run_folder::{self, BEST, CHECKPOINT, HISTORY_CSV, HISTORY_JSON, MODEL};
use crate::settings::Settings;
use crate::{INTERRUPTED, Outcome, SUCCESS};
use phases::Run;

pub fn run(args: Train) -> Outcome {
    let interrupt = Interrupt::install()?;
    let verbose = if args.quiet { Verbose::Silent } else { Verbose::Auto };
    let (settings, resumed) = match &args.resume {
        None => (Settings::new(&args)?, None),
        Some(folder) => {
            (Settings::resumed(folder, &args)?, Some((folder.clone(), checkpoint::read(folder)?)))
        }
    };
    let data = Data::load(&settings.data, args.quiet)?;
    let (folder, mut model) = match resumed {
        Some(resumed) => resumed,
        None => {
            let model = Run::new_model(&settings, &data.train)?;
            (run_folder::create(args.output.as_deref(), "", &settings.data.photos)?, model)
        }
    };
    settings.write(&folder)?;
    if !args.quiet && args.resume.is_none() {
        eprintln!("{}", model.summary());
    }

    let started = Instant::now();
    Run { settings: &settings, data: &data, folder: &folder, interrupt, verbose }.train(&mut model)?;
    let seconds = started.elapsed().as_secs_f64();

    let interrupted = interrupt.came();
    if !interrupted {
        // The finished model needs no optimizer, which is twice its size.
        model.forget_optimizer_state();
    }
    model.save(folder.join(MODEL))?;
    model.history().save(folder.join(HISTORY_CSV))?;
    model.history().save(folder.join(HISTORY_JSON))?;
    let report = TrainingReport {
        title: format!("{} on {}", settings.model.name(), settings.data.photos.display()),
        settings: settings.rows(),
        model: &model,
        train: &data.train,
        validation: &data.validation,
        seconds,
    };
    let report = report.write(&folder)?;
    println!("{}", folder.join("report.html").display());
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
    if !args.quiet {
        eprint!("{}", last_words::last_words(&settings, &model, &report, &folder));
    }
    Ok(SUCCESS)
}
