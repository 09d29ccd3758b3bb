use std::path::Path;

use super::ImageFolder;
use super::doubt::{Doubt, Doubts};
use super::image_dataset::ImageDataset;
use super::listing::{Classes, Listing};
use super::set_folders::SetFolders;
use crate::{Error, PathText, Result};

/// The photos of a training: made by [`ImageFolder::sets`].
#[derive(Clone, Debug)]
pub struct ImageSets {
    /// What is learned from.
    pub train: ImageDataset,
    /// What tells after each epoch how good the model is on other photos; epochs and settings are chosen by it.
    pub validation: ImageDataset,
    /// What nothing is chosen by, so that it has the last word on how good the model is on new photos.
    pub test: Option<ImageDataset>,
}

impl ImageFolder {
    /// The photos for training, validation and, where there are such ones, for the test in the end.
    ///
    /// A folder of [sets](SetFolders), like `train`, `val` and `test`, is recognised;
    /// [`validation_folder`](Self::validation_folder) and [`test_folder`](Self::test_folder) name sets that lie
    /// elsewhere, also beside a plain folder of classes; a table of [`labels`](Self::labels) may say which photo belongs to
    /// which set. Where no folder is for validation,
    /// [`validation_split`](Self::validation_split) says which share of the training photos is. The classes are those of
    /// the training photos: that other sets lack some is among the [doubts](ImageDataset::doubts), that a test set has
    /// others, too, whose photos are left out. All sets share seed, strictness, memory budget and progress; the order of
    /// all but the training photos is the same in each epoch.
    ///
    /// ```no_run
    /// use petal::data::{Dataset, ImageFolder, ImageSets};
    ///
    /// let folder = ImageFolder::new("photos").image_size(180, 180).seed(42).validation_split(0.2);
    /// let ImageSets { train, validation, test } = folder.sets()?;
    /// println!("{} photos to test on", test.map_or(0, |test| test.len()));
    /// # Ok::<(), petal::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`split`](Self::split) where there is no validation set, or [`load`](Self::load) for any of the folders; if there
    /// are validation photos of other classes, or a folder that was named has no photos of the classes.
    pub fn sets(self) -> Result<ImageSets> {
        let Listing { class_names, files, validation, test, doubts, .. } = self.list_sets()?;
        let has_test = test.is_some();
        let parts = [files].into_iter().chain(validation).chain(test).collect();
        let mut sets = self.open_parts(class_names, doubts, parts, self.shuffle)?.into_iter();
        let mut next = || sets.next().expect("a data set for each part");
        Ok(ImageSets { train: next(), validation: next(), test: has_test.then(next) })
    }

    /// The validation photos of the [sets](Self::sets) alone.
    ///
    /// # Errors
    /// As [`sets`](Self::sets).
    pub fn validation_set(self) -> Result<ImageDataset> {
        let Listing { class_names, validation, doubts, .. } = self.list_sets()?;
        let parts = validation.into_iter().collect();
        Ok(self.open_parts(class_names, doubts, parts, false)?.remove(0))
    }

    /// As [`list`](Self::list), with the files of each set apart: where a share of the photos is for validation,
    /// [`Listing::validation`] has it, and [`Listing::files`] the others.
    ///
    /// # Errors
    /// As [`list`](Self::list), or as [`split`](Self::split) where there is no validation set.
    pub fn list_sets(&self) -> Result<Listing> {
        let mut listing = self.list()?;
        let files = std::mem::take(&mut listing.files);
        match listing.validation {
            Some(_) => listing.files = self.shuffled(files),
            None => {
                let (training, validation) = self.cut(files)?;
                listing.files = training;
                listing.validation = Some(validation);
            }
        }
        Ok(listing)
    }

    /// The classes and the files of all [sets](Self::sets), none of them opened. Folders that hold what Petal wrote, as a
    /// run's, are left out and listed in [`Listing::outputs`].
    ///
    /// # Errors
    /// If a setting is out of range, a folder cannot be read or has photos of fewer than two classes, there are validation
    /// photos of other classes, or anything is [doubtful](Listing::doubts) and [`strict`](Self::strict) is set.
    pub fn list(&self) -> Result<Listing> {
        if let Some(table) = &self.labels {
            if let Some(folder) = self.validation_folder.as_ref().or(self.test_folder.as_ref()) {
                return Err(Error::Data(format!(
                    "the photos are those of {}, and {} is named as a set beside it; say in a column of the table which \
                     set a photo belongs to",
                    PathText::new(&table.path),
                    PathText::new(folder)
                )));
            }
            return self.list_one(&[]);
        }
        let found = SetFolders::find(&self.directory)?;
        let found = found.as_ref();
        let validation =
            self.validation_folder.as_deref().or(found.and_then(|sets| sets.validation.as_deref()));
        let test = self.test_folder.as_deref().or(found.and_then(|sets| sets.test.as_deref()));
        let of = |directory: &Path, classes: Classes| {
            let mut one = self.clone();
            (one.directory, one.classes) = (directory.to_owned(), classes);
            one
        };
        let train = of(found.map_or(&self.directory, |sets| &sets.train), self.classes.clone());
        let mut listing = train.list_one(&[validation, test].into_iter().flatten().collect::<Vec<_>>())?;
        let other = |directory: &Path, listing: &mut Listing| {
            let other = of(directory, Classes::Known(listing.class_names.clone())).list_one(&[])?;
            listing.outputs.extend(other.outputs);
            Ok::<_, Error>((other.files, other.doubts))
        };
        if let Some(directory) = validation {
            let (files, doubts) = other(directory, &mut listing)?;
            check_known(&listing.class_names, &doubts)?;
            listing.validation = Some(files);
            listing.doubts.extend(doubts);
        }
        if let Some(directory) = test {
            let (files, doubts) = other(directory, &mut listing)?;
            listing.test = Some(files);
            listing.doubts.extend(doubts);
        } else if let Some(folder) = found.and_then(|sets| sets.unlabelled.clone()) {
            listing.doubts.push(Doubt::UnlabelledTest { folder });
        }
        self.check_doubts(&listing.doubts)?;
        Ok(listing)
    }
}

/// Refuses validation photos of classes that there are no training photos for: a folder may be misnamed.
fn check_known(class_names: &[String], doubts: &Doubts) -> Result<()> {
    let unknown = doubts.iter().filter_map(|doubt| match doubt {
        Doubt::UnknownClass { photos: 1.., .. } => Some(doubt.to_string()),
        _ => None,
    });
    let unknown: Vec<String> = unknown.take(10).collect();
    if unknown.is_empty() {
        return Ok(());
    }
    Err(Error::Data(format!(
        "the validation folder has other classes than the training folder ({}); name the folders alike, or move these \
         away:\n  {}",
        class_names.join(", "),
        unknown.join("\n  ")
    )))
}
