use petal_kernels as kernels;
use rayon::prelude::*;

use super::recolor::kernel;
use super::warp::transform;
use crate::cpu::{Backward, Forward, Needs, Operation};
use crate::program::{Change, RandomChanges, Shift};

/// Changes of each image, one after the other.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ChangesOp {
    pub changes: RandomChanges,
    pub image: [usize; 3],
}

impl ChangesOp {
    /// Makes one change of one image.
    fn make(&self, change: &Change, x: &[f32], y: &mut [f32]) {
        let [height, width, channels] = self.image;
        let pixels = height * width;
        match *change {
            Change::Warp { map, sampling } => {
                transform(self.image, Some(sampling), [1.0, 0.0]).forward(&[map], x, y);
            }
            Change::Perspective { ref map, sampling } => {
                transform(self.image, Some(sampling), [1.0, 0.0]).perspective(map, x, y);
            }
            Change::Shift { kind, amount, range } => {
                let kernel = match kind {
                    Shift::Contrast => kernels::contrast,
                    Shift::Brightness => kernels::brightness,
                };
                kernel(1, pixels, channels, &[amount], range, x, y);
            }
            Change::Scale { factor, range: [low, high] } => {
                y.iter_mut().zip(x).for_each(|(y, x)| *y = (factor * x).max(low).min(high));
            }
            Change::Recolor(recolor) => kernels::recolor(channels, &[kernel(recolor)], x, y),
            Change::Hue { turn, range } => kernels::turn_hue(turn, range, x, y),
            Change::Saturation { factor, range } => kernels::scale_saturation(factor, range, x, y),
            Change::Filter { size, ref kernel, range } => {
                kernels::filter_image(self.image, size, kernel, range, x, y);
            }
            Change::AutoContrast { range } => kernels::auto_contrast(1, pixels, channels, range, x, y),
            Change::Equalize { bins, range } => kernels::equalize_image(channels, bins, range, x, y),
        }
    }
}

impl Operation for ChangesOp {
    fn forward(&self, call: Forward<'_>) {
        let [height, width, channels] = self.image;
        let len = height * width * channels;
        if len == 0 {
            return;
        }
        let keys: Vec<u64> = call.run.keys(&self.changes.stream).collect();
        let images =
            call.output.par_chunks_exact_mut(len).zip(call.inputs[0].par_chunks_exact(len)).zip(keys);
        images.for_each_init(Vec::new, |before: &mut Vec<f32>, ((y, x), key)| {
            let changes = self.changes.draw([height, width], key);
            let Some((first, others)) = changes.split_first() else { return y.copy_from_slice(x) };
            self.make(first, x, y);
            for change in others {
                before.clear();
                before.extend_from_slice(y);
                self.make(change, before, y);
            }
        });
    }

    fn backward(&self, mut call: Backward<'_>) {
        if let Some(dx) = call.d_inputs[0].take() {
            dx.fill(0.0);
        }
    }

    fn needs(&self) -> Needs {
        Needs::default()
    }
}
