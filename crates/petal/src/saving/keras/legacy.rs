//! The layout of legacy `.h5` files: a group for each layer by its name, lists of names as attributes.

use std::collections::{HashMap, HashSet};

use hdf5_pure::AttrValue;

use super::assign::{Loader, Target, targets};
use super::hdf5::{File, Values};
use super::layer_config::name;
use crate::model::Graph;
use crate::{Error, Result};

/// A layer of the file: its name and its weights.
struct Saved {
    name: String,
    weights: Vec<Values>,
}

/// How a file's layers pair up with a model's.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Pairing {
    /// By their order.
    Order,
    /// By their names, as far as both have them.
    Names,
    /// By their names if all have one, as in the file that the model is from; else by their order.
    AllNames,
}

/// Whether the file has this layout.
pub(super) fn is_legacy(file: &File) -> Result<bool> {
    Ok(names(file, "", "layer_names")?.is_some() || file.has_group("model_weights")?)
}

/// Reads the weights of `graph`.
pub(super) fn load(file: &File, graph: &Graph, pairing: Pairing, loader: &mut Loader<'_>) -> Result<()> {
    let saved = saved_layers(file)?;
    let nodes: Vec<_> = graph.layers().iter().filter(|node| node.count_params() > 0).collect();
    let by_name: HashMap<String, &Saved> = saved.iter().map(|layer| (name(&layer.name), layer)).collect();
    let all_have_names =
        nodes.len() == saved.len() && nodes.iter().all(|node| by_name.contains_key(node.name()));
    let pairs: Vec<_> = if pairing == Pairing::Names || pairing == Pairing::AllNames && all_have_names {
        nodes.iter().filter_map(|&node| Some((node, *by_name.get(node.name())?))).collect()
    } else {
        let same = nodes.iter().zip(&saved);
        if nodes.len() != saved.len() {
            let first = same.clone().find(|(node, layer)| targets(node).len() != layer.weights.len());
            let odd = first.map(|(node, layer)| (Some(node.name()), Some(layer.name.as_str()))).unwrap_or((
                nodes.get(saved.len()).map(|node| node.name()),
                saved.get(nodes.len()).map(|layer| layer.name.as_str()),
            ));
            return Err(Error::file(
                file.path(),
                format!(
                    "has {} layers with weights; the model has {}. The first that don't pair up: {} in the file, {} in \
                     the model",
                    saved.len(),
                    nodes.len(),
                    odd.1.map_or("none".into(), |name| format!("'{name}'")),
                    odd.0.map_or("none".into(), |name| format!("'{name}'")),
                ),
            ));
        }
        same.map(|(&node, layer)| (node, layer)).collect()
    };
    for (node, layer) in &pairs {
        let targets = in_file_order(targets(node), layer, node.as_model().is_some());
        loader.layer(node.name(), &targets, &layer.weights)?;
    }
    if pairing == Pairing::Names && pairs.is_empty() {
        let names = |names: Vec<&str>| names.join(", ");
        return Err(Error::file(
            file.path(),
            format!(
                "has no layer of a name that is in the model; it has {}, the model has {}",
                names(saved.iter().map(|layer| layer.name.as_str()).collect()),
                names(nodes.iter().map(|node| node.name()).collect())
            ),
        ));
    }
    Ok(())
}

/// Keras writes trainable weights first. For a nested model the order depends on what was trainable when the file was
/// written, which may differ from what is now, unnoticed where shapes are equal; hence names go first.
fn in_file_order<'a>(mut targets: Vec<Target<'a>>, layer: &Saved, nested: bool) -> Vec<Target<'a>> {
    // The path's last two parts: Keras puts the model's name before those of a Sequential's layers.
    let key = |path: &str| {
        let path = path.strip_suffix(":0").unwrap_or(path);
        let mut parts = path.rsplit('/');
        let (weight, of) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        format!("{of}/{weight}")
    };
    let place: HashMap<String, usize> =
        layer.weights.iter().enumerate().map(|(i, values)| (key(&values.path), i)).collect();
    let distinct: HashSet<usize> = targets.iter().filter_map(|t| place.get(&key(&t.path)).copied()).collect();
    if nested && distinct.len() == targets.len() && distinct.len() == layer.weights.len() {
        targets.sort_by_key(|target| place[&key(&target.path)]);
    } else {
        targets.sort_by_key(|target| !target.trainable);
    }
    targets
}

/// The file's layers that have weights, in the order in which they are listed.
fn saved_layers(file: &File) -> Result<Vec<Saved>> {
    let (root, names) = match names(file, "", "layer_names")? {
        Some(names) => ("", names),
        None => match names(file, "model_weights", "layer_names")? {
            Some(names) => ("model_weights/", names),
            None => {
                let problem = "is an HDF5 file, but none of Keras: it has no list of layers";
                return Err(Error::file(file.path(), problem));
            }
        },
    };
    let mut saved = Vec::new();
    for name in names {
        let group = format!("{root}{name}");
        let Some(weight_names) = weight_names(file, &group)? else {
            return Err(Error::file(file.path(), format!("lists layer '{name}', but doesn't have it")));
        };
        let mut weights = Vec::with_capacity(weight_names.len());
        for weight in weight_names {
            let path = format!("{group}/{weight}");
            weights.push(file.values(&path)?.ok_or_else(|| {
                Error::file(
                    file.path(),
                    format!("lists weight '{weight}' of layer '{name}', but doesn't have it"),
                )
            })?);
        }
        if !weights.is_empty() {
            saved.push(Saved { name, weights });
        }
    }
    Ok(saved)
}

/// A layer's weights' names; `None` without such a group.
fn weight_names(file: &File, group: &str) -> Result<Option<Vec<String>>> {
    match names(file, group, "weight_names")? {
        Some(names) => Ok(Some(names)),
        None => Ok(file.attributes(group)?.map(|_| Vec::new())),
    }
}

/// A list of names in an attribute, or, where it was too long for one, in `name0`, `name1`…; `None` without the group or
/// the attribute.
fn names(file: &File, group: &str, attribute: &str) -> Result<Option<Vec<String>>> {
    let Some(attributes) = file.attributes(group)? else { return Ok(None) };
    // An empty list has no type of its own: Keras writes an array of no floats.
    let strings = |value: &AttrValue| value.as_strings().map(<[String]>::to_vec).unwrap_or_default();
    if let Some(value) = attributes.get(attribute) {
        return Ok(Some(strings(value)));
    }
    let parts: Vec<&AttrValue> =
        (0..).map_while(|part| attributes.get(&format!("{attribute}{part}"))).collect();
    Ok((!parts.is_empty()).then(|| parts.into_iter().flat_map(strings).collect()))
}
