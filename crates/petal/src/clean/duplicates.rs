//! Photos that are there several times.

use std::collections::HashMap;

use ndarray::ArrayView2;

use super::look::Look;

/// Bits of 64 in which the hashes of one picture may differ. Two hashes that differ in no more than 7 have one of 8 bytes
/// in common, which is how pairs are found.
const BITS: u32 = 7;
/// Levels of 255 by which the small grey pictures may differ.
const LEVELS: f32 = 10.0;
/// The least cosine of two pictures' features.
const COSINE: f32 = 0.8;

/// Photos of one picture, two or more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Copies {
    pub photos: Vec<usize>,
    /// Whether all pixels are the same.
    pub exact: bool,
}

/// All photos that are there several times. `features` are of length 1, where there are some.
pub(super) fn find(looks: &[Look], features: Option<ArrayView2<'_, f32>>) -> Vec<Copies> {
    let mut firsts: HashMap<u64, usize> = HashMap::new();
    let mut group: Vec<usize> = (0..looks.len()).collect();
    for (photo, look) in looks.iter().enumerate() {
        group[photo] = *firsts.entry(look.digest).or_insert(photo);
    }
    let different: Vec<usize> = (0..looks.len()).filter(|&photo| group[photo] == photo).collect();
    for byte in 0..8 {
        let mut buckets: HashMap<u8, Vec<usize>> = HashMap::new();
        for &photo in &different {
            buckets.entry((looks[photo].hash >> (8 * byte)) as u8).or_default().push(photo);
        }
        for bucket in buckets.values() {
            for (i, &a) in bucket.iter().enumerate() {
                for &b in &bucket[i + 1..] {
                    if (looks[a].hash ^ looks[b].hash).count_ones() <= BITS
                        && looks[a].distance(&looks[b]) <= LEVELS
                        && alike(&looks[a], &looks[b])
                        && features.is_none_or(|features| features.row(a).dot(&features.row(b)) >= COSINE)
                    {
                        join(&mut group, a, b);
                    }
                }
            }
        }
    }
    let mut groups: HashMap<usize, Vec<usize>> = HashMap::new();
    for photo in 0..looks.len() {
        groups.entry(root(&group, photo)).or_default().push(photo);
    }
    let several = groups.into_values().filter(|photos| photos.len() > 1);
    let mut several: Vec<Copies> = several
        .map(|photos| {
            let exact = photos.iter().all(|&photo| looks[photo].digest == looks[photos[0]].digest);
            Copies { photos, exact }
        })
        .collect();
    several.sort_by_key(|copies| (!copies.exact, copies.photos[0]));
    several
}

/// Whether the proportions are about the same, and there is a picture at all: plain surfaces are all alike.
fn alike(a: &Look, b: &Look) -> bool {
    let ratio = (a.width * b.height) as f32 / (b.width * a.height).max(1) as f32;
    a.contrast.min(b.contrast) > 8.0 && (0.9..1.1).contains(&ratio)
}

fn root(group: &[usize], mut photo: usize) -> usize {
    while group[photo] != photo {
        photo = group[photo];
    }
    photo
}

fn join(group: &mut [usize], a: usize, b: usize) {
    let (a, b) = (root(group, a), root(group, b));
    group[a.max(b)] = a.min(b);
}
