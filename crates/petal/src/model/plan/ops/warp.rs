use petal_kernels as kernels;
use smallvec::SmallVec;

use crate::layers::{RandomFlip, RandomRotation, RandomShear, RandomTranslation, RandomZoom};
use crate::model::plan::{Backward, Forward, Needs, Operation, Run};
use crate::random::Key;

/// A layer that draws an affine map for each image.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Warp {
    Flip(RandomFlip),
    Rotation(RandomRotation),
    Shear(RandomShear),
    Translation(RandomTranslation),
    Zoom(RandomZoom),
}

impl Warp {
    /// The map from output to input coordinates for the image with this key.
    fn draw(&self, size: [usize; 2], key: u64) -> [f32; 6] {
        let generator = &mut Key::from_bits(key).generator();
        match self {
            Warp::Flip(layer) => layer.draw(size, generator),
            Warp::Rotation(layer) => layer.draw(size, generator),
            Warp::Shear(layer) => layer.draw(generator),
            Warp::Translation(layer) => layer.draw(size, generator),
            Warp::Zoom(layer) => layer.draw(size, generator),
        }
    }

    /// How the samples between and outside of the pixels are taken.
    fn sampling(&self) -> (kernels::FillMode, f32, kernels::Interpolation) {
        let sampling = match self {
            Warp::Flip(_) => {
                return (kernels::FillMode::Reflect, 0.0, kernels::Interpolation::Nearest);
            }
            Warp::Rotation(layer) => layer.sampling,
            Warp::Shear(layer) => layer.sampling,
            Warp::Translation(layer) => layer.sampling,
            Warp::Zoom(layer) => layer.sampling,
        };
        (sampling.fill_mode.into(), sampling.fill_value, sampling.interpolation.into())
    }
}

/// Random affine maps of the images, one after the other, sampled once.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct WarpOp {
    /// With the stream that each draws from.
    pub warps: SmallVec<[(Warp, Key); 1]>,
    pub image: [usize; 3],
    /// The scale and the offset of what was sampled.
    pub rescaling: Option<[f32; 2]>,
}

impl WarpOp {
    /// Whether this one and then `next` can be sampled as one: all but flips, whose samples are the pixels themselves,
    /// sample in the same way.
    pub(crate) fn composes_with(&self, next: &WarpOp) -> bool {
        let warps = self.warps.iter().chain(&next.warps).map(|(warp, _)| warp);
        let mut samplings = warps.filter(|warp| !matches!(warp, Warp::Flip(_))).map(Warp::sampling);
        let first = samplings.next();
        self.image == next.image && samplings.all(|sampling| Some(sampling) == first)
    }

    fn transform(&self) -> kernels::AffineTransform {
        let (first, _) = &self.warps[0];
        let blends = self.warps.iter().map(|(warp, _)| warp).find(|warp| !matches!(warp, Warp::Flip(_)));
        let (fill_mode, fill_value, interpolation) = blends.unwrap_or(first).sampling();
        let [height, width, channels] = self.image;
        let rescaling = self.rescaling.unwrap_or([1.0, 0.0]);
        kernels::AffineTransform { height, width, channels, fill_mode, fill_value, interpolation, rescaling }
    }

    fn maps(&self, run: &Run<'_>, keys: &mut Vec<u64>) -> Vec<[f32; 6]> {
        let [height, width, _] = self.image;
        let mut maps = Vec::new();
        for (warp, stream) in &self.warps {
            run.fill_keys(*stream, keys);
            let drawn = keys.iter().map(|&key| warp.draw([height, width], key));
            if maps.is_empty() {
                maps.extend(drawn);
            } else {
                maps.iter_mut().zip(drawn).for_each(|(all, next)| *all = compose(*all, next));
            }
        }
        maps
    }
}

/// The map of two transforms, from the output of the last one to the input of the first.
fn compose(first: [f32; 6], last: [f32; 6]) -> [f32; 6] {
    let [a0, a1, a2, b0, b1, b2] = first;
    let [c0, c1, c2, d0, d1, d2] = last;
    let row = |x: f32, y: f32, offset: f32| [x * c0 + y * d0, x * c1 + y * d1, x * c2 + y * d2 + offset];
    let ([a0, a1, a2], [b0, b1, b2]) = (row(a0, a1, a2), row(b0, b1, b2));
    [a0, a1, a2, b0, b1, b2]
}

impl Operation for WarpOp {
    fn forward(&self, call: Forward<'_>) {
        let maps = self.maps(call.run, call.keys);
        self.transform().forward(&maps, call.pixels(), call.output);
    }

    fn backward(&self, mut call: Backward<'_>) {
        let Some(dx) = call.d_inputs[0].take() else { return };
        let maps = self.maps(call.run, call.keys);
        self.transform().backward(&maps, call.d_output, dx);
    }

    fn is_constant(&self) -> bool {
        false
    }

    fn reads_bytes(&self) -> bool {
        true
    }

    fn needs(&self) -> Needs {
        Needs::default()
    }
}
