//! Chains of random changes of images that are made one after the other while the image is in the cache.

use super::random::{generator, uniform};
use super::{Recolor, Recoloring, Sampling, Shift, Warp};
use crate::random::{Generator, Key};

/// Changes of each image, one after the other. No gradients go through.
#[derive(Clone, Debug, PartialEq)]
pub struct RandomChanges {
    /// What is drawn from.
    pub choices: Vec<Changing>,
    /// How often one of the choices is drawn and made; none for all of them in their order.
    pub draws: Option<usize>,
    /// Where the draws come from.
    pub stream: String,
}

/// A change that draws its numbers.
#[derive(Clone, Debug, PartialEq)]
pub enum Changing {
    /// None.
    Nothing,
    /// The image in another place.
    Warp(Warp),
    /// The image seen from the side.
    Perspective {
        /// Range of the probability.
        probability: [f32; 2],
        /// How far corners move, as a share of their distance from the upper left one.
        scale: f32,
        /// How it is sampled.
        sampling: Sampling,
    },
    /// Contrast or brightness.
    Shift {
        /// Which of them.
        kind: Shift,
        /// The range of the amounts.
        amounts: [f32; 2],
        /// The range that values are clipped to.
        range: [f32; 2],
    },
    /// Values multiplied.
    Scale {
        /// The range of the factors.
        factors: [f32; 2],
        /// The range that values are clipped to.
        range: [f32; 2],
    },
    /// Colours, pixel by pixel.
    Recolor(Recoloring),
    /// Hues turned, forwards or backwards.
    Hue {
        /// The range of the half turns.
        factors: [f32; 2],
        /// The range of values.
        range: [f32; 2],
    },
    /// Saturations multiplied.
    Saturation {
        /// The range of `f`, for a factor of `f / (1 - f)`.
        factors: [f32; 2],
        /// The range that saturations are clipped to, besides 0 to 1.
        range: [f32; 2],
    },
    /// Convolved with a Gaussian kernel.
    Blur {
        /// Range of the probability.
        probability: [f32; 2],
        /// Rows and columns of the kernel.
        size: [usize; 2],
        /// Range of the standard deviations of both axes.
        sigma: [f32; 2],
        /// The range that values are clipped to.
        range: [f32; 2],
    },
    /// Blurred or sharpened.
    Sharpness {
        /// The range of the factors: 0 for blurred, 0.5 for the image, 1 for sharpened.
        factors: [f32; 2],
        /// The range that values are clipped to.
        range: [f32; 2],
    },
    /// Each channel stretched to the range.
    AutoContrast {
        /// The range.
        range: [f32; 2],
    },
    /// The values of each channel spread evenly.
    Equalize {
        /// Parts of the range.
        bins: usize,
        /// The range.
        range: [f32; 2],
    },
}

/// What happens to one image.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// Sampled at `(a0 x + a1 y + a2, b0 x + b1 y + b2)` for the pixel at column `x` and row `y`.
    Warp {
        /// `[a0, a1, a2, b0, b1, b2]`.
        map: [f32; 6],
        /// How it is sampled.
        sampling: Sampling,
    },
    /// The same, both divided by `c0 x + c1 y + 1`.
    Perspective {
        /// `[a0, a1, a2, b0, b1, b2, c0, c1]`.
        map: [f32; 8],
        /// How it is sampled.
        sampling: Sampling,
    },
    /// Contrast or brightness.
    Shift {
        /// Which of them.
        kind: Shift,
        /// The amount.
        amount: f32,
        /// The range that values are clipped to.
        range: [f32; 2],
    },
    /// `x · factor`.
    Scale {
        /// The factor.
        factor: f32,
        /// The range that values are clipped to.
        range: [f32; 2],
    },
    /// Colours, pixel by pixel.
    Recolor(Recolor),
    /// Hue, saturation and value of TensorFlow's formulas, with other hues.
    Hue {
        /// What is added, in turns.
        turn: f32,
        /// The range of values.
        range: [f32; 2],
    },
    /// The same with other saturations.
    Saturation {
        /// What they are multiplied by.
        factor: f32,
        /// The range that they are clipped to.
        range: [f32; 2],
    },
    /// Each channel convolved, with zeros around the image.
    Filter {
        /// Rows and columns of the kernel.
        size: [usize; 2],
        /// Row by row.
        kernel: Vec<f32>,
        /// The range that values are clipped to.
        range: [f32; 2],
    },
    /// Each channel stretched to the range.
    AutoContrast {
        /// The range.
        range: [f32; 2],
    },
    /// The values of each channel spread evenly.
    Equalize {
        /// Parts of the range.
        bins: usize,
        /// The range.
        range: [f32; 2],
    },
}

impl RandomChanges {
    /// What happens to the image with this key, in this order.
    pub fn draw(&self, size: [usize; 2], key: u64) -> Vec<Change> {
        let change = |(place, choice): (u64, &Changing)| {
            // Each has draws of its own, however many those before it take.
            choice.draw(size, Key::from_bits(key).number(place))
        };
        match self.draws {
            None => (0..).zip(&self.choices).filter_map(change).collect(),
            Some(draws) => {
                let generator = &mut generator(key);
                let chosen = (0..draws).map(|_| &self.choices[generator.below(self.choices.len())]);
                (0..).zip(chosen).filter_map(change).collect()
            }
        }
    }
}

impl Changing {
    /// What happens to an image, if anything.
    fn draw(&self, size: [usize; 2], key: Key) -> Option<Change> {
        let generator = &mut key.generator();
        Some(match *self {
            Changing::Nothing => return None,
            Changing::Warp(ref warp) => {
                let sampling = warp.sampling().unwrap_or_default();
                Change::Warp { map: warp.draw(size, key.bits()), sampling }
            }
            Changing::Perspective { probability, scale, sampling } => {
                if !happens(probability, generator) {
                    return None;
                }
                Change::Perspective { map: perspective(size, scale, generator)?, sampling }
            }
            Changing::Shift { kind, amounts, range } => {
                Change::Shift { kind, amount: uniform(amounts, generator), range }
            }
            Changing::Scale { factors, range } => {
                Change::Scale { factor: uniform(factors, generator), range }
            }
            Changing::Recolor(recoloring) => match recoloring.draw(key.bits()) {
                Recolor::Keep => return None,
                recolor => Change::Recolor(recolor),
            },
            Changing::Hue { factors, range } => {
                let sign = if generator.uniform() > 0.5 { -0.5 } else { 0.5 };
                Change::Hue { turn: sign * uniform(factors, generator), range }
            }
            Changing::Saturation { factors, range } => {
                let factor = uniform(factors, generator);
                let range = [range[0].max(0.0), range[1].min(1.0)];
                // As Keras, which so divides by 0 never.
                Change::Saturation { factor: factor / (1.0 - factor + 1e-7), range }
            }
            Changing::Blur { probability, size, sigma, range } => {
                if !happens(probability, generator) {
                    return None;
                }
                let [rows, columns] = size.map(|size| gaussian(size, uniform(sigma, generator) + 1e-6));
                let kernel = rows.iter().flat_map(|row| columns.iter().map(move |column| row * column));
                Change::Filter { size, kernel: kernel.collect(), range }
            }
            Changing::Sharpness { factors, range } => {
                let factor = 2.0 * uniform(factors, generator);
                // The image and a blurred one, in the shares of the factor.
                let mut kernel = vec![(1.0 - factor) / 13.0; 9];
                kernel[4] = factor + (1.0 - factor) * 5.0 / 13.0;
                Change::Filter { size: [3, 3], kernel, range }
            }
            Changing::AutoContrast { range } => Change::AutoContrast { range },
            Changing::Equalize { bins, range } => Change::Equalize { bins, range },
        })
    }
}

fn happens(probability: [f32; 2], generator: &mut Generator) -> bool {
    let probability = uniform(probability, generator);
    generator.uniform() < probability
}

/// A kernel along one axis, whose sum is 1.
fn gaussian(size: usize, sigma: f32) -> Vec<f32> {
    let at = |i: usize| (i as f32 - (size as f32 - 1.0) / 2.0) / sigma;
    let values: Vec<f32> = (0..size).map(|i| (-0.5 * at(i) * at(i)).exp()).collect();
    let sum: f32 = values.iter().sum();
    values.iter().map(|value| value / sum).collect()
}

/// The map that shows the image's corners at other places, as Keras draws them: each moves by a share of its own distance
/// from the upper left one, which stays. None where that is no map.
fn perspective([height, width]: [usize; 2], scale: f32, generator: &mut Generator) -> Option<[f32; 8]> {
    let [right, bottom] = [width, height].map(|size| size as f64 - 1.0);
    let corners = [[0.0, 0.0], [right, 0.0], [0.0, bottom], [right, bottom]];
    let moved =
        corners.map(|corner| corner.map(|at| at * (1.0 + f64::from(scale * (generator.uniform() - 0.5)))));
    homography(moved, corners)
}

/// The projective map of four points `(x, y)` to four others.
pub(crate) fn homography(from: [[f64; 2]; 4], to: [[f64; 2]; 4]) -> Option<[f32; 8]> {
    let mut rows: Vec<[f64; 9]> = Vec::with_capacity(8);
    for ([x, y], [u, v]) in from.into_iter().zip(to) {
        rows.push([x, y, 1.0, 0.0, 0.0, 0.0, -u * x, -u * y, u]);
        rows.push([0.0, 0.0, 0.0, x, y, 1.0, -v * x, -v * y, v]);
    }
    // Gauss and Jordan's elimination.
    for column in 0..8 {
        let size = |row: &usize| rows[*row][column].abs();
        let pivot = (column..8).max_by(|a, b| size(a).total_cmp(&size(b)))?;
        rows.swap(column, pivot);
        let pivot = rows[column];
        if pivot[column].abs() < 1e-9 {
            return None;
        }
        for (i, row) in rows.iter_mut().enumerate() {
            let factor = if i == column { 1.0 - 1.0 / pivot[column] } else { row[column] / pivot[column] };
            row.iter_mut().zip(pivot).for_each(|(value, of_pivot)| *value -= factor * of_pivot);
        }
    }
    let map: Vec<f32> = rows.iter().map(|row| row[8] as f32).collect();
    map.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_homography_takes_each_point_to_its_own() {
        let from = [[0.0, 0.0], [11.0, 1.0], [-2.0, 8.0], [10.0, 7.0]];
        let to = [[0.0, 0.0], [9.0, 0.0], [0.0, 7.0], [9.0, 7.0]];
        let h = homography(from, to).unwrap().map(f64::from);
        for ([x, y], [u, v]) in from.into_iter().zip(to) {
            let k = h[6] * x + h[7] * y + 1.0;
            assert!(((h[0] * x + h[1] * y + h[2]) / k - u).abs() < 1e-4);
            assert!(((h[3] * x + h[4] * y + h[5]) / k - v).abs() < 1e-4);
        }
        assert_eq!(homography([[1.0, 1.0]; 4], to), None);
    }

    #[test]
    fn each_choice_comes_to_its_turn_and_draws_its_own_numbers() {
        let scale = |factors| Changing::Scale { factors, range: [0.0, 1.0] };
        let choices = vec![scale([0.0, 1.0]), scale([1.0, 2.0]), Changing::Nothing];
        let changes = RandomChanges { choices, draws: Some(2), stream: String::new() };
        let mut counts = [0; 3];
        for key in 0..3000 {
            let drawn = changes.draw([4, 4], key);
            counts[2] += 2 - drawn.len();
            for change in &drawn {
                let Change::Scale { factor, .. } = change else { panic!("{change:?}") };
                counts[usize::from(*factor >= 1.0)] += 1;
            }
            if let [Change::Scale { factor: a, .. }, Change::Scale { factor: b, .. }] = drawn[..] {
                assert_ne!(a.fract(), b.fract());
            }
        }
        assert!(counts.iter().all(|count| (1850..2150).contains(count)), "{counts:?}");
        let all = RandomChanges { draws: None, ..changes };
        assert_eq!(all.draw([4, 4], 1).len(), 2);
    }
}
