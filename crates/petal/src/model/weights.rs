//! Reading and setting a model's weights by name.

use ndarray::{ArrayD, ArrayViewD};

use super::Model;
use crate::{Error, Result};

impl Model {
    /// All weights' paths and values in Keras' order: `("conv2d/kernel", [3, 3, 3, 16] …)`; those of a nested model's
    /// layers begin with the model's name.
    pub fn weights(&self) -> Vec<(String, ArrayViewD<'_, f32>)> {
        self.graph
            .all_weights()
            .into_iter()
            .map(|w| {
                let view = ArrayViewD::from_shape(w.weight.shape.clone(), &self.arena[w.weight.range()]);
                (w.path, view.expect("a weight's range has its shape's length"))
            })
            .collect()
    }

    /// The values of one weight, by its path: `conv2d/kernel`.
    ///
    /// # Errors
    /// If there is no such weight.
    pub fn weight(&self, path: &str) -> Result<ArrayD<f32>> {
        let found = self.weights().into_iter().find(|(name, _)| name == path);
        found.map(|(_, values)| values.to_owned()).ok_or_else(|| self.no_weight(path))
    }

    /// Sets the values of one weight.
    ///
    /// # Errors
    /// If there is no such weight, or its shape is another.
    pub fn set_weight(&mut self, path: &str, values: ArrayViewD<'_, f32>) -> Result<()> {
        let weights = self.graph.all_weights();
        let Some(found) = weights.iter().find(|w| w.path == path) else {
            return Err(self.no_weight(path));
        };
        if found.weight.shape != values.shape() {
            let problem =
                format!("got values of shape {:?}; expected {:?}", values.shape(), found.weight.shape);
            return Err(Error::layer(path, problem));
        }
        let range = found.weight.range();
        self.arena_mut()[range].iter_mut().zip(values.iter()).for_each(|(to, from)| *to = *from);
        Ok(())
    }

    /// Refuses weights that are no numbers, as a training that diverged leaves them.
    pub(crate) fn check_weights(&self) -> Result<()> {
        match self.no_number() {
            None => Ok(()),
            Some(path) => Err(Error::Model(format!(
                "weight '{path}' of model '{}' is no number (NaN or infinite), so its answers mean nothing; train the \
                 model anew, with a smaller learning rate",
                self.name()
            ))),
        }
    }

    /// The path of the first weight that holds NaN or an infinite value.
    pub(crate) fn no_number(&self) -> Option<String> {
        // Without a branch, so that it runs as fast as the memory gives the values.
        let is_bad = |values: &[f32]| values.iter().fold(false, |found, value| found | !value.is_finite());
        if !is_bad(&self.arena) {
            return None;
        }
        let weights = self.graph.all_weights().into_iter();
        weights.filter(|w| is_bad(&self.arena[w.weight.range()])).map(|w| w.path).next()
    }

    fn no_weight(&self, path: &str) -> Error {
        let paths: Vec<String> = self.graph.all_weights().into_iter().map(|w| w.path).collect();
        Error::Model(format!("model '{}' has no weight '{path}'; it has {}", self.name(), paths.join(", ")))
    }
}
