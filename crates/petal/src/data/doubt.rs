use std::fmt;
use std::mem::discriminant;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::foreign_format::ForeignFormat;
use crate::PathText;
use crate::saving::any_path;

/// Something about a folder of photos that a person should know before trusting what is trained on it, or measured with
/// it. Its text is one line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Doubt {
    /// Class folders that are named like the sides of a split: `train`, `val` …
    SidesAsClasses {
        /// The folders' names.
        classes: Vec<String>,
    },
    /// Class folders that have sub-folders named like the sides of a split, which are taken together.
    SidesInClasses {
        /// The sub-folders' names.
        sides: Vec<String>,
    },
    /// A class folder that has no photos of its own but several folders of them, unlike the others.
    DeepClass {
        /// The class.
        class: String,
        /// The names of the folders in it.
        folders: Vec<String>,
    },
    /// Two classes whose names differ only in case, and in spaces, `-` and `_` between and around words.
    SimilarClasses {
        /// The one that is first in order.
        first: String,
        /// The other.
        second: String,
    },
    /// Photos that lie beside the class folders and are not used.
    LoosePhotos {
        /// Where they lie.
        #[serde(with = "any_path")]
        folder: PathBuf,
        /// How many.
        count: usize,
        /// The name of one.
        example: String,
    },
    /// Files of one ending that photos don't have, so that nobody looked at them.
    OtherEnding {
        /// Where they are, at any depth.
        #[serde(with = "any_path")]
        folder: PathBuf,
        /// The ending in lower case, with its dot; empty for none.
        ending: String,
        /// How many.
        count: usize,
        /// Some of them, from the folder on.
        #[serde(with = "any_path::list")]
        examples: Vec<PathBuf>,
    },
    /// Links to folders whose photos are not used.
    UnfollowedLinks {
        /// The links.
        #[serde(with = "any_path::list")]
        links: Vec<PathBuf>,
    },
    /// A class folder without photos.
    EmptyClass {
        /// The folder.
        #[serde(with = "any_path")]
        folder: PathBuf,
        /// The class.
        class: String,
        /// How many files with other endings it has.
        other_files: usize,
    },
    /// A class whose photos are all broken.
    BrokenClass {
        /// The class.
        class: String,
        /// How many broken photos it has.
        photos: usize,
    },
    /// A class that only one training photo shows.
    OnePhoto {
        /// The class.
        class: String,
    },
    /// A class that no training photo shows: it cannot be learned.
    NotInTraining {
        /// The class.
        class: String,
        /// How many validation photos it has.
        photos: usize,
    },
    /// A class that no validation photo shows: how well it was learned remains unknown.
    NotInValidation {
        /// The class.
        class: String,
        /// How many training photos it has.
        photos: usize,
    },
    /// A class that is asked for, but of which there is no folder.
    MissingClass {
        /// Where it should be.
        #[serde(with = "any_path")]
        folder: PathBuf,
        /// The class.
        class: String,
    },
    /// A folder of a class that is not asked for; its photos are not used.
    UnknownClass {
        /// The class folder.
        #[serde(with = "any_path")]
        folder: PathBuf,
        /// How many photos it has.
        photos: usize,
    },
    /// A class in a table of labels that is not asked for; its photos are not used.
    UnknownLabel {
        /// The class.
        label: String,
        /// How many photos it has.
        photos: usize,
    },
    /// Photos that a table of labels doesn't name, so that they are not used.
    Unlabelled {
        /// Where they lie, at any depth.
        #[serde(with = "any_path")]
        folder: PathBuf,
        /// How many.
        count: usize,
        /// One, from the folder on.
        example: String,
    },
    /// Every validation picture is one of the training pictures: its accuracy says nothing about new photos.
    ValidationInTraining {
        /// The number of validation photos.
        photos: usize,
    },
    /// A folder that is called like a test set but holds none of the classes, so that nothing is tested on it.
    UnlabelledTest {
        /// The folder.
        #[serde(with = "any_path")]
        folder: PathBuf,
    },
    /// A class that no test photo shows.
    NotInTest {
        /// The class.
        class: String,
    },
    /// Every test picture is one for training or validation: its accuracy says nothing about new photos.
    TestInOthers {
        /// The number of test photos.
        photos: usize,
    },
    /// A picture that several files hold, byte for byte.
    SamePicture {
        /// The classes that the files stand for, one or more.
        classes: Vec<String>,
        /// Its files for training, or all where there is no split.
        #[serde(with = "any_path::list")]
        training: Vec<PathBuf>,
        /// Its files for validation: what is measured on those is not validation if there are any for training.
        #[serde(with = "any_path::list")]
        validation: Vec<PathBuf>,
        /// Its files for testing, of which the same is true.
        #[serde(default, with = "any_path::list")]
        test: Vec<PathBuf>,
    },
}

/// All that is doubtful about a data set, the structure of its folder first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Doubts(Vec<Doubt>);

impl Doubts {
    /// Whether there is nothing to say.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Every one, however many there are.
    pub fn iter(&self) -> std::slice::Iter<'_, Doubt> {
        self.0.iter()
    }

    /// A line for each, but not for more than ten of a kind: the number of the others follows.
    pub fn lines(&self) -> Vec<String> {
        const SHOWN: usize = 10;
        let mut lines = Vec::new();
        for kind in self.0.chunk_by(|a, b| discriminant(a) == discriminant(b)) {
            lines.extend(kind.iter().take(SHOWN).map(Doubt::to_string));
            if kind.len() > SHOWN {
                lines.push(format!("… and {} more of this kind", kind.len() - SHOWN));
            }
        }
        lines
    }

    /// Takes one up, with those of its kind.
    pub(super) fn push(&mut self, doubt: Doubt) {
        let same_kind = |other: &Doubt| discriminant(other) == discriminant(&doubt);
        let at = self.0.iter().rposition(same_kind).map_or(self.0.len(), |last| last + 1);
        self.0.insert(at, doubt);
    }

    /// Takes up those that are not there yet.
    pub(super) fn extend(&mut self, others: impl IntoIterator<Item = Doubt>) {
        for doubt in others {
            if !self.0.contains(&doubt) {
                self.push(doubt);
            }
        }
    }
}

impl IntoIterator for Doubts {
    type Item = Doubt;
    type IntoIter = std::vec::IntoIter<Doubt>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

/// The [`lines`](Doubts::lines).
impl fmt::Display for Doubts {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(&self.lines().join("\n"))
    }
}

impl fmt::Display for Doubt {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Doubt::SidesAsClasses { classes } => write!(
                f,
                "{} are classes here, but are named like the sides of a split: is each of them a folder of classes?",
                and(classes)
            ),
            Doubt::SidesInClasses { sides } => write!(
                f,
                "class folders have sub-folders named {}, like the sides of a split: their photos are taken together",
                and(sides)
            ),
            Doubt::DeepClass { class, folders } => write!(
                f,
                "class '{}' has no photos of its own, but folders of them ({}): if each is a class, move them up",
                name(class),
                some(folders)
            ),
            Doubt::SimilarClasses { first, second } => write!(
                f,
                "classes '{}' and '{}' have almost the same name: if they are one, merge their folders",
                name(first),
                name(second)
            ),
            Doubt::LoosePhotos { folder, count, example } => {
                let (lie, them) = if *count == 1 { ("lies", "is") } else { ("lie", "are") };
                let (photos, folder, example) = (photos(*count), PathText::new(folder), name(example));
                write!(
                    f,
                    "{photos} {lie} beside the class folders in {folder} and {them} not used: {example}"
                )?;
                if *count > 1 { f.write_str(" …") } else { Ok(()) }
            }
            Doubt::OtherEnding { folder, ending, count, examples } => {
                let (files, were) = if *count == 1 { ("file", "was") } else { ("files", "were") };
                match ending.as_str() {
                    "" => write!(f, "{count} {files} without an ending {were} not looked at")?,
                    ending => write!(f, "{count} {} {files} {were} not looked at", name(ending))?,
                }
                if let Some(format) = ForeignFormat::by_ending(ending) {
                    write!(f, ": {}", format.advice())?;
                }
                let dots = if *count > examples.len() { " …" } else { "" };
                write!(f, " (in {}: {}{dots})", PathText::new(folder), some(examples))
            }
            Doubt::UnfollowedLinks { links } => {
                let were = if links.len() == 1 { "linked folder was" } else { "linked folders were" };
                write!(
                    f,
                    "{} {were} not followed: {}; follow links to use their photos",
                    links.len(),
                    some(links)
                )
            }
            Doubt::EmptyClass { folder, class, other_files } => {
                write!(f, "class '{}' has no photos: ", name(class))?;
                match other_files {
                    0 => write!(f, "{} is empty", PathText::new(folder)),
                    1 => write!(f, "the 1 file in {} does not end as photos do", PathText::new(folder)),
                    files => {
                        write!(f, "none of the {files} files in {} ends as photos do", PathText::new(folder))
                    }
                }
            }
            Doubt::BrokenClass { class, photos: 1 } => {
                write!(f, "class '{}' has no photos: its only one is broken", name(class))
            }
            Doubt::BrokenClass { class, photos } => {
                write!(f, "class '{}' has no photos: all its {photos} are broken", name(class))
            }
            Doubt::OnePhoto { class } => {
                write!(f, "class '{}' has only 1 training photo: too few to learn from", name(class))
            }
            Doubt::NotInTraining { class, photos: count } => {
                let photos = photos(*count);
                write!(
                    f,
                    "class '{}' has no training photo and cannot be learned; {photos} for validation",
                    name(class)
                )
            }
            Doubt::NotInValidation { class, photos: count } => {
                let photos = photos(*count);
                write!(f, "class '{}' has no validation photo; {photos} for training", name(class))
            }
            Doubt::MissingClass { folder, class } => {
                write!(f, "class '{}' has no folder in {}", name(class), PathText::new(folder))
            }
            Doubt::UnknownClass { folder, photos: count } => {
                let (folder, photos) = (PathText::new(folder), photos(*count));
                write!(
                    f,
                    "{folder} is none of the classes; its {photos} {} not used",
                    if *count == 1 { "is" } else { "are" }
                )
            }
            Doubt::UnknownLabel { label, photos: count } => {
                let (is, photos) = (if *count == 1 { "is" } else { "are" }, photos(*count));
                write!(f, "'{}' is none of the classes; its {photos} {is} not used", name(label))
            }
            Doubt::Unlabelled { folder, count, example } => {
                let (is, photos) = (if *count == 1 { "is" } else { "are" }, photos(*count));
                let (folder, example) = (PathText::new(folder), name(example));
                write!(
                    f,
                    "{photos} in {folder} {is} not in the table of labels and {is} not used: {example}"
                )?;
                if *count > 1 { f.write_str(" …") } else { Ok(()) }
            }
            Doubt::ValidationInTraining { photos } => write!(
                f,
                "validation is done on training photos: each of the {photos} photos is among them, byte for byte; its \
                 accuracy says nothing about new photos"
            ),
            Doubt::UnlabelledTest { folder } => write!(
                f,
                "{} has no folders of the classes, so nothing is tested on it",
                PathText::new(folder)
            ),
            Doubt::NotInTest { class } => write!(f, "class '{}' has no test photo", name(class)),
            Doubt::TestInOthers { photos } => write!(
                f,
                "the test is done on photos for training or validation: each of the {photos} test photos is among them, \
                 byte for byte; its accuracy says nothing about new photos"
            ),
            Doubt::SamePicture { classes, training, validation, test } => {
                let sets = [("training", training), ("validation", validation), ("test", test)];
                let sets: Vec<_> = sets.into_iter().filter(|(_, files)| !files.is_empty()).collect();
                let count = sets.iter().map(|(_, files)| files.len()).sum();
                write!(f, "1 picture is {} there", times(count))?;
                match sets.as_slice() {
                    // All there is may be called so.
                    [("training", _)] | [] => {}
                    [(set, _)] => write!(f, ", in {set}")?,
                    sets => {
                        let parts: Vec<_> = sets
                            .iter()
                            .map(|(set, files)| format!("{} in {set}", times(files.len())))
                            .collect();
                        write!(f, ", {}", and(&parts))?;
                    }
                }
                if classes.len() > 1 {
                    write!(f, ", as {}", and(classes))?;
                }
                // One of each set first.
                let first = sets.iter().flat_map(|(_, files)| files.iter().take(1));
                let rest = sets.iter().flat_map(|(_, files)| files.iter().skip(1));
                write!(f, ": {}", some(&first.chain(rest).collect::<Vec<_>>()))
            }
        }
    }
}

fn name(name: &str) -> PathText<'_> {
    PathText::new(name)
}

fn photos(count: usize) -> String {
    if count == 1 { "1 photo".into() } else { format!("{count} photos") }
}

fn times(count: usize) -> String {
    if count == 1 { "once".into() } else { format!("{count} times") }
}

/// `a`, `a and b`, `a, b and c`.
fn and(names: &[String]) -> String {
    const SHOWN: usize = 4;
    let text = |part: &[String]| -> Vec<String> { part.iter().map(|part| name(part).to_string()).collect() };
    match names {
        [] => String::new(),
        [one] => name(one).to_string(),
        [first @ .., last] if names.len() <= SHOWN => {
            format!("{} and {}", text(first).join(", "), name(last))
        }
        _ => format!("{} and {} more", text(&names[..SHOWN]).join(", "), names.len() - SHOWN),
    }
}

/// The first few of many.
fn some<P: AsRef<Path>>(files: &[P]) -> String {
    const SHOWN: usize = 6;
    let shown: Vec<_> = files.iter().take(SHOWN).map(|file| PathText::new(file).to_string()).collect();
    match files.len().saturating_sub(SHOWN) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}
