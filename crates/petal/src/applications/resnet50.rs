use super::PreprocessInput;
use super::settings::{Settings, common_settings};
use super::weights::Imagenet;
use crate::Result;
use crate::layers::{
    Activation, Add, BatchNormalization, Conv2D, Function, GlobalAveragePooling2D, Layer, MaxPooling2D,
    ZeroPadding2D,
};
use crate::model::{Model, Tensor};

/// ResNet50 (He et al. 2015): sixteen bottleneck blocks with shortcuts around them, 23.6 million parameters without its
/// top. Expects centred BGR colours, see [`ResNet50::preprocess_input`].
///
/// Layer names, their order and the weights' layout are Keras'. Defaults, as Keras': with the top for 1,000 classes,
/// weights trained on ImageNet, no pooling.
///
/// ```
/// use petal::applications::{ResNet50, Weights};
/// let base = ResNet50::new(180, 180).include_top(false).weights(Weights::None).build()?;
/// assert_eq!(base.count_params(), 23_587_712);
/// # Ok::<(), petal::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct ResNet50 {
    settings: Settings,
}

impl ResNet50 {
    /// For RGB images of this size, at least 32 × 32 pixels.
    pub fn new(height: usize, width: usize) -> Self {
        ResNet50 { settings: Settings::new(height, width) }
    }

    common_settings!();

    /// Brings RGB colours of 0..=255 to what the model expects: BGR, minus their means over ImageNet.
    ///
    /// # Errors
    /// If the image doesn't have three channels.
    pub fn preprocess_input(x: &Tensor) -> Result<Tensor> {
        PreprocessInput::Caffe.on(x)
    }

    /// The model.
    ///
    /// # Errors
    /// If the image is smaller than 32 × 32, there are no ImageNet weights for these settings, or they cannot be had.
    pub fn build(&self) -> Result<Model> {
        let settings = &self.settings;
        let x = settings.input("ResNet50", 224)?;
        let y = self.layers(&x)?;
        let (top, hash) = match settings.include_top {
            true => ("", "2cb95161c43110f7111970584f804107"),
            false => ("_notop", "4d473c1dd8becc155b73f8504c6f6626"),
        };
        let file = format!("resnet50_weights_tf_dim_ordering_tf_kernels{top}.h5");
        settings.model("resnet50".into(), &x, &y, Imagenet { folder: "resnet", file, hash: Some(hash) })
    }

    fn layers(&self, x: &Tensor) -> Result<Tensor> {
        let h = ZeroPadding2D::new(3).name("conv1_pad").on(x)?;
        let h = normalized(&h, Conv2D::new(64, 7).strides(2), "conv1_conv", "conv1_bn")?;
        let h = relu(&h, "conv1_relu")?;
        let h = ZeroPadding2D::new(1).name("pool1_pad").on(&h)?;
        let mut h = MaxPooling2D::new(3).strides(2).name("pool1_pool").on(&h)?;
        // Filters, blocks and first stride of each stage (table 1 of the paper).
        for (stage, filters, blocks, stride) in
            [(2, 64, 3, 1), (3, 128, 4, 2), (4, 256, 6, 2), (5, 512, 3, 2)]
        {
            for number in 1..=blocks {
                let stride = (number == 1).then_some(stride);
                h = block(&h, filters, stride, &format!("conv{stage}_block{number}"))?;
            }
        }
        if !self.settings.include_top {
            return self.settings.pool(&h, true);
        }
        let h = GlobalAveragePooling2D::new().name("avg_pool").on(&h)?;
        self.settings.predictions().name("predictions").on(&h)
    }
}

/// Three convolutions and a shortcut around them, which is a convolution where a stride is given.
fn block(x: &Tensor, filters: usize, stride: Option<usize>, name: &str) -> Result<Tensor> {
    let convolved = |h: &Tensor, convolution: Conv2D, number: usize| {
        normalized(h, convolution, &format!("{name}_{number}_conv"), &format!("{name}_{number}_bn"))
    };
    let shortcut = match stride {
        Some(stride) => convolved(x, Conv2D::new(4 * filters, 1).strides(stride), 0)?,
        None => x.clone(),
    };
    let h = convolved(x, Conv2D::new(filters, 1).strides(stride.unwrap_or(1)), 1)?;
    let h = relu(&h, &format!("{name}_1_relu"))?;
    let h = convolved(&h, Conv2D::new(filters, 3).same(), 2)?;
    let h = relu(&h, &format!("{name}_2_relu"))?;
    let h = convolved(&h, Conv2D::new(4 * filters, 1), 3)?;
    let h = Add::new().name(format!("{name}_add")).on([&shortcut, &h])?;
    relu(&h, &format!("{name}_out"))
}

fn normalized(x: &Tensor, convolution: Conv2D, name: &str, normalization: &str) -> Result<Tensor> {
    let h = convolution.name(name).on(x)?;
    BatchNormalization::new().epsilon(1.001e-5).name(normalization).on(&h)
}

fn relu(x: &Tensor, name: &str) -> Result<Tensor> {
    Activation::new(Function::Relu).name(name).on(x)
}
