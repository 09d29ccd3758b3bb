//! A model as a layer of another one.

use super::Model;
use crate::layers::{AnyLayer, LayerSpec, Nested};

impl From<Model> for LayerSpec {
    fn from(model: Model) -> Self {
        model.into_layer(None)
    }
}

impl From<&Model> for LayerSpec {
    fn from(model: &Model) -> Self {
        model.clone().into_layer(None)
    }
}

impl Model {
    /// The model as a layer that is called with this flag, as Keras' `base(x, training=False)`.
    ///
    /// With `false` it runs in inference mode even while the outer model trains: BatchNormalization uses its moving
    /// statistics and leaves them as they are, and dropout and augmentation are off, while trainable weights still train,
    /// `gamma` and `beta` too. Fine-tuning needs that, since the statistics of a few photos would undo what the base has
    /// learned from millions. Keras 3 ignores the flag in `fit`; Petal honours it, as Keras 2 did. `true` changes nothing,
    /// as in Keras 3: `fit` trains and `predict` infers.
    ///
    /// ```
    /// use petal::layers::*;
    /// use petal::model::Model;
    /// let x = Input::image(32, 32, 3);
    /// let h = Conv2D::new(16, 3).on(&x)?;
    /// let base = Model::named("base", 0, &x, &BatchNormalization::new().on(&h)?)?;
    ///
    /// let x = Input::image(32, 32, 3);
    /// let features = base.with_training(false).on(&x)?;
    /// let features = GlobalAveragePooling2D::new().on(&features)?;
    /// let model = Model::new(&x, &Dense::new(5).on(&features)?)?;
    /// # Ok::<(), petal::Error>(())
    /// ```
    pub fn with_training(self, training: bool) -> LayerSpec {
        self.into_layer(Some(training))
    }

    fn into_layer(self, training: Option<bool>) -> LayerSpec {
        let (graph, values) = self.into_parts();
        let name = graph.explicit_name().map(str::to_owned);
        let nested = Nested { graph, training, values: Some(values) };
        LayerSpec { name, ..AnyLayer::Nested(nested).into() }
    }
}
