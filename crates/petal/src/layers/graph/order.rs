//! Keras' order of a model's layers, and the names that it gives them.

use std::collections::{HashMap, HashSet};

use super::{Graph, GraphKind, Node, Tensor, names};
use crate::layers::AnyLayer;
use crate::{Error, Result};

/// The tensors between input and output in the order of Keras' `Functional.operations`: by decreasing distance to the
/// output, on ties in the order in which a depth-first walk from the output meets them.
pub(super) fn keras_order(input: &Tensor, output: &Tensor) -> Result<Vec<Tensor>> {
    let mut met: Vec<Tensor> = Vec::new();
    let mut finished: Vec<u64> = Vec::new();
    let mut seen = HashSet::new();
    // An explicit stack: a model may be deeper than the thread's.
    let mut stack = vec![(output.clone(), 0)];
    seen.insert(output.serial());
    met.push(output.clone());
    while let Some((tensor, next)) = stack.last_mut() {
        let inputs = if tensor.serial() == input.serial() { &[][..] } else { tensor.inputs() };
        match inputs.get(*next) {
            Some(child) => {
                *next += 1;
                let child = child.clone();
                if seen.insert(child.serial()) {
                    met.push(child.clone());
                    stack.push((child, 0));
                }
            }
            None => {
                finished.push(tensor.serial());
                stack.pop();
            }
        }
    }
    if !seen.contains(&input.serial()) {
        return Err(Error::Model(
            "the output doesn't depend on the input; call the layers on the tensor that the model begins with".into(),
        ));
    }
    if let Some(other) =
        met.iter().find(|t| matches!(t.spec().layer, AnyLayer::Input(_)) && t.serial() != input.serial())
    {
        return Err(Error::Model(format!(
            "the output also depends on another input of shape {}; a model has one input",
            other.shape()
        )));
    }
    if !matches!(input.spec().layer, AnyLayer::Input(_)) {
        return Err(Error::Model(
            "the model begins in the middle of a graph; expected a tensor made by Input::image or Input::new"
                .into(),
        ));
    }
    let index: HashMap<u64, usize> = met.iter().enumerate().map(|(i, tensor)| (tensor.serial(), i)).collect();
    let mut depth = vec![0; met.len()];
    for serial in finished.iter().rev() {
        let at = index[serial];
        if met[at].serial() == input.serial() {
            continue;
        }
        for parent in met[at].inputs() {
            let parent = index[&parent.serial()];
            depth[parent] = depth[parent].max(depth[at] + 1);
        }
    }
    let mut order: Vec<usize> = (0..met.len()).collect();
    order.sort_by_key(|&i| (std::cmp::Reverse(depth[i]), i));
    Ok(order.into_iter().map(|i| met[i].clone()).collect())
}

/// The layers' names: the user's, else the class's in snake case, numbered in the order of creation.
pub(super) fn assign_names(order: &[Tensor]) -> Result<Vec<String>> {
    let mut by_creation: Vec<usize> = (0..order.len()).collect();
    by_creation.sort_by_key(|&i| order[i].serial());
    let mut counts: HashMap<String, usize> = HashMap::new();
    let mut assigned = vec![String::new(); order.len()];
    let mut taken: HashSet<String> = order.iter().filter_map(|tensor| tensor.spec().name.clone()).collect();
    for i in by_creation {
        let spec = order[i].spec();
        assigned[i] = match &spec.name {
            Some(name) => name.clone(),
            None => loop {
                let base = names::snake_case(spec.layer.class_name());
                let count = counts.entry(base.clone()).or_default();
                let name = names::numbered(&base, *count);
                *count += 1;
                if taken.insert(name.clone()) {
                    break name;
                }
            },
        };
    }
    Ok(assigned)
}

/// Keras numbers models by class like layers. A Sequential holds an unnamed Functional, so it counts as one too,
/// whatever its own name: a functional model around `Sequential(name="data_augmentation")` is `functional_1`.
pub(super) fn automatic_model_name(kind: GraphKind, nodes: &[Node]) -> String {
    let (mut functional, mut sequential) = (0, 0);
    let mut pending: Vec<&Graph> = nodes.iter().filter_map(Node::as_model).collect();
    while let Some(graph) = pending.pop() {
        let unnamed = usize::from(!graph.named);
        match graph.kind {
            GraphKind::Functional => functional += unnamed,
            GraphKind::Sequential => {
                functional += 1;
                sequential += unnamed;
            }
        }
        pending.extend(graph.nodes.iter().filter_map(Node::as_model));
    }
    match kind {
        GraphKind::Functional => names::numbered("functional", functional),
        GraphKind::Sequential => names::numbered("sequential", sequential),
    }
}
