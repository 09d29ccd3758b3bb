use super::weights::{Pooling, Weights, include_top_size};
use crate::layers::{
    Add, BatchNormalization, Conv2D, Dense, DepthwiseConv2D, Input, Layer, ReLU, ZeroPadding2D,
};
use crate::model::{Model, Tensor};
use crate::{Error, Result};

/// MobileNetV2 (Sandler et al. 2018): inverted residual blocks with depthwise convolutions, 2.3 million parameters
/// without its top. Expects colours in [-1, 1]: `Rescaling::new(1.0 / 127.5).offset(-1.0)`.
///
/// Layer names, their order and the weights' layout are Keras'. Defaults, as Keras': alpha 1, with the top for 1,000
/// classes, weights trained on ImageNet, no pooling.
///
/// ```
/// use petal::applications::{MobileNetV2, Weights};
/// let base = MobileNetV2::new(180, 180).include_top(false).weights(Weights::None).build()?;
/// assert_eq!(base.layers().len(), 154);
/// assert_eq!(base.layers()[100].name(), "block_11_expand_relu");
/// assert_eq!(base.count_params(), 2_257_984);
/// # Ok::<(), petal::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct MobileNetV2 {
    image: [usize; 3],
    alpha: f64,
    include_top: bool,
    weights: Weights,
    pooling: Pooling,
    classes: usize,
    softmax: bool,
    seed: u64,
}

impl MobileNetV2 {
    /// For RGB images of this size, at least 32 × 32 pixels.
    pub fn new(height: usize, width: usize) -> Self {
        MobileNetV2 {
            image: [height, width, 3],
            alpha: 1.0,
            include_top: true,
            weights: Weights::Imagenet,
            pooling: Pooling::None,
            classes: 1000,
            softmax: true,
            seed: 0,
        }
    }

    /// The number of colour channels; 3 by default. Weights for ImageNet need 3.
    pub fn channels(mut self, channels: usize) -> Self {
        self.image[2] = channels;
        self
    }

    /// The factor for the number of filters of every layer. Weights for ImageNet exist for 0.35, 0.5, 0.75, 1, 1.3
    /// and 1.4.
    pub fn alpha(self, alpha: f64) -> Self {
        MobileNetV2 { alpha, ..self }
    }

    /// Whether the classifier for ImageNet's classes is part of the model.
    pub fn include_top(self, include_top: bool) -> Self {
        MobileNetV2 { include_top, ..self }
    }

    /// The weights to begin with.
    pub fn weights(self, weights: Weights) -> Self {
        MobileNetV2 { weights, ..self }
    }

    /// What becomes of the last feature maps, without the top.
    pub fn pooling(self, pooling: Pooling) -> Self {
        MobileNetV2 { pooling, ..self }
    }

    /// The number of classes of the top.
    pub fn classes(self, classes: usize) -> Self {
        MobileNetV2 { classes, ..self }
    }

    /// Whether the top ends with a softmax, or gives logits.
    pub fn classifier_softmax(self, softmax: bool) -> Self {
        MobileNetV2 { softmax, ..self }
    }

    /// The seed of the weights' first values, where they aren't loaded.
    pub fn seed(self, seed: u64) -> Self {
        MobileNetV2 { seed, ..self }
    }

    /// The model.
    ///
    /// # Errors
    /// If the image is smaller than 32 × 32, `alpha` is not a positive number, there are no ImageNet weights for these
    /// settings, or they cannot be had.
    pub fn build(&self) -> Result<Model> {
        if !(self.alpha.is_finite() && self.alpha > 0.0) {
            return Err(Error::argument("alpha", self.alpha, "a number above 0"));
        }
        if self.image[0] < 32 || self.image[1] < 32 {
            let found = format!("{}×{}", self.image[0], self.image[1]);
            return Err(Error::argument("MobileNetV2's image size", found, "at least 32×32"));
        }
        let x = Input::with_name(self.image, "input_layer");
        let y = self.layers(&x)?;
        let rows = self.imagenet_rows();
        let name = format!("mobilenetv2_{:.2}_{}", self.alpha, rows.unwrap_or(self.image[0]));
        let mut model = Model::named(name, self.seed, &x, &y)?;
        self.load(&mut model, rows)?;
        Ok(model)
    }

    fn layers(&self, x: &Tensor) -> Result<Tensor> {
        let first = make_divisible(32.0 * self.alpha);
        let h = Conv2D::new(first, 3).strides(2).same().use_bias(false).name("Conv1").on(x)?;
        let h = normalized(&h, "bn_Conv1")?;
        let mut h = relu6(&h, "Conv1_relu")?;
        // Filters, stride and expansion of each block (table 2 of the paper).
        let stages = [(16, 1, 1, 1), (24, 2, 6, 2), (32, 2, 6, 3), (64, 2, 6, 4), (96, 1, 6, 3), (160, 2, 6, 3), (320, 1, 6, 1)];
        let mut number = 0;
        for (filters, first_stride, expansion, repeats) in stages {
            for repeat in 0..repeats {
                let stride = if repeat == 0 { first_stride } else { 1 };
                h = self.block(&h, number, filters, stride, expansion)?;
                number += 1;
            }
        }
        let last = if self.alpha > 1.0 { make_divisible(1280.0 * self.alpha) } else { 1280 };
        let h = Conv2D::new(last, 1).use_bias(false).name("Conv_1").on(&h)?;
        let h = normalized(&h, "Conv_1_bn")?;
        let h = relu6(&h, "out_relu")?;
        if !self.include_top {
            return self.pooling.on(h);
        }
        let h = Pooling::Average.on(h)?;
        let top = Dense::new(self.classes);
        let top = if self.softmax { top.softmax() } else { top };
        top.name("predictions").on(&h)
    }

    /// An inverted residual block: expand, filter each channel, project.
    fn block(&self, x: &Tensor, number: usize, filters: usize, stride: usize, expansion: usize) -> Result<Tensor> {
        let prefix = if number == 0 { "expanded_conv_".into() } else { format!("block_{number}_") };
        let name = |part: &str| format!("{prefix}{part}");
        let channels = x.shape()[2];
        let filters = make_divisible((filters as f64 * self.alpha).floor());
        let mut h = x.clone();
        if number > 0 {
            h = Conv2D::new(expansion * channels, 1).same().use_bias(false).name(name("expand")).on(&h)?;
            h = normalized(&h, &name("expand_BN"))?;
            h = relu6(&h, &name("expand_relu"))?;
        }
        let depthwise = DepthwiseConv2D::new(3).strides(stride).use_bias(false);
        h = if stride == 2 {
            h = ZeroPadding2D::new(correct_pad([h.shape()[0], h.shape()[1]])).name(name("pad")).on(&h)?;
            depthwise.name(name("depthwise")).on(&h)?
        } else {
            depthwise.same().name(name("depthwise")).on(&h)?
        };
        h = normalized(&h, &name("depthwise_BN"))?;
        h = relu6(&h, &name("depthwise_relu"))?;
        h = Conv2D::new(filters, 1).same().use_bias(false).name(name("project")).on(&h)?;
        h = normalized(&h, &name("project_BN"))?;
        if channels == filters && stride == 1 { Add::new().name(name("add")).on([x, &h]) } else { Ok(h) }
    }

    /// The image size that ImageNet weights were trained on, for the file's and the model's name.
    fn imagenet_rows(&self) -> Option<usize> {
        let [height, width, _] = self.image;
        let trained = height == width && [96, 128, 160, 192, 224].contains(&height);
        (self.weights == Weights::Imagenet).then_some(if trained { height } else { 224 })
    }

    fn load(&self, model: &mut Model, rows: Option<usize>) -> Result<()> {
        let Some(rows) = rows else { return self.weights.load_file(model) };
        if ![0.35, 0.5, 0.75, 1.0, 1.3, 1.4].contains(&self.alpha) {
            return Err(Error::argument("alpha", self.alpha, "0.35, 0.5, 0.75, 1, 1.3 or 1.4 for ImageNet weights"));
        }
        include_top_size(self.include_top, self.classes, self.image, 224)?;
        let top = if self.include_top { "" } else { "_no_top" };
        // Python prints 1.0 with its decimal.
        let alpha = format!("{:?}", self.alpha);
        let file = format!("mobilenet_v2_weights_tf_dim_ordering_tf_kernels_{alpha}_{rows}{top}.h5");
        Weights::load_imagenet(model, "mobilenet_v2", &file, None)
    }
}

fn normalized(x: &Tensor, name: &str) -> Result<Tensor> {
    BatchNormalization::new().momentum(0.999).name(name).on(x)
}

fn relu6(x: &Tensor, name: &str) -> Result<Tensor> {
    ReLU::new().max_value(6.0).name(name).on(x)
}

/// The nearest multiple of 8, but not below 90 % of `value`.
fn make_divisible(value: f64) -> usize {
    let rounded = ((value + 4.0) as usize / 8 * 8).max(8);
    if (rounded as f64) < 0.9 * value { rounded + 8 } else { rounded }
}

/// Padding before a 3×3 window of stride 2: an even size gets none at the top and left.
pub(super) fn correct_pad([height, width]: [usize; 2]) -> ((usize, usize), (usize, usize)) {
    ((height % 2, 1), (width % 2, 1))
}
