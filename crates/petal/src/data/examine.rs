//! What becomes clear about photos when all of them have been decoded.

use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};
use std::path::PathBuf;

use super::doubt::{Doubt, Doubts};
use super::image_dataset::ImageDataset;
use super::{Dataset, image_dataset::Digest};

/// Looks at the photos of all classes, and for pictures that are there several times: in one data set, or in the two
/// sides of a split, training first. `listed` is how many files of each class were listed.
pub(super) fn examine(sides: &[&ImageDataset], listed: &[usize], doubts: &mut Doubts) {
    let counts: Vec<Vec<usize>> = sides.iter().map(|side| side.class_counts()).collect();
    let told: HashSet<String> = doubts.iter().filter_map(without_photos).cloned().collect();
    for (class, name) in sides[0].class_names().iter().enumerate() {
        if listed[class] == 0 || told.contains(name) {
            continue;
        }
        let class_name = || name.clone();
        match *counts.iter().map(|side| side[class]).collect::<Vec<_>>() {
            [0] | [0, 0] => doubts.push(Doubt::BrokenClass { class: class_name(), photos: listed[class] }),
            [0, photos] => doubts.push(Doubt::NotInTraining { class: class_name(), photos }),
            [training, validation] => {
                if training == 1 {
                    doubts.push(Doubt::OnePhoto { class: class_name() });
                }
                if validation == 0 {
                    doubts.push(Doubt::NotInValidation { class: class_name(), photos: training });
                }
            }
            _ => {}
        }
    }
    same_pictures(sides, doubts);
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
    /// The samples of each side.
    samples: [Vec<usize>; 2],
}

/// Files with the same bytes: one pass over the digests.
fn same_pictures(sides: &[&ImageDataset], doubts: &mut Doubts) {
    let mut pictures: HashMap<&Digest, Copies> = HashMap::new();
    for (side, data) in sides.iter().enumerate() {
        for (sample, digest) in data.digests.iter().enumerate() {
            pictures.entry(digest).or_default().samples[side].push(sample);
        }
    }
    let on_both = |copies: &Copies| copies.samples.iter().all(|samples| !samples.is_empty());
    // One word for all of them, which are as many as there are validation photos.
    let all_validation = match sides {
        [_, validation] => {
            !validation.is_empty()
                && pictures.values().all(|copies| copies.samples[1].is_empty() || on_both(copies))
        }
        _ => false,
    };
    if all_validation {
        doubts.push(Doubt::ValidationInTraining { photos: sides[1].len() });
    }
    let mut found = Vec::new();
    for copies in pictures.values() {
        let [training, validation] = &copies.samples;
        let within_a_side = training.len() > 1 || validation.len() > 1;
        let classes = classes(sides, copies);
        if within_a_side || classes.len() > 1 || on_both(copies) && !all_validation {
            let files = |side: usize| -> Vec<PathBuf> {
                let samples = copies.samples[side].iter();
                let mut files: Vec<_> =
                    samples.map(|&sample| sides[side].file_paths()[sample].clone()).collect();
                files.sort();
                files
            };
            found.push((
                on_both(copies),
                classes,
                files(0),
                if validation.is_empty() { vec![] } else { files(1) },
            ));
        }
    }
    // Those that do most harm first.
    found.sort_by_cached_key(|(on_both, classes, training, validation)| {
        let first = training.first().or(validation.first()).cloned();
        (Reverse(classes.len()), Reverse(*on_both), Reverse(training.len() + validation.len()), first)
    });
    for (_, classes, training, validation) in found {
        doubts.push(Doubt::SamePicture { classes, training, validation });
    }
}

fn classes(sides: &[&ImageDataset], copies: &Copies) -> Vec<String> {
    let labels = sides
        .iter()
        .zip(&copies.samples)
        .flat_map(|(side, samples)| samples.iter().map(|&sample| side.labels()[sample]));
    let mut labels: Vec<usize> = labels.collect();
    labels.sort_unstable();
    labels.dedup();
    labels.into_iter().map(|label| sides[0].class_names()[label].clone()).collect()
}
