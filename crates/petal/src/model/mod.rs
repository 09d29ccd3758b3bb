//! Models: graphs of layers with their weights.
//!
//! [`Model::new`] makes one of the tensors that it begins and ends with, [`Sequential`] of a chain of layers.
//! [`Model::compile`] and [`Model::fit`] train it, [`Model::save`] and [`Model::load`] keep it, [`Model::predictor`] makes it
//! ready to answer.

mod calibrated;
mod compile;
mod nested;
mod sequential;
mod summary;
mod weights;

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

pub use crate::layers::graph::{Graph, GraphKind, Node, Tensor, Weight};
pub use crate::shape::Shape;
pub use compile::Compiled;
pub use sequential::Sequential;
pub use summary::Summary;

pub(crate) use summary::thousands;

use crate::calibration::Familiarity;
use crate::cpu::Cpu;
use crate::data::Preprocessing;
use crate::history::History;
use crate::layers::AnyLayer;
use crate::memory;
use crate::profile::{self, Profile};
use crate::program::{DTypePolicy, Engine, Ranges};
use crate::random::Key;
use crate::{Error, Result};

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
pub struct Model {
    graph: Graph,
    /// All weights, in the graph's order.
    arena: Arc<Vec<f32>>,
    seed: u64,
    class_names: Vec<String>,
    preprocessing: Option<Preprocessing>,
    history: History,
    pub(crate) compiled: Option<Compiled>,
    /// Of a model that computes with 8-bit numbers, the ranges of them.
    pub(crate) ranges: Option<Arc<Ranges>>,
    /// What logits are divided by before they become probabilities.
    temperature: f32,
    /// How familiar the validation photos looked.
    familiarity: Option<Familiarity>,
    /// Makes what the model runs on, if it isn't the CPU.
    engine: Option<MakeEngine>,
    profile: Option<Profile>,
}

type MakeEngine = Arc<dyn Fn() -> Box<dyn Engine> + Send + Sync>;

impl Model {
    /// The model between two tensors, its weights drawn with seed 0.
    ///
    /// # Errors
    /// If `output` doesn't depend on `input`, depends on another input too, two layers have one name, or there is too
    /// little memory for the weights.
    pub fn new(input: &Tensor, output: &Tensor) -> Result<Model> {
        Model::with_seed(0, input, output)
    }

    /// As [`Model::new`], with the seed of the weights' first values and of what is random in training.
    ///
    /// # Errors
    /// As [`Model::new`].
    pub fn with_seed(seed: u64, input: &Tensor, output: &Tensor) -> Result<Model> {
        Model::from_graph(Graph::new(GraphKind::Functional, None, input, output)?, seed)
    }

    /// As [`Model::with_seed`], with a name; by default it is `functional`.
    ///
    /// # Errors
    /// As [`Model::new`].
    pub fn named(name: impl Into<String>, seed: u64, input: &Tensor, output: &Tensor) -> Result<Model> {
        Model::from_graph(Graph::new(GraphKind::Functional, Some(name.into()), input, output)?, seed)
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

    /// The nested model of this name, to set what trains in it: `model.get_model_mut("base")?.layers_mut()[..100]`.
    /// Takes effect at the next [`compile`](Model::compile).
    ///
    /// # Errors
    /// If there is no such layer, or it is no model.
    pub fn get_model_mut(&mut self, name: &str) -> Result<&mut Graph> {
        self.graph.get_model_mut(name)
    }

    /// Sets whether the model trains, and with it each of its layers, those of nested models too. Takes effect at the
    /// next [`compile`](Model::compile).
    ///
    /// ```
    /// use petal::layers::*;
    /// use petal::model::Model;
    /// let x = Input::image(32, 32, 3);
    /// let h = Conv2D::new(16, 3).name("first").on(&x)?;
    /// let h = BatchNormalization::new().on(&h)?;
    /// let mut base = Model::named("base", 0, &x, &Conv2D::new(8, 3).name("last").on(&h)?)?;
    /// base.set_trainable(false);
    ///
    /// // Feature extraction: only the new layers train.
    /// let x = Input::image(32, 32, 3);
    /// let h = GlobalAveragePooling2D::new().on(&base.with_training(false).on(&x)?)?;
    /// let mut model = Model::new(&x, &Dense::new(5).on(&h)?)?;
    /// assert!(model.summary().to_string().contains(" Trainable params: 45 "));
    ///
    /// // Fine-tuning: the base too, but for its first layers; by range or by name.
    /// let base = model.get_model_mut("base")?;
    /// base.set_trainable(true);
    /// base.layers_mut()[..3].iter_mut().for_each(|layer| layer.set_trainable(false));
    /// assert!(!base.get_layer("first")?.trainable());
    /// base.get_layer_mut("last")?.set_trainable(true);
    /// assert!(model.summary().to_string().contains(" Trainable params: 1,205 "));
    /// # Ok::<(), petal::Error>(())
    /// ```
    ///
    /// As in Keras, no weight of a frozen model trains, whatever its layers say afterwards: to train some of them, set
    /// the model to `true` first, then those that are not to train to `false`. Unlike in Keras 3, where setting the
    /// value that is already there does nothing, the layers always follow.
    pub fn set_trainable(&mut self, trainable: bool) {
        self.graph.set_trainable(trainable);
    }

    /// The model's seed.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// The names of the classes in the order of the outputs; empty if they weren't set.
    pub fn class_names(&self) -> &[String] {
        &self.class_names
    }

    /// Sets the names of the classes; a saved model keeps them.
    ///
    /// # Errors
    /// If there isn't one for each output (two for a model with one output), or none at all.
    pub fn set_class_names<S: Into<String>>(&mut self, names: impl IntoIterator<Item = S>) -> Result<()> {
        let names: Vec<String> = names.into_iter().map(Into::into).collect();
        let outputs = self.output_shape().last().copied().unwrap_or(0);
        let expected = if outputs == 1 { 2 } else { outputs };
        if !names.is_empty() && names.len() != expected {
            let expected = format!("{expected}, since model '{}' has {outputs} outputs", self.name());
            return Err(Error::argument("class_names", format!("{} names", names.len()), expected));
        }
        self.class_names = names;
        Ok(())
    }

    /// How a photo becomes the model's input, if that was set.
    pub fn preprocessing(&self) -> Option<&Preprocessing> {
        self.preprocessing.as_ref()
    }

    /// Sets how a photo becomes the model's input; a saved model keeps it, so that the file alone is enough to predict.
    ///
    /// # Errors
    /// If it gives another shape than the model takes.
    pub fn set_preprocessing(&mut self, preprocessing: Preprocessing) -> Result<()> {
        let (found, expected) = (Shape::from(preprocessing.shape()), self.input_shape());
        if found != *expected {
            let expected = format!("{expected}, the input of model '{}'", self.name());
            return Err(Error::argument("preprocessing", format!("for photos of shape {found}"), expected));
        }
        self.preprocessing = Some(preprocessing);
        Ok(())
    }

    /// The epochs of all trainings so far, also of those before the model was saved and loaded.
    pub fn history(&self) -> &History {
        &self.history
    }

    pub(crate) fn history_mut(&mut self) -> &mut History {
        &mut self.history
    }

    pub(crate) fn graph(&self) -> &Graph {
        &self.graph
    }

    pub(crate) fn arena(&self) -> &[f32] {
        &self.arena
    }

    pub(crate) fn arena_mut(&mut self) -> &mut [f32] {
        Arc::make_mut(&mut self.arena).as_mut_slice()
    }

    /// All weights, layer by layer, as an [`Engine`] takes them: shared with the model until one of the two changes
    /// them.
    pub fn shared_weights(&self) -> Arc<Vec<f32>> {
        self.arena.clone()
    }

    /// Gives the weights away, to get them back with [`Model::give_weights`]: while an engine trains them nobody else
    /// may hold them, or each step would copy them.
    pub(crate) fn take_weights(&mut self) -> Arc<Vec<f32>> {
        std::mem::take(&mut self.arena)
    }

    pub(crate) fn give_weights(&mut self, weights: Arc<Vec<f32>>) {
        self.arena = weights;
    }

    /// Runs the model from now on, in training and in prediction, on engines of another kind than
    /// [`Cpu`]. Each call of `fit`, `evaluate`, `predict` and so on makes one.
    ///
    /// ```
    /// use petal::cpu::Cpu;
    /// # use petal::{layers::*, model::Model};
    /// # let x = Input::new([3]);
    /// # let mut model = Model::new(&x, &Dense::new(2).on(&x)?)?;
    /// model.set_engine(|| Box::new(Cpu::default()));
    /// # Ok::<(), petal::Error>(())
    /// ```
    pub fn set_engine(&mut self, make: impl Fn() -> Box<dyn Engine> + Send + Sync + 'static) {
        self.engine = Some(Arc::new(make));
    }

    /// Sets which numbers the model computes with, in training and in prediction, the models in it too; what these say by
    /// themselves has no effect. A `.petal` file keeps it; in other formats the model computes with 32 bits.
    ///
    /// ```
    /// use petal::layers::*;
    /// use petal::model::Model;
    /// use petal::program::DTypePolicy;
    /// let x = Input::new([4]);
    /// let mut model = Model::new(&x, &Dense::new(3).on(&x)?)?;
    /// model.set_dtype_policy(DTypePolicy::MixedBfloat16);
    /// let mut predictor = model.predictor(1)?;
    /// assert_eq!(predictor.predict(&[1.0, 1.001, -1.001, 0.5])?.len(), 3);
    /// # Ok::<(), petal::Error>(())
    /// ```
    pub fn set_dtype_policy(&mut self, policy: DTypePolicy) {
        self.graph.set_dtype_policy(policy);
    }

    /// Whether it runs on the CPU, whose memory can be told before.
    pub(crate) fn runs_on_cpu(&self) -> bool {
        self.engine.is_none()
    }

    pub(crate) fn new_engine(&self) -> Box<dyn Engine> {
        match (&self.engine, &self.profile) {
            (Some(make), _) => make(),
            (None, Some(profile)) => Box::new(Cpu::profiled(profile.clone())),
            (None, None) => Box::new(Cpu::default()),
        }
    }

    /// Measures from now on, in training and in prediction, where the time goes. Weights and outputs are the same bits.
    /// A clone of the model measures into the same profile.
    pub fn set_profile(&mut self, profile: &Profile) {
        self.profile = Some(profile.clone());
    }

    pub(crate) fn profile(&self) -> Option<&Profile> {
        self.profile.as_ref()
    }

    pub(crate) fn from_graph(mut graph: Graph, seed: u64) -> Result<Model> {
        let params = graph.count_params();
        memory::check(params.saturating_mul(size_of::<f32>()), || {
            format!("model '{}' with its {} parameters", graph.name(), thousands(params))
        })?;
        let mut arena = vec![0.0; params];
        initialize(&graph, &mut arena, Key::new(seed).named("weights"));
        graph.take_values(&mut arena);
        Ok(Model::from_arena(graph, arena, seed))
    }

    /// The model with these values of all weights, in the graph's order.
    pub(crate) fn from_arena(graph: Graph, arena: Vec<f32>, seed: u64) -> Model {
        Model {
            graph,
            arena: Arc::new(arena),
            seed,
            class_names: Vec::new(),
            preprocessing: None,
            history: History::default(),
            compiled: None,
            ranges: None,
            temperature: 1.0,
            familiarity: None,
            engine: None,
            profile: profile::asked_for(),
        }
    }
}

/// A clone is a model by itself: what is set to train in one says nothing of the other.
impl Clone for Model {
    fn clone(&self) -> Self {
        let mut graph = self.graph.clone();
        graph.detach();
        Model {
            graph,
            arena: self.arena.clone(),
            seed: self.seed,
            class_names: self.class_names.clone(),
            preprocessing: self.preprocessing.clone(),
            history: self.history.clone(),
            compiled: self.compiled.clone(),
            ranges: self.ranges.clone(),
            temperature: self.temperature,
            familiarity: self.familiarity.clone(),
            engine: self.engine.clone(),
            profile: self.profile.clone(),
        }
    }
}

impl fmt::Debug for Model {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (layers, params) = (self.layers().len(), self.count_params());
        write!(f, "<{} {}: {layers} layers, {params} parameters>", self.class_name(), self.name())
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
