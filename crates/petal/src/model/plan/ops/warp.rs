use petal_kernels as kernels;

use crate::layers::{RandomFlip, RandomRotation, RandomTranslation, RandomZoom};
use crate::model::plan::{Backward, Forward, Needs, Operation, Run};
use crate::random::Key;

/// A layer that draws an affine map for each image.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Warp {
    Flip(RandomFlip),
    Rotation(RandomRotation),
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
            Warp::Translation(layer) => layer.sampling,
            Warp::Zoom(layer) => layer.sampling,
        };
        (sampling.fill_mode.into(), sampling.fill_value, sampling.interpolation.into())
    }
}

/// Random affine maps of the images.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct WarpOp {
    pub warp: Warp,
    pub image: [usize; 3],
    pub stream: Key,
}

impl WarpOp {
    fn transforms(&self, run: &Run<'_>, keys: &mut Vec<u64>) -> Vec<[f32; 6]> {
        let [height, width, _] = self.image;
        run.fill_keys(self.stream, keys);
        keys.iter().map(|&key| self.warp.draw([height, width], key)).collect()
    }
}

impl Operation for WarpOp {
    fn forward(&self, call: Forward<'_>) {
        let transforms = self.transforms(call.run, call.keys);
        let (fill_mode, fill_value, interpolation) = self.warp.sampling();
        let [height, width, channels] = self.image;
        let (x, y) = (call.inputs[0], call.output);
        kernels::affine(height, width, channels, &transforms, fill_mode, fill_value, interpolation, x, y);
    }

    fn backward(&self, mut call: Backward<'_>) {
        let Some(dx) = call.d_inputs[0].take() else { return };
        let transforms = self.transforms(call.run, call.keys);
        let (fill_mode, _, interpolation) = self.warp.sampling();
        let [height, width, channels] = self.image;
        kernels::affine_backward(
            height,
            width,
            channels,
            &transforms,
            fill_mode,
            interpolation,
            call.d_output,
            dx,
        );
    }

    fn is_constant(&self) -> bool {
        false
    }

    fn needs(&self) -> Needs {
        Needs::default()
    }
}
