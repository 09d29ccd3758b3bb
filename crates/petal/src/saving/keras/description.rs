//! Keras' objects by the descriptions that its `get_config` and `serialize` give, for bindings to other languages:
//! `{"class_name": "Dense", "config": {"units": 5}}`.

use serde_json::Value;

use super::{compile_config, config, layer_config, write};
use crate::layers::{Initializer, Layer, LayerSpec};
use crate::losses::Loss;
use crate::metrics::Metric;
use crate::model::{Model, Shape, Tensor};
use crate::optimizers::Optimizer;
use crate::{Error, Result};

/// The layer that `description` describes, to be called on these inputs.
///
/// ```
/// use petal::layers::{Input, Layer};
/// use petal::saving::description;
/// let x = Input::new([4]);
/// let dense = serde_json::json!({ "class_name": "Dense", "config": { "units": 3, "name": "head" } });
/// let y = description::layer(&dense, &[x.clone()])?.on(&x)?;
/// assert_eq!(y.shape()[..], [3]);
/// # Ok::<(), petal::Error>(())
/// ```
///
/// # Errors
/// If the class or one of its settings is none of Petal's; the error names the layer.
pub fn layer(description: &Value, inputs: &[Tensor]) -> Result<LayerSpec> {
    let config = &description["config"];
    let name = layer_config::text(config, "name");
    let class = layer_config::text(description, "class_name").unwrap_or_default();
    for (key, setting) in config.as_object().into_iter().flatten() {
        // In a file these don't matter, since the weights are there.
        if key.ends_with("_initializer")
            && !setting.is_null()
            && serde_json::from_value::<Initializer>(setting.clone()).is_err()
        {
            let problem = format!("its {key} is {setting}, which is none of Petal's initializers");
            return Err(Error::layer(name.unwrap_or(class), problem));
        }
    }
    let shapes: Vec<Shape> = inputs.iter().map(|input| input.shape().clone()).collect();
    let spec = layer_config::layer(description, &shapes).map_err(Error::Model)?;
    let spec = spec.trainable(config["trainable"].as_bool().unwrap_or(true));
    Ok(match name {
        Some(name) => spec.name(layer_config::name(name)),
        None => spec,
    })
}

/// The optimizer that `description` describes, or names as Keras does (`"adam"`).
///
/// # Errors
/// If it, its schedule or a setting of theirs is none of Petal's.
pub fn optimizer(description: &Value) -> Result<Optimizer> {
    compile_config::read_optimizer(description).ok_or_else(|| {
        let expected = "Adam, AdamW, RMSprop or SGD with settings of theirs, the learning rate a number of at least 0 or \
                        one of Keras' schedules; no loss_scale_factor";
        Error::argument("optimizer", description, expected)
    })
}

/// The loss that `description` describes, or names as Keras does (`"sparse_categorical_crossentropy"`).
///
/// # Errors
/// If it or a setting of its is none of Petal's.
pub fn loss(description: &Value) -> Result<Loss> {
    compile_config::read_loss(description).ok_or_else(|| {
        let expected = "SparseCategoricalCrossentropy, CategoricalCrossentropy, BinaryCrossentropy or MeanSquaredError, \
                        the mean over the batch, without ignore_class";
        Error::argument("loss", description, expected)
    })
}

/// The metric that `description` describes, or names as Keras does (`"accuracy"`).
///
/// # Errors
/// If it is none of Petal's.
pub fn metric(description: &Value) -> Result<Metric> {
    compile_config::read_metric(description).ok_or_else(|| {
        let expected = "accuracy, SparseCategoricalAccuracy, CategoricalAccuracy, BinaryAccuracy with the threshold 0.5, \
                        SparseTopKCategoricalAccuracy or TopKCategoricalAccuracy";
        Error::argument("metrics", description, expected)
    })
}

/// The model that `description` describes, as `config.json` in a `.keras` file does, its weights drawn with seed 0.
///
/// # Errors
/// If a layer's class or one of its settings is none of Petal's.
pub fn model(description: &Value) -> Result<Model> {
    Model::from_graph(config::graph(description, &[]).map_err(Error::Model)?, 0)
}

/// The description of a model, as `config.json` in a `.keras` file has it.
///
/// # Errors
/// If a layer has a setting that Keras refuses.
pub fn of_model(model: &Model) -> Result<Value> {
    write::description(model)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::layers::Input;

    #[test]
    fn a_model_comes_back_from_its_description() {
        let x = Input::image(8, 8, 3);
        let conv =
            json!({ "class_name": "Conv2D", "config": { "filters": 2, "kernel_size": 3, "name": "c" } });
        let y = layer(&conv, std::slice::from_ref(&x)).unwrap().on(&x).unwrap();
        let ours = Model::new(&x, &y).unwrap();
        let again = model(&of_model(&ours).unwrap()).unwrap();
        assert_eq!(again.summary().to_string(), ours.summary().to_string());
        assert_eq!(again.layers()[1].name(), "c");
    }

    #[test]
    fn what_petal_lacks_is_named() {
        let x = Input::new([4]);
        let text = |class: &str, config: Value| {
            let description = json!({ "class_name": class, "config": config });
            layer(&description, std::slice::from_ref(&x)).map(|_| ()).unwrap_err().to_string()
        };
        assert!(text("LSTM", json!({ "name": "memory" })).contains("'memory' is a LSTM"));
        let initializer = json!({ "class_name": "Orthogonal", "config": {} });
        let problem = text("Dense", json!({ "units": 2, "kernel_initializer": initializer }));
        assert!(problem.contains("kernel_initializer") && problem.contains("Orthogonal"), "{problem}");
        assert!(optimizer(&json!("lion")).unwrap_err().to_string().contains("lion"));
        assert!(loss(&json!("poisson")).unwrap_err().to_string().contains("poisson"));
        assert!(metric(&json!("auc")).unwrap_err().to_string().contains("auc"));
    }
}
