//! Operations that move an image's pixels into another frame: padding, cropping, resizing.

use petal_kernels as kernels;

use crate::cpu::{Backward, Forward, Needs, Operation};
use crate::program::{Interpolation, RandomCrop, Run};

/// Zeros around the images.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Pad {
    pub pad: kernels::Pad2d,
}

impl Operation for Pad {
    fn forward(&self, call: Forward<'_>) {
        let pad = kernels::Pad2d { batch: call.run.batch(), ..self.pad };
        pad.forward(call.inputs[0], call.output);
    }

    fn backward(&self, mut call: Backward<'_>) {
        if let Some(d_input) = call.d_inputs[0].take() {
            let pad = kernels::Pad2d { batch: call.run.batch(), ..self.pad };
            pad.backward(call.d_output, d_input);
        }
    }

    fn needs(&self) -> Needs {
        Needs::default()
    }
}

/// A part of each image.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Crop {
    pub image: [usize; 3],
    pub size: [usize; 2],
    pub start: CropStart,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum CropStart {
    At([usize; 2]),
    /// Drawn for each image from this stream.
    Random(String),
}

impl Crop {
    fn kernel(&self, batch: usize, [top, left]: [usize; 2]) -> kernels::Crop2d {
        let [height, width] = self.size;
        kernels::Crop2d { batch, input: self.image, top, left, height, width }
    }

    /// Calls `apply` with the kernel for the whole batch, or with that of each image and the parts of `x` and `y` that
    /// are its own.
    fn each(
        &self,
        run: &Run<'_>,
        x: &[f32],
        y: &mut [f32],
        apply: impl Fn(kernels::Crop2d, &[f32], &mut [f32]),
    ) {
        match &self.start {
            CropStart::At(start) => apply(self.kernel(run.batch(), *start), x, y),
            CropStart::Random(stream) => {
                let [height, width, _] = self.image;
                let (x_len, y_len) = (x.len() / run.batch(), y.len() / run.batch());
                let images = x.chunks_exact(x_len).zip(y.chunks_exact_mut(y_len));
                for (key, (x, y)) in run.keys(stream).zip(images) {
                    apply(self.kernel(1, RandomCrop::draw([height, width], self.size, key)), x, y);
                }
            }
        }
    }
}

impl Operation for Crop {
    fn forward(&self, call: Forward<'_>) {
        let apply = |crop: kernels::Crop2d, x: &[f32], y: &mut [f32]| crop.forward(x, y);
        self.each(call.run, call.inputs[0], call.output, apply);
    }

    fn backward(&self, mut call: Backward<'_>) {
        let Some(d_input) = call.d_inputs[0].take() else { return };
        let apply = |crop: kernels::Crop2d, dy: &[f32], dx: &mut [f32]| crop.backward(dy, dx);
        self.each(call.run, call.d_output, d_input, apply);
    }

    fn needs(&self) -> Needs {
        Needs::default()
    }
}

/// Images of another size.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Resize {
    pub resize: kernels::Resize,
    pub interpolation: Interpolation,
}

impl Operation for Resize {
    fn forward(&self, call: Forward<'_>) {
        let resize = kernels::Resize { batch: call.run.batch(), ..self.resize };
        match self.interpolation {
            Interpolation::Bilinear => resize.bilinear_forward(call.inputs[0], call.output),
            Interpolation::Nearest => resize.nearest_forward(call.inputs[0], call.output),
        }
    }

    fn backward(&self, mut call: Backward<'_>) {
        let Some(d_input) = call.d_inputs[0].take() else { return };
        let resize = kernels::Resize { batch: call.run.batch(), ..self.resize };
        match self.interpolation {
            Interpolation::Bilinear => resize.bilinear_backward(call.d_output, d_input),
            Interpolation::Nearest => resize.nearest_backward(call.d_output, d_input),
        }
    }

    fn needs(&self) -> Needs {
        Needs::default()
    }
}
