//! The layout of legacy `.h5` files: a group for each layer by its name, lists of names as attributes.

use super::super::assign;
use super::hdf5::Group;
use super::{KERAS_VERSION, config};
use crate::model::Model;

/// What Keras writes of the engine that it ran on; files of one are those of any.
pub(super) const BACKEND: &str = "tensorflow";

/// Adds the weights of `model`.
pub(super) fn fill<'a>(group: &mut Group<'a>, model: &'a Model) {
    let layers = config::layers(model.graph()).filter(|node| !config::is_operation(node));
    group.text("keras_version", KERAS_VERSION);
    group.text("backend", BACKEND);
    group.texts("layer_names", layers.clone().map(|node| node.name().to_owned()).collect());
    for node in layers {
        let group = group.group(node.name());
        // Keras' order: what trains first, by all flags around it.
        let mut targets = assign::targets(node);
        targets.sort_by_key(|target| !(target.trainable && model.trainable()));
        let path = |path: &str| match node.as_model() {
            Some(_) => path.to_owned(),
            None => format!("{}/{path}", node.name()),
        };
        group.texts("weight_names", targets.iter().map(|target| path(&target.path)).collect());
        for target in targets {
            group.data(&path(&target.path), &target.weight.shape, &model.arena()[target.weight.range()]);
        }
    }
}
