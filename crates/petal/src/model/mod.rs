//! Models: graphs of layers with their weights, and the plans that run them.

mod graph;
mod names;
pub(crate) mod plan;
mod sequential;
mod shape;
mod summary;
mod tensor;
mod weights;

use std::ops::Deref;

pub use graph::{Graph, GraphKind, Node, Weight};
pub use sequential::Sequential;
pub use shape::Shape;
pub use summary::Summary;
pub use tensor::Tensor;

pub(crate) use graph::ModelWeight;

use crate::Result;
use crate::layers::AnyLayer;
use crate::random::Key;
use crate::training::Compiled;

/// Layers between an input and an output, with their weights.
///
/// ```
/// use petal::layers::*;
/// use petal::model::Model;
/// let x = Input::image(32, 32, 3);
/// let h = Conv2D::new(16, 3).same().relu().on(&x)?;
/// let h = GlobalAveragePooling2D::new().on(&h)?;
/// let model = Model::new(&x, &Dense::new(5).on(&h)?)?;
/// assert_eq!(model.count_params(), 448 + 85);
/// # Ok::<(), petal::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Model {
    graph: Graph,
    /// All weights, in the graph's order.
    arena: Vec<f32>,
    seed: u64,
    pub(crate) compiled: Option<Compiled>,
}

impl Model {
    /// The model between two tensors, its weights drawn with seed 0.
    ///
    /// # Errors
    /// If `output` doesn't depend on `input`, depends on another input too, or two layers have one name.
    pub fn new(input: &Tensor, output: &Tensor) -> Result<Model> {
        Model::with_seed(0, input, output)
    }

    /// As [`Model::new`], with the seed of the weights' first values and of what is random in training.
    ///
    /// # Errors
    /// As [`Model::new`].
    pub fn with_seed(seed: u64, input: &Tensor, output: &Tensor) -> Result<Model> {
        Ok(Model::from_graph(Graph::new(GraphKind::Functional, None, input, output)?, seed))
    }

    /// As [`Model::with_seed`], with a name; by default it is `functional`.
    ///
    /// # Errors
    /// As [`Model::new`].
    pub fn named(name: impl Into<String>, seed: u64, input: &Tensor, output: &Tensor) -> Result<Model> {
        Ok(Model::from_graph(Graph::new(GraphKind::Functional, Some(name.into()), input, output)?, seed))
    }

    /// The layers, to set what trains: `model.layers_mut()[..100]`. Takes effect at the next
    /// [`compile`](Model::compile).
    pub fn layers_mut(&mut self) -> &mut [Node] {
        self.graph.layers_mut()
    }

    /// The layer of this name, to set whether it trains. Takes effect at the next [`compile`](Model::compile).
    ///
    /// # Errors
    /// If there is none.
    pub fn get_layer_mut(&mut self, name: &str) -> Result<&mut Node> {
        self.graph.get_layer_mut(name)
    }

    /// Sets whether all layers train, those of nested models too. Takes effect at the next
    /// [`compile`](Model::compile).
    pub fn set_trainable(&mut self, trainable: bool) {
        self.graph.set_trainable(trainable);
    }

    /// The model's seed.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    pub(crate) fn graph(&self) -> &Graph {
        &self.graph
    }

    pub(crate) fn arena(&self) -> &[f32] {
        &self.arena
    }

    pub(crate) fn arena_mut(&mut self) -> &mut [f32] {
        &mut self.arena
    }

    pub(crate) fn into_parts(self) -> (Graph, Vec<f32>) {
        (self.graph, self.arena)
    }

    pub(crate) fn from_graph(mut graph: Graph, seed: u64) -> Model {
        let mut arena = vec![0.0; graph.count_params()];
        initialize(&graph, &mut arena, Key::new(seed).named("weights"));
        graph.take_values(&mut arena);
        Model { graph, arena, seed, compiled: None }
    }
}

/// What doesn't change a model is that of its graph: `layers`, `get_layer`, `input_shape`, `count_params`…
impl Deref for Model {
    type Target = Graph;

    fn deref(&self) -> &Graph {
        &self.graph
    }
}

fn initialize(graph: &Graph, arena: &mut [f32], key: Key) {
    for weight in graph.all_weights() {
        let mut generator = key.named(&weight.path).generator();
        let values = &mut arena[weight.weight.range()];
        weight.initializer.fill(&weight.weight.shape, &mut generator, values);
    }
}

impl Graph {
    /// Moves the values that nested models brought along into the outer model's arena.
    fn take_values(&mut self, arena: &mut [f32]) {
        for node in self.layers_mut() {
            let first = node.as_model().and_then(|graph| Some(graph.all_weights().first()?.weight.offset));
            let AnyLayer::Nested(nested) = node.layer_mut() else { continue };
            if let (Some(offset), Some(values)) = (first, nested.values.take()) {
                arena[offset..offset + values.len()].copy_from_slice(&values);
            }
        }
    }
}
