use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::Graph;
use super::flag::Flag;
use crate::layers::AnyLayer;
use crate::shape::Shape;

/// A layer in its place in a graph.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Node {
    pub(super) name: String,
    pub(super) layer: AnyLayer,
    pub(super) inputs: Vec<usize>,
    /// For a nested model, its graph's flag counts instead.
    pub(super) trainable: Flag,
    /// Settings of Keras' layer that act in training and that Petal's training leaves out: `kernel_regularizer`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) left_out: Vec<String>,
    #[serde(skip)]
    pub(super) shape: Shape,
    #[serde(skip)]
    pub(super) weights: Vec<Weight>,
}

/// A weight of a layer and where its values lie in the model's arena.
#[derive(Clone, Debug, PartialEq)]
pub struct Weight {
    /// Keras' name of the weight in its layer: `kernel`.
    pub name: &'static str,
    /// The weight's shape in Keras' layout.
    pub shape: Vec<usize>,
    /// Whether gradients may change it: not so for moving statistics.
    pub trainable: bool,
    pub(crate) offset: usize,
}

impl Weight {
    /// The number of values.
    pub fn elements(&self) -> usize {
        self.shape.iter().product()
    }

    pub(crate) fn range(&self) -> Range<usize> {
        self.offset..self.offset + self.elements()
    }
}

/// A weight of a model with its full path and its effective trainable flag.
#[derive(Clone, Debug)]
pub(crate) struct ModelWeight<'a> {
    /// The names of the layers on the way to it, and its own, joined by `/`.
    pub path: String,
    pub weight: &'a Weight,
    /// Whether training changes it: its own nature, its layer's flag and those of all models around it.
    pub trainable: bool,
    pub initializer: crate::layers::Initializer,
}

impl Node {
    /// The layer's name, unique in its model.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The layer.
    pub fn layer(&self) -> &AnyLayer {
        &self.layer
    }

    pub(crate) fn layer_mut(&mut self) -> &mut AnyLayer {
        &mut self.layer
    }

    /// The nodes that it is called on, by their numbers in [`Graph::nodes`]. In a sequential model these begin with the
    /// input, which isn't among its [`layers`](Graph::layers).
    pub fn inputs(&self) -> &[usize] {
        &self.inputs
    }

    /// The shape of its output, for one sample.
    pub fn output_shape(&self) -> &Shape {
        &self.shape
    }

    /// Its own weights; none for a nested model, whose layers hold them.
    pub fn weights(&self) -> &[Weight] {
        &self.weights
    }

    /// Whether its weights train, unless a model around it is frozen.
    pub fn trainable(&self) -> bool {
        self.as_model().map_or_else(|| self.trainable.get(), Graph::trainable)
    }

    /// Sets whether its weights train; for a nested model, as [`Graph::set_trainable`].
    pub fn set_trainable(&mut self, trainable: bool) {
        match self.as_model_mut() {
            Some(graph) => graph.set_trainable(trainable),
            None => self.trainable.set(trainable),
        }
    }

    /// The graph of a nested model.
    pub fn as_model(&self) -> Option<&Graph> {
        match &self.layer {
            AnyLayer::Nested(nested) => Some(&nested.graph),
            _ => None,
        }
    }

    /// The graph of a nested model, to set what trains.
    pub fn as_model_mut(&mut self) -> Option<&mut Graph> {
        match &mut self.layer {
            AnyLayer::Nested(nested) => Some(&mut nested.graph),
            _ => None,
        }
    }

    /// The number of values in all of its weights.
    pub fn count_params(&self) -> usize {
        match self.as_model() {
            Some(graph) => graph.count_params(),
            None => self.weights.iter().map(Weight::elements).sum(),
        }
    }
}
