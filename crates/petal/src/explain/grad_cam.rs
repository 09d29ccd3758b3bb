use ndarray::{Array2, ArrayD, ArrayView3};
use petal_kernels::Resize;

use super::layer_path;
use crate::metrics::arg_max;
use crate::model::Model;
use crate::program::{Gradient, Mode};
use crate::{Error, Result};

/// Which class and which layer a heat map is for.
///
/// Defaults: the class that the model predicts, and the last layer that gives an image, before it is flattened or
/// pooled away. Of a model with a nested base this is the base.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GradCam {
    class: Option<usize>,
    layer: Option<String>,
}

impl GradCam {
    /// The defaults.
    pub fn new() -> Self {
        GradCam::default()
    }

    /// The class, by its index.
    pub fn class(self, class: usize) -> Self {
        GradCam { class: Some(class), ..self }
    }

    /// The layer, by its name; one in a nested model by the names on the way to it: `base/block_13_expand_relu`.
    pub fn layer(self, path: impl Into<String>) -> Self {
        GradCam { layer: Some(path.into()), ..self }
    }
}

/// The parts of a photo that a class's score rests on, as [`Model::grad_cam`] finds them.
#[derive(Clone, Debug, PartialEq)]
pub struct HeatMap {
    /// `[height, width]` of the photo, in 0..=1: `raw` divided by its largest value, bilinearly enlarged.
    pub values: Array2<f32>,
    /// `[rows, columns]` of the layer, 0 or more: the weighted sum of its channels. All 0 where nothing in the photo
    /// speaks for the class.
    pub raw: Array2<f32>,
    /// The class's index.
    pub class: usize,
    /// The class's name, or `class 3` where the model knows none.
    pub class_name: String,
    /// The class's probability.
    pub probability: f32,
    /// The layer that was looked at, by the names on the way to it.
    pub layer: String,
}

impl Model {
    /// Shows which parts of a photo a class's score rests on (Grad-CAM, Selvaraju et al. 2017).
    ///
    /// `relu(Σ wₖ Aₖ)` over the channels `k` of the layer's output `A`, where `wₖ` is the mean over its pixels of the
    /// gradient of the class's score. The score is the one before a last softmax or sigmoid, in inference mode; which
    /// layers are frozen makes no difference. Of a model with a single output, whose classes are no and yes, class 0's
    /// score is the negative of class 1's.
    ///
    /// `pixels` are `[height, width, channels]` of the model's input, as
    /// [`Preprocessing::load`](crate::data::Preprocessing::load) gives them.
    ///
    /// ```
    /// use ndarray::Array3;
    /// use petal::explain::GradCam;
    /// use petal::layers::*;
    /// use petal::model::Model;
    /// let x = Input::image(32, 32, 3);
    /// let h = Conv2D::new(8, 3).same().relu().on(&Rescaling::new(1.0 / 255.0).on(&x)?)?;
    /// let h = MaxPooling2D::new(2).on(&h)?;
    /// let model = Model::new(&x, &Dense::new(5).on(&Flatten::new().on(&h)?)?)?;
    /// let photo = Array3::from_elem((32, 32, 3), 128.0);
    /// let map = model.grad_cam(photo.view(), &GradCam::new().class(2))?;
    /// assert_eq!((map.layer.as_str(), map.raw.dim(), map.values.dim()), ("max_pooling2d", (16, 16), (32, 32)));
    /// # Ok::<(), petal::Error>(())
    /// ```
    ///
    /// # Errors
    /// If the pixels aren't of the model's input shape, the model's output isn't one row of classes, or there is no such
    /// class or layer, the layer gives no images, or the model has weights that are no numbers.
    pub fn grad_cam(&self, pixels: ArrayView3<'_, f32>, settings: &GradCam) -> Result<HeatMap> {
        self.check_input(pixels.shape())?;
        self.check_weights()?;
        let layer = match &settings.layer {
            Some(path) => path.clone(),
            None => layer_path::last_image(self).ok_or_else(|| {
                Error::Model(format!(
                    "model '{}' has no layer that gives images; Grad-CAM needs a convolution or pooling",
                    self.name()
                ))
            })?,
        };
        let image = layer_path::image_of(self, &layer)?;
        let program = self.program_watching(Mode::Infer, Gradient::Watched, Some(&layer));
        let mut engine = self.new_engine();
        let program = engine.load(program, 1)?;
        engine.set_weights(self.shared_weights());
        let run = self.run(&[0], 0);
        let pixels: Vec<f32> = pixels.iter().copied().collect();
        engine.forward(program, run, (&pixels).into())?;

        let output = [&[1], &self.output_shape()[..]].concat();
        let output = ArrayD::from_shape_vec(output, engine.output(program, 1).to_vec());
        let probabilities = self.probabilities(output.expect("an output has the model's shape"))?;
        let probabilities = probabilities.row(0).to_vec();
        let class = settings.class.unwrap_or_else(|| arg_max(&probabilities));
        let Some(&probability) = probabilities.get(class) else {
            return Err(Error::argument("class", class, format!("an index below {}", probabilities.len())));
        };
        if let Some(d_output) = engine.loss(program, 1).1 {
            match d_output {
                [single] => *single = if class == 1 { 1.0 } else { -1.0 },
                all => {
                    all.fill(0.0);
                    all[class] = 1.0;
                }
            }
        }
        engine.backward(program, run)?;
        let raw = weighted_sum(image, engine.watched(program, 1));
        Ok(HeatMap {
            values: enlarge(&raw, [self.input_shape()[0], self.input_shape()[1]]),
            raw,
            class,
            class_name: self.class_names().get(class).cloned().unwrap_or_else(|| format!("class {class}")),
            probability,
            layer,
        })
    }
}

/// The sum over the channels of `values`, each weighted by the mean of its gradient, where it is positive.
fn weighted_sum([height, width, channels]: [usize; 3], [values, gradient]: [&[f32]; 2]) -> Array2<f32> {
    let mut weights = vec![0.0; channels];
    for pixel in gradient.chunks_exact(channels) {
        weights.iter_mut().zip(pixel).for_each(|(weight, gradient)| *weight += gradient);
    }
    let pixels = (height * width) as f32;
    let sums = values.chunks_exact(channels).map(|pixel| {
        let sum: f32 = pixel.iter().zip(&weights).map(|(value, weight)| value * weight / pixels).sum();
        sum.max(0.0)
    });
    Array2::from_shape_vec((height, width), sums.collect()).expect("a value has its layer's shape")
}

/// The map in 0..=1 at the photo's size.
fn enlarge(raw: &Array2<f32>, output: [usize; 2]) -> Array2<f32> {
    let largest = raw.iter().fold(0.0_f32, |largest, &value| largest.max(value));
    let scaled: Vec<f32> =
        raw.iter().map(|value| if largest > 0.0 { value / largest } else { 0.0 }).collect();
    let mut values = Array2::zeros(output);
    let resize = Resize { batch: 1, input: [raw.nrows(), raw.ncols(), 1], output };
    resize.bilinear_forward(&scaled, values.as_slice_mut().expect("a new array is a slice"));
    values
}
