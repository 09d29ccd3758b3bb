//! Layers by the names on the way to them: `mobilenetv2_1.00_224/block_13_expand_relu`.

use crate::layers::AnyLayer;
use crate::model::{Graph, Node};
use crate::{Error, Result};

/// Height, width and channels of what the layer at `path` gives.
pub(super) fn image_of(graph: &Graph, path: &str) -> Result<[usize; 3]> {
    let mut node: Option<&Node> = None;
    for name in path.split('/') {
        let graph = match node {
            None => graph,
            Some(outer) => outer.as_model().ok_or_else(|| {
                Error::layer(path, format!("'{}' is a layer, not a model with layers in it", outer.name()))
            })?,
        };
        node = Some(graph.get_layer(name)?);
    }
    // Splitting gives at least one name.
    let shape = node.map_or(graph.input_shape(), Node::output_shape);
    shape.image().map_err(|_| {
        Error::layer(
            path,
            format!("its output has the shape {shape}; expected a layer that gives images, (None, height, width, channels)"),
        )
    })
}

/// The last layer that gives an image, before it is flattened or pooled to one pixel. A nested model that gives one
/// counts as a layer.
pub(super) fn last_image(graph: &Graph) -> Option<String> {
    last(graph, "", &|_, node| {
        // In inference mode these give what they get: the layer before them says more.
        let repeats = matches!(
            node.layer(),
            AnyLayer::ActivityRegularization(_)
                | AnyLayer::AlphaDropout(_)
                | AnyLayer::Dropout(_)
                | AnyLayer::GaussianDropout(_)
                | AnyLayer::GaussianNoise(_)
                | AnyLayer::Identity(_)
                | AnyLayer::Input(_)
                | AnyLayer::SpatialDropout2D(_)
                | AnyLayer::StochasticDepth(_)
        );
        let image = matches!(node.output_shape()[..], [height, width, _] if height * width > 1);
        (image && !repeats).then_some(node)
    })
    .map(|(path, _)| path)
}

/// The layer whose output goes into the last Dense layer, and the number of values in it.
pub(super) fn before_last_dense(graph: &Graph) -> Option<(String, usize)> {
    last(graph, "", &|graph, node| {
        let dense = matches!(node.layer(), AnyLayer::Dense(_));
        dense.then(|| &graph.nodes()[node.inputs()[0]])
    })
    .map(|(path, node)| (path, node.output_shape().elements()))
}

/// Tries `find` on all layers from the last to the first, nested models before their layers; the result is in the same
/// graph.
fn last<'a>(
    graph: &'a Graph,
    prefix: &str,
    find: &impl Fn(&'a Graph, &'a Node) -> Option<&'a Node>,
) -> Option<(String, &'a Node)> {
    graph.nodes().iter().rev().find_map(|node| match find(graph, node) {
        Some(found) => Some((format!("{prefix}{}", found.name()), found)),
        None => last(node.as_model()?, &format!("{prefix}{}/", node.name()), find),
    })
}
