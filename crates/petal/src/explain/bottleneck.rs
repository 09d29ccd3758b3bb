use std::ops::ControlFlow;

use ndarray::Array2;

use super::layer_path;
use crate::data::{Dataset, check_complete, prefetch};
use crate::model::Model;
use crate::program::{Gradient, Mode};
use crate::training::largest_batch;
use crate::{Error, Result};

impl Model {
    /// What goes into the model's last Dense layer, for all samples of `data` in their own order, in inference mode:
    /// `[samples, features]`. It is how the model sees the photos: what it thinks alike lies near each other.
    ///
    /// ```
    /// use ndarray::Array4;
    /// use petal::data::ArrayDataset;
    /// use petal::layers::*;
    /// use petal::model::Model;
    /// let x = Input::image(8, 8, 3);
    /// let h = GlobalAveragePooling2D::new().on(&Conv2D::new(16, 3).on(&x)?)?;
    /// let h = Dropout::new(0.2).on(&h)?;
    /// let model = Model::new(&x, &Dense::new(5).on(&h)?)?;
    /// let photos = ArrayDataset::new(Array4::zeros((10, 8, 8, 3)), &[0; 10])?;
    /// assert_eq!(model.bottleneck_features(&photos)?.dim(), (10, 16));
    /// # Ok::<(), petal::Error>(())
    /// ```
    ///
    /// # Errors
    /// If the model has no Dense layer, the data has other shapes than it takes, or a sample cannot be read.
    pub fn bottleneck_features(&self, data: &dyn Dataset) -> Result<Array2<f32>> {
        self.check_input(data.sample_shape())?;
        self.check_weights()?;
        let Some((layer, features)) = layer_path::before_last_dense(self) else {
            return Err(Error::Model(format!(
                "model '{}' has no Dense layer; bottleneck features are what goes into the last one",
                self.name()
            )));
        };
        let program = self.program_watching(Mode::Infer, Gradient::None, Some(&layer));
        let mut engine = self.new_engine();
        let program = engine.load(program, largest_batch(data))?;
        engine.set_weights(self.shared_weights());
        let mut values = Vec::with_capacity(data.len() * features);
        let order: Vec<usize> = (0..data.len()).collect();
        prefetch(data, 0, &order, |batch| {
            engine.forward(program, self.run(&batch.samples, 0), (&batch.inputs).into())?;
            values.extend_from_slice(engine.watched(program, batch.len())[0]);
            Ok(ControlFlow::Continue(()))
        })?;
        check_complete(data, values.len() / features.max(1))?;
        Ok(Array2::from_shape_vec((values.len() / features.max(1), features), values)
            .expect("features are whole samples"))
    }
}
