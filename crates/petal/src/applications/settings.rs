//! The settings of every application, its input and how it ends.

use std::path::PathBuf;

use super::network::Network;
use super::weights::Weights;
use crate::layers::{Dense, GlobalAveragePooling2D, GlobalMaxPooling2D, Input, Layer, LayerSpec};
use crate::model::{Graph, GraphKind, Model, Tensor};
use crate::{Error, Result};

/// What becomes of the last feature maps of a model without its top.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Pooling {
    /// Nothing: the output is `[batch, height, width, channels]`.
    #[default]
    None,
    /// Their mean, `[batch, channels]`.
    Average,
    /// Their maximum, `[batch, channels]`.
    Max,
}

/// The settings of every application.
#[derive(Clone, Debug)]
pub(super) struct Settings {
    pub image: [usize; 3],
    pub include_top: bool,
    pub weights: Weights,
    pub pooling: Pooling,
    pub classes: usize,
    pub softmax: bool,
    pub seed: u64,
    pub cache_dir: Option<PathBuf>,
}

impl Settings {
    pub fn new(height: usize, width: usize) -> Self {
        Settings {
            image: [height, width, 3],
            include_top: true,
            weights: Weights::Imagenet,
            pooling: Pooling::None,
            classes: 1000,
            softmax: true,
            seed: 0,
            cache_dir: None,
        }
    }

    /// The model with its weights. `class` is Keras' name of the network.
    pub fn build(&self, class: &str, network: &dyn Network) -> Result<Model> {
        let graph = self.graph(class, network)?;
        let mut model = Model::from_graph(graph, self.seed)?;
        self.weights.load(&mut model, || network.imagenet(self), self.cache_dir.as_deref())?;
        Ok(model)
    }

    /// The model without its weights, if the settings go together.
    pub fn graph(&self, class: &str, network: &dyn Network) -> Result<Graph> {
        network.check(self)?;
        self.check(class, network)?;
        let x = Input::with_name(self.image, "input_layer");
        let y = network.layers(self, &x)?;
        Graph::new(GraphKind::Functional, Some(network.name(self)), &x, &y)
    }

    fn check(&self, class: &str, network: &dyn Network) -> Result<()> {
        let [height, width, channels] = self.image;
        let least = network.least_size();
        if height < least || width < least {
            let expected = format!("at least {least} × {least} pixels for {class}");
            return Err(Error::argument("image size", format!("{height} × {width}"), expected));
        }
        if channels == 0 {
            return Err(Error::argument("channels", 0, "at least 1"));
        }
        if self.classes == 0 {
            return Err(Error::argument("classes", 0, "at least 1"));
        }
        if self.weights != Weights::Imagenet {
            return Ok(());
        }
        if self.include_top && self.classes != 1000 {
            let expected = "1000 for ImageNet weights with their top; for others use include_top(false)";
            return Err(Error::argument("classes", self.classes, expected));
        }
        let size = network.trained_at(self);
        if self.include_top && self.image != [size, size, 3] {
            let expected =
                format!("{size}×{size}×3 for ImageNet weights with their top, or include_top(false)");
            return Err(Error::argument("image size", format!("{height}×{width}×{channels}"), expected));
        }
        if channels != 3 {
            return Err(Error::argument("channels", channels, "3 for ImageNet weights"));
        }
        Ok(())
    }

    /// The size that the weights for square images of `sizes` were trained on: the image's, or 224.
    pub fn rows(&self, sizes: &[usize]) -> usize {
        let [height, width, _] = self.image;
        if height == width && sizes.contains(&height) { height } else { 224 }
    }

    /// The first with the top, the second without.
    pub fn by_top<T: Copy>(&self, [with, without]: [T; 2]) -> T {
        if self.include_top { with } else { without }
    }

    /// What follows the last feature maps of a model without its top. `named` gives the layer the name that most
    /// networks have for it.
    pub fn pool(&self, h: &Tensor, named: bool) -> Result<Tensor> {
        let layer: LayerSpec = match self.pooling {
            Pooling::None => return Ok(h.clone()),
            Pooling::Average if named => GlobalAveragePooling2D::new().name("avg_pool"),
            Pooling::Average => GlobalAveragePooling2D::new().into(),
            Pooling::Max if named => GlobalMaxPooling2D::new().name("max_pool"),
            Pooling::Max => GlobalMaxPooling2D::new().into(),
        };
        layer.on(h)
    }

    /// The end that most networks have: with the top the mean of each feature map and a dense layer.
    pub fn end(&self, h: &Tensor, named: bool) -> Result<Tensor> {
        if !self.include_top {
            return self.pool(h, named);
        }
        let h = GlobalAveragePooling2D::new().name("avg_pool").on(h)?;
        self.predictions().name("predictions").on(&h)
    }

    /// The dense layer that most tops end with.
    pub fn predictions(&self) -> Dense {
        let top = Dense::new(self.classes);
        if self.softmax { top.softmax() } else { top }
    }
}
