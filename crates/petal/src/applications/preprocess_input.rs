use crate::Result;
use crate::layers::{Layer, Rescaling, ReverseChannels};
use crate::model::Tensor;

/// How colours of 0 to 255 are brought into the range that an architecture expects: the modes of Keras'
/// `preprocess_input`.
///
/// ```
/// use petal::applications::PreprocessInput;
/// use petal::layers::Input;
/// let x = Input::image(224, 224, 3);
/// let h = PreprocessInput::Caffe.on(&x)?;
/// # Ok::<(), petal::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PreprocessInput {
    /// `x / 127.5 - 1`, to [-1, 1]: MobileNet, Inception, Xception.
    Tf,
    /// RGB to BGR, and each channel minus its mean over ImageNet: ResNet, VGG.
    Caffe,
    /// `x / 255`, and each channel minus its mean over ImageNet, divided by its deviation: DenseNet.
    Torch,
}

impl PreprocessInput {
    /// Puts the layers that do it into a graph.
    ///
    /// # Errors
    /// If `x` has another number of channels than 3, but for [`PreprocessInput::Tf`].
    pub fn on(self, x: &Tensor) -> Result<Tensor> {
        match self {
            PreprocessInput::Tf => Rescaling::new(1.0 / 127.5).offset(-1.0).on(x),
            PreprocessInput::Caffe => {
                let bgr = ReverseChannels::new().on(x)?;
                Rescaling::new(1.0).offset([-103.939, -116.779, -123.68]).on(&bgr)
            }
            PreprocessInput::Torch => {
                let (means, deviations) = ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]);
                let scale = deviations.map(|deviation| 1.0 / (255.0 * deviation));
                let offset = [0, 1, 2].map(|channel: usize| -means[channel] / deviations[channel]);
                Rescaling::new(scale).offset(offset).on(x)
            }
        }
    }
}
