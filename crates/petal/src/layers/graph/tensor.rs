use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::names;
use crate::layers::{AnyLayer, Definition, LayerSpec};
use crate::shape::Shape;
use crate::{Error, Result};

/// A symbolic tensor (Keras' `KerasTensor`): the promise of a layer's output, of known shape.
///
/// Made by [`Input`](crate::layers::Input) and by [`Layer::on`](crate::layers::Layer::on); two of them delimit a
/// [`Model`](crate::model::Model). Cheap to clone.
#[derive(Clone)]
pub struct Tensor(Arc<Source>);

/// The layer that makes a tensor, and what it is called on.
struct Source {
    serial: u64,
    spec: LayerSpec,
    inputs: Vec<Tensor>,
    shape: Shape,
}

impl Drop for Source {
    /// Without recursion: a chain of layers may be longer than the thread's stack is deep.
    fn drop(&mut self) {
        let mut pending = std::mem::take(&mut self.inputs);
        while let Some(Tensor(source)) = pending.pop() {
            if let Some(mut source) = Arc::into_inner(source) {
                pending.append(&mut source.inputs);
            }
        }
    }
}

impl Tensor {
    /// The shape of one sample.
    pub fn shape(&self) -> &Shape {
        &self.0.shape
    }

    /// Whether both are the output of one call of one layer.
    pub fn is_same(&self, other: &Tensor) -> bool {
        self.serial() == other.serial()
    }

    pub(crate) fn new(spec: LayerSpec, inputs: Vec<Tensor>) -> Result<Tensor> {
        static SERIAL: AtomicU64 = AtomicU64::new(0);
        let shapes: Vec<Shape> = inputs.iter().map(|input| input.shape().clone()).collect();
        let shape = spec.layer.output_shape(&shapes).map_err(|problem| {
            let name = spec.name.clone().unwrap_or_else(|| provisional_name(&spec.layer, &inputs));
            Error::layer(name, problem)
        })?;
        let serial = SERIAL.fetch_add(1, Ordering::Relaxed);
        Ok(Tensor(Arc::new(Source { serial, spec, inputs, shape })))
    }

    pub(crate) fn spec(&self) -> &LayerSpec {
        &self.0.spec
    }

    pub(crate) fn inputs(&self) -> &[Tensor] {
        &self.0.inputs
    }

    /// Orders tensors by their creation.
    pub(crate) fn serial(&self) -> u64 {
        self.0.serial
    }
}

impl std::fmt::Debug for Tensor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "<Tensor shape={}, from {}>", self.shape(), self.spec().layer.class_name())
    }
}

/// The name that `layer` would get in a model that ends here.
fn provisional_name(layer: &AnyLayer, inputs: &[Tensor]) -> String {
    let mut seen = std::collections::HashSet::new();
    let mut pending: Vec<&Tensor> = inputs.iter().collect();
    let mut same_class = 0;
    while let Some(tensor) = pending.pop() {
        if seen.insert(tensor.serial()) {
            let spec = tensor.spec();
            same_class += usize::from(spec.name.is_none() && spec.layer.class_name() == layer.class_name());
            pending.extend(tensor.inputs());
        }
    }
    names::numbered(&names::snake_case(layer.class_name()), same_class)
}
