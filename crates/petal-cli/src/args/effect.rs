//! Options that would change nothing are refused by name: whoever types one expects something of it.

use clap::ArgMatches;
use clap::parser::ValueSource;

use super::{Command, Train};
use crate::photo_folder::FLOWER_PHOTOS;

/// Why an option that was typed would change nothing; none if all have an effect.
pub fn missing(command: &Command, typed: &Typed<'_>) -> Option<String> {
    let (options, why) = match command {
        Command::Train(train) => return train_option(train, typed),
        Command::Lecture(lecture) if lecture.resume.is_some() => (
            typed.besides(&["resume", "profile", "quiet", "threads"]),
            "with --resume: the lecture's own settings hold",
        ),
        Command::Lecture(lecture) if !lecture.phases.0.contains(&3) => {
            (typed.any(&["weights"]), "without phase 3, whose network they are for")
        }
        Command::Predict(predict) if predict.json || predict.csv => {
            (typed.any(&["top"]), "in JSON and CSV, which show the probabilities of all classes")
        }
        Command::Summary(summary) if !summary.names_network() => {
            (typed.any(&["classes"]), "in a model's file; give it with a network's name, like cnn")
        }
        Command::Show(show) if show.path.as_ref().is_some_and(|path| path.is_file()) => (
            typed.any(&["seed", "augment", "image_size", "labels"]),
            "in one photo, which is shown as it is; name a folder of photos",
        ),
        Command::Download(download) if download.what == FLOWER_PHOTOS => (
            typed.any(&["extract", "name"]),
            "in flower_photos, which is always unpacked into a folder of this name",
        ),
        _ => return None,
    };
    options.map(|options| format!("{options} would change nothing {why}"))
}

fn train_option(train: &Train, typed: &Typed<'_>) -> Option<String> {
    let say = |options: String, why: &str| Some(format!("{options} would change nothing {why}"));
    if train.resume.is_some() {
        let others = typed.besides(&[
            "directory",
            "validation",
            "test",
            "resume",
            "accept_changed_data",
            "epochs",
            "fine_tune_epochs",
            "memory_budget",
            "tensorboard",
            "profile",
            "quiet",
            "threads",
        ])?;
        return say(
            others,
            "with --resume: the run's own settings hold; only --epochs and --fine-tune-epochs can be given anew",
        );
    }
    let without_base = train.model.is_some_and(|model| !model.is_pretrained());
    if without_base && let Some(options) = typed.any(&["weights", "fit_head", "fine_tune_at"]) {
        return say(
            options,
            "in a network that knows no photos yet; it is for those that do, like --model mobilenet-v2",
        );
    }
    if train.model.is_none()
        && let Some(options) = typed.any(&["fit_head"])
    {
        return say(options, "without --model: the recipe begins with it");
    }
    match typed.any(&["fine_tune_epochs", "fine_tune_learning_rate", "fine_tune_optimizer"]) {
        Some(options) if train.model.is_some() && train.fine_tune_at.is_none() => {
            say(options, "without fine-tuning, which --fine-tune-at LAYER asks for, like --fine-tune-at 100")
        }
        _ => None,
    }
}

/// The options of a command that were typed, not left at their defaults.
pub struct Typed<'a> {
    pub command: &'a clap::Command,
    pub matches: &'a ArgMatches,
}

impl Typed<'_> {
    /// Those of these that were typed, as they are typed.
    fn any(&self, ids: &[&str]) -> Option<String> {
        self.list(|id| ids.contains(&id))
    }

    /// Those that were typed and are none of these.
    fn besides(&self, ids: &[&str]) -> Option<String> {
        self.list(|id| !ids.contains(&id))
    }

    fn list(&self, wanted: impl Fn(&str) -> bool) -> Option<String> {
        let typed = self.command.get_arguments().filter(|arg| {
            let id = arg.get_id().as_str();
            wanted(id) && self.matches.value_source(id) == Some(ValueSource::CommandLine)
        });
        let names: Vec<String> = typed
            .map(|arg| match arg.get_long() {
                Some(long) => format!("--{long}"),
                None => arg.get_id().to_string(),
            })
            .collect();
        (!names.is_empty()).then(|| names.join(" and "))
    }
}
