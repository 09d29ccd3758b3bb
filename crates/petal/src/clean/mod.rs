//! What is wrong with a folder of photos: copies, wrong labels, photos that are like no other, blurred, dark or tiny ones,
//! and classes that cannot be told apart.

mod confident;
mod duplicates;
mod head;
mod look;
mod neighbours;
mod page;
mod set_aside;

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use ndarray::{Array2, Axis, concatenate};
use rayon::prelude::*;

pub use set_aside::{apply, aside, undo};

use crate::applications::{Application, Architecture, Weights};
use crate::data::{Dataset, ImageDataset, ImageFolder, SetFolders, Skipped};
use crate::{Error, Result};
use look::Look;

/// The side of the photos that features are computed of, MobileNetV2's own.
const FEATURE_SIDE: usize = 224;

/// What is doubtful about a photo.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Doubtful {
    /// All its pixels are those of another photo.
    Copy,
    /// It shows the same as another photo, at another size or quality.
    NearCopy,
    /// It probably belongs to another class.
    Label,
    /// It is like no other photo.
    Outlier,
    /// It has far fewer pixels than the others.
    Tiny,
    /// It is much wider than high, or the reverse.
    Shape,
    /// It is almost black.
    Dark,
    /// It is almost white.
    Bright,
    /// Nothing in it is sharp.
    Blurred,
}

impl Doubtful {
    /// All, in the order of the page.
    pub const ALL: [Doubtful; 9] = [
        Doubtful::Copy,
        Doubtful::NearCopy,
        Doubtful::Label,
        Doubtful::Outlier,
        Doubtful::Tiny,
        Doubtful::Shape,
        Doubtful::Dark,
        Doubtful::Bright,
        Doubtful::Blurred,
    ];

    /// What such photos are: `exact copies`.
    pub fn name(self) -> &'static str {
        match self {
            Doubtful::Copy => "exact copies",
            Doubtful::NearCopy => "near copies",
            Doubtful::Label => "probably of another class",
            Doubtful::Outlier => "like no other photo",
            Doubtful::Tiny => "tiny",
            Doubtful::Shape => "of an odd shape",
            Doubtful::Dark => "dark",
            Doubtful::Bright => "bright",
            Doubtful::Blurred => "blurred",
        }
    }
}

/// A photo that should be looked at.
#[derive(Clone, Debug)]
pub struct Finding {
    /// The photo, by its path in the folder.
    pub file: PathBuf,
    /// Its class.
    pub class: String,
    /// What is doubtful.
    pub kind: Doubtful,
    /// Why, in words.
    pub reason: String,
    /// The class that it probably belongs to.
    pub suggestion: Option<String>,
    /// The photo that it is a copy of.
    pub copy_of: Option<PathBuf>,
}

/// Two classes whose photos are taken for each other.
#[derive(Clone, Debug)]
pub struct ConfusedClasses {
    /// Their names.
    pub classes: [String; 2],
    /// Photos of either that are taken for the other.
    pub confused: usize,
    /// The photos of both.
    pub photos: usize,
}

/// What was found in a folder.
#[derive(Clone, Debug)]
pub struct Findings {
    /// The folder.
    pub folder: PathBuf,
    /// The classes' names.
    pub class_names: Vec<String>,
    /// All whole photos, by their paths in the folder.
    pub files: Vec<PathBuf>,
    /// Their classes.
    pub labels: Vec<usize>,
    /// Files that are no whole photos.
    pub broken: Vec<Skipped>,
    /// What is doubtful, kind by kind, in each kind the most certain first.
    pub findings: Vec<Finding>,
    /// Classes that are hard to tell apart, those first that are confused most.
    pub confused: Vec<ConfusedClasses>,
    /// What MobileNetV2 makes of each photo, `[photos, 1280]`; none without weights.
    pub features: Option<Array2<f32>>,
    /// Each photo's classes by models that have not seen it, `[photos, classes]`; none without weights.
    pub probabilities: Option<Array2<f32>>,
}

impl Findings {
    /// Looks at all photos of `folder`: its class folders, or those in its `train`, `val` and `test`. Labels, outliers and
    /// classes are judged by the features of MobileNetV2 with these weights, without which they are left out.
    ///
    /// ```no_run
    /// use petal::applications::Weights;
    /// use petal::clean::Findings;
    /// let found = Findings::of("flower_photos".as_ref(), Some(&Weights::Imagenet))?;
    /// found.save_page("clean.html".as_ref())?;
    /// # Ok::<(), petal::Error>(())
    /// ```
    ///
    /// # Errors
    /// If the folder cannot be read or has photos of fewer than two classes, or the weights cannot be had.
    pub fn of(folder: &Path, weights: Option<&Weights>) -> Result<Findings> {
        let model = weights
            .map(|weights| {
                Architecture::Transfer(Application::MobileNetV2).build(
                    [FEATURE_SIDE, FEATURE_SIDE, 3],
                    2,
                    weights,
                    42,
                )
            })
            .transpose()?;
        let mut found = Findings {
            folder: folder.to_owned(),
            class_names: Vec::new(),
            files: Vec::new(),
            labels: Vec::new(),
            broken: Vec::new(),
            findings: Vec::new(),
            confused: Vec::new(),
            features: None,
            probabilities: None,
        };
        let mut features = Vec::new();
        for set in sets(folder)? {
            // Without a model photos are only sorted by whether they are whole.
            let side = if model.is_some() { FEATURE_SIDE } else { 32 };
            let mut images = ImageFolder::new(set).image_size(side, side).average_large(true).shuffle(false);
            if !found.class_names.is_empty() {
                images = images.classes_of(&found.class_names);
            }
            let data = images.load()?;
            if let Some(model) = &model {
                features.push(model.bottleneck_features(&data)?);
            }
            found.add(&data);
        }
        let looks: Vec<Look> =
            found.files.par_iter().map(|file| Look::at(&folder.join(file))).collect::<Result<_>>()?;
        let parts: Vec<_> = features.iter().map(|features| features.view()).collect();
        found.features = match parts.as_slice() {
            [] => None,
            parts => Some(concatenate(Axis(0), parts).map_err(|error| Error::Data(error.to_string()))?),
        };
        let directions = found.features.as_ref().map(|features| neighbours::of_length_one(features.view()));
        found.find_copies(&looks, directions.as_ref());
        if let (Some(features), Some(directions)) = (&found.features, &directions) {
            found.probabilities =
                Some(head::out_of_fold(features.view(), &found.labels, found.class_names.len()));
            found.find_labels();
            found.find_outliers(&neighbours::distances(directions.view()));
        }
        found.find_poor(&looks);
        found.findings.sort_by_key(|finding| finding.kind);
        Ok(found)
    }

    /// How many photos are doubtful in this way.
    pub fn count(&self, kind: Doubtful) -> usize {
        self.findings.iter().filter(|finding| finding.kind == kind).count()
    }

    /// Writes one HTML page with all findings, which can be ticked there; it saves the list for [`apply`].
    ///
    /// # Errors
    /// If a photo can no longer be read, or the page cannot be written.
    pub fn save_page(&self, path: &Path) -> Result<()> {
        let html = page::html(self)?;
        crate::saving::write_atomically(path, |file| file.write_all(html.as_bytes()))
    }

    fn add(&mut self, data: &ImageDataset) {
        self.class_names = data.class_names().to_vec();
        let inside = |file: &PathBuf| file.strip_prefix(&self.folder).unwrap_or(file).to_owned();
        self.files.extend(data.file_paths().iter().map(inside));
        self.labels.extend(data.labels());
        self.broken.extend(data.skipped().iter().cloned());
    }

    fn finding(&self, photo: usize, kind: Doubtful, reason: String) -> Finding {
        let class = self.class_names[self.labels[photo]].clone();
        Finding { file: self.files[photo].clone(), class, kind, reason, suggestion: None, copy_of: None }
    }

    fn find_copies(&mut self, looks: &[Look], directions: Option<&Array2<f32>>) {
        for copies in duplicates::find(looks, directions.map(|features| features.view())) {
            let largest = |&&photo: &&usize| (looks[photo].width * looks[photo].height, usize::MAX - photo);
            let Some(&kept) = copies.photos.iter().max_by_key(largest) else { continue };
            for &photo in copies.photos.iter().filter(|&&photo| photo != kept) {
                let kind = if copies.exact { Doubtful::Copy } else { Doubtful::NearCopy };
                let same = if copies.exact { "The same pixels" } else { "Almost the same picture" };
                let other = if self.labels[photo] == self.labels[kept] {
                    String::new()
                } else {
                    format!(", which is of another class, {}", self.class_names[self.labels[kept]])
                };
                let reason = format!("{same} as {}{other}", self.files[kept].display());
                let finding = self.finding(photo, kind, reason);
                self.findings.push(Finding { copy_of: Some(self.files[kept].clone()), ..finding });
            }
        }
    }

    fn find_labels(&mut self) {
        let Some(probabilities) = &self.probabilities else { return };
        let mislabels = confident::mislabels(probabilities.view(), &self.labels);
        let mut confused: HashMap<[usize; 2], usize> = HashMap::new();
        for (row, &label) in probabilities.rows().into_iter().zip(&self.labels) {
            let class = (0..row.len()).max_by(|&a, &b| row[a].total_cmp(&row[b])).unwrap_or(label);
            if class != label {
                *confused.entry([label.min(class), label.max(class)]).or_default() += 1;
            }
        }
        let findings: Vec<Finding> = mislabels
            .iter()
            .map(|found| {
                let (label, class) = (self.labels[found.photo], found.class);
                let percent = |class: usize| 100.0 * probabilities[[found.photo, class]];
                let reason = format!(
                    "Rather {} ({:.0} %) than {} ({:.0} %)",
                    self.class_names[class],
                    percent(class),
                    self.class_names[label],
                    percent(label)
                );
                let finding = self.finding(found.photo, Doubtful::Label, reason);
                Finding { suggestion: Some(self.class_names[class].clone()), ..finding }
            })
            .collect();
        self.findings.extend(findings);
        let photos = |class: usize| self.labels.iter().filter(|&&label| label == class).count();
        let pairs = confused.into_iter().map(|([a, b], confused)| ConfusedClasses {
            classes: [self.class_names[a].clone(), self.class_names[b].clone()],
            confused,
            photos: photos(a) + photos(b),
        });
        // One photo in twenty is more than wrong labels alone explain.
        self.confused = pairs.filter(|pair| 20 * pair.confused >= pair.photos).collect();
        self.confused.sort_by(|a, b| (b.confused * a.photos).cmp(&(a.confused * b.photos)));
    }

    fn find_outliers(&mut self, distances: &[f32]) {
        /// Deviations, measured by quartiles, above the middle.
        const FAR: f32 = 2.5;
        let [low, middle, high] = quartiles(distances);
        let deviation = ((high - low) / 1.35).max(1e-6);
        let mut far: Vec<usize> =
            (0..distances.len()).filter(|&photo| distances[photo] > middle + FAR * deviation).collect();
        far.sort_by(|&a, &b| distances[b].total_cmp(&distances[a]));
        for photo in far {
            let reason = format!(
                "Like no other photo: {:.2} from its nearest, where {middle:.2} is usual",
                distances[photo]
            );
            self.findings.push(self.finding(photo, Doubtful::Outlier, reason));
        }
    }

    fn find_poor(&mut self, looks: &[Look]) {
        let [_, usual_side, _] =
            quartiles(&looks.iter().map(|look| look.shorter_side() as f32).collect::<Vec<_>>());
        let [_, usual_sharpness, _] = quartiles(&looks.iter().map(|look| look.sharpness).collect::<Vec<_>>());
        let mut found: Vec<(f32, Finding)> = Vec::new();
        for (photo, look) in looks.iter().enumerate() {
            let size = format!("{} × {} pixels", look.width, look.height);
            let mut add = |score: f32, kind, reason| found.push((score, self.finding(photo, kind, reason)));
            let side = look.shorter_side() as f32;
            if side < 32.0 || side < usual_side / 4.0 {
                add(side, Doubtful::Tiny, size.clone());
            }
            if look.aspect() > 2.5 {
                add(
                    -look.aspect(),
                    Doubtful::Shape,
                    format!("{:.1} times as long as wide: {size}", look.aspect()),
                );
            }
            let brightness = 100.0 * look.brightness / 255.0;
            if brightness < 10.0 {
                add(brightness, Doubtful::Dark, format!("Mean brightness {brightness:.0} %"));
            }
            if brightness > 88.0 {
                add(-brightness, Doubtful::Bright, format!("Mean brightness {brightness:.0} %"));
            }
            let sharpness = look.sharpness / usual_sharpness.max(1e-6);
            if sharpness < BLURRED {
                let reason = format!("Edges have {:.1} % of the usual strength", 100.0 * sharpness);
                add(sharpness, Doubtful::Blurred, reason);
            }
        }
        found.sort_by(|(a, _), (b, _)| a.total_cmp(b));
        self.findings.extend(found.into_iter().map(|(_, finding)| finding));
    }
}

/// Whether these weights of MobileNetV2 can be had, which may download them.
///
/// # Errors
/// If they cannot.
pub fn check_weights(weights: &Weights) -> Result<()> {
    Architecture::Transfer(Application::MobileNetV2)
        .build([FEATURE_SIDE, FEATURE_SIDE, 3], 2, weights, 42)
        .map(drop)
}

/// The share of the usual variance of edges below which a photo is blurred.
const BLURRED: f32 = 0.04;

fn sets(folder: &Path) -> Result<Vec<PathBuf>> {
    let found = if folder.is_dir() { SetFolders::find(folder)? } else { None };
    Ok(match found {
        Some(sets) => [Some(sets.train), sets.validation, sets.test].into_iter().flatten().collect(),
        None => vec![folder.to_owned()],
    })
}

/// The values at a quarter, the half and three quarters of the order; 0 where there are none.
fn quartiles(values: &[f32]) -> [f32; 3] {
    let mut values = values.to_vec();
    values.sort_by(f32::total_cmp);
    [1, 2, 3].map(|quarter| values.get(values.len() * quarter / 4).copied().unwrap_or(0.0))
}

#[cfg(test)]
mod tests {
    use image::imageops::{self, FilterType};
    use image::{Rgb, RgbImage};

    use super::*;
    use crate::random::Key;

    /// Soft spots of random colours.
    fn picture(seed: u64) -> RgbImage {
        let mut random = Key::new(seed).generator();
        let spots = RgbImage::from_fn(8, 6, |_, _| Rgb([(); 3].map(|()| random.below(256) as u8)));
        imageops::resize(&spots, 160, 120, FilterType::CatmullRom)
    }

    #[test]
    fn copies_at_other_sizes_and_poor_photos_are_found_without_weights() {
        let at = tempfile::tempdir().unwrap();
        for (class, first) in [("a", 1), ("b", 10)] {
            std::fs::create_dir(at.path().join(class)).unwrap();
            for number in first..first + 6 {
                picture(number).save(at.path().join(class).join(format!("{number}.png"))).unwrap();
            }
        }
        let save = |image: &RgbImage, name: &str| image.save(at.path().join(name)).unwrap();
        save(&picture(1), "b/again.png");
        save(&imageops::resize(&picture(11), 120, 90, FilterType::Triangle), "b/smaller.jpg");
        save(&imageops::blur(&picture(12), 8.0), "b/blurred.png");
        save(&RgbImage::from_pixel(160, 120, Rgb([3; 3])), "a/dark.png");
        save(&imageops::resize(&picture(4), 20, 15, FilterType::Triangle), "a/tiny.png");
        let found = Findings::of(at.path(), None).unwrap();
        let of = |kind| -> Vec<String> {
            let of_kind = found.findings.iter().filter(|finding| finding.kind == kind);
            of_kind.map(|finding| finding.file.display().to_string()).collect()
        };
        assert_eq!(of(Doubtful::Copy), ["b/again.png"]);
        assert!(found.findings[0].reason.contains("another class, a"), "{}", found.findings[0].reason);
        assert!(of(Doubtful::NearCopy).contains(&"b/smaller.jpg".into()), "{:?}", found.findings);
        assert_eq!(of(Doubtful::Dark), ["a/dark.png"]);
        assert_eq!(of(Doubtful::Tiny), ["a/tiny.png"]);
        let page = at.path().join("clean.html");
        found.save_page(&page).unwrap();
        let html = std::fs::read_to_string(page).unwrap();
        assert!(html.contains("value=\"b/again.png\"") && !html.contains("src=\"http"));
    }
}
