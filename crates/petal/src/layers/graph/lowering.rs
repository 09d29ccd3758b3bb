//! From a graph to a program.

use super::{Graph, Node};
use crate::layers::{AnyLayer, Definition};
use crate::program::{
    Builder, Changing, Gradient, Mode, Op, Program, RandomChanges, RandomWarp, Value, Warp, Weight,
    WeightNumber,
};
use crate::shape::Shape;

impl Graph {
    /// The model as a program, as it was written: [`Program::simplify`] makes less of it.
    pub fn program(&self, mode: Mode, gradient: Gradient) -> Program {
        self.program_watching(mode, gradient, None)
    }

    /// [`Graph::program`], which keeps the value of the layer at this path: the names on the way to it, joined by `/`.
    pub fn program_watching(&self, mode: Mode, gradient: Gradient, layer: Option<&str>) -> Program {
        let weights = self.all_weights().into_iter().map(|weight| Weight {
            path: weight.path,
            shape: weight.weight.shape.clone(),
            offset: weight.weight.offset,
            trainable: weight.trainable,
            scales: None,
        });
        let builder = Builder::new(self.name(), mode, self.input_shape().clone(), weights.collect());
        let mut walk = Walk { builder, watched: layer, found: None };
        let place = Place { path: "", mode, trainable: self.trainable() };
        let output = walk.graph(self, 0, place);
        let program = walk.builder.finish(output, walk.found);
        Program { gradient, dtype_policy: self.dtype_policy(), ..program }
    }
}

/// The way through a graph and those within it.
struct Walk<'a> {
    builder: Builder,
    watched: Option<&'a str>,
    /// The output of the layer that is watched.
    found: Option<Value>,
}

/// Where a graph stands in others.
#[derive(Clone, Copy)]
struct Place<'a> {
    path: &'a str,
    mode: Mode,
    trainable: bool,
}

impl Walk<'_> {
    fn graph(&mut self, graph: &Graph, input: Value, place: Place<'_>) -> Value {
        let nodes = graph.nodes();
        let mut values: Vec<Value> = Vec::with_capacity(nodes.len());
        for node in nodes {
            let path = format!("{}{}", place.path, node.name());
            let watched = self.watched == Some(path.as_str());
            let inputs: Vec<Value> = node.inputs().iter().map(|&input| values[input]).collect();
            let trainable = place.trainable && node.trainable();
            let value = match node.layer() {
                AnyLayer::Input(_) => input,
                AnyLayer::Nested(nested) => {
                    let mode = if nested.training == Some(false) { Mode::Infer } else { place.mode };
                    let path = format!("{path}/");
                    self.graph(nested.graph(), inputs[0], Place { path: &path, mode, trainable })
                }
                layer => layer.lower(&mut Lowering {
                    mode: place.mode,
                    trainable,
                    inputs,
                    shapes: node.inputs().iter().map(|&input| nodes[input].output_shape()).collect(),
                    node,
                    path,
                    builder: &mut self.builder,
                }),
            };
            if watched {
                self.found = Some(value);
            }
            values.push(value);
        }
        values[graph.output()]
    }
}

/// What a layer sees of its place in the graph while it adds its steps to the program.
pub(crate) struct Lowering<'a> {
    pub mode: Mode,
    /// Whether the layer's weights train.
    pub trainable: bool,
    inputs: Vec<Value>,
    shapes: Vec<&'a Shape>,
    node: &'a Node,
    path: String,
    builder: &'a mut Builder,
}

impl<'a> Lowering<'a> {
    /// The first input's value.
    pub(crate) fn input(&self) -> Value {
        self.inputs[0]
    }

    /// The first input's shape.
    pub(crate) fn input_shape(&self) -> &'a Shape {
        self.shapes[0]
    }

    /// Height, width and channels of an input that the shape inference has accepted as an image.
    pub(crate) fn input_image(&self) -> [usize; 3] {
        self.input_shape().image().expect("shape inference accepts only images here")
    }

    pub(crate) fn output_shape(&self) -> &'a Shape {
        self.node.output_shape()
    }

    /// The layer's weight number `index`, in the order of [`Definition::weights`].
    pub(crate) fn weight(&self, index: usize) -> WeightNumber {
        self.builder.weight_at(self.node.weights()[index].offset)
    }

    /// The name of the layer's own stream of random numbers.
    pub(crate) fn stream(&self) -> String {
        self.path.clone()
    }

    /// All inputs' values.
    pub(crate) fn inputs(&self) -> &[Value] {
        &self.inputs
    }

    /// Adds the step that makes the layer's output of its inputs.
    pub(crate) fn emit(&mut self, op: Op) -> Value {
        self.builder.step(&self.path, op, &self.inputs, self.node.output_shape())
    }

    /// Adds a step that makes a value of this shape of the layer's inputs.
    pub(crate) fn emit_as(&mut self, op: Op, output: &Shape) -> Value {
        self.builder.step(&self.path, op, &self.inputs, output)
    }

    /// Adds the step of an augmentation layer that moves the image.
    pub(crate) fn emit_warp(&mut self, warp: Warp) -> Value {
        self.emit(Op::RandomWarp(RandomWarp { warps: vec![(warp, self.stream())] }))
    }

    /// Adds the step of an augmentation layer that changes the image in one of these ways, drawn so often, or in all.
    pub(crate) fn emit_changes(&mut self, choices: Vec<Changing>, draws: Option<usize>) -> Value {
        self.emit(Op::RandomChanges(RandomChanges { choices, draws, stream: self.stream() }))
    }

    /// Adds a step that makes a value of this shape of others.
    pub(crate) fn step(&mut self, op: Op, inputs: &[Value], output: &Shape) -> Value {
        self.builder.step(&self.path, op, inputs, output)
    }
}
