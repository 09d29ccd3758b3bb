//! The networks by their names.

use petal::applications::{
    EfficientNetV2B0, MobileNet, MobileNetV2, ResNet50, VGG16, Weights, lecture_cnn, lecture_cnn_regularized,
    lecture_transfer,
};
use petal::model::Model;

use crate::args::{Architecture, Pretrained};

/// A network before training.
///
/// # Errors
/// If the image is too small for it, or its weights cannot be had.
pub fn build(
    architecture: Architecture,
    image: [usize; 3],
    classes: usize,
    weights: &Pretrained,
    seed: u64,
) -> petal::Result<Model> {
    let weights = Weights::from(weights);
    /// The lecture's model for transfer learning on this base.
    macro_rules! transfer {
        ($base:ident) => {{
            let [height, width, channels] = image;
            let base = $base::new(height, width).channels(channels).include_top(false);
            let base = base.weights(weights).seed(seed).build()?;
            lecture_transfer(base, $base::preprocess_input, classes, seed)
        }};
    }
    match architecture {
        Architecture::Cnn => lecture_cnn(image, classes, seed),
        Architecture::CnnRegularized => lecture_cnn_regularized(image, classes, seed),
        Architecture::MobileNetV2 => transfer!(MobileNetV2),
        Architecture::MobileNet => transfer!(MobileNet),
        Architecture::EfficientNetV2B0 => transfer!(EfficientNetV2B0),
        Architecture::ResNet50 => transfer!(ResNet50),
        Architecture::Vgg16 => transfer!(VGG16),
    }
}
