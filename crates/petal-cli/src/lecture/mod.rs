//! `petal lecture`.

mod last_words;
mod phases;

use std::path::Path;

use petal::data::Preprocessing;
use petal::report::{LecturePhase, LectureReport};
use petal::training::Verbose;

use crate::args::Lecture;
use crate::data::{Data, DataSettings, Validation};
use crate::interrupt::Interrupt;
use crate::{INTERRUPTED, Outcome, SUCCESS, photo_folder, run_folder};
use phases::{Ended, PHASES, Phase};

pub fn run(args: &Lecture) -> Outcome {
    let interrupt = Interrupt::install()?;
    let settings = DataSettings {
        photos: photo_folder::find(args.directory.as_deref())?,
        validation: Validation::Split(0.2),
        seed: 42,
        batch_size: 32,
        preprocessing: Preprocessing::new(180, 180),
        follow_links: false,
        strict: false,
        memory_budget_mib: None,
    };
    let data = Data::load(&settings, args.quiet)?;
    let folder = run_folder::create(args.output.as_deref(), "lecture-", &settings.photos)?;
    let mut lecture =
        Progress { args, data: &data, folder: &folder, interrupt, done: Vec::new(), left_out: Vec::new() };
    lecture.run()?;
    let Progress { done, left_out, .. } = lecture;

    for (name, reason) in &left_out {
        eprintln!("{name} was left out: {reason}");
    }
    let name = settings.photos.file_name().map_or(settings.photos.as_path(), Path::new);
    let report = LectureReport {
        title: format!("CNN and transfer learning: {}", name.display()),
        settings: rows(&settings, args),
        train: &data.train,
        validation: &data.validation,
        phases: &done,
        left_out,
    };
    let report = report.write(&folder)?;
    println!("{}", report.display());
    if !args.quiet {
        eprint!("{}", last_words::last_words(&done, &folder, &data.validation));
    }
    if interrupt.came() {
        eprintln!("Ended by Ctrl-C; what was done until then is in {}.", folder.display());
        return Ok(INTERRUPTED);
    }
    Ok(SUCCESS)
}

/// How far the lecture is.
struct Progress<'a> {
    args: &'a Lecture,
    data: &'a Data,
    folder: &'a Path,
    interrupt: Interrupt,
    done: Vec<LecturePhase>,
    /// As (phase, why and what to do).
    left_out: Vec<(String, String)>,
}

impl Progress<'_> {
    fn run(&mut self) -> Result<(), crate::Failure> {
        let verbose = if self.args.quiet { Verbose::Silent } else { Verbose::Auto };
        for (number, phase) in (1..).zip(&PHASES) {
            if !self.args.phases.0.contains(&number) {
                continue;
            }
            if self.interrupt.came() {
                self.leave_out(phase, "Ctrl-C came before.");
                continue;
            }
            let model = match phase.begin(self.args, self.data, self.done.last()) {
                Ok(Some(model)) => model,
                Ok(None) => {
                    self.leave_out(phase, "It goes on from feature extraction.");
                    continue;
                }
                // Without weights the other networks can still be shown.
                Err(error @ petal::Error::Download(_)) => {
                    let reason = format!(
                        "{error}. With the file there, run the lecture again; or name another one with --weights."
                    );
                    self.leave_out(phase, &reason);
                    continue;
                }
                Err(error) => return Err(error.into()),
            };
            if !self.args.quiet {
                eprintln!("\n{number} · {}\n{}\n{}", phase.name, phase.about, model.summary());
            }
            let ended = phase.train(model, self.args.epochs_scale, self.data, self.interrupt, verbose)?;
            self.keep(number, phase, ended)?;
        }
        Ok(())
    }

    /// Saves what a phase gave.
    fn keep(&mut self, number: usize, phase: &Phase, ended: Ended) -> petal::Result<()> {
        let Ended { mut model, epoch_seconds } = ended;
        model.forget_optimizer_state();
        let file = format!("{number}-{}", phase.file);
        model.save(self.folder.join(format!("{file}.petal")))?;
        model.history().save(self.folder.join(format!("{file}.csv")))?;
        model.history().save(self.folder.join(format!("{file}.json")))?;
        let (name, about) = (phase.name.to_owned(), phase.about.to_owned());
        self.done.push(LecturePhase { name, file, about, model, epoch_seconds });
        Ok(())
    }

    fn leave_out(&mut self, phase: &Phase, reason: &str) {
        self.left_out.push((phase.name.to_owned(), reason.to_owned()));
    }
}

/// The settings as a table for the report.
fn rows(settings: &DataSettings, args: &Lecture) -> Vec<(String, String)> {
    let mut rows = settings.rows();
    rows.push(("Seed of the split".into(), settings.seed.to_string()));
    rows.push(("Seed of the weights".into(), args.seed.to_string()));
    rows.push(("Epochs".into(), format!("{} × the lecture's", args.epochs_scale)));
    for (number, phase) in (1..).zip(&PHASES) {
        rows.push((format!("Phase {number}"), phase.training(args.epochs_scale)));
    }
    rows
}
