use std::path::Path;

use super::keras;
use super::kind::{self, Kind};
use crate::model::Model;
use crate::{Error, Result};

impl Model {
    /// Opens a model, of Petal or of Keras. What the file is, its content says.
    ///
    /// | file | what it is |
    /// |---|---|
    /// | `.petal` | what [`Model::save`] wrote |
    /// | `.keras` | a model of Keras 3, or of TensorFlow 2.12 to 2.15 |
    /// | `.h5`, or `.keras` up to TensorFlow 2.11 | HDF5 with a whole model, as Teachable Machine's `keras_model.h5` |
    ///
    /// A model of Petal predicts, and if it was compiled trains on, bit for bit as the one that was saved: go on from
    /// [`History::next_epoch`](crate::training::History::next_epoch).
    ///
    /// See [`Model::load_keras`] for what becomes of Keras' models. They have no class names, and don't say how photos
    /// become their input: [`Model::set_class_names`], [`Model::set_preprocessing`].
    ///
    /// ```no_run
    /// # use petal::model::Model;
    /// let mut model = Model::load("keras_model.h5")?;
    /// model.set_class_names(["cat", "dog"])?;
    /// model.save("model.petal")?;
    /// # Ok::<(), petal::Error>(())
    /// ```
    ///
    /// # Errors
    /// If the file cannot be read, is damaged or is no model; the error says what was found in it and what was
    /// expected.
    pub fn load(path: impl AsRef<Path>) -> Result<Model> {
        let path = path.as_ref();
        match kind::open(path, kind::MODEL)? {
            (file, Kind::Safetensors) => Model::load_petal(path, file),
            (file, kind) => keras::load(path, file, kind, &[]),
        }
    }

    /// As [`Model::load`], for images of this size: a model of Keras whose input has the shape `(None, None, None, 3)`
    /// takes images of any size, while Petal plans for one.
    ///
    /// # Errors
    /// As [`Model::load`], or if the model takes images of another size alone.
    pub fn load_for_images(path: impl AsRef<Path>, height: usize, width: usize) -> Result<Model> {
        let path = path.as_ref();
        let model = match kind::open(path, kind::MODEL)? {
            (file, Kind::Safetensors) => Model::load_petal(path, file)?,
            (file, kind) => keras::load(path, file, kind, &[height, width])?,
        };
        if model.input_shape().get(..2) != Some(&[height, width]) {
            let problem =
                format!("takes inputs of shape {}, not images of {height} × {width}", model.input_shape());
            return Err(Error::file(path, problem));
        }
        Ok(model)
    }
}
