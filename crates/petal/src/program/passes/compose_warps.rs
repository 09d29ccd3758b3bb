//! Random flip, rotation, translation, zoom one after the other → one sampling of the image.

use super::super::{Op, Program, RandomWarp};
use super::absorb;

pub(super) fn run(program: &mut Program) {
    let kept = program.kept();
    absorb(&mut program.steps, &kept, |before, op| match (before, op) {
        (Op::RandomWarp(first), Op::RandomWarp(next)) if compose(first, next) => {
            first.warps.extend(next.warps.iter().cloned());
            true
        }
        _ => false,
    });
}

/// Whether `first` and then `next` can be sampled as one: all but flips, whose samples are the pixels themselves,
/// sample in the same way.
fn compose(first: &RandomWarp, next: &RandomWarp) -> bool {
    let mut samplings = first.warps.iter().chain(&next.warps).filter_map(|(warp, _)| warp.sampling());
    let one = samplings.next();
    samplings.all(|sampling| Some(sampling) == one)
}
