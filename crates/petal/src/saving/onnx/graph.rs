//! An ONNX graph that grows node by node.

use std::collections::HashSet;
use std::mem;

use super::proto::{Attribute, Data, Node, Tensor};
use crate::program::Grid;

/// Nodes and initializers. Values have the names of the layers that they belong to.
#[derive(Default)]
pub(super) struct OnnxGraph {
    pub nodes: Vec<Node>,
    pub tensors: Vec<Tensor>,
    /// All names of values.
    names: HashSet<String>,
    /// The path of the layer whose nodes are added.
    layer: String,
}

impl OnnxGraph {
    /// A graph with an input of this name.
    pub(super) fn new(input: &str) -> Self {
        OnnxGraph { names: HashSet::from([input.to_owned()]), ..OnnxGraph::default() }
    }

    /// Nodes from now on belong to the layer at this path.
    pub(super) fn enter(&mut self, layer: &str) {
        layer.clone_into(&mut self.layer);
    }

    /// Adds a node; its value's name.
    pub(super) fn node(&mut self, op: &'static str, inputs: &[&str]) -> String {
        self.node_with(op, inputs, Vec::new())
    }

    /// Adds a node with settings.
    pub(super) fn node_with(
        &mut self,
        op: &'static str,
        inputs: &[&str],
        attributes: Vec<(&'static str, Attribute)>,
    ) -> String {
        let output = self.unused(format!("{}/{op}", self.layer));
        let inputs = inputs.iter().map(|&input| input.to_owned()).collect();
        self.nodes.push(Node { op, name: output.clone(), inputs, output: output.clone(), attributes });
        output
    }

    /// Adds a node that puts axes in another order, or undoes what such a node before it did.
    pub(super) fn transpose(&mut self, value: &str, order: &[usize]) -> String {
        if order.is_sorted() {
            return value.to_owned();
        }
        let before = self.nodes.iter().rev().find(|node| node.output == value);
        if let Some(Node { op: "Transpose", inputs, attributes, .. }) = before
            && let [(_, Attribute::Ints(first))] = &attributes[..]
        {
            let both: Vec<usize> = order.iter().map(|&axis| first[axis] as usize).collect();
            let input = inputs[0].clone();
            return self.transpose(&input, &both);
        }
        let order = order.iter().map(|&axis| axis as i64).collect();
        self.node_with("Transpose", &[value], vec![("perm", Attribute::Ints(order))])
    }

    /// Adds a tensor of floats that belongs to the layer or is the weight of this name.
    pub(super) fn floats(&mut self, name: &str, dims: Vec<usize>, values: Vec<f32>) -> String {
        self.tensor(name.to_owned(), dims, Data::Floats(values))
    }

    /// As [`floats`](Self::floats), with the layer's path before the name.
    pub(super) fn layer_floats(&mut self, name: &str, dims: Vec<usize>, values: Vec<f32>) -> String {
        self.floats(&format!("{}/{name}", self.layer), dims, values)
    }

    /// A number, which is there once for all who need it.
    pub(super) fn scalar(&mut self, value: f32) -> String {
        self.tensor(format!("constant/{value:?}"), Vec::new(), Data::Floats(vec![value]))
    }

    /// Whole numbers, which are there once for all who need them.
    pub(super) fn ints(&mut self, values: &[i64]) -> String {
        self.tensor(format!("constant/{values:?}"), vec![values.len()], Data::Ints(values.to_vec()))
    }

    /// Whole numbers as the floats that they stand for: `(number - zero) · scale`, with a scale and a zero for each place
    /// of an axis.
    pub(super) fn dequantized(
        &mut self,
        name: &str,
        dims: Vec<usize>,
        numbers: Data,
        scales: &[f32],
        zero: Data,
        axis: usize,
    ) -> String {
        let channels = vec![scales.len()];
        let numbers = self.tensor(name.to_owned(), dims, numbers);
        let scales = self.floats(&format!("{name}/scale"), channels.clone(), scales.to_vec());
        let zero = self.tensor(format!("{name}/zero_point"), channels, zero);
        let axis = vec![("axis", Attribute::Int(axis as i64))];
        self.node_with("DequantizeLinear", &[&numbers, &scales, &zero], axis)
    }

    /// The value rounded to bytes, and back.
    pub(super) fn rounded(&mut self, value: &str, grid: Grid) -> String {
        let scale = self.scalar(grid.scale);
        let zero = format!("constant/{}_u8", grid.zero_point);
        let zero = self.tensor(zero, Vec::new(), Data::Bytes(vec![grid.zero_point]));
        let bytes = self.node("QuantizeLinear", &[value, &scale, &zero]);
        self.node("DequantizeLinear", &[&bytes, &scale, &zero])
    }

    fn tensor(&mut self, name: String, dims: Vec<usize>, data: Data) -> String {
        let same = |tensor: &&Tensor| tensor.name == name && tensor.dims == dims && tensor.data == data;
        if self.names.contains(&name)
            && let Some(tensor) = self.tensors.iter().find(same)
        {
            return tensor.name.clone();
        }
        let name = self.unused(name);
        self.tensors.push(Tensor { name: name.clone(), dims, data });
        name
    }

    fn unused(&mut self, name: String) -> String {
        let mut names = std::iter::once(name.clone()).chain((1..).map(|i| format!("{name}_{i}")));
        names.find(|name| self.names.insert(name.clone())).unwrap_or(name)
    }

    /// Gives the value that is the graph's output its name, and leaves out what nobody needs for it.
    pub(super) fn finish(&mut self, input: &str, output: &str, name: &str) {
        let mut output = output.to_owned();
        if output == input || self.tensors.iter().any(|tensor| tensor.name == output) {
            output = self.node("Identity", &[&output]);
        }
        self.prune(&output);
        // No other value has it: all but the input have a `/` in their names.
        for node in &mut self.nodes {
            node.inputs
                .iter_mut()
                .chain([&mut node.output])
                .filter(|value| **value == output)
                .for_each(|value| name.clone_into(value));
        }
    }

    fn prune(&mut self, output: &str) {
        let mut needed = HashSet::from([output.to_owned()]);
        let mut nodes = mem::take(&mut self.nodes);
        nodes.reverse();
        nodes.retain(|node| {
            let is_needed = needed.contains(&node.output);
            if is_needed {
                needed.extend(node.inputs.iter().cloned());
            }
            is_needed
        });
        nodes.reverse();
        self.nodes = nodes;
        self.tensors.retain(|tensor| needed.contains(&tensor.name));
    }
}
