//! Pairs a layer's weights with data sets, checks that they fit, and sets all of them at the end or none.

use std::ops::Range;

use super::hdf5::{File, Values};
use crate::model::{Node, Weight};
use crate::{Error, Result};

/// A weight of the model that a file should have.
pub(super) struct Target<'a> {
    /// The names of the layers inside of a nested model on the way to it, and its own: `conv2d/kernel`, or `kernel`.
    pub path: String,
    pub weight: &'a Weight,
    /// Whether training changes it, by all flags around it.
    pub trainable: bool,
}

/// All weights of a layer, those of a nested model's layers too, in Keras' order.
pub(super) fn targets(node: &Node) -> Vec<Target<'_>> {
    fn collect<'a>(node: &'a Node, prefix: &str, trainable: bool, targets: &mut Vec<Target<'a>>) {
        let trainable = trainable && node.trainable();
        targets.extend(node.weights().iter().map(|weight| Target {
            path: format!("{prefix}{}", weight.name),
            weight,
            trainable: trainable && weight.trainable,
        }));
        for inner in node.as_model().into_iter().flat_map(|graph| graph.layers()) {
            collect(inner, &format!("{prefix}{}/", inner.name()), trainable, targets);
        }
    }
    let mut targets = Vec::new();
    collect(node, "", true, &mut targets);
    targets
}

/// Collects what is to be set.
pub(super) struct Loader<'a> {
    file: &'a File,
    skip_mismatch: bool,
    loaded: Vec<(Range<usize>, Vec<f32>)>,
    skipped: Vec<String>,
}

impl<'a> Loader<'a> {
    pub fn new(file: &'a File, skip_mismatch: bool) -> Self {
        Loader { file, skip_mismatch, loaded: Vec::new(), skipped: Vec::new() }
    }

    /// Reads a layer's weights from the data sets in the same places of `sources`.
    pub fn layer(&mut self, layer: &str, targets: &[Target<'_>], sources: &[Values]) -> Result<()> {
        if targets.len() != sources.len() {
            return self.mismatch(format!(
                "layer '{layer}' needs {}; the file has {}",
                list(targets.iter().map(|t| (t.path.as_str(), t.weight.shape.as_slice()))),
                list(sources.iter().map(|s| (s.path.as_str(), s.shape.as_slice()))),
            ));
        }
        for (target, source) in targets.iter().zip(sources) {
            if target.weight.shape != source.shape {
                self.mismatch(format!(
                    "layer '{layer}' needs {} of shape {:?}; the file has shape {:?} at '{}'",
                    target.path, target.weight.shape, source.shape, source.path
                ))?;
                continue;
            }
            self.loaded.push((target.weight.range(), self.file.read(source)?));
        }
        Ok(())
    }

    /// What doesn't fit is an error, or is skipped.
    pub fn mismatch(&mut self, problem: String) -> Result<()> {
        if !self.skip_mismatch {
            return Err(Error::file(self.file.path(), problem));
        }
        self.skipped.push(problem);
        Ok(())
    }

    /// Sets the weights; returns what was skipped.
    pub fn apply(self, arena: &mut [f32]) -> Vec<String> {
        for (range, values) in self.loaded {
            arena[range].copy_from_slice(&values);
        }
        self.skipped
    }
}

/// `kernel [3, 3, 3, 16] and bias [16]`.
fn list<'a>(weights: impl Iterator<Item = (&'a str, &'a [usize])>) -> String {
    let texts: Vec<String> = weights.map(|(name, shape)| format!("{name} {shape:?}")).collect();
    match texts.as_slice() {
        [] => "no weights".into(),
        [only] => only.clone(),
        [first @ .., last] if first.len() < 8 => format!("{} and {last}", first.join(", ")),
        _ => format!("{} weights, {}, … {}", texts.len(), texts[..3].join(", "), texts[texts.len() - 1]),
    }
}
