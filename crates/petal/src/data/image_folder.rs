use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::Dataset;
use super::decode::ColorMode;
use super::doubt::Doubts;
use super::examine::examine;
use super::image_dataset::{ImageDataset, LabelMode, Settings};
use super::labels::{self, LabelFile};
use super::listing::{self, Classes, Listing};
use super::numpy_random::permutation;
use super::preprocessing::{AspectRatio, Preprocessing};
use super::resize::Interpolation;
use crate::memory;
use crate::random::Key;
use crate::{Error, PathText, Result};

/// A folder of photos with one sub-folder for each class: Keras' `image_dataset_from_directory`.
///
/// The classes are the sub-folders in the order of their names; files ending in jpg, jpeg, png, bmp or gif count, at
/// any depth, in the order that Keras lists them in. What decodes a file is its content, not its name; of an animation
/// it is the first picture. With the same `seed` and `validation_split`, training and validation photos are the very
/// files that Keras gives.
///
/// Unlike Keras: files ending in webp, jfif, jpe or dib count, too, and what systems leave in folders (`__MACOSX`,
/// `@eaDir`, `._photo.jpg`, `.ipynb_checkpoints` …) never does, so only where there are none of both are the splits the
/// same; every file is decoded before training starts, and a broken, empty or unreadable one is left out and listed in
/// [`ImageDataset::skipped`] (the split is made before, so it stays Keras'); whatever else is doubtful is listed in
/// [`ImageDataset::doubts`] ([`strict`](Self::strict) makes both an error); each epoch shuffles all training photos and
/// not a window of eight batches; resized pixels are rounded to whole numbers and kept as bytes; a split that leaves a
/// side empty is an error, and so are sets of photos (`train`, `val`) where classes are expected.
///
/// ```no_run
/// use petal::data::{Dataset, ImageFolder};
///
/// let (train, val) =
///     ImageFolder::new("flower_photos").image_size(180, 180).batch_size(32).seed(42).validation_split(0.2).split()?;
/// println!("{} photos of {:?}; {} left out", train.len(), train.class_names(), train.skipped().len());
/// # Ok::<(), petal::Error>(())
/// ```
///
/// A photo's file may have 500 MB, its picture 65,535 pixels a side, and decoding it may take 1 GB; what is larger is
/// left out before memory is taken for it. All threads together take little more than that, or than an eighth of the
/// machine's memory.
///
/// A folder that holds `train`, `val` and perhaps `test`, each with the class folders, is for [`sets`](Self::sets).
#[derive(Clone)]
#[must_use = "nothing is read before split, sets, training, validation or load"]
pub struct ImageFolder {
    pub(super) directory: PathBuf,
    pub(super) validation_folder: Option<PathBuf>,
    pub(super) test_folder: Option<PathBuf>,
    pub(super) labels: Option<LabelFile>,
    pub(super) classes: Classes,
    follow_links: bool,
    seed: Option<u32>,
    pub(super) shuffle: bool,
    validation_split: Option<f64>,
    batch_size: usize,
    label_mode: LabelMode,
    preprocessing: Preprocessing,
    crop: bool,
    pad: bool,
    strict: bool,
    memory_budget: Option<usize>,
    memory_shared_by: usize,
    progress: Option<Arc<Progress>>,
}

/// Told how many files were decoded, and of how many.
type Progress = dyn Fn(usize, usize) + Send + Sync;

impl ImageFolder {
    /// The photos below `directory`, with Keras' defaults: 256 × 256 pixels, batches of 32, shuffled.
    pub fn new(directory: impl Into<PathBuf>) -> Self {
        ImageFolder {
            directory: directory.into(),
            validation_folder: None,
            test_folder: None,
            labels: None,
            classes: Classes::All,
            follow_links: false,
            seed: None,
            shuffle: true,
            validation_split: None,
            batch_size: 32,
            label_mode: LabelMode::default(),
            preprocessing: Preprocessing::new(256, 256),
            crop: false,
            pad: false,
            strict: false,
            memory_budget: None,
            memory_shared_by: 1,
            progress: None,
        }
    }

    /// The samples' height and width in pixels. Default: 256 × 256.
    pub fn image_size(mut self, height: usize, width: usize) -> Self {
        self.preprocessing.image_size = (height, width);
        self
    }

    /// Photos per batch; an epoch's last batch may be shorter. Default: 32.
    pub fn batch_size(mut self, batch_size: usize) -> Self {
        self.batch_size = batch_size;
        self
    }

    /// Decides the split and the order in each epoch; 32 bits, as NumPy's generator takes. A shuffled split needs one.
    pub fn seed(mut self, seed: u32) -> Self {
        self.seed = Some(seed);
        self
    }

    /// Whether files are shuffled before the split, and training photos again in each epoch. Default: yes. Without,
    /// the validation photos are the last ones of the list, so mostly those of the last classes.
    pub fn shuffle(mut self, shuffle: bool) -> Self {
        self.shuffle = shuffle;
        self
    }

    /// The share of the files, above 0 and below 1, that is for validation; in [`sets`](Self::sets) only where no folder
    /// is. Default: none.
    pub fn validation_split(mut self, share: f64) -> Self {
        self.validation_split = Some(share);
        self
    }

    /// The folder of the validation photos, with the same class folders, for [`sets`](Self::sets). If it lies in the
    /// training photos' folder, it is no class there. Default: the one beside `train`, or none.
    pub fn validation_folder(mut self, directory: impl Into<PathBuf>) -> Self {
        self.validation_folder = Some(directory.into());
        self
    }

    /// The folder of the test photos, as [`validation_folder`](Self::validation_folder). Default: the one beside `train`,
    /// or none.
    pub fn test_folder(mut self, directory: impl Into<PathBuf>) -> Self {
        self.test_folder = Some(directory.into());
        self
    }

    /// A table that says which photos count and of which classes they are. They lie below the directory, in whatever
    /// folders; the classes are in the order of their names. Default: none, so that folders say it.
    pub fn labels(mut self, table: LabelFile) -> Self {
        self.labels = Some(table);
        self
    }

    /// The channels of the samples. Default: RGB.
    pub fn color_mode(mut self, color_mode: ColorMode) -> Self {
        self.preprocessing.color_mode = color_mode;
        self
    }

    /// The form of the targets. Default: the class' index.
    pub fn label_mode(mut self, label_mode: LabelMode) -> Self {
        self.label_mode = label_mode;
        self
    }

    /// The resize rule. Default: bilinear.
    pub fn interpolation(mut self, interpolation: Interpolation) -> Self {
        self.preprocessing.interpolation = interpolation;
        self
    }

    /// Whether photos are cropped to the target's proportions instead of stretched. Default: no.
    pub fn crop_to_aspect_ratio(mut self, crop: bool) -> Self {
        self.crop = crop;
        self
    }

    /// Whether photos get black bars instead of being stretched. Default: no.
    pub fn pad_to_aspect_ratio(mut self, pad: bool) -> Self {
        self.pad = pad;
        self
    }

    /// The classes and their order; other sub-folders are ignored. Default: all sub-folders, sorted.
    pub fn class_names(mut self, names: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.classes = Classes::Chosen(names.into_iter().map(Into::into).collect());
        self
    }

    /// The classes of a model that is to be measured, in its order. A class without a folder and a folder without a
    /// class are among the [doubts](ImageDataset::doubts); one class with photos is enough.
    pub fn classes_of(mut self, class_names: &[String]) -> Self {
        self.classes = Classes::Known(class_names.to_vec());
        self
    }

    /// Whether links to folders below the class folders are followed. Default: no. A link to a folder around itself is
    /// not followed.
    pub fn follow_links(mut self, follow_links: bool) -> Self {
        self.follow_links = follow_links;
        self
    }

    /// Whether photos are turned as their EXIF data says. Default: no, as in Keras.
    pub fn exif_orientation(mut self, honour: bool) -> Self {
        self.preprocessing.exif_orientation = honour;
        self
    }

    /// Whether large photos are [averaged](Preprocessing::average_large) before they are resized, which reads a JPEG of 12
    /// megapixels several times faster. Default: no, so that pixels are Keras'.
    pub fn average_large(mut self, average: bool) -> Self {
        self.preprocessing.average_large = average;
        self
    }

    /// Size, colours and resize rule in one, for example those that a saved model was trained with.
    pub fn preprocessing(mut self, preprocessing: Preprocessing) -> Self {
        self.crop = preprocessing.aspect_ratio == AspectRatio::Crop;
        self.pad = preprocessing.aspect_ratio == AspectRatio::Pad;
        self.preprocessing = preprocessing;
        self
    }

    /// Whether a broken, empty or unreadable file, also one that becomes so in training, and whatever else is
    /// [doubtful](ImageDataset::doubts), is an error. Default: no, the file is left out and the doubt told.
    pub fn strict(mut self, strict: bool) -> Self {
        self.strict = strict;
        self
    }

    /// How many bytes of pixels are kept in memory, both sides of a split together. Photos past it are decoded in each
    /// epoch. Default: a quarter of the machine's memory.
    pub fn memory_budget(mut self, bytes: usize) -> Self {
        self.memory_budget = Some(bytes);
        self
    }

    /// Divides the default of [`memory_budget`](Self::memory_budget) by so many programs, which read these photos on this
    /// machine at the same time.
    pub fn memory_shared_by(mut self, programs: usize) -> Self {
        self.memory_shared_by = programs.max(1);
        self
    }

    /// Called after each file that was decoded, from any thread, with the number done and the number of all.
    pub fn progress(mut self, progress: impl Fn(usize, usize) + Send + Sync + 'static) -> Self {
        self.progress = Some(Arc::new(progress));
        self
    }

    /// Training and validation photos. The validation photos' order is the same in each epoch.
    ///
    /// # Errors
    /// If there is no [`validation_split`](Self::validation_split), no [`seed`](Self::seed) for a shuffled one, a side
    /// would be empty, or for any reason that [`load`](Self::load) has.
    pub fn split(self) -> Result<(ImageDataset, ImageDataset)> {
        let Listing { class_names, files, doubts, .. } = self.list_all()?;
        let (training, validation) = self.cut(files)?;
        let mut sides =
            self.open_parts(class_names, doubts, vec![training, validation], self.shuffle)?.into_iter();
        let mut next = || sides.next().expect("a data set for each side");
        Ok((next(), next()))
    }

    /// The training photos of the split alone.
    ///
    /// # Errors
    /// As [`split`](Self::split).
    pub fn training(self) -> Result<ImageDataset> {
        let Listing { class_names, files, doubts, .. } = self.list_all()?;
        let (training, _) = self.cut(files)?;
        self.open_one(class_names, doubts, training, self.shuffle)
    }

    /// The validation photos of the split alone, in the same order in each epoch.
    ///
    /// # Errors
    /// As [`split`](Self::split).
    pub fn validation(self) -> Result<ImageDataset> {
        let Listing { class_names, files, doubts, .. } = self.list_all()?;
        let (_, validation) = self.cut(files)?;
        self.open_one(class_names, doubts, validation, false)
    }

    /// All photos, without a split. Without a seed, the order in each epoch is that of seed 0.
    ///
    /// # Errors
    /// If a setting is out of range, the folder cannot be read, has photos of fewer than two classes, all its photos are
    /// broken, or one is, or anything is [doubtful](ImageDataset::doubts), and [`strict`](Self::strict) is set.
    pub fn load(self) -> Result<ImageDataset> {
        self.check_whole()?;
        let Listing { class_names, files, doubts, .. } = self.list_all()?;
        let files = self.shuffled(files);
        self.open_one(class_names, doubts, files, self.shuffle)
    }

    /// Two data sets of different photos, up to so many in each and as many of each class as there are, drawn by the
    /// [`seed`](Self::seed), 0 without one: to measure something on a part of a folder that may be large. Of fewer photos
    /// the first gets up to half.
    ///
    /// # Errors
    /// If a side would be empty, or for any reason that [`load`](Self::load) has.
    pub fn draw(self, counts: [usize; 2]) -> Result<(ImageDataset, ImageDataset)> {
        self.check_whole()?;
        let Listing { class_names, files, doubts, .. } = self.list_all()?;
        let drawn = permutation(self.seed.unwrap_or(0), files.len()).into_iter().map(|i| files[i].clone());
        let mut turns = vec![0; class_names.len()];
        let turn = |file: (PathBuf, usize)| {
            turns[file.1] += 1;
            (turns[file.1], file)
        };
        let mut drawn: Vec<(usize, (PathBuf, usize))> = drawn.map(turn).collect();
        // One of each class, then the next one of each.
        drawn.sort_by_key(|(turn, (_, class))| (*turn, *class));
        let mut first: Files = drawn.into_iter().map(|(_, file)| file).collect();
        let mut second = first.split_off(counts[0].min(first.len() / 2));
        second.truncate(counts[1]);
        if first.is_empty() || second.is_empty() {
            return Err(Error::Data(format!(
                "of the {} photos in {} {} and {} cannot be drawn; expected one for each part",
                files.len(),
                PathText::new(&self.directory),
                counts[0],
                counts[1]
            )));
        }
        let seen = self.counter(first.len() + second.len());
        let budget = self.budget();
        let mut first = self.open(first, &class_names, false, budget, &seen)?;
        let mut second = self.open(second, &class_names, false, budget - first.cache_size(), &seen)?;
        self.check_skipped(&[&first, &second])?;
        first.doubts = doubts.into();
        second.doubts = first.doubts.clone();
        Ok((first, second))
    }
}

/// Each file with its class.
pub(super) type Files = Vec<(PathBuf, usize)>;

impl ImageFolder {
    /// All photos, whatever set a table says that they belong to.
    fn list_all(&self) -> Result<Listing> {
        let mut listing = self.list_one(&[])?;
        let sets = [listing.validation.take(), listing.test.take()];
        listing.files.extend(sets.into_iter().flatten().flatten());
        Ok(listing)
    }

    /// What lies in this folder alone, which holds the classes, but for these folders in it.
    pub(super) fn list_one(&self, without: &[&Path]) -> Result<Listing> {
        self.settings(false)?;
        let listing = match &self.labels {
            Some(table) => labels::list(&self.directory, table, &self.classes, self.follow_links)?,
            None => listing::list(&self.directory, &self.classes, self.follow_links, without)?,
        };
        let classes = listing.class_names.len();
        if self.label_mode == LabelMode::Binary && classes != 2 {
            return Err(Error::Data(format!(
                "binary labels need exactly 2 classes; {} has {classes}: {}; use int or categorical labels, \
                 or choose two with class_names",
                PathText::new(&self.directory),
                listing.class_names.join(", ")
            )));
        }
        self.check_doubts(&listing.doubts)?;
        Ok(listing)
    }

    /// Both sides of the split.
    pub(super) fn cut(&self, files: Files) -> Result<(Files, Files)> {
        let Some(share) = self.validation_split else {
            return Err(Error::Data(
                "no validation_split is set; set one, for example 0.2, or use load for the whole folder"
                    .into(),
            ));
        };
        if !(share > 0.0 && share < 1.0) {
            return Err(Error::argument("validation_split", share, "a number above 0 and below 1"));
        }
        if self.shuffle && self.seed.is_none() {
            return Err(Error::Data(
                "a shuffled validation_split needs a seed, so that no photo is on both sides; \
                 set one, for example 42, or set shuffle to false"
                    .into(),
            ));
        }
        let found = files.len();
        let validation_count = (share * found as f64) as usize;
        if validation_count == 0 || validation_count == found {
            let side = if validation_count == 0 { "validation" } else { "training" };
            return Err(Error::Data(format!(
                "validation_split {share} of the {found} photos in {} leaves none for {side}; \
                 choose another share or add photos",
                PathText::new(&self.directory)
            )));
        }
        let mut training = self.shuffled(files);
        let validation = training.split_off(found - validation_count);
        Ok((training, validation))
    }

    /// As Keras shuffles the list of all files, with or without a split.
    pub(super) fn shuffled(&self, files: Files) -> Files {
        if !self.shuffle {
            return files;
        }
        permutation(self.seed.unwrap_or(0), files.len()).into_iter().map(|i| files[i].clone()).collect()
    }

    fn check_whole(&self) -> Result<()> {
        match self.validation_split {
            None => Ok(()),
            Some(share) => Err(Error::Data(format!(
                "load takes the whole folder, but validation_split is {share}; \
                 use split, training or validation, or leave validation_split out"
            ))),
        }
    }

    fn settings(&self, shuffle: bool) -> Result<Settings> {
        let aspect_ratio = match (self.crop, self.pad) {
            (false, false) => AspectRatio::Stretch,
            (true, false) => AspectRatio::Crop,
            (false, true) => AspectRatio::Pad,
            (true, true) => {
                return Err(Error::Data(
                    "crop_to_aspect_ratio and pad_to_aspect_ratio are both set; set one of them".into(),
                ));
            }
        };
        if self.batch_size == 0 {
            return Err(Error::argument("batch_size", 0, "1 or more"));
        }
        let preprocessing = Preprocessing { aspect_ratio, ..self.preprocessing.clone() };
        preprocessing.check()?;
        let order = shuffle.then(|| Key::new(self.seed.unwrap_or(0).into()).named("order"));
        let (label_mode, batch_size, strict) = (self.label_mode, self.batch_size, self.strict);
        Ok(Settings { preprocessing, label_mode, batch_size, strict, order })
    }

    fn open_one(
        &self,
        class_names: Vec<String>,
        doubts: Doubts,
        files: Files,
        shuffle: bool,
    ) -> Result<ImageDataset> {
        let mut datasets = self.open_parts(class_names, doubts, vec![files], shuffle)?;
        Ok(datasets.remove(0))
    }

    /// A data set for each part, training, validation and test or one alone, which share the memory budget. `shuffle` is
    /// for the first.
    pub(super) fn open_parts(
        &self,
        class_names: Vec<String>,
        mut doubts: Doubts,
        parts: Vec<Files>,
        shuffle: bool,
    ) -> Result<Vec<ImageDataset>> {
        let listed = count(&parts, class_names.len());
        let seen = self.counter(parts.iter().map(Vec::len).sum());
        let mut budget = self.budget();
        let mut datasets = Vec::with_capacity(parts.len());
        for files in parts {
            let shuffle = shuffle && datasets.is_empty();
            let dataset = self.open(files, &class_names, shuffle, budget, &seen)?;
            budget -= dataset.cache_size();
            datasets.push(dataset);
        }
        let opened: Vec<&ImageDataset> = datasets.iter().collect();
        self.check_skipped(&opened)?;
        examine(&opened, &listed, &mut doubts);
        self.check_doubts(&doubts)?;
        let doubts = Arc::new(doubts);
        datasets.iter_mut().for_each(|dataset| dataset.doubts = doubts.clone());
        Ok(datasets)
    }

    fn open(
        &self,
        files: Files,
        class_names: &[String],
        shuffle: bool,
        budget: usize,
        seen: &(dyn Fn() + Sync),
    ) -> Result<ImageDataset> {
        Ok(ImageDataset::open(files, class_names.to_vec(), self.settings(shuffle)?, budget, seen))
    }

    fn check_skipped(&self, datasets: &[&ImageDataset]) -> Result<()> {
        let skipped: Vec<_> = datasets.iter().flat_map(|dataset| dataset.skipped()).collect();
        let what = if self.strict && !skipped.is_empty() {
            "strict is set; replace or remove the files, or leave strict out to go on without them"
        } else if datasets.iter().take(2).any(|dataset| dataset.is_empty()) {
            "this leaves no photo for training or validation; replace the files"
        } else if datasets.iter().any(|dataset| dataset.is_empty()) {
            "this leaves no photo for the test; replace the files"
        } else {
            return Ok(());
        };
        const SHOWN: usize = 20;
        let mut lines: Vec<_> = skipped.iter().take(SHOWN).map(|skipped| format!("  {skipped}")).collect();
        if skipped.len() > SHOWN {
            lines.push(format!("  and {} more", skipped.len() - SHOWN));
        }
        let (count, plural) = (skipped.len(), if skipped.len() == 1 { "" } else { "s" });
        let directory = PathText::new(&self.directory);
        Err(Error::Data(format!(
            "{count} broken file{plural} in {directory} ({what}):\n{}",
            lines.join("\n")
        )))
    }

    pub(super) fn check_doubts(&self, doubts: &Doubts) -> Result<()> {
        if !self.strict || doubts.is_empty() {
            return Ok(());
        }
        Err(Error::Data(format!(
            "{} is doubtful (strict is set; mend what follows, or leave strict out to go on all the same):\n  {}",
            PathText::new(&self.directory),
            doubts.lines().join("\n  ")
        )))
    }

    fn budget(&self) -> usize {
        self.memory_budget.unwrap_or_else(|| memory::total() / 4 / self.memory_shared_by)
    }

    /// Tells the progress callback of one more file each time it is called.
    fn counter(&self, total: usize) -> impl Fn() + Sync {
        let done = AtomicUsize::new(0);
        let progress = self.progress.clone();
        move || {
            if let Some(progress) = &progress {
                progress(done.fetch_add(1, Ordering::Relaxed) + 1, total);
            }
        }
    }
}

/// The number of files of each class.
fn count(parts: &[Files], classes: usize) -> Vec<usize> {
    let mut counts = vec![0; classes];
    parts.iter().flatten().for_each(|(_, class)| counts[*class] += 1);
    counts
}
