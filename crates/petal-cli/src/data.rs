//! The photos that a run is given.

use std::fs;
use std::path::Path;

use petal::PathText;
use petal::data::{Dataset, ImageDataset, ImageFolder, ImageSets, Preprocessing};
use serde::{Deserialize, Serialize};

use crate::run_folder::SETTINGS;
use crate::sets::Sets;
use crate::terminal::say;
use crate::{Failure, load};

/// Which photos, and how they become a model's input.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct DataSettings {
    #[serde(flatten)]
    pub sets: Sets,
    /// Decides the split and the order of the photos.
    pub seed: u32,
    pub batch_size: usize,
    pub preprocessing: Preprocessing,
    pub follow_links: bool,
    pub strict: bool,
    pub memory_budget_mib: Option<usize>,
}

/// The photos of a run.
pub struct Data {
    pub train: ImageDataset,
    pub validation: ImageDataset,
    pub test: Option<ImageDataset>,
}

impl Data {
    /// Reads the photos and says what was found.
    ///
    /// # Errors
    /// If there are too few, or the folders are not laid out as they should be.
    pub fn load(settings: &DataSettings, quiet: bool) -> Result<Self, Failure> {
        Data::load_beside(settings, quiet, 1)
    }

    /// [`load`](Data::load) by one of so many programs on this machine that do.
    ///
    /// # Errors
    /// See [`Data::load`].
    pub fn load_beside(settings: &DataSettings, quiet: bool, programs: usize) -> Result<Self, Failure> {
        let folder = load::with_progress(settings.folder().memory_shared_by(programs), quiet);
        let ImageSets { train, validation, test } = folder.sets()?;
        let mut parts = vec![("training", &train), ("validation", &validation)];
        parts.extend(test.as_ref().map(|test| ("the test", test)));
        if !quiet {
            load::describe(&settings.sets.photos_from_here(), &parts);
            if let Some(command) = settings.sets.found_as() {
                say!("It is divided into sets; this is `{command}`");
            }
        }
        load::warn(&parts.iter().map(|(_, data)| *data).collect::<Vec<_>>());
        Ok(Data { train, validation, test })
    }

    /// Writes a report on the data, without the photos that could no longer be read, and again without those that vanish
    /// even then. The first are named if `says`, where training hasn't.
    ///
    /// # Errors
    /// `write`'s own.
    pub fn report<R>(&mut self, says: bool, write: impl Fn(&Data) -> petal::Result<R>) -> petal::Result<R> {
        self.leave_out_lost(says);
        loop {
            let report = write(self);
            if report.is_ok() || !self.leave_out_lost(true) {
                return report;
            }
        }
    }

    /// Takes out the photos that could no longer be read, and names them if training hasn't. Whether there were any.
    fn leave_out_lost(&mut self, says: bool) -> bool {
        let mut any = false;
        for set in [&mut self.train, &mut self.validation].into_iter().chain(&mut self.test) {
            for file in set.lost().iter().filter(|_| says) {
                say!("warning: left out: {file}");
            }
            any |= set.leave_out_lost();
        }
        any
    }
}

impl DataSettings {
    /// The photos, not yet read.
    pub fn folder(&self) -> ImageFolder {
        let folder = self
            .sets
            .open()
            .preprocessing(self.preprocessing.clone())
            .batch_size(self.batch_size)
            .seed(self.seed)
            .follow_links(self.follow_links)
            .strict(self.strict);
        match self.memory_budget_mib {
            Some(mib) => folder.memory_budget(mib.saturating_mul(1 << 20)),
            None => folder,
        }
    }

    /// Those of the run in this folder; none if it is no run's.
    ///
    /// # Errors
    /// If the run's settings are damaged.
    pub fn of_run(folder: &Path) -> Result<Option<Self>, String> {
        let path = folder.join(SETTINGS);
        let Ok(text) = fs::read_to_string(&path) else { return Ok(None) };
        serde_json::from_str(&text)
            .map(Some)
            .map_err(|error| format!("{} is damaged: {error}", PathText::new(&path)))
    }

    /// The settings as a table for a report.
    pub fn rows(&self) -> Vec<(String, String)> {
        let (height, width) = self.preprocessing.image_size;
        let own = [
            ("Image size", format!("{height} × {width}")),
            (
                "Large photos",
                if self.preprocessing.average_large { "averaged" } else { "four pixels for one" }.into(),
            ),
            ("Batch size", self.batch_size.to_string()),
        ];
        self.sets.rows().into_iter().chain(own).map(|(name, value)| (name.to_owned(), value)).collect()
    }
}
