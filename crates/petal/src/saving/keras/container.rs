//! The layout of `.weights.h5` and of `model.weights.h5` in a `.keras` file: a group for each layer by its class and
//! its number among the model's layers of that class, `layers/conv2d_1/vars/0`.
//!
//! TensorFlow 2.12 wrote `_layer_checkpoint_dependencies` in place of `layers`, and counted layers with weights twice.

use std::collections::HashMap;

use super::assign::{Loader, Target};
use super::hdf5::File;
use crate::Result;
use crate::layers::graph::names;
use crate::model::Graph;

const LAYERS: &str = "layers";
const OLD_LAYERS: &str = "_layer_checkpoint_dependencies";

/// Whether the file has this layout.
pub(super) fn is_container(file: &File) -> Result<bool> {
    Ok(file.has_group(LAYERS)? || file.has_group(OLD_LAYERS)?)
}

/// Reads the weights of `graph`, whose group is `prefix` (empty, or ending in a slash).
pub(super) fn load(file: &File, graph: &Graph, prefix: &str, loader: &mut Loader<'_>) -> Result<()> {
    let old = format!("{prefix}{OLD_LAYERS}");
    let is_old = file.has_group(&old)?;
    let layers = if is_old { old } else { format!("{prefix}{LAYERS}") };
    let mut counts: HashMap<&str, usize> = HashMap::new();
    for node in graph.layers() {
        let class = node.layer().class_name();
        let count = counts.entry(class).or_default();
        let group = format!("{layers}/{}", names::numbered(&names::snake_case(class), *count));
        *count += if is_old && node.count_params() > 0 { 2 } else { 1 };
        if let Some(inner) = node.as_model() {
            load(file, inner, &format!("{group}/"), loader)?;
            continue;
        }
        if node.weights().is_empty() {
            continue;
        }
        let mut targets: Vec<Target<'_>> = node
            .weights()
            .iter()
            .map(|weight| Target { path: weight.name.into(), weight, trainable: weight.trainable })
            .collect();
        targets.sort_by_key(|target| !target.trainable);
        let mut sources = Vec::new();
        // One more than needed, to notice what is too much.
        for i in 0..=targets.len() {
            match file.values(&format!("{group}/vars/{i}"))? {
                Some(values) => sources.push(values),
                None => break,
            }
        }
        if sources.is_empty() {
            loader.mismatch(format!(
                "layer '{}' needs its {} in '{group}/vars', but the file has nothing there",
                node.name(),
                targets.iter().map(|target| target.path.as_str()).collect::<Vec<_>>().join(", ")
            ))?;
            continue;
        }
        loader.layer(node.name(), &targets, &sources)?;
    }
    Ok(())
}
