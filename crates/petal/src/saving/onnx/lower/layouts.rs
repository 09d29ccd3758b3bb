//! Operations that move values.

use std::rc::Rc;

use super::super::layout::{self, Stored, TO_CHANNELS_FIRST, TO_CHANNELS_LAST};
use super::super::proto::Attribute::{Int, Text};
use super::{Call, Lowering};
use crate::program::{Interpolation, Padding};
use crate::shape::Shape;

impl Lowering<'_> {
    pub(super) fn reshape(&mut self, value: &Stored, from: &Shape, to: &Shape) -> Stored {
        if from == to {
            return value.clone();
        }
        // An image becomes a vector in ONNX's order: whoever reads it has its weights in that order.
        if from.len() == 3 && to.len() == 1 {
            let order = (!layout::is_same_order(from)).then(|| Rc::from(layout::order(from)));
            let name = self.graph.node_with("Flatten", &[&value.name], vec![("axis", Int(1))]);
            return Stored { name, order };
        }
        let mut name = self.in_order(value);
        if from.len() == 3 && !layout::is_same_order(from) {
            name = self.graph.transpose(&name, &TO_CHANNELS_LAST);
        }
        if to.len() == 3 && !layout::is_same_order(to) {
            name = self.reshape_to(&name, to);
            return Stored::plain(self.graph.transpose(&name, &TO_CHANNELS_FIRST));
        }
        Stored::plain(self.reshape_to(&name, &layout::dims(to)))
    }

    fn reshape_to(&mut self, name: &str, dims: &[usize]) -> String {
        // 0 is the axis as it is: the batch.
        let dims: Vec<i64> = std::iter::once(0).chain(dims.iter().map(|&dim| dim as i64)).collect();
        let dims = self.graph.ints(&dims);
        self.graph.node("Reshape", &[name, &dims])
    }

    pub(super) fn permute(&mut self, call: &Call<'_>, order: &[usize]) -> Stored {
        let rank = order.len();
        let mut axes = vec![0; rank + 1];
        for (to, &from) in order.iter().enumerate() {
            axes[layout::axis(rank, to)] = layout::axis(rank, from);
        }
        let x = &call.inputs[0];
        Stored { name: self.graph.transpose(&x.name, &axes), order: x.order.clone() }
    }

    pub(super) fn concatenate(&mut self, call: &Call<'_>, axis: usize) -> Stored {
        let names: Vec<&str> = call.inputs.iter().map(|input| input.name.as_str()).collect();
        let place = layout::axis(call.output.len(), axis) as i64;
        let name = self.graph.node_with("Concat", &names, vec![("axis", Int(place))]);
        if call.inputs.iter().all(|input| input.order.is_none()) {
            return Stored::plain(name);
        }
        let mut order = Vec::with_capacity(call.output.elements());
        for (input, shape) in call.inputs.iter().zip(&call.shapes) {
            let start = order.len();
            match &input.order {
                Some(own) => order.extend(own.iter().map(|place| start + place)),
                None => order.extend(start..start + shape.elements()),
            }
        }
        Stored { name, order: Some(order.into()) }
    }

    pub(super) fn reverse_channels(&mut self, call: &Call<'_>) -> Stored {
        let rank = call.output.len();
        let channels = call.output.last().copied().unwrap_or(1) as i64;
        let x = self.in_order(&call.inputs[0]);
        Stored::plain(self.gather(&x, layout::axis(rank, rank - 1), (0..channels).rev()))
    }

    /// The places of an axis that are given.
    fn gather(&mut self, value: &str, axis: usize, places: impl Iterator<Item = i64>) -> String {
        let places = self.graph.ints(&places.collect::<Vec<_>>());
        self.graph.node_with("Gather", &[value, &places], vec![("axis", Int(axis as i64))])
    }

    pub(super) fn pad(&mut self, call: &Call<'_>, padding: &Padding) -> Stored {
        let Padding { top, bottom, left, right } = *padding;
        let pads = [0, 0, top, left, 0, 0, bottom, right].map(|pad| pad as i64);
        let pads = self.graph.ints(&pads);
        Stored::plain(self.graph.node("Pad", &[&call.inputs[0].name, &pads]))
    }

    pub(super) fn crop(&mut self, call: &Call<'_>, start: [usize; 2]) -> Stored {
        if call.shapes[0] == call.output {
            return call.inputs[0].clone();
        }
        let starts = start.map(|at| at as i64);
        let ends = [0, 1].map(|axis| (start[axis] + call.output[axis]) as i64);
        let [starts, ends, axes] = [starts, ends, [2, 3]].map(|values| self.graph.ints(&values));
        Stored::plain(self.graph.node("Slice", &[&call.inputs[0].name, &starts, &ends, &axes]))
    }

    pub(super) fn resize(&mut self, call: &Call<'_>, interpolation: Interpolation) -> Stored {
        let (x, from, to) = (&call.inputs[0], call.shapes[0], call.output);
        if from == to {
            return x.clone();
        }
        let is_whole = (0..2).all(|axis| to[axis] % from[axis] == 0);
        match interpolation {
            // Which of two pixels is nearer where a place lies between them, engines don't agree on.
            Interpolation::Nearest if !is_whole => {
                let mut name = x.name.clone();
                for axis in 0..2 {
                    let nearest = |at: usize| {
                        let place = (at as f32 + 0.5) * (from[axis] as f32 / to[axis] as f32);
                        (place as usize).min(from[axis] - 1) as i64
                    };
                    name = self.gather(&name, axis + 2, (0..to[axis]).map(nearest));
                }
                Stored::plain(name)
            }
            _ => {
                let [rows, columns] = [0, 1].map(|axis| scale(from[axis], to[axis]));
                let scales = self.graph.layer_floats("scales", vec![4], vec![1.0, 1.0, rows, columns]);
                let attributes = match interpolation {
                    Interpolation::Nearest => vec![
                        ("mode", Text("nearest")),
                        ("coordinate_transformation_mode", Text("asymmetric")),
                        ("nearest_mode", Text("floor")),
                    ],
                    Interpolation::Bilinear => {
                        vec![("mode", Text("linear")), ("coordinate_transformation_mode", Text("half_pixel"))]
                    }
                };
                Stored::plain(self.graph.node_with("Resize", &[&x.name, "", &scales], attributes))
            }
        }
    }
}

/// The factor that makes `to` of `from` pixels when the product is rounded down.
fn scale(from: usize, to: usize) -> f32 {
    let scale = to as f32 / from as f32;
    // In f32 or f64, as the engine has it.
    let reaches = (from as f32 * scale) as usize >= to && (from as f64 * f64::from(scale)) as usize >= to;
    if reaches { scale } else { scale.next_up() }
}

#[cfg(test)]
mod tests {
    use super::scale;

    #[test]
    fn a_scaled_size_rounds_down_to_what_was_wanted() {
        for from in 1..400 {
            for to in 1..400 {
                let scale = scale(from, to);
                assert_eq!((from as f32 * scale).floor(), to as f32, "{from} → {to}");
                assert_eq!((from as f64 * f64::from(scale)).floor(), to as f64, "{from} → {to}");
            }
        }
    }
}
