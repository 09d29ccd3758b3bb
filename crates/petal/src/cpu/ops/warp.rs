use petal_kernels as kernels;

use crate::cpu::{Backward, Forward, Needs, Operation};
use crate::program::{FillMode, Interpolation, RandomWarp, Run, Sampling, compose};

/// Random affine maps of the images, one after the other, sampled once.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct WarpOp {
    pub warp: RandomWarp,
    pub image: [usize; 3],
    /// The scale and the offset of what was sampled.
    pub rescaling: Option<[f32; 2]>,
}

impl WarpOp {
    fn transform(&self) -> kernels::AffineTransform {
        transform(self.image, self.warp.sampling(), self.rescaling.unwrap_or([1.0, 0.0]))
    }

    fn maps(&self, run: &Run<'_>) -> Vec<[f32; 6]> {
        let [height, width, _] = self.image;
        let mut maps: Vec<[f32; 6]> = Vec::new();
        for (warp, stream) in &self.warp.warps {
            let drawn = run.keys(stream).map(|key| warp.draw([height, width], key));
            if maps.is_empty() {
                maps.extend(drawn);
            } else {
                maps.iter_mut().zip(drawn).for_each(|(all, next)| *all = compose(*all, next));
            }
        }
        maps
    }
}

/// How images are sampled; without a sampling each place is a pixel.
pub(super) fn transform(
    [height, width, channels]: [usize; 3],
    sampling: Option<Sampling>,
    rescaling: [f32; 2],
) -> kernels::AffineTransform {
    let (fill_mode, fill_value, interpolation) = match sampling {
        Some(sampling) => {
            (fill_mode(sampling.fill_mode), sampling.fill_value, interpolation(sampling.interpolation))
        }
        None => (kernels::FillMode::Reflect, 0.0, kernels::Interpolation::Nearest),
    };
    kernels::AffineTransform { height, width, channels, fill_mode, fill_value, interpolation, rescaling }
}

fn fill_mode(fill_mode: FillMode) -> kernels::FillMode {
    match fill_mode {
        FillMode::Reflect => kernels::FillMode::Reflect,
        FillMode::Wrap => kernels::FillMode::Wrap,
        FillMode::Constant => kernels::FillMode::Constant,
        FillMode::Nearest => kernels::FillMode::Nearest,
    }
}

fn interpolation(interpolation: Interpolation) -> kernels::Interpolation {
    match interpolation {
        Interpolation::Nearest => kernels::Interpolation::Nearest,
        Interpolation::Bilinear => kernels::Interpolation::Bilinear,
    }
}

impl Operation for WarpOp {
    fn forward(&self, call: Forward<'_>) {
        let maps = self.maps(call.run);
        self.transform().forward(&maps, call.pixels(), call.output);
    }

    fn backward(&self, mut call: Backward<'_>) {
        let Some(dx) = call.d_inputs[0].take() else { return };
        let maps = self.maps(call.run);
        self.transform().backward(&maps, call.d_output, dx);
    }

    fn reads_bytes(&self) -> bool {
        true
    }

    fn needs(&self) -> Needs {
        Needs::default()
    }
}
