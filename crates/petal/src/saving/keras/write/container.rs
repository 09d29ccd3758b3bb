//! The layout of `.weights.h5` and of `model.weights.h5` in a `.keras` file: a group for each layer by its class and
//! its number among the model's layers of that class, `layers/conv2d_1/vars/0`.

use std::collections::HashMap;

use super::config;
use super::hdf5::Group;
use crate::layers::graph::names;
use crate::model::{Graph, Model};

/// The file with the weights of `model`.
pub(super) fn group(model: &Model) -> Group<'_> {
    let mut group = Group::default();
    fill(&mut group, model.graph(), model.arena());
    group
}

fn fill<'a>(group: &mut Group<'a>, graph: &'a Graph, arena: &'a [f32]) {
    group.group("vars").text("name", graph.name());
    let layers = group.group("layers");
    let mut counts: HashMap<&str, usize> = HashMap::new();
    for node in config::layers(graph).filter(|node| !config::is_operation(node)) {
        let class = config::class_name(node.layer());
        let count = counts.entry(class).or_default();
        let group = layers.group(names::numbered(&names::snake_case(class), *count));
        *count += 1;
        if let Some(inner) = node.as_model() {
            fill(group, inner, arena);
            continue;
        }
        let vars = group.group("vars");
        vars.text("name", node.name());
        let (trainable, others): (Vec<_>, Vec<_>) =
            node.weights().iter().partition(|weight| weight.trainable);
        for (i, weight) in trainable.into_iter().chain(others).enumerate() {
            vars.data(&i.to_string(), &weight.shape, &arena[weight.range()]);
        }
    }
}
