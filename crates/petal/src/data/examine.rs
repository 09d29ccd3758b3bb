//! What becomes clear about photos when all of them have been decoded.

use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};
use std::path::PathBuf;

use super::doubt::{Doubt, Doubts};
use super::image_dataset::ImageDataset;
use super::{Dataset, image_dataset::Digest};

/// Looks at the photos of all classes, and for pictures that are there several times: in one data set, or in the sets for
/// training, validation and test. `listed` is how many files of each class were listed.
pub(super) fn examine(sets: &[&ImageDataset], listed: &[usize], doubts: &mut Doubts) {
    let counts: Vec<Vec<usize>> = sets.iter().map(|set| set.class_counts()).collect();
    let told: HashSet<String> = doubts.iter().filter_map(without_photos).cloned().collect();
    for (class, name) in sets[0].class_names().iter().enumerate() {
        if listed[class] == 0 || told.contains(name) {
            continue;
        }
        let class_name = || name.clone();
        let photos: Vec<usize> = counts.iter().map(|set| set[class]).collect();
        match *photos {
            _ if photos.iter().all(|&photos| photos == 0) => {
                doubts.push(Doubt::BrokenClass { class: class_name(), photos: listed[class] });
            }
            [0, photos, ..] => doubts.push(Doubt::NotInTraining { class: class_name(), photos }),
            [training, validation, ref test @ ..] => {
                if training == 1 {
                    doubts.push(Doubt::OnePhoto { class: class_name() });
                }
                if validation == 0 {
                    doubts.push(Doubt::NotInValidation { class: class_name(), photos: training });
                }
                if *test == [0] {
                    doubts.push(Doubt::NotInTest { class: class_name() });
                }
            }
            _ => {}
        }
    }
    same_pictures(sets, doubts);
}

/// The class that a doubt says to have no photos, on one side at least.
fn without_photos(doubt: &Doubt) -> Option<&String> {
    match doubt {
        Doubt::EmptyClass { class, .. } | Doubt::MissingClass { class, .. } => Some(class),
        _ => None,
    }
}

/// The files of one picture.
#[derive(Default)]
struct Copies {
    /// The samples of each set.
    samples: [Vec<usize>; 3],
}

impl Copies {
    fn are_in(&self, set: usize) -> bool {
        !self.samples[set].is_empty()
    }

    /// Whether the set has a picture that one before it has, too.
    fn repeat_in(&self, set: usize) -> bool {
        self.are_in(set) && (0..set).any(|before| self.are_in(before))
    }
}

/// Files with the same bytes: one pass over the digests.
fn same_pictures(sets: &[&ImageDataset], doubts: &mut Doubts) {
    let mut pictures: HashMap<&Digest, Copies> = HashMap::new();
    for (set, data) in sets.iter().enumerate() {
        for (sample, digest) in data.digests.iter().enumerate() {
            pictures.entry(digest).or_default().samples[set].push(sample);
        }
    }
    // One word for all of them, which are as many as a set has photos.
    let all = |set: usize| {
        sets.get(set).is_some_and(|data| !data.is_empty())
            && pictures.values().all(|copies| !copies.are_in(set) || copies.repeat_in(set))
    };
    let all = [false, all(1), all(2)];
    if all[1] {
        doubts.push(Doubt::ValidationInTraining { photos: sets[1].len() });
    }
    if all[2] {
        doubts.push(Doubt::TestInOthers { photos: sets[2].len() });
    }
    let mut found = Vec::new();
    for copies in pictures.values() {
        let within_a_set = copies.samples.iter().any(|samples| samples.len() > 1);
        let on_several = [1, 2].into_iter().any(|set| copies.repeat_in(set));
        let untold = [1, 2].into_iter().any(|set| copies.repeat_in(set) && !all[set]);
        let classes = classes(sets, copies);
        if within_a_set || classes.len() > 1 || untold {
            let files = |set: usize| -> Vec<PathBuf> {
                let samples = copies.samples[set].iter();
                let mut files: Vec<_> =
                    samples.map(|&sample| sets[set].file_paths()[sample].clone()).collect();
                files.sort();
                files
            };
            found.push((on_several, classes, [files(0), files(1), files(2)]));
        }
    }
    // Those that do most harm first.
    found.sort_by_cached_key(|(on_several, classes, files)| {
        let first = files.iter().flatten().next().cloned();
        (
            Reverse(classes.len()),
            Reverse(*on_several),
            Reverse(files.iter().map(Vec::len).sum::<usize>()),
            first,
        )
    });
    for (_, classes, [training, validation, test]) in found {
        doubts.push(Doubt::SamePicture { classes, training, validation, test });
    }
}

fn classes(sets: &[&ImageDataset], copies: &Copies) -> Vec<String> {
    let labels = sets
        .iter()
        .zip(&copies.samples)
        .flat_map(|(set, samples)| samples.iter().map(|&sample| set.labels()[sample]));
    let mut labels: Vec<usize> = labels.collect();
    labels.sort_unstable();
    labels.dedup();
    labels.into_iter().map(|label| sets[0].class_names()[label].clone()).collect()
}
