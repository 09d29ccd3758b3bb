//! From layers to forward steps.

use smallvec::SmallVec;

use super::op::{Op, Param};
use super::{FinalActivation, GradientLayout, Logits};
use crate::layers::{AnyLayer, Definition};
use crate::model::{Graph, Node, Shape};
use crate::random::Key;

/// A result of a step: the number of a buffer.
pub(crate) type Value = usize;

/// One call of an operation's forward kernel.
#[derive(Debug)]
pub(crate) struct ForwardStep {
    pub op: Op,
    pub inputs: SmallVec<[Value; 2]>,
    pub output: Value,
    /// Floats kept for the backward step, and bytes of it in the mask arena.
    pub saved: Option<Value>,
    pub mask: Option<(usize, usize)>,
}

/// The forward steps, and for each value the number of its floats in one sample.
pub(super) struct Lowered {
    pub values: Vec<usize>,
    pub steps: Vec<ForwardStep>,
    pub input: Value,
    pub output: Value,
    pub logits: Option<Logits>,
    pub watched: Option<Value>,
}

/// `watched` is the path of a layer whose output the caller wants to know.
pub(super) fn lower(
    graph: &Graph,
    training: bool,
    gradients: &GradientLayout,
    key: Key,
    watched: Option<&str>,
) -> Lowered {
    let values = vec![graph.input_shape().elements()];
    let mut builder = Builder { values, steps: Vec::new(), gradients, watched, found: None };
    let output = builder.graph(graph, 0, Context { path: "", training, trainable: graph.trainable(), key });
    let logits = builder.steps.last().filter(|step| step.output == output).and_then(|step| {
        let activation = match step.op {
            Op::Softmax { .. } => FinalActivation::Softmax,
            Op::Unary(petal_kernels::Unary::Sigmoid) => FinalActivation::Sigmoid,
            _ => return None,
        };
        Some(Logits { value: step.inputs[0], activation })
    });
    let watched = builder.found;
    Lowered { values: builder.values, steps: builder.steps, input: 0, output, logits, watched }
}

/// Whether the outputs of `graph` are probabilities: it ends with a softmax or sigmoid, or with the mean of several, as
/// an ensemble does.
pub(crate) fn gives_probabilities(graph: &Graph) -> bool {
    let Lowered { steps, output, .. } = lower(graph, false, &GradientLayout::default(), Key::new(0), None);
    are_probabilities(&steps, output)
}

fn are_probabilities(steps: &[ForwardStep], value: Value) -> bool {
    let Some(last) = steps.iter().rposition(|step| step.output == value) else { return false };
    let (before, step) = (&steps[..last], &steps[last]);
    match step.op {
        Op::Softmax { .. } | Op::Unary(petal_kernels::Unary::Sigmoid) => true,
        Op::Scale { scale, offset: 0.0 } => {
            before.iter().rfind(|sum| sum.output == step.inputs[0]).is_some_and(|sum| {
                let is_mean = matches!(sum.op, Op::Add) && scale == 1.0 / sum.inputs.len() as f32;
                is_mean && sum.inputs.iter().all(|&input| are_probabilities(before, input))
            })
        }
        _ => false,
    }
}

struct Builder<'a> {
    values: Vec<usize>,
    steps: Vec<ForwardStep>,
    gradients: &'a GradientLayout,
    watched: Option<&'a str>,
    /// The output of the layer that is watched.
    found: Option<Value>,
}

#[derive(Clone, Copy)]
struct Context<'a> {
    path: &'a str,
    training: bool,
    trainable: bool,
    key: Key,
}

impl Builder<'_> {
    fn graph(&mut self, graph: &Graph, input: Value, context: Context<'_>) -> Value {
        let nodes = graph.nodes();
        let mut values: Vec<Value> = Vec::with_capacity(nodes.len());
        for node in nodes {
            let path = format!("{}{}", context.path, node.name());
            let watched = self.watched == Some(path.as_str());
            let value = if matches!(node.layer(), AnyLayer::Input(_)) {
                input
            } else {
                let mut lowering = Lowering {
                    values: node.inputs().iter().map(|&input| values[input]).collect(),
                    shapes: node.inputs().iter().map(|&input| nodes[input].output_shape().clone()).collect(),
                    node,
                    training: context.training,
                    trainable: context.trainable && node.trainable(),
                    path,
                    key: context.key,
                    builder: self,
                };
                node.layer().lower(&mut lowering)
            };
            if watched {
                self.found = Some(value);
            }
            values.push(value);
        }
        values[graph.output()]
    }
}

/// What a layer sees of its place in the graph while it emits its steps.
pub(crate) struct Lowering<'a> {
    /// Whether the layer runs in training mode.
    pub training: bool,
    /// Whether its weights train.
    pub trainable: bool,
    values: Vec<Value>,
    shapes: Vec<Shape>,
    node: &'a Node,
    path: String,
    key: Key,
    builder: &'a mut dyn Emit,
}

/// The builder behind a [`Lowering`], without its lifetime.
trait Emit {
    fn emit(&mut self, step: ForwardStep, elements: usize) -> Value;
    fn gradient(&self, offset: usize) -> Option<usize>;
    fn emit_graph(&mut self, graph: &Graph, input: Value, context: Context<'_>) -> Value;
}

impl Emit for Builder<'_> {
    fn emit(&mut self, mut step: ForwardStep, elements: usize) -> Value {
        step.output = self.values.len();
        self.values.push(elements);
        self.steps.push(step);
        self.values.len() - 1
    }

    fn gradient(&self, offset: usize) -> Option<usize> {
        self.gradients.of(offset)
    }

    fn emit_graph(&mut self, graph: &Graph, input: Value, context: Context<'_>) -> Value {
        self.graph(graph, input, context)
    }
}

impl<'a> Lowering<'a> {
    /// The first input's value.
    pub(crate) fn input(&self) -> Value {
        self.values[0]
    }

    /// All inputs' values.
    pub(crate) fn inputs(&self) -> Vec<Value> {
        self.values.clone()
    }

    pub(crate) fn input_shape(&self, index: usize) -> &Shape {
        &self.shapes[index]
    }

    /// Height, width and channels of an input that the shape inference has accepted as an image.
    pub(crate) fn input_image(&self, index: usize) -> [usize; 3] {
        self.shapes[index].image().expect("shape inference accepts only images here")
    }

    pub(crate) fn output_shape(&self) -> &'a Shape {
        self.node.output_shape()
    }

    /// The layer's weight number `index`, in the order of [`Definition::weights`].
    pub(crate) fn weight(&self, index: usize) -> Param {
        let weight = &self.node.weights()[index];
        Param {
            offset: weight.offset,
            len: weight.elements(),
            gradient: self.builder.gradient(weight.offset),
        }
    }

    /// The layer's own stream of random numbers.
    pub(crate) fn stream(&self) -> Key {
        self.key.named(&self.path)
    }

    /// Adds a step whose output has this shape.
    pub(crate) fn emit(&mut self, op: Op, inputs: &[Value], output_shape: &Shape) -> Value {
        let step =
            ForwardStep { op, inputs: SmallVec::from_slice(inputs), output: 0, saved: None, mask: None };
        self.builder.emit(step, output_shape.elements())
    }

    /// Adds the steps of a nested model.
    pub(crate) fn emit_graph(&mut self, graph: &Graph, training: Option<bool>) -> Value {
        let path = format!("{}/", self.path);
        let context = Context {
            path: &path,
            training: self.training && training != Some(false),
            trainable: self.trainable,
            key: self.key,
        };
        self.builder.emit_graph(graph, self.values[0], context)
    }
}
