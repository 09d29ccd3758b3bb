//! Targets as the loss takes them: mixed as the images were, and shares of classes where a class alone says too little.

use super::Loss;
use crate::data::Batch;
use crate::metrics::class_of;
use crate::program::{Program, RandomMix, Run};

/// What becomes of the targets of a batch before the loss sees them.
pub(super) struct Targets {
    /// Values of a sample as the data gives them.
    width: usize,
    /// Whether they are the numbers of classes.
    sparse: bool,
    classes: usize,
    /// Whether the loss wants shares of classes in place of their numbers.
    as_shares: bool,
    mixes: Vec<(RandomMix, [usize; 2])>,
    /// Those of the present batch, if they are others than the data's.
    changed: Vec<f32>,
    before: Vec<f32>,
}

/// Targets of a batch, `[samples, width]`.
pub(super) struct BatchTargets<'a> {
    pub values: &'a [f32],
    pub width: usize,
    is_mixed: bool,
}

impl Targets {
    /// For data with `width` target values a sample, and a model with `classes` outputs.
    pub fn new(loss: &Loss, width: usize, classes: usize) -> Self {
        Targets {
            width,
            sparse: matches!(loss, Loss::SparseCategoricalCrossentropy(_)),
            classes,
            as_shares: loss.wants_shares(),
            mixes: Vec::new(),
            changed: Vec::new(),
            before: Vec::new(),
        }
    }

    /// Mixes them as `program` mixes images.
    pub fn mixed_by(&mut self, program: &Program) {
        self.mixes = program.mixes();
        self.as_shares |= self.sparse && !self.mixes.is_empty();
    }

    /// The targets of a batch on which the program has run.
    pub fn of<'a>(&'a mut self, run: &Run<'_>, batch: &'a Batch) -> BatchTargets<'a> {
        let width = if self.as_shares { self.classes } else { self.width };
        let is_mixed = !self.mixes.is_empty();
        if !self.as_shares && !is_mixed {
            return BatchTargets { values: &batch.targets, width, is_mixed };
        }
        self.changed.clear();
        if self.as_shares {
            for target in batch.targets.chunks_exact(self.width) {
                one_hot(class_of(target), self.classes, &mut self.changed);
            }
        } else {
            self.changed.extend_from_slice(&batch.targets);
        }
        for (mix, size) in &self.mixes {
            let (mixes, partners) = mix.draw_batch(*size, run);
            self.before.clone_from(&self.changed);
            let rows = self.changed.chunks_exact_mut(width).zip(self.before.chunks_exact(width));
            for ((row, own), (mix, &partner)) in rows.zip(mixes.iter().zip(&partners)) {
                let (share, other) = (mix.share(), &self.before[partner * width..][..width]);
                for ((value, own), other) in row.iter_mut().zip(own).zip(other) {
                    *value = share * own + (1.0 - share) * other;
                }
            }
        }
        BatchTargets { values: &self.changed, width, is_mixed }
    }
}

impl BatchTargets<'_> {
    /// Each sample's weight, by those of the classes: of a mixed sample the mean of both.
    pub fn weights(&self, of_classes: &[f32], weights: &mut Vec<f32>) {
        let of = |class: usize| of_classes.get(class).copied().unwrap_or(1.0);
        weights.extend(self.values.chunks_exact(self.width).map(|target| match *target {
            [share] if self.is_mixed => (1.0 - share) * of(0) + share * of(1),
            _ if self.is_mixed => target.iter().zip(0..).map(|(share, class)| share * of(class)).sum(),
            _ => of(class_of(target)),
        }));
    }
}

/// Adds the shares of all classes in one of them; without a number in one that there isn't.
fn one_hot(class: usize, classes: usize, shares: &mut Vec<f32>) {
    let begin = shares.len();
    shares.resize(begin + classes, if class < classes { 0.0 } else { f32::NAN });
    if class < classes {
        shares[begin + class] = 1.0;
    }
}

#[cfg(test)]
mod tests {
    use super::super::{BinaryCrossentropy, SparseCategoricalCrossentropy};
    use super::*;
    use crate::layers::{CutMix, Flatten, Input, Layer, MixUp};
    use crate::model::Model;
    use crate::program::{Gradient, Mode};

    fn batch(targets: &[f32]) -> Batch {
        let inputs = vec![0.0; targets.len()].into();
        Batch { samples: (0..targets.len()).collect(), inputs, targets: targets.to_vec() }
    }

    /// A model that gives its images as they are mixed.
    fn mixing() -> Model {
        let x = Input::image(1, 1, 3);
        let h = MixUp::new(0.7).on(&x).unwrap();
        let h = CutMix::new(1.0).on(&MixUp::new(1.0).on(&h).unwrap()).unwrap();
        Model::new(&x, &Flatten::new().on(&h).unwrap()).unwrap()
    }

    #[test]
    fn targets_are_mixed_as_images_are() {
        let model = mixing();
        let loss = SparseCategoricalCrossentropy::from_logits().into();
        let mut targets = Targets::new(&loss, 1, 3);
        // A rectangle of one pixel has all of it or nothing.
        let mut program = model.program(Mode::Train, Gradient::None);
        program.steps.retain(|step| !step.layer.starts_with("cut_mix"));
        targets.mixed_by(&program);
        let labels = [0.0, 1.0, 2.0, 1.0, 0.0];
        let batch = batch(&labels);
        let x = Input::image(1, 1, 3);
        let h = MixUp::new(1.0).on(&MixUp::new(0.7).on(&x).unwrap()).unwrap();
        let model = Model::new(&x, &Flatten::new().on(&h).unwrap()).unwrap();
        // Images that are the one-hot labels themselves.
        let images =
            ndarray::Array4::from_shape_fn(
                [5, 1, 1, 3],
                |(n, _, _, class)| {
                    if class as f32 == labels[n] { 1.0 } else { 0.0 }
                },
            );
        let mixed = model.augment(images.into_dyn().view(), 4).unwrap();
        let run = Run { samples: &batch.samples, epoch: 4, seed: model.seed() };
        let found = targets.of(&run, &batch);
        assert_eq!((found.width, found.values), (3, mixed.as_slice().unwrap()));
        let mut weights = Vec::new();
        found.weights(&[1.0, 10.0, 100.0], &mut weights);
        for (weight, shares) in weights.iter().zip(found.values.chunks(3)) {
            assert_eq!(*weight, shares[0] + 10.0 * shares[1] + 100.0 * shares[2]);
        }
        assert!(found.values.iter().any(|share| (0.05..0.95).contains(share)));
    }

    #[test]
    fn binary_labels_become_shares_and_their_weights_means() {
        let loss = BinaryCrossentropy::from_logits().into();
        let mut targets = Targets::new(&loss, 1, 1);
        targets.mixed_by(&mixing().program(Mode::Train, Gradient::None));
        let batch = batch(&[0.0, 1.0, 1.0, 0.0]);
        let run = Run { samples: &batch.samples, epoch: 0, seed: 0 };
        let found = targets.of(&run, &batch);
        assert!((found.values.iter().sum::<f32>() - 2.0).abs() < 2.0 && found.width == 1);
        let mut weights = Vec::new();
        found.weights(&[2.0, 4.0], &mut weights);
        let expected: Vec<f32> = found.values.iter().map(|share| (1.0 - share) * 2.0 + share * 4.0).collect();
        assert_eq!(weights, expected);
    }

    #[test]
    fn what_is_not_mixed_stays_as_it_is() {
        let loss = SparseCategoricalCrossentropy::from_logits().into();
        let (mut targets, batch) = (Targets::new(&loss, 1, 3), batch(&[2.0, 0.0]));
        let run = Run { samples: &batch.samples, epoch: 0, seed: 0 };
        let found = targets.of(&run, &batch);
        assert_eq!((found.width, found.values), (1, &[2.0, 0.0][..]));
    }
}
