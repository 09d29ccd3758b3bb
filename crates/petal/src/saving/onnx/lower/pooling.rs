//! Poolings.

use super::super::layout::Stored;
use super::super::proto::Attribute::Ints;
use super::{Call, Lowering};
use crate::program::Window;

impl Lowering<'_> {
    /// Padding doesn't count in a mean: that is ONNX's default too.
    pub(super) fn pool(&mut self, op: &'static str, call: &Call<'_>, window: &Window) -> Stored {
        let ints = |values: &[usize]| Ints(values.iter().map(|&value| value as i64).collect());
        let padding = window.padding;
        let attributes = vec![
            ("kernel_shape", ints(&window.size)),
            ("strides", ints(&window.strides)),
            ("pads", ints(&[padding.top, padding.left, padding.bottom, padding.right])),
        ];
        Stored::plain(self.graph.node_with(op, &[&call.inputs[0].name], attributes))
    }

    pub(super) fn global_pool(&mut self, op: &'static str, call: &Call<'_>) -> Stored {
        let pooled = Stored::plain(self.graph.node(op, &[&call.inputs[0].name]));
        let channels = call.shapes[0].last().copied().unwrap_or(1);
        self.reshape(&pooled, &[1, 1, channels].into(), call.output)
    }
}
