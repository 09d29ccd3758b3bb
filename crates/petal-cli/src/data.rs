//! The photos that a run is given.

use std::path::{Path, PathBuf};

use petal::PathText;
use petal::data::{Dataset, ImageDataset, ImageFolder, Preprocessing};
use petal::saving::any_path;
use serde::{Deserialize, Serialize};

use crate::photo_folder::from_here;
use crate::terminal::say;
use crate::{Failure, load};

/// Which photos, and how they become a model's input.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct DataSettings {
    /// From the root on.
    #[serde(with = "any_path")]
    pub photos: PathBuf,
    pub validation: Validation,
    /// Decides the split and the order of the photos.
    pub seed: u32,
    pub batch_size: usize,
    pub preprocessing: Preprocessing,
    pub follow_links: bool,
    pub strict: bool,
    pub memory_budget_mib: Option<usize>,
}

/// Where the validation photos come from.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Validation {
    Split(f64),
    #[serde(with = "any_path")]
    Folder(PathBuf),
}

/// The two sides.
pub struct Data {
    pub train: ImageDataset,
    pub validation: ImageDataset,
}

impl Data {
    /// Reads the photos and says what was found.
    ///
    /// # Errors
    /// If there are too few, or the folders are not laid out as they should be.
    pub fn load(settings: &DataSettings, quiet: bool) -> Result<Self, Failure> {
        let folder = |directory: &Path| {
            let folder = ImageFolder::new(directory)
                .preprocessing(settings.preprocessing.clone())
                .batch_size(settings.batch_size)
                .seed(settings.seed)
                .follow_links(settings.follow_links)
                .strict(settings.strict);
            let folder = match settings.memory_budget_mib {
                Some(mib) => folder.memory_budget(mib.saturating_mul(1 << 20)),
                None => folder,
            };
            load::with_progress(folder, quiet)
        };
        let photos = settings.photos_from_here();
        let (train, validation) = match &settings.validation {
            Validation::Split(share) => folder(&photos).validation_split(*share).split()?,
            Validation::Folder(directory) => {
                folder(&photos).load_with_validation(folder(&from_here(directory)))?
            }
        };
        if !quiet {
            load::describe(&photos, &[("training", &train), ("validation", &validation)]);
        }
        load::warn(&[&train, &validation]);
        Ok(Data { train, validation })
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
        let lost = [self.train.lost(), self.validation.lost()].concat();
        for file in lost.iter().filter(|_| says) {
            say!("warning: left out: {file}");
        }
        self.train.leave_out_lost() | self.validation.leave_out_lost()
    }
}

impl DataSettings {
    /// The photos' folder as it is called from the present one.
    pub fn photos_from_here(&self) -> PathBuf {
        from_here(&self.photos)
    }

    /// The settings as a table for a report.
    pub fn rows(&self) -> Vec<(String, String)> {
        let (height, width) = self.preprocessing.image_size;
        let validation = match &self.validation {
            Validation::Split(share) => format!("{:.0} % of the photos", 100.0 * share),
            Validation::Folder(folder) => PathText::new(folder).to_string(),
        };
        [
            ("Photos", PathText::new(&self.photos).to_string()),
            ("Validation", validation),
            ("Image size", format!("{height} × {width}")),
            (
                "Large photos",
                if self.preprocessing.average_large { "averaged" } else { "four pixels for one" }.into(),
            ),
            ("Batch size", self.batch_size.to_string()),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .to_vec()
    }
}
