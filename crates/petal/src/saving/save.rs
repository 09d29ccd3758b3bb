use std::path::Path;

use super::format::Format;
use super::keras;
use crate::model::Model;
use crate::{Error, Result};

impl Model {
    /// Writes the model to one file; the end of its name says which kind.
    ///
    /// | file | what it holds |
    /// |---|---|
    /// | `.petal`, or no ending | all: layers and weights, class names and preprocessing, and if it is compiled also optimizer, loss, metrics and the epochs so far, so that training goes on where it stopped; kernels of a [quantized](Model::quantize) model as bytes |
    /// | `.keras` | for Keras 3: layers and weights, what trains, optimizer, loss and metrics; the optimizer begins anew |
    /// | `.h5`, `.hdf5` | the same in Keras' older format |
    /// | `.weights.h5` | for Keras 3's `load_weights`: the weights alone |
    /// | `.onnx` | for other programs, by [`Model::export`] with its defaults |
    ///
    /// Keras' files keep class names and preprocessing where Keras doesn't look, and [`Model::load`] finds them. A
    /// `.petal` file is a safetensors file with the description as metadata. All are written whole or not at all: see
    /// [`write_atomically`](super::write_atomically).
    ///
    /// ```
    /// use petal::layers::*;
    /// use petal::model::Model;
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let path = folder.path().join("model.petal");
    /// let x = Input::new([4]);
    /// let mut model = Model::new(&x, &Dense::new(2).on(&x)?)?;
    /// model.set_class_names(["cat", "dog"])?;
    /// model.save(&path)?;
    /// let loaded = Model::load(&path)?;
    /// assert_eq!(loaded.class_names(), ["cat", "dog"]);
    /// assert_eq!(loaded.weight("dense/kernel")?, model.weight("dense/kernel")?);
    /// # Ok::<(), petal::Error>(())
    /// ```
    ///
    /// # Errors
    /// If the file cannot be written, its name ends in none of these, or a setting is not a finite number; for Keras'
    /// files also if Keras could not load a layer, which the error names, or the model is quantized.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        let path = path.as_ref();
        let format = Format::of(path)?;
        if self.is_quantized() && !matches!(format, Format::Petal | Format::Onnx) {
            let problem = "the model computes with 8-bit numbers, which Keras' files cannot say; save the model that it was \
                           made of, or this one as .petal or .onnx";
            return Err(Error::file(path, problem));
        }
        match format {
            Format::Petal => self.save_petal(path),
            Format::Keras => keras::save(self, path),
            Format::Weights => keras::save_weights(self, path),
            Format::Legacy => keras::save_legacy(self, path),
            Format::Onnx => save_onnx(self, path),
        }
    }
}

#[cfg(feature = "onnx")]
fn save_onnx(model: &Model, path: &Path) -> Result<()> {
    model.export(path, &super::onnx::Onnx::new()).map(drop)
}

#[cfg(not(feature = "onnx"))]
fn save_onnx(_model: &Model, path: &Path) -> Result<()> {
    Err(Error::file(path, crate::error::no_feature("onnx")))
}
