use super::PreprocessInput;
use super::catalogue::MobileNet;
use super::network::Network;
use super::settings::Settings;
use super::weights::{Imagenet, Weights};
use crate::layers::{
    Activation, BatchNormalization, Conv2D, DepthwiseConv2D, Dropout, Function, GlobalAveragePooling2D,
    Layer, LayerSpec, ReLU, Reshape, ZeroPadding2D,
};
use crate::model::Tensor;
use crate::{Error, Result};

/// Depthwise and pointwise convolutions in turn (Howard et al. 2017).
#[derive(Clone, Copy, Debug)]
pub(super) struct Numbers {
    alpha: f64,
    depth_multiplier: usize,
    dropout: f32,
}

pub(super) const NUMBERS: Numbers = Numbers { alpha: 1.0, depth_multiplier: 1, dropout: 1e-3 };

impl MobileNet {
    /// The factor for the number of filters of every layer; 1 by default. ImageNet weights exist for 0.25, 0.5, 0.75 and
    /// 1.
    pub fn alpha(mut self, alpha: f64) -> Self {
        self.network.alpha = alpha;
        self
    }

    /// The number of depthwise kernels for each channel; 1 by default. ImageNet weights need 1.
    pub fn depth_multiplier(mut self, depth_multiplier: usize) -> Self {
        self.network.depth_multiplier = depth_multiplier;
        self
    }

    /// The rate of the dropout in the top; 0.001 by default.
    pub fn dropout(mut self, dropout: f32) -> Self {
        self.network.dropout = dropout;
        self
    }
}

impl Network for Numbers {
    fn name(&self, settings: &Settings) -> String {
        let imagenet = settings.weights == Weights::Imagenet;
        let rows = if imagenet { self.trained_at(settings) } else { settings.image[0] };
        format!("mobilenet_{:.2}_{rows}", self.alpha)
    }

    fn check(&self, settings: &Settings) -> Result<()> {
        if settings.weights != Weights::Imagenet {
            return Ok(());
        }
        if self.depth_multiplier != 1 {
            return Err(Error::argument("depth_multiplier", self.depth_multiplier, "1 for ImageNet weights"));
        }
        if ![0.25, 0.5, 0.75, 1.0].contains(&self.alpha) {
            return Err(Error::argument("alpha", self.alpha, "0.25, 0.5, 0.75 or 1 for ImageNet weights"));
        }
        Ok(())
    }

    fn trained_at(&self, settings: &Settings) -> usize {
        settings.rows(&[128, 160, 192, 224])
    }

    fn preprocess_input(&self) -> Option<PreprocessInput> {
        Some(PreprocessInput::Tf)
    }

    fn imagenet(&self, settings: &Settings) -> Imagenet {
        // As Keras writes them: `check` has refused any others.
        let alpha = match self.alpha {
            0.25 => "2_5",
            0.5 => "5_0",
            0.75 => "7_5",
            _ => "1_0",
        };
        let (rows, top) = (self.trained_at(settings), settings.by_top(["", "_no_top"]));
        Imagenet::new("mobilenet", format!("mobilenet_{alpha}_{rows}_tf{top}.h5"), None)
    }

    fn layers(&self, settings: &Settings, x: &Tensor) -> Result<Tensor> {
        let first = Conv2D::new(self.filters(32), 3).strides(2).same().use_bias(false);
        let mut h = normalized(x, first.name("conv1"), "conv1")?;
        // Filters and stride of each block (table 1 of the paper).
        let blocks = [(64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2)];
        let blocks = blocks.into_iter().chain([(512, 1); 5]).chain([(1024, 2), (1024, 1)]);
        for (number, (filters, stride)) in (1..).zip(blocks) {
            h = self.block(&h, number, filters, stride)?;
        }
        if !settings.include_top {
            return settings.pool(&h, false);
        }
        let h = GlobalAveragePooling2D::new().keepdims(true).on(&h)?;
        let h = Dropout::new(self.dropout).name("dropout").on(&h)?;
        let h = Conv2D::new(settings.classes, 1).same().name("conv_preds").on(&h)?;
        let h = Reshape::new([settings.classes as isize]).name("reshape_2").on(&h)?;
        let activation = if settings.softmax { Function::Softmax } else { Function::Linear };
        Activation::new(activation).name("predictions").on(&h)
    }
}

impl Numbers {
    /// A depthwise convolution, then one of each pixel.
    fn block(&self, x: &Tensor, number: usize, filters: usize, stride: usize) -> Result<Tensor> {
        let depthwise = DepthwiseConv2D::new(3).depth_multiplier(self.depth_multiplier).use_bias(false);
        let (name, mut h) = (format!("conv_dw_{number}"), x.clone());
        let depthwise = if stride == 1 {
            depthwise.same().name(&name)
        } else {
            h = ZeroPadding2D::sides([[0, 1]; 2]).name(format!("conv_pad_{number}")).on(&h)?;
            depthwise.strides(stride).name(&name)
        };
        let h = normalized(&h, depthwise, &name)?;
        let name = format!("conv_pw_{number}");
        let pointwise = Conv2D::new(self.filters(filters), 1).same().use_bias(false);
        normalized(&h, pointwise.name(&name), &name)
    }

    fn filters(&self, filters: usize) -> usize {
        (filters as f64 * self.alpha) as usize
    }
}

/// A convolution, batch normalization and ReLU6.
fn normalized(x: &Tensor, convolution: LayerSpec, name: &str) -> Result<Tensor> {
    let h = convolution.on(x)?;
    let h = BatchNormalization::new().name(format!("{name}_bn")).on(&h)?;
    ReLU::new().max_value(6.0).name(format!("{name}_relu")).on(&h)
}
