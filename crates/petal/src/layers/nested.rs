use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{AnyLayer, Definition, LayerSpec, only};
use crate::model::plan::{Lowering, Value};
use crate::model::{Graph, Model, Shape};

/// A model as a layer of another one.
///
/// Made by calling a [`Model`] like a layer: `base.on(&x)`, or `base.with_training(false).on(&x)` where its layers
/// must run in inference mode even while the outer model trains.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Nested {
    pub(crate) graph: Graph,
    /// What the caller said of the mode. False holds, otherwise the outer model's mode does.
    pub(crate) training: Option<bool>,
    /// The weights' values until an outer model takes them into its own.
    #[serde(skip)]
    pub(crate) values: Option<Arc<Vec<f32>>>,
}

impl PartialEq for Nested {
    fn eq(&self, other: &Self) -> bool {
        self.graph == other.graph && self.training == other.training
    }
}

impl Nested {
    /// The model's graph.
    pub fn graph(&self) -> &Graph {
        &self.graph
    }

    /// `Functional` or `Sequential`.
    pub(crate) fn class_name(&self) -> &'static str {
        self.graph.class_name()
    }
}

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
        let nested = Nested { graph, training, values: Some(Arc::new(values)) };
        LayerSpec { name, ..AnyLayer::Nested(nested).into() }
    }
}

impl Definition for Nested {
    fn output_shape(&self, inputs: &[Shape]) -> Result<Shape, String> {
        let (input, expected) = (only(inputs)?, self.graph.input_shape());
        if input != expected {
            return Err(format!(
                "got an input of shape {input}; expected {expected}, the shape that it was built for"
            ));
        }
        Ok(self.graph.output_shape().clone())
    }

    fn lower(&self, node: &mut Lowering<'_>) -> Value {
        node.emit_graph(&self.graph, self.training)
    }
}
