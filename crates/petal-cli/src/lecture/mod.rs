//! `petal lecture`.

mod last_words;
mod phases;
mod settings;

use std::fs;
use std::path::Path;

use petal::model::Model;
use petal::report::{LecturePhase, LectureReport};
use petal::training::Verbose;

use crate::args;
use crate::checkpoint::Files;
use crate::data::Data;
use crate::interrupt::Interrupt;
use crate::output::Output;
use crate::photo_list::PhotoList;
use crate::precision;
use crate::progress::{Ended, Progress};
use crate::ranks::Ranks;
use crate::run_folder::{PHOTOS, RunFolder, SETTINGS, TRACE};
use crate::terminal::{answer, say, say_lines};
use crate::{FAILURE, Failure, INTERRUPTED, Outcome, SUCCESS, calibrate, profile};
use phases::{PHASES, Phase};
use settings::LectureSettings;

/// Says that all phases are done.
const PROGRESS: &str = "progress.json";

pub fn run(args: &args::Lecture) -> Outcome {
    let interrupt = Interrupt::install(&Ranks::alone())?;
    let (folder, settings, data) = match &args.resume {
        Some(folder) => resume(folder, args.quiet, interrupt)?,
        None => begin(args, interrupt)?,
    };
    precision::say_if_slow(settings.precision);
    let verbose = if args.quiet { Verbose::Silent } else { Verbose::Auto };
    let mut lecture = Lecture {
        settings,
        data,
        folder,
        interrupt,
        verbose,
        profiles: args.profile,
        done: Vec::new(),
        left_out: Vec::new(),
    };
    lecture.run()?;
    let Lecture { settings, mut data, folder, done, left_out, .. } = lecture;

    for (name, reason) in &left_out {
        say!("{name} was left out: {reason}");
    }
    let all_done = left_out.is_empty() && !interrupt.came();
    let photos = &settings.data.sets.photos;
    let name = photos.file_name().map_or(photos.as_path(), Path::new);
    let resume = format!("`petal lecture --resume {}`", folder.path().display());
    let report = data.report(args.quiet, |data| {
        let report = LectureReport {
            title: format!("CNN and transfer learning: {}", name.display()),
            settings: settings.rows(),
            train: &data.train,
            validation: &data.validation,
            test: data.test.as_ref(),
            phases: &done,
            left_out: left_out.clone(),
        };
        report.write(folder.path())
    });
    let report = report.map_err(|error| {
        format!(
            "the report could not be written: {error}; the models are there, and {resume} writes the report"
        )
    })?;
    // The lecture is whole without this line.
    let _ = answer!("{}", folder.join("report.html").display());
    if !args.quiet {
        say_lines(last_words::last_words(&done, folder.path(), &data.validation, report.test.as_ref()));
    }
    if interrupt.came() {
        say!(
            "Ended by Ctrl-C; what was done until then is in {}, and {resume} goes on.",
            folder.path().display()
        );
        return Ok(INTERRUPTED);
    }
    if all_done {
        Progress { seconds: Vec::new(), ended: Some(Ended::AllEpochs) }.save(&folder.join(PROGRESS))?;
    }
    Ok(if folder.is_rescued() { FAILURE } else { SUCCESS })
}

/// A new lecture: all that can be refused is, before the photos are read.
fn begin(args: &args::Lecture, interrupt: Interrupt) -> Result<(RunFolder, LectureSettings, Data), Failure> {
    let mut settings = LectureSettings::new(args)?;
    let output = Output::new(args.output.as_deref(), "lecture-", &settings.data.sets.photos)?;
    let photos = PhotoList::new(&settings.data)?;
    settings.class_names.clone_from(&photos.class_names);
    settings.check_weights()?;
    let data = Data::load(&settings.data, args.quiet)?;
    interrupt.training_begins();
    let mut folder = output.claim()?;
    folder.write(PHOTOS, photos.to_csv())?;
    folder.write_settings(&settings)?;
    Ok((folder, settings, data))
}

/// An earlier lecture.
fn resume(
    folder: &Path,
    quiet: bool,
    interrupt: Interrupt,
) -> Result<(RunFolder, LectureSettings, Data), Failure> {
    let mut folder = RunFolder::resume(folder, &settings::command())?;
    let path = folder.path().display().to_string();
    let settings: Option<LectureSettings> = folder.read(SETTINGS)?;
    let settings = settings.ok_or_else(|| format!("{SETTINGS} has vanished"))?;
    if folder.read::<Progress>(PROGRESS)?.is_some() {
        return Err(format!("{path} has ended; there is nothing to go on with").into());
    }
    let (photos, difference) = PhotoList::of_run(&settings.data, &settings.class_names, &folder)?;
    if let Some(problem) = difference {
        return Err(format!("{problem}. Put them back, or begin a new lecture").into());
    }
    let data = Data::load(&settings.data, quiet)?;
    interrupt.training_begins();
    folder.write(PHOTOS, photos.to_csv())?;
    folder.write_settings(&settings)?;
    Ok((folder, settings, data))
}

/// A lecture and how far it is.
struct Lecture {
    settings: LectureSettings,
    data: Data,
    folder: RunFolder,
    interrupt: Interrupt,
    verbose: Verbose,
    /// Whether it is said where the time of each phase went.
    profiles: bool,
    done: Vec<LecturePhase>,
    /// As (phase, why and what to do).
    left_out: Vec<(String, String)>,
}

impl Lecture {
    fn run(&mut self) -> Result<(), Failure> {
        for (number, phase) in (1..).zip(&PHASES) {
            if !self.settings.phases.contains(&number) {
                continue;
            }
            let file = format!("{number}-{}", phase.file);
            let files = files(&file);
            let progress: Progress = self.folder.read(&files.progress)?.unwrap_or_default();
            if progress.ended.is_some() {
                let model = Model::load(self.folder.join(&format!("{file}.petal")))?;
                self.done.push(phase.done(file, model, progress.seconds));
                continue;
            }
            if self.interrupt.came() {
                self.leave_out(phase, "Ctrl-C came before.");
                continue;
            }
            let checkpoint = self.folder.join(&files.checkpoint);
            let model = match checkpoint.exists() {
                true => Model::load(&checkpoint).map(Some),
                false => phase.begin(&self.settings, self.done.last()),
            };
            let mut model = match model {
                Ok(Some(model)) => model,
                Ok(None) => {
                    self.leave_out(phase, "It goes on from feature extraction.");
                    continue;
                }
                // Without weights the other networks can still be shown.
                Err(error @ petal::Error::Download(_)) => {
                    let reason = format!(
                        "{error}. With the file there, `petal lecture --resume {}` goes on; or name another one with \
                         --weights in a new lecture.",
                        self.folder.path().display()
                    );
                    self.leave_out(phase, &reason);
                    continue;
                }
                Err(error) => return Err(error.into()),
            };
            if self.verbose != Verbose::Silent {
                say_lines(format_args!("\n{number} · {}\n{}\n{}", phase.name, phase.about, model.summary()));
            }
            let profile = profile::begin(self.profiles, &mut model);
            let progress = phase.train(&mut model, self, files);
            profile::end(profile, &self.folder.join(&format!("{file}-{TRACE}")));
            let mut progress = match progress {
                // The other networks may do better.
                Err(error) if matches!(error.downcast_ref(), Some(petal::Error::Diverged(_))) => {
                    self.leave_out(phase, &error.to_string());
                    continue;
                }
                progress => progress?,
            };
            if self.interrupt.came() {
                progress.ended = None;
            }
            model.forget_optimizer_state();
            let quiet = self.verbose == Verbose::Silent;
            calibrate::on_validation(&mut model, &mut self.data, quiet);
            self.done.push(phase.done(file, model, progress.seconds.clone()));
            self.keep(&progress)?;
        }
        Ok(())
    }

    /// Saves what the last phase gave, elsewhere if it must be.
    fn keep(&mut self, progress: &Progress) -> petal::Result<()> {
        let all = &self.done[..];
        let last = &all[all.len() - 1..];
        // Where the lecture has moved, the phases before must be, too.
        let moved = if self.folder.is_rescued() { all } else { last };
        let write = |folder: &Path, phases: &[LecturePhase]| -> petal::Result<()> {
            for phase in phases {
                phase.model.save(folder.join(format!("{}.petal", phase.file)))?;
                phase.model.history().save(folder.join(format!("{}.csv", phase.file)))?;
                phase.model.history().save(folder.join(format!("{}.json", phase.file)))?;
                let ended = if phase.file == last[0].file { progress.ended } else { Some(Ended::AllEpochs) };
                let progress = Progress { seconds: phase.epoch_seconds.clone(), ended };
                progress.save(&folder.join(files(&phase.file).progress))?;
            }
            Ok(())
        };
        if self.folder.make_again().and_then(|_| write(self.folder.path(), moved)).is_err() {
            self.folder.rescue(|folder| write(folder, all))?;
        }
        if progress.ended.is_some() {
            // The phase's model is whole; whatever is left of these does no harm.
            let files = files(&last[0].file);
            let _ = fs::remove_file(self.folder.join(&files.checkpoint));
            let _ = fs::remove_file(self.folder.join(&files.best));
        }
        Ok(())
    }

    fn leave_out(&mut self, phase: &Phase, reason: &str) {
        self.left_out.push((phase.name.to_owned(), reason.to_owned()));
    }
}

/// The files that a phase keeps while it trains.
fn files(phase: &str) -> Files {
    Files {
        checkpoint: format!("{phase}-checkpoint.petal"),
        best: format!("{phase}-best.petal"),
        history: format!("{phase}.csv"),
        progress: format!("{phase}-progress.json"),
    }
}
