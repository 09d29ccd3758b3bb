use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Graph, Lowering};
use crate::layers::{Definition, only};
use crate::program::Value;
use crate::shape::Shape;

/// A model as a layer of another one.
///
/// Made by calling a [`Model`](crate::model::Model) like a layer: `base.on(&x)`, or `base.with_training(false).on(&x)` where its layers
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

    fn lower(&self, _node: &mut Lowering<'_>) -> Value {
        unreachable!("the graph walks through a model within it by itself")
    }
}
