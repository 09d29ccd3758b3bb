use super::{Graph, GraphKind, Model, Tensor};
use crate::layers::{Layer, LayerSpec};
use crate::{Error, Result};

/// A model that is a chain of layers.
///
/// ```
/// use petal::layers::*;
/// use petal::model::Sequential;
/// let model = Sequential::new(Input::image(180, 180, 3))
///     .add(Rescaling::new(1.0 / 255.0))
///     .add(Conv2D::new(16, 3).same().relu())
///     .add(MaxPooling2D::new(2))
///     .add(Flatten::new())
///     .add(Dense::new(5))
///     .build()?;
/// assert_eq!(model.output_shape()[..], [5]);
/// # Ok::<(), petal::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Sequential {
    input: Tensor,
    name: Option<String>,
    seed: u64,
    layers: Vec<LayerSpec>,
}

impl Sequential {
    /// A chain that begins at `input`.
    pub fn new(input: Tensor) -> Self {
        Sequential { input, name: None, seed: 0, layers: Vec::new() }
    }

    /// The chain of layers between two tensors, with a name.
    ///
    /// # Errors
    /// If a layer between them has several inputs, or as [`Model::new`].
    pub fn between(name: impl Into<String>, seed: u64, input: &Tensor, output: &Tensor) -> Result<Model> {
        let graph = Graph::new(GraphKind::Sequential, Some(name.into()), input, output)?;
        match graph.nodes().iter().find(|node| node.inputs().len() > 1) {
            Some(node) => {
                Err(Error::layer(node.name(), "has several inputs; in a Sequential each layer has one"))
            }
            None => Model::from_graph(graph, seed),
        }
    }

    /// Appends a layer.
    #[allow(clippy::should_implement_trait)]
    pub fn add(mut self, layer: impl Layer) -> Self {
        self.layers.push(layer.into());
        self
    }

    /// Names the model; by default it is `sequential`.
    pub fn name(self, name: impl Into<String>) -> Self {
        Sequential { name: Some(name.into()), ..self }
    }

    /// The seed of the weights' first values and of what is random in training; 0 by default.
    pub fn seed(self, seed: u64) -> Self {
        Sequential { seed, ..self }
    }

    /// The model.
    ///
    /// # Errors
    /// If a layer cannot take what the layer before it gives; the error names it.
    pub fn build(self) -> Result<Model> {
        let mut output = self.input.clone();
        for layer in self.layers {
            output = layer.on(&output)?;
        }
        Model::from_graph(Graph::new(GraphKind::Sequential, self.name, &self.input, &output)?, self.seed)
    }
}
