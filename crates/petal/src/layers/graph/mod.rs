//! The graph of a model's layers. A graph can be a layer of another, so the two are one floor of the house.

mod cost;
mod flag;
mod lowering;
pub(crate) mod names;
mod nested;
mod node;
mod order;
mod tensor;

use std::collections::{HashMap, HashSet};

use serde::{Deserialize, Serialize};

pub(crate) use lowering::Lowering;
pub use nested::Nested;
pub(crate) use node::ModelWeight;
pub use node::{Node, Weight};
pub use tensor::Tensor;

use super::{AnyLayer, Definition, LayerSpec};
use crate::program::DTypePolicy;
use crate::shape::Shape;
use crate::{Error, Result};
use cost::Cost;
use flag::Flag;
use order::{assign_names, automatic_model_name, keras_order};

/// How a model was written, which is what Keras calls its class.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum GraphKind {
    /// A chain of layers, [`Sequential`](crate::model::Sequential).
    Sequential,
    /// Layers called on tensors, [`Model::new`](crate::model::Model::new).
    Functional,
}

/// A model's layers and how they are connected.
///
/// Pure data: `summary()`, saving, freezing and drawing read it, and a [`Program`](crate::program::Program) is lowered from
/// it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Graph {
    name: String,
    /// Whether the user chose the name.
    named: bool,
    kind: GraphKind,
    #[serde(default = "trains")]
    trainable: Flag,
    #[serde(default, skip_serializing_if = "DTypePolicy::is_float32")]
    dtype_policy: DTypePolicy,
    /// In an order in which each node comes after its inputs; the first is the input.
    nodes: Vec<Node>,
    output: usize,
}

fn trains() -> Flag {
    Flag::new(true)
}

/// Models in models in models: limits what is done by recursion.
const DEEPEST: usize = 10;

const LONGEST_NAME: usize = 1000;

/// The most values in all weights, 32 GB of them.
const MOST_PARAMS: usize = 1 << 33;

impl Graph {
    /// The model's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// `Functional` or `Sequential`.
    pub fn class_name(&self) -> &'static str {
        match self.kind {
            GraphKind::Sequential => "Sequential",
            GraphKind::Functional => "Functional",
        }
    }

    /// The layers in Keras' order: with the input layer for a functional model, without it for a sequential one.
    pub fn layers(&self) -> &[Node] {
        &self.nodes[self.hidden_nodes()..]
    }

    /// The layers, to set what trains: `base.layers_mut()[..100]`.
    pub fn layers_mut(&mut self) -> &mut [Node] {
        let hidden = self.hidden_nodes();
        &mut self.nodes[hidden..]
    }

    /// The layer of this name.
    ///
    /// # Errors
    /// If there is none.
    pub fn get_layer(&self, name: &str) -> Result<&Node> {
        self.nodes.iter().find(|node| node.name == name).ok_or_else(|| self.no_layer(name))
    }

    /// The layer of this name, to set whether it trains.
    ///
    /// # Errors
    /// If there is none.
    pub fn get_layer_mut(&mut self, name: &str) -> Result<&mut Node> {
        match self.nodes.iter().position(|node| node.name == name) {
            Some(index) => Ok(&mut self.nodes[index]),
            None => Err(self.no_layer(name)),
        }
    }

    /// The nested model of this name, to set what trains in it: `model.get_model_mut("base")?.layers_mut()[..100]`.
    ///
    /// # Errors
    /// If there is no such layer, or it is no model.
    pub fn get_model_mut(&mut self, name: &str) -> Result<&mut Graph> {
        let node = self.get_layer_mut(name)?;
        let class = node.layer.class_name();
        node.as_model_mut().ok_or_else(|| Error::layer(name, format!("is a {class}; expected a model")))
    }

    /// Sets whether the model trains, and with it each of its layers, those of nested models too.
    ///
    /// As in Keras, no weight of a frozen model trains, whatever its layers say afterwards: to train some of them, set
    /// the model to `true` first, then those that are not to train to `false`. Unlike in Keras 3, where setting the
    /// value that is already there does nothing, the layers always follow.
    pub fn set_trainable(&mut self, trainable: bool) {
        self.trainable.set(trainable);
        self.nodes.iter_mut().for_each(|node| node.set_trainable(trainable));
    }

    /// Gives the graph flags of its own: what trains in it says nothing any more of those that it was cloned from.
    pub(crate) fn detach(&mut self) {
        self.trainable = self.trainable.detached();
        for node in &mut self.nodes {
            node.trainable = node.trainable.detached();
            if let AnyLayer::Nested(nested) = &mut node.layer {
                nested.graph.detach();
            }
        }
    }

    /// Whether the model trains: what [`set_trainable`](Graph::set_trainable) said last, `true` at first. Some of its
    /// layers may not train all the same.
    pub fn trainable(&self) -> bool {
        self.trainable.get()
    }

    /// Which numbers the model computes with: [`DTypePolicy::Float32`] at first. That of a model in another has no effect.
    pub fn dtype_policy(&self) -> DTypePolicy {
        self.dtype_policy
    }

    pub(crate) fn set_dtype_policy(&mut self, policy: DTypePolicy) {
        self.dtype_policy = policy;
    }

    /// The shape of one input sample.
    pub fn input_shape(&self) -> &Shape {
        &self.nodes[0].shape
    }

    /// The shape of one output sample.
    pub fn output_shape(&self) -> &Shape {
        &self.nodes[self.output].shape
    }

    /// The number of values in all weights.
    pub fn count_params(&self) -> usize {
        self.nodes.iter().map(Node::count_params).sum()
    }

    pub(crate) fn explicit_name(&self) -> Option<&str> {
        self.named.then_some(self.name.as_str())
    }

    /// All nodes, the input first.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// The layers' outputs as tensors, by the numbers of [`nodes`](Graph::nodes), to call other layers on them: a new
    /// model between two of them has these layers with their names and flags, and weights of its own.
    ///
    /// ```
    /// use petal::layers::*;
    /// use petal::model::Model;
    /// let x = Input::image(32, 32, 3);
    /// let h = Conv2D::new(16, 3).name("first").on(&x)?;
    /// let model = Model::new(&x, &Dense::new(5).on(&Flatten::new().on(&h)?)?)?;
    /// let tensors = model.tensors()?;
    /// let features = Model::new(&tensors[0], &tensors[1])?;
    /// assert_eq!(features.output_shape()[..], [30, 30, 16]);
    /// assert_eq!(features.layers()[1].name(), "first");
    /// # Ok::<(), petal::Error>(())
    /// ```
    ///
    /// # Errors
    /// None, for a graph that is whole.
    pub fn tensors(&self) -> Result<Vec<Tensor>> {
        let mut tensors: Vec<Tensor> = Vec::with_capacity(self.nodes.len());
        for node in &self.nodes {
            let inputs = node.inputs.iter().map(|&input| tensors[input].clone()).collect();
            let spec = LayerSpec {
                layer: node.layer.clone(),
                name: Some(node.name.clone()),
                trainable: node.trainable.get(),
                left_out: node.left_out.clone(),
            };
            tensors.push(Tensor::new(spec, inputs)?);
        }
        Ok(tensors)
    }

    pub(crate) fn output(&self) -> usize {
        self.output
    }

    fn no_layer(&self, name: &str) -> Error {
        let names: Vec<&str> = self.nodes.iter().map(Node::name).collect();
        let has_it = |node: &&Node| node.as_model().is_some_and(|graph| graph.get_layer(name).is_ok());
        let hint =
            self.nodes.iter().find(has_it).map(|node| format!("; the model '{}' in it has one", node.name));
        Error::Model(format!(
            "model '{}' has no layer '{name}'; it has {}{}",
            self.name,
            names.join(", "),
            hint.unwrap_or_default()
        ))
    }

    /// A Sequential's input layer is not one of its layers.
    fn hidden_nodes(&self) -> usize {
        usize::from(self.kind == GraphKind::Sequential)
    }

    /// The graph between two tensors.
    pub(crate) fn new(
        kind: GraphKind,
        name: Option<String>,
        input: &Tensor,
        output: &Tensor,
    ) -> Result<Graph> {
        let order = keras_order(input, output)?;
        let names = assign_names(&order)?;
        let index: HashMap<u64, usize> =
            order.iter().enumerate().map(|(i, tensor)| (tensor.serial(), i)).collect();
        let nodes = order
            .iter()
            .zip(names)
            .map(|(tensor, name)| {
                let spec = tensor.spec();
                let mut layer = spec.layer.clone();
                if let AnyLayer::Nested(nested) = &mut layer {
                    nested.graph.name.clone_from(&name);
                    nested.graph.named = spec.name.is_some();
                }
                let inputs = if tensor.serial() == input.serial() {
                    Vec::new()
                } else {
                    tensor.inputs().iter().map(|input| index[&input.serial()]).collect()
                };
                Node {
                    name,
                    layer,
                    inputs,
                    trainable: Flag::new(spec.trainable),
                    left_out: spec.left_out.clone(),
                    shape: Shape::default(),
                    weights: Vec::new(),
                }
            })
            .collect::<Vec<Node>>();
        let named = name.is_some();
        let name = name.unwrap_or_else(|| automatic_model_name(kind, &nodes));
        let mut graph = Graph {
            name,
            named,
            kind,
            trainable: Flag::new(true),
            dtype_policy: DTypePolicy::default(),
            nodes,
            output: index[&output.serial()],
        };
        graph.rebuild()?;
        Ok(graph)
    }

    /// Computes from the layers' settings what isn't saved: shapes, weights and their places. Trusts nothing, since
    /// the graph may come from a file.
    pub(crate) fn rebuild(&mut self) -> Result<()> {
        let mut cost = Cost::default();
        let weights = self.rebuild_from(0, 0, &mut cost)?;
        cost.check(weights).map_err(Error::Model)
    }

    fn rebuild_from(&mut self, depth: usize, mut offset: usize, cost: &mut Cost) -> Result<usize> {
        if depth > DEEPEST {
            return Err(Error::Model(format!(
                "model '{}' is {depth} models deep in another; expected at most {DEEPEST}",
                self.name
            )));
        }
        if self.output >= self.nodes.len() {
            return Err(Error::Model(format!(
                "model '{}' has {} layers, but its output is layer {}",
                self.name,
                self.nodes.len(),
                self.output
            )));
        }
        let mut names = HashSet::new();
        for i in 0..self.nodes.len() {
            let (done, rest) = self.nodes.split_at_mut(i);
            let node = &mut rest[0];
            if node.name.is_empty() || node.name.contains('/') {
                return Err(Error::layer(&node.name, "a layer's name is not empty and has no '/' in it"));
            }
            if node.name.len() > LONGEST_NAME {
                let start: String = node.name.chars().take(40).collect();
                let problem =
                    format!("its name has {} bytes; expected at most {LONGEST_NAME}", node.name.len());
                return Err(Error::layer(start + "…", problem));
            }
            if !names.insert(node.name.clone()) {
                return Err(Error::layer(&node.name, "two layers have this name; give one of them another"));
            }
            let is_input = matches!(node.layer, AnyLayer::Input(_));
            if is_input != (i == 0) || is_input != node.inputs.is_empty() {
                return Err(Error::layer(&node.name, "a model has one input layer, which is its first"));
            }
            let mut shapes = Vec::with_capacity(node.inputs.len());
            for &input in &node.inputs {
                match done.get(input) {
                    Some(source) => shapes.push(source.shape.clone()),
                    None => {
                        return Err(Error::layer(
                            &node.name,
                            format!("it is called on layer {input}, which comes later"),
                        ));
                    }
                }
            }
            if let AnyLayer::Nested(nested) = &mut node.layer {
                offset = nested.graph.rebuild_from(depth + 1, offset, cost)?;
            }
            let shape = node.layer.output_shape(&shapes).and_then(|shape| shape.check().map(|()| shape));
            node.shape = shape.map_err(|problem| Error::layer(&node.name, problem))?;
            node.weights = Vec::new();
            for spec in node.layer.weights(&shapes) {
                let weight = Weight { name: spec.name, shape: spec.shape, trainable: spec.trainable, offset };
                let size = weight.shape.iter().try_fold(1, |size: usize, axis| size.checked_mul(*axis));
                offset = size.and_then(|size| offset.checked_add(size)).filter(|&end| end <= MOST_PARAMS).ok_or_else(
                    || {
                        let shape = &weight.shape;
                        let problem = format!(
                            "its {} has the shape {shape:?}; expected at most {MOST_PARAMS} values in all weights",
                            weight.name
                        );
                        Error::layer(&node.name, problem)
                    },
                )?;
                node.weights.push(weight);
            }
            cost.add(node).map_err(|problem| Error::layer(&node.name, problem))?;
        }
        Ok(offset)
    }

    /// Refuses layers that would run in training mode, but of which Petal computes only the inference.
    pub(crate) fn check_training(&self) -> Result<()> {
        self.nodes.iter().try_for_each(|node| match &node.layer {
            AnyLayer::Nested(nested) if nested.training == Some(false) => Ok(()),
            AnyLayer::Nested(nested) => nested.graph.check_training(),
            layer => layer.check_training().map_err(|problem| Error::layer(&node.name, problem)),
        })
    }

    /// What training leaves out of the layers' settings, layer by layer; nothing of layers that don't train.
    pub(crate) fn left_out_of_training(&self) -> Vec<String> {
        let nodes = self.nodes.iter().filter(|node| node.trainable());
        let of_node = |node: &Node| match node.as_model() {
            Some(graph) => graph.left_out_of_training(),
            None => node.left_out.iter().map(|setting| format!("{setting} of '{}'", node.name)).collect(),
        };
        if self.trainable() { nodes.flat_map(of_node).collect() } else { Vec::new() }
    }

    /// All weights in the order of the arena.
    pub(crate) fn all_weights(&self) -> Vec<ModelWeight<'_>> {
        let mut weights = Vec::new();
        self.collect_weights("", self.trainable(), &mut weights);
        weights
    }

    fn collect_weights<'a>(&'a self, prefix: &str, trainable: bool, weights: &mut Vec<ModelWeight<'a>>) {
        for node in &self.nodes {
            let trainable = trainable && node.trainable();
            let path = format!("{prefix}{}/", node.name);
            if let Some(graph) = node.as_model() {
                graph.collect_weights(&path, trainable, weights);
                continue;
            }
            let shapes: Vec<Shape> =
                node.inputs.iter().map(|&input| self.nodes[input].shape.clone()).collect();
            for (weight, spec) in node.weights.iter().zip(node.layer.weights(&shapes)) {
                weights.push(ModelWeight {
                    path: format!("{path}{}", weight.name),
                    weight,
                    trainable: trainable && weight.trainable,
                    initializer: spec.initializer,
                });
            }
        }
    }
}
