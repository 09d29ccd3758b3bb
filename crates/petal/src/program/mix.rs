//! Images mixed with others of their batch, and their targets in the same shares.

use std::ops::Range;

use super::{Op, Program, Run};
use crate::random::Key;

/// Each image mixed with another one of its batch.
///
/// How much of each is drawn depends on (seed, stream, epoch, sample) alone; which is the other one depends on the samples
/// of the batch, but not on their order.
#[derive(Clone, Debug, PartialEq)]
pub struct RandomMix {
    /// The ways to mix, of which one is drawn for each image.
    pub mixings: Vec<Mixing>,
    /// Where the draws come from; the order of the batch draws from `order` in it.
    pub stream: String,
}

/// A way to mix two images.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Mixing {
    /// A weighted mean of both.
    Blend {
        /// Both parameters of the beta distribution of the weight.
        alpha: f32,
    },
    /// A rectangle of the other one.
    Paste {
        /// The range of both parameters of the beta distribution of the share that isn't covered.
        alpha: [f32; 2],
    },
}

/// How one image is mixed.
#[derive(Clone, Debug, PartialEq)]
pub enum Mix {
    /// `share · own + (1 - share) · other`.
    Blend {
        /// What stays of the image.
        share: f32,
    },
    /// A rectangle of the image is the other's.
    Paste {
        /// What stays of the image.
        share: f32,
        /// Rows and columns.
        rectangle: [Range<usize>; 2],
    },
}

impl Mix {
    /// What stays of the image.
    pub fn share(&self) -> f32 {
        match self {
            Mix::Blend { share } | Mix::Paste { share, .. } => *share,
        }
    }
}

impl RandomMix {
    /// How the image with this key is mixed.
    pub fn draw(&self, size: [usize; 2], key: u64) -> Mix {
        let generator = &mut Key::from_bits(key).generator();
        let mixing = match self.mixings[..] {
            [only] => only,
            _ => self.mixings[generator.below(self.mixings.len())],
        };
        match mixing {
            Mixing::Blend { alpha } => Mix::Blend { share: generator.beta(alpha.into()) },
            Mixing::Paste { alpha: [low, high] } => {
                // As Keras, which so accepts 0.
                let alpha = generator.uniform_in(low, high) + 1e-6;
                let share = generator.beta(alpha.into());
                let side = (1.0 - share).sqrt();
                let rectangle = size.map(|size| {
                    let length = side * size as f32;
                    let start = generator.uniform() * (size as f32 - length);
                    // A pixel belongs to it if its number lies between the ends.
                    let [start, end] = [start, start + length].map(|end| (end.ceil() as usize).min(size));
                    start..end
                });
                Mix::Paste { share, rectangle }
            }
        }
    }

    /// How each image of the batch is mixed, and with which.
    pub fn draw_batch(&self, size: [usize; 2], run: &Run<'_>) -> (Vec<Mix>, Vec<usize>) {
        let mixes = run.keys(&self.stream).map(|key| self.draw(size, key)).collect();
        // In a random order each image meets the next one, and the last one the first.
        let mut order: Vec<(u64, usize)> = run.keys_within(&self.stream, "order").zip(0..).collect();
        order.sort_unstable();
        let mut partners = vec![0; order.len()];
        for (i, &(_, row)) in order.iter().enumerate() {
            partners[row] = order[(i + 1) % order.len()].1;
        }
        (mixes, partners)
    }
}

impl Program {
    /// The steps that mix images, in their order, with the images' height and width.
    pub fn mixes(&self) -> Vec<(RandomMix, [usize; 2])> {
        let mix = |op: &Op, value: usize| match (op, &self.values[value][..]) {
            (Op::RandomMix(mix), &[height, width, _]) => Some((mix.clone(), [height, width])),
            _ => None,
        };
        self.steps.iter().filter_map(|step| mix(&step.op, step.output)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mix(mixings: Vec<Mixing>) -> RandomMix {
        RandomMix { mixings, stream: "mix".into() }
    }

    #[test]
    fn every_image_meets_another_one_whatever_the_order_of_the_batch() {
        let mix = mix(vec![Mixing::Blend { alpha: 0.2 }]);
        let pairs = |samples: &[usize]| {
            let (mixes, partners) = mix.draw_batch([4, 4], &Run { samples, epoch: 3, seed: 7 });
            let pair = |row: usize| (samples[row], samples[partners[row]], mixes[row].share().to_bits());
            let mut pairs: Vec<_> = (0..samples.len()).map(pair).collect();
            pairs.sort_unstable();
            pairs
        };
        let all = pairs(&[5, 9, 2, 11, 4]);
        assert!(all.iter().all(|(one, other, _)| one != other));
        let mut others: Vec<usize> = all.iter().map(|&(_, other, _)| other).collect();
        others.sort_unstable();
        assert_eq!(others, [2, 4, 5, 9, 11]);
        assert_eq!(all, pairs(&[11, 2, 4, 9, 5]));
        assert_eq!(pairs(&[3])[0].1, 3);
    }

    #[test]
    fn rectangles_cover_what_the_share_says_and_both_ways_come_to_their_turn() {
        let mix = mix(vec![Mixing::Blend { alpha: 1.0 }, Mixing::Paste { alpha: [1.0, 1.0] }]);
        let mut pasted = 0;
        for key in 0..2000 {
            if let Mix::Paste { share, rectangle: [rows, columns] } = mix.draw([400, 300], key) {
                let covered = (rows.len() * columns.len()) as f32 / 120_000.0;
                // By a row or a column of pixels.
                assert!((1.0 - share - covered).abs() < 0.007, "{share} {covered}");
                pasted += 1;
            }
        }
        assert!((900..1100).contains(&pasted), "{pasted}");
    }
}
