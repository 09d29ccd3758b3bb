use super::PreprocessInput;
use super::catalogue::MobileNetV2;
use super::network::{Network, correct_pad, make_divisible};
use super::settings::Settings;
use super::weights::{Imagenet, Weights};
use crate::layers::{Add, BatchNormalization, Conv2D, DepthwiseConv2D, GlobalAveragePooling2D, Layer, ReLU};
use crate::model::Tensor;
use crate::{Error, Result};

/// Inverted residual blocks with depthwise convolutions (Sandler et al. 2018).
#[derive(Clone, Copy, Debug)]
pub(super) struct Numbers {
    alpha: f64,
}

pub(super) const NUMBERS: Numbers = Numbers { alpha: 1.0 };

impl MobileNetV2 {
    /// The factor for the number of filters of every layer; 1 by default. ImageNet weights exist for 0.35, 0.5, 0.75, 1,
    /// 1.3 and 1.4.
    pub fn alpha(mut self, alpha: f64) -> Self {
        self.network.alpha = alpha;
        self
    }
}

impl Network for Numbers {
    fn name(&self, settings: &Settings) -> String {
        let imagenet = settings.weights == Weights::Imagenet;
        let rows = if imagenet { self.trained_at(settings) } else { settings.image[0] };
        format!("mobilenetv2_{:.2}_{rows}", self.alpha)
    }

    fn check(&self, settings: &Settings) -> Result<()> {
        if !(self.alpha.is_finite() && self.alpha > 0.0) {
            return Err(Error::argument("alpha", self.alpha, "a number above 0"));
        }
        let imagenet = settings.weights == Weights::Imagenet;
        if imagenet && ![0.35, 0.5, 0.75, 1.0, 1.3, 1.4].contains(&self.alpha) {
            let expected = "0.35, 0.5, 0.75, 1, 1.3 or 1.4 for ImageNet weights";
            return Err(Error::argument("alpha", self.alpha, expected));
        }
        Ok(())
    }

    fn trained_at(&self, settings: &Settings) -> usize {
        settings.rows(&[96, 128, 160, 192, 224])
    }

    fn preprocess_input(&self) -> Option<PreprocessInput> {
        Some(PreprocessInput::Tf)
    }

    fn imagenet(&self, settings: &Settings) -> Imagenet {
        let (rows, top) = (self.trained_at(settings), settings.by_top(["", "_no_top"]));
        // Debug writes 1.0 with its decimal, as Python does.
        let file = format!("mobilenet_v2_weights_tf_dim_ordering_tf_kernels_{:?}_{rows}{top}.h5", self.alpha);
        Imagenet::new("mobilenet_v2", file, None)
    }

    fn layers(&self, settings: &Settings, x: &Tensor) -> Result<Tensor> {
        let first = make_divisible(32.0 * self.alpha);
        let h = Conv2D::new(first, 3).strides(2).same().use_bias(false).name("Conv1").on(x)?;
        let h = normalized(&h, "bn_Conv1")?;
        let mut h = relu6(&h, "Conv1_relu")?;
        // Filters, stride and expansion of each block (table 2 of the paper).
        let stages = [
            (16, 1, 1, 1),
            (24, 2, 6, 2),
            (32, 2, 6, 3),
            (64, 2, 6, 4),
            (96, 1, 6, 3),
            (160, 2, 6, 3),
            (320, 1, 6, 1),
        ];
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
        if !settings.include_top {
            return settings.pool(&h, false);
        }
        let h = GlobalAveragePooling2D::new().on(&h)?;
        settings.predictions().name("predictions").on(&h)
    }
}

impl Numbers {
    /// An inverted residual block: expand, filter each channel, project.
    fn block(
        &self,
        x: &Tensor,
        number: usize,
        filters: usize,
        stride: usize,
        expansion: usize,
    ) -> Result<Tensor> {
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
            h = correct_pad(&h, 3, name("pad"))?;
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
}

fn normalized(x: &Tensor, name: &str) -> Result<Tensor> {
    BatchNormalization::new().momentum(0.999).name(name).on(x)
}

fn relu6(x: &Tensor, name: &str) -> Result<Tensor> {
    ReLU::new().max_value(6.0).name(name).on(x)
}
