//! Models for other programs, in ONNX.

mod graph;
mod input;
mod layout;
mod lower;
mod metadata;
mod output;
mod proto;

use std::path::Path;
use std::sync::Arc;

pub use proto::{Axis, Element, Port};

use super::write_atomically;
use crate::memory;
use crate::model::Model;
use crate::program::{Passes, Quantized};
use crate::{Error, Result};
use graph::OnnxGraph;
use layout::Stored;
use lower::Lowering;

/// How a model is exported to ONNX.
///
/// By default it takes `image`, float32 `[batch, height, width, channels]` of 0 to 255, as Petal's model does, and gives
/// `probabilities`, float32 `[batch, classes]`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Onnx {
    layout: Layout,
    input: InputKind,
    logits: bool,
}

/// Where the channels of an exported model's input are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Layout {
    /// Last, `[batch, height, width, channels]`, as pictures are in memory. The default.
    #[default]
    Nhwc,
    /// First, `[batch, channels, height, width]`, as ONNX computes.
    Nchw,
}

/// What an exported model takes photos as.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum InputKind {
    /// Floats of 0 to 255, at the model's size. The default.
    #[default]
    Float32,
    /// Bytes, at the model's size.
    Uint8,
    /// Bytes, of any height and width: the exported model resizes them, as
    /// [`preprocessing`](Model::preprocessing) says.
    AnySize,
}

impl Onnx {
    /// The defaults.
    pub fn new() -> Self {
        Onnx::default()
    }

    /// Where the input's channels are. Default: last.
    pub fn layout(self, layout: Layout) -> Self {
        Onnx { layout, ..self }
    }

    /// What photos are given as. Default: floats at the model's size.
    pub fn input(self, input: InputKind) -> Self {
        Onnx { input, ..self }
    }

    /// Gives what the last softmax or sigmoid is applied to instead of probabilities. Default: no.
    pub fn logits(self, logits: bool) -> Self {
        Onnx { logits, ..self }
    }
}

/// A file that [`Model::export`] wrote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exported {
    /// Its size.
    pub bytes: usize,
    /// What it takes.
    pub input: Port,
    /// What it gives.
    pub output: Port,
}

impl Model {
    /// Writes the model for other programs: an ONNX file (operator set 17), which onnxruntime, OpenVINO and others run.
    ///
    /// It predicts as Petal does: `probabilities` are those of
    /// [`predict_probabilities`](Model::predict_probabilities), so logits go through a softmax, and a single output
    /// becomes two classes. The output of a model that gives no vector is called `output` and is as the model makes
    /// it, an image in the layout of the input. Augmentation is left out, batch normalization becomes part of the layer
    /// before it. Class names, image size and how photos are resized are in the file's metadata, in the keys that
    /// Ultralytics has for them (`names`, `imgsz`). The number of samples in a batch is free.
    ///
    /// ```
    /// use petal::layers::*;
    /// use petal::model::Model;
    /// use petal::saving::onnx::Onnx;
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let path = folder.path().join("flowers.onnx");
    /// let x = Input::image(32, 32, 3);
    /// let h = Conv2D::new(8, 3).relu().on(&Rescaling::new(1.0 / 255.0).on(&x)?)?;
    /// let model = Model::new(&x, &Dense::new(5).on(&Flatten::new().on(&h)?)?)?;
    /// let exported = model.export(&path, &Onnx::new())?;
    /// assert_eq!(exported.input.to_string(), "image: float32 [batch, 32, 32, 3]");
    /// assert_eq!(exported.output.to_string(), "probabilities: float32 [batch, 5]");
    /// # Ok::<(), petal::Error>(())
    /// ```
    ///
    /// A [quantized](Model::quantize) model's file has weights of 8 bits. Values between layers are rounded by QuantizeLinear
    /// and DequantizeLinear, which other programs make integer kernels of.
    ///
    /// # Errors
    /// If the model has weights that are no numbers or more of them than such a file holds, a layer or a setting has no
    /// counterpart in ONNX, or the file cannot be written.
    pub fn export(&self, path: impl AsRef<Path>, settings: &Onnx) -> Result<Exported> {
        let bytes = self.count_params().saturating_mul(size_of::<f32>());
        if bytes > LARGEST {
            return Err(too_large(self));
        }
        memory::check(bytes, || format!("the export of model '{}'", self.name()))?;
        self.check_weights()?;
        let (mut program, weights) = self.inference()?;
        let mut weights = Arc::unwrap_or_clone(weights);
        if !self.is_quantized() {
            program = program.simplify(Passes::default());
            program.fold_constants(&mut weights);
        }
        write(self, Quantized { program, weights }, path.as_ref(), settings)
    }
}

/// The most bytes that a protobuf message can have.
const LARGEST: usize = i32::MAX as usize;

fn too_large(model: &Model) -> Error {
    Error::Model(format!(
        "model '{}' has {} parameters; an ONNX file holds at most 2 GB, which is 536 million: export a smaller model",
        model.name(),
        crate::model::thousands(model.count_params())
    ))
}

fn write(model: &Model, mut quantized: Quantized, path: &Path, settings: &Onnx) -> Result<Exported> {
    if !settings.logits {
        quantized.program = quantized.program.without_logits();
    }
    let input = input::port(settings, model.input_shape())?;
    let mut graph = OnnxGraph::new(&input.name);
    let name = input::lower(&mut graph, &input, settings, model.preprocessing(), model.input_shape())?;
    let mut lowering = Lowering::new(graph, &quantized, Stored::plain(name));
    let (output, name) = output::lower(&mut lowering, &quantized.program, model.temperature(), settings)?;
    let mut graph = lowering.graph;
    graph.finish(&input.name, &name, &output.name);
    let doc = metadata::doc(model, settings, &input, &output);
    let message = proto::model(
        proto::graph(model.name(), &graph.nodes, graph.tensors, &input, &output),
        &doc,
        &metadata::metadata(model, settings),
    );
    let bytes = message.len();
    if bytes > LARGEST {
        return Err(too_large(model));
    }
    write_atomically(path, |file| message.write(file))?;
    Ok(Exported { bytes, input, output })
}
