//! Normalizations, and what else has numbers for each of a row's values.

use super::super::layout::Stored;
use super::super::proto::Attribute::Ints;
use super::{Call, Lowering};
use crate::program::{LayerNorm, WeightNumber, moments_to_affine};
use crate::shape::Shape;

impl Lowering<'_> {
    /// `x · scale + offset`, with numbers for each of a row's values.
    pub(super) fn affine(&mut self, call: &Call<'_>, scale: Vec<f32>, offset: Vec<f32>) -> Option<Stored> {
        let x = &call.inputs[0];
        let (scale_dims, scale) = self.row(x, call.output, &scale)?;
        let (offset_dims, offset) = self.row(x, call.output, &offset)?;
        let scale = self.graph.layer_floats("scale", scale_dims, scale);
        let offset = self.graph.layer_floats("offset", offset_dims, offset);
        let product = self.graph.node("Mul", &[&x.name, &scale]);
        Some(Stored { name: self.graph.node("Add", &[&product, &offset]), order: x.order.clone() })
    }

    pub(super) fn normalize_by_weights(
        &mut self,
        call: &Call<'_>,
        [mean, variance]: [WeightNumber; 2],
        places: &[usize],
        invert: bool,
    ) -> Option<Stored> {
        let (mean, variance) = (self.weight(mean), self.weight(variance));
        let numbers = places.iter().map(|&place| moments_to_affine(mean[place], variance[place], invert));
        let (scale, offset) = numbers.unzip();
        self.affine(call, scale, offset)
    }

    /// `x · gamma + beta`, with weights for each of a row's values.
    pub(super) fn channel_scale(
        &mut self,
        x: &Stored,
        shape: &Shape,
        gamma: Option<WeightNumber>,
        beta: Option<WeightNumber>,
    ) -> Option<Stored> {
        let mut name = x.name.clone();
        for (op, weight) in [("Mul", gamma), ("Add", beta)] {
            let Some(weight) = weight else { continue };
            let weight = self.row_weight(x, shape, weight)?;
            name = self.graph.node(op, &[&name, &weight]);
        }
        Some(Stored { name, order: x.order.clone() })
    }

    pub(super) fn prelu(&mut self, call: &Call<'_>, alpha: WeightNumber) -> Option<Stored> {
        let x = &call.inputs[0];
        let alpha = self.row_weight(x, call.output, alpha)?;
        Some(Stored { name: self.graph.node("PRelu", &[&x.name, &alpha]), order: x.order.clone() })
    }

    fn row_weight(&mut self, x: &Stored, shape: &Shape, weight: WeightNumber) -> Option<String> {
        let (dims, numbers) = self.row(x, shape, self.weight(weight))?;
        Some(self.graph.floats(self.path(weight), dims, numbers))
    }

    pub(super) fn layer_norm(&mut self, call: &Call<'_>, norm: &LayerNorm) -> Option<Stored> {
        /// What makes of a row of zeros without epsilon zeros.
        const LARGEST_INVERSE: f32 = 1e12;
        let (x, shape) = (&call.inputs[0], call.output);
        let axes = self.row_axes(shape, norm.features)?;
        let mean = |graph: &mut super::OnnxGraph, value: &str| {
            graph.node_with("ReduceMean", &[value], vec![("axes", Ints(axes.clone()))])
        };
        let graph = &mut self.graph;
        let mut centered = x.name.clone();
        if norm.centered {
            let mean = mean(graph, &x.name);
            centered = graph.node("Sub", &[&x.name, &mean]);
        }
        let square = graph.node("Mul", &[&centered, &centered]);
        let mut variance = mean(graph, &square);
        if norm.epsilon != 0.0 {
            let epsilon = graph.scalar(norm.epsilon);
            variance = graph.node("Add", &[&variance, &epsilon]);
        }
        let deviation = graph.node("Sqrt", &[&variance]);
        let normalized = if norm.epsilon > LARGEST_INVERSE.powi(-2) {
            graph.node("Div", &[&centered, &deviation])
        } else {
            let inverse = graph.node("Reciprocal", &[&deviation]);
            let largest = graph.scalar(LARGEST_INVERSE);
            let inverse = graph.node("Min", &[&inverse, &largest]);
            graph.node("Mul", &[&centered, &inverse])
        };
        let normalized = Stored { name: normalized, order: x.order.clone() };
        self.channel_scale(&normalized, shape, norm.gamma, norm.beta)
    }
}
