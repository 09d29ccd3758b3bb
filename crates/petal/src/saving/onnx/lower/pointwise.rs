//! Functions of values at one place, and of rows.

use super::super::graph::OnnxGraph;
use super::super::layout::Stored;
use super::super::proto::Attribute::{Float, Int, Ints};
use super::{Call, Lowering};
use crate::program::{Grid, Unary};

impl Lowering<'_> {
    /// An operation of two values on all inputs, one after the other. Smaller ones are repeated.
    pub(super) fn pairwise(&mut self, op: &'static str, call: &Call<'_>) -> Stored {
        let orders = call.inputs.iter().zip(&call.shapes).filter(|(_, shape)| shape.elements() > 1);
        let mut orders = orders.map(|(input, _)| input.order.clone());
        let first = orders.next().flatten();
        let agree = orders.all(|order| order == first);
        let names: Vec<String> = match agree {
            true => call.inputs.iter().map(|input| input.name.clone()).collect(),
            false => call.inputs.iter().map(|input| self.in_order(input)).collect(),
        };
        let mut name = names[0].clone();
        for other in &names[1..] {
            name = self.graph.node(op, &[&name, other]);
        }
        Stored { name, order: first.filter(|_| agree) }
    }

    pub(super) fn scale(&mut self, call: &Call<'_>, scale: f32, offset: f32) -> Stored {
        let x = &call.inputs[0];
        let mut name = x.name.clone();
        for (op, number, neutral) in [("Mul", scale, 1.0), ("Add", offset, 0.0)] {
            if number != neutral {
                let number = self.graph.scalar(number);
                name = self.graph.node(op, &[&name, &number]);
            }
        }
        Stored { name, order: x.order.clone() }
    }

    pub(super) fn unary(&mut self, call: &Call<'_>, function: Unary) -> Stored {
        let x = &call.inputs[0];
        Stored { name: unary(&mut self.graph, &x.name, function), order: x.order.clone() }
    }

    pub(super) fn fake_quantize(&mut self, call: &Call<'_>, grid: Grid) -> Stored {
        let x = &call.inputs[0];
        Stored { name: self.graph.rounded(&x.name, grid), order: x.order.clone() }
    }

    pub(super) fn softmax(&mut self, call: &Call<'_>, features: usize) -> Option<Stored> {
        let (x, axes) = (&call.inputs[0], self.row_axes(call.output, features)?);
        let name = match axes[..] {
            [axis] => self.graph.node_with("Softmax", &[&x.name], vec![("axis", Int(axis))]),
            _ => {
                let below = self.below_largest(&x.name, &axes);
                let powers = self.graph.node("Exp", &[&below]);
                let sum = self.sum(&powers, &axes);
                self.graph.node("Div", &[&powers, &sum])
            }
        };
        Some(Stored { name, order: x.order.clone() })
    }

    pub(super) fn log_softmax(&mut self, call: &Call<'_>, features: usize) -> Option<Stored> {
        let (x, axes) = (&call.inputs[0], self.row_axes(call.output, features)?);
        let name = match axes[..] {
            [axis] => self.graph.node_with("LogSoftmax", &[&x.name], vec![("axis", Int(axis))]),
            _ => {
                let below = self.below_largest(&x.name, &axes);
                let powers = self.graph.node("Exp", &[&below]);
                let sum = self.sum(&powers, &axes);
                let log = self.graph.node("Log", &[&sum]);
                self.graph.node("Sub", &[&below, &log])
            }
        };
        Some(Stored { name, order: x.order.clone() })
    }

    /// The values minus the largest of their row.
    fn below_largest(&mut self, x: &str, axes: &[i64]) -> String {
        let largest = self.graph.node_with("ReduceMax", &[x], vec![("axes", Ints(axes.to_vec()))]);
        self.graph.node("Sub", &[x, &largest])
    }

    fn sum(&mut self, x: &str, axes: &[i64]) -> String {
        let axes = self.graph.ints(axes);
        self.graph.node("ReduceSum", &[x, &axes])
    }

    /// Each channel of each image stretched to the range; one of a single value stays as it is.
    pub(super) fn auto_contrast(&mut self, call: &Call<'_>, [start, end]: [f32; 2]) -> Stored {
        let (x, graph) = (&call.inputs[0].name, &mut self.graph);
        let [low, high] =
            ["ReduceMin", "ReduceMax"].map(|op| graph.node_with(op, &[x], vec![("axes", Ints(vec![2, 3]))]));
        let above = graph.node("Sub", &[x, &low]);
        let range = graph.node("Sub", &[&high, &low]);
        let share = graph.node("Div", &[&above, &range]);
        let [width, start] = [end - start, start].map(|number| graph.scalar(number));
        let stretched = graph.node("Mul", &[&share, &width]);
        let stretched = graph.node("Add", &[&stretched, &start]);
        let differ = graph.node("Greater", &[&high, &low]);
        Stored::plain(graph.node("Where", &[&differ, &stretched, x]))
    }
}

/// Adds the nodes of a function; where ONNX's own operator is one that engines lack, those that it is made of.
fn unary(graph: &mut OnnxGraph, x: &str, function: Unary) -> String {
    let clip = |graph: &mut OnnxGraph, x: &str, low: f32, high: f32| {
        let [low, high] = [low, high].map(|end| graph.scalar(end));
        graph.node("Clip", &[x, &low, &high])
    };
    let scaled = |graph: &mut OnnxGraph, op: &'static str, x: &str, number: f32| {
        let number = graph.scalar(number);
        graph.node(op, &[x, &number])
    };
    match function {
        Unary::Relu { max_value, negative_slope, threshold } => {
            match (max_value, negative_slope, threshold) {
                (None, 0.0, 0.0) => return graph.node("Relu", &[x]),
                (None, slope, 0.0) => {
                    return graph.node_with("LeakyRelu", &[x], vec![("alpha", Float(slope))]);
                }
                (Some(largest), 0.0, 0.0) => return clip(graph, x, 0.0, largest),
                _ => {}
            }
            let above = match max_value {
                Some(largest) => clip(graph, x, 0.0, largest),
                None => x.to_owned(),
            };
            let below = scaled(graph, "Sub", x, threshold);
            let below = scaled(graph, "Mul", &below, negative_slope);
            let is_above = scaled(graph, "Greater", x, threshold);
            graph.node("Where", &[&is_above, &above, &below])
        }
        Unary::Sigmoid => graph.node("Sigmoid", &[x]),
        Unary::Tanh => graph.node("Tanh", &[x]),
        Unary::Elu { alpha } => graph.node_with("Elu", &[x], vec![("alpha", Float(alpha))]),
        Unary::Selu => {
            let elu = graph.node_with("Elu", &[x], vec![("alpha", Float(1.673_263_2))]);
            scaled(graph, "Mul", &elu, 1.050_701)
        }
        Unary::Gelu => {
            let share = scaled(graph, "Mul", x, std::f32::consts::FRAC_1_SQRT_2);
            let share = graph.node("Erf", &[&share]);
            let share = scaled(graph, "Add", &share, 1.0);
            let share = scaled(graph, "Mul", &share, 0.5);
            graph.node("Mul", &[x, &share])
        }
        Unary::Silu => {
            let sigmoid = graph.node("Sigmoid", &[x]);
            graph.node("Mul", &[x, &sigmoid])
        }
        Unary::Softplus => graph.node("Softplus", &[x]),
        Unary::Softsign => graph.node("Softsign", &[x]),
        Unary::HardSigmoid => hard_sigmoid(graph, x, 1.0 / 6.0),
        Unary::HardSilu => {
            let share = hard_sigmoid(graph, x, 1.0 / 6.0);
            graph.node("Mul", &[x, &share])
        }
        Unary::Exponential => graph.node("Exp", &[x]),
        Unary::Mish => {
            let softplus = graph.node("Softplus", &[x]);
            let tanh = graph.node("Tanh", &[&softplus]);
            graph.node("Mul", &[x, &tanh])
        }
        Unary::LogSigmoid => {
            let negative = graph.node("Neg", &[x]);
            let softplus = graph.node("Softplus", &[&negative]);
            graph.node("Neg", &[&softplus])
        }
        Unary::Squareplus => {
            let square = graph.node("Mul", &[x, x]);
            let sum = scaled(graph, "Add", &square, 4.0);
            let root = graph.node("Sqrt", &[&sum]);
            let sum = graph.node("Add", &[x, &root]);
            scaled(graph, "Mul", &sum, 0.5)
        }
        // The square of the sparse sigmoid, and from 1 on what lies above.
        Unary::SparsePlus => {
            let share = hard_sigmoid(graph, x, 0.5);
            let square = graph.node("Mul", &[&share, &share]);
            let above = scaled(graph, "Sub", x, 1.0);
            let above = graph.node("Relu", &[&above]);
            graph.node("Add", &[&square, &above])
        }
        Unary::SparseSigmoid => hard_sigmoid(graph, x, 0.5),
        Unary::HardTanh => clip(graph, x, -1.0, 1.0),
        Unary::TanhShrink => {
            let tanh = graph.node("Tanh", &[x]);
            graph.node("Sub", &[x, &tanh])
        }
        Unary::SoftShrink => {
            let inside = clip(graph, x, -0.5, 0.5);
            graph.node("Sub", &[x, &inside])
        }
        Unary::HardShrink => {
            let distance = graph.node("Abs", &[x]);
            let outside = scaled(graph, "Greater", &distance, 0.5);
            let zero = graph.scalar(0.0);
            graph.node("Where", &[&outside, x, &zero])
        }
    }
}

/// `min(max(x · slope + 1 / 2, 0), 1)`.
fn hard_sigmoid(graph: &mut OnnxGraph, x: &str, slope: f32) -> String {
    graph.node_with("HardSigmoid", &[x], vec![("alpha", Float(slope)), ("beta", Float(0.5))])
}
