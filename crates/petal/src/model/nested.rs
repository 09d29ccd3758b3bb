//! A model as a layer of another one.

use super::Model;
use crate::layers::{AnyLayer, LayerSpec, Nested};

impl From<Model> for LayerSpec {
    fn from(model: Model) -> Self {
        layer(&model, None)
    }
}

impl From<&Model> for LayerSpec {
    fn from(model: &Model) -> Self {
        layer(model, None)
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
    /// As in Keras, what trains in the base can be set by the base itself, also when it is a layer of another model:
    /// the two share their flags. The outer model has weights of its own, which begin as the base's.
    ///
    /// ```
    /// use petal::layers::*;
    /// use petal::model::Model;
    /// let x = Input::image(32, 32, 3);
    /// let h = Conv2D::new(16, 3).on(&x)?;
    /// let mut base = Model::named("base", 0, &x, &BatchNormalization::new().on(&h)?)?;
    ///
    /// let x = Input::image(32, 32, 3);
    /// let features = base.with_training(false).on(&x)?;
    /// let features = GlobalAveragePooling2D::new().on(&features)?;
    /// let model = Model::new(&x, &Dense::new(5).on(&features)?)?;
    /// assert!(model.summary().to_string().contains(" Trainable params: 565 "));
    /// base.set_trainable(false);
    /// assert!(model.summary().to_string().contains(" Trainable params: 85 "));
    /// # Ok::<(), petal::Error>(())
    /// ```
    pub fn with_training(&self, training: bool) -> LayerSpec {
        layer(self, Some(training))
    }

    /// The model's augmentation, if the first of its layers that is a model holds nothing else.
    ///
    /// ```
    /// use petal::applications::{lecture_cnn, lecture_cnn_regularized};
    /// let model = lecture_cnn_regularized([32, 32, 3], 5, 0)?;
    /// let class = |i: usize| model.augmentation().unwrap().layers()[i].layer().class_name();
    /// assert_eq!([class(0), class(1)], ["RandomFlip", "RandomRotation"]);
    /// assert!(lecture_cnn([32, 32, 3], 5, 0)?.augmentation().is_none());
    /// # Ok::<(), petal::Error>(())
    /// ```
    pub fn augmentation(&self) -> Option<Model> {
        let nested = self.layers().iter().find_map(|node| node.as_model())?;
        let all = nested.layers().iter().all(|node| node.layer().augments() || node.inputs().is_empty());
        all.then(|| Model::from_graph(nested.clone(), self.seed())).and_then(Result::ok)
    }
}

/// The model as a layer: with its flags, which stay one with the model's, and its weights as they are now.
fn layer(model: &Model, training: Option<bool>) -> LayerSpec {
    let graph = model.graph().clone();
    let name = graph.explicit_name().map(str::to_owned);
    let nested = Nested { graph, training, values: Some(model.shared_weights()) };
    LayerSpec { name, ..AnyLayer::Nested(nested).into() }
}
