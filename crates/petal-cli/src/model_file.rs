//! Opening a model, of Petal or of Keras, so that it takes photos and gives named classes.

use std::collections::HashSet;
use std::path::Path;

use petal::applications::{self, imagenet_class_names};
use petal::data::{ColorMode, Preprocessing};
use petal::layers::{AnyLayer, Input, Layer, Rescaling};
use petal::model::{Graph, Model};

use crate::args::{Names, PreprocessInput, Unsaid, aspect_ratio};
use crate::terminal::say;
use crate::{Failure, class_names, precision, run_folder};

/// The classifier at `path`: a file, or the folder of a run.
///
/// # Errors
/// If it cannot be read, takes no photos or gives no classes; or if an option says what the model says itself.
pub fn open(path: &Path, unsaid: &Unsaid) -> Result<Model, Failure> {
    let file = run_folder::model_file(path);
    let model = classifier(&file, load(&file, unsaid)?, unsaid)?;
    precision::say_if_slow(model.dtype_policy());
    Ok(model)
}

/// The model in a file, which may be none that takes photos or gives classes.
///
/// # Errors
/// If it cannot be read.
pub fn load(file: &Path, unsaid: &Unsaid) -> petal::Result<Model> {
    match unsaid.image_size {
        Some((height, width)) => Model::load_for_images(file, height, width),
        None => Model::load(file),
    }
}

/// The model of a file, completed so that it takes photos.
///
/// # Errors
/// As [`open`], but for reading it.
pub fn classifier(file: &Path, mut model: Model, unsaid: &Unsaid) -> Result<Model, Failure> {
    let problem = |problem: String| -> Failure { format!("{}: {problem}", file.display()).into() };
    if model.output_shape().len() != 1 {
        return Err(problem(no_classes(file, &model)));
    }
    let own_names = model.class_names().to_vec();
    match model.preprocessing() {
        Some(_) => {
            if let Some(option) = unsaid.preprocessing_option() {
                return Err(problem(format!(
                    "the model says itself how photos become its input; leave {option} out"
                )));
            }
        }
        None => model = taking_photos(model, unsaid).map_err(problem)?,
    }
    let names = match &unsaid.class_names {
        Some(_) if !own_names.is_empty() => {
            return Err(problem(format!(
                "the model has class names of its own, {}; leave --class-names out",
                own_names.join(", ")
            )));
        }
        Some(Names::List(names)) => names.clone(),
        Some(Names::File(names)) => class_names::read(names)?,
        None => own_names,
    };
    let outputs = class_count(&model);
    if !names.is_empty() && names.len() != outputs {
        return Err(problem(format!("the model has {outputs} classes; --class-names has {}", names.len())));
    }
    let mut seen = HashSet::new();
    if let Some(name) = names.iter().find(|name| name.is_empty() || !seen.insert(name.as_str())) {
        return Err(problem(format!(
            "--class-names has '{name}'; expected a name of its own for each class"
        )));
    }
    model.set_class_names(names)?;
    Ok(model)
}

/// Gives the classes names where the model has none: ImageNet's, or `class 0`, `class 1` ….
///
/// # Errors
/// If they cannot be set, which doesn't happen.
pub fn name_classes(model: &mut Model) -> petal::Result<()> {
    if !model.class_names().is_empty() {
        return Ok(());
    }
    match class_count(model) {
        1000 => model.set_class_names(imagenet_class_names()),
        classes => model.set_class_names((0..classes).map(|class| format!("class {class}"))),
    }
}

/// Below which familiarity a photo is answered `unknown`, so that this share of photos of the model's classes is not.
///
/// # Errors
/// If the model doesn't say how familiar such photos look.
pub fn unknown_below(path: &Path, model: &Model, share: Option<f64>) -> Result<Option<f32>, Failure> {
    let Some(share) = share else { return Ok(None) };
    match model.familiarity() {
        Some(familiarity) => Ok(Some(familiarity.threshold(share))),
        None => Err(format!(
            "{} doesn't say how familiar photos of its classes look, which --unknown needs; `petal train` measures it on the \
             validation photos: train it anew, or leave --unknown out",
            path.display()
        )
        .into()),
    }
}

/// How many classes the outputs stand for: a single one is of two.
pub fn class_count(model: &Model) -> usize {
    match model.output_shape().last() {
        Some(1) => 2,
        outputs => outputs.copied().unwrap_or(0),
    }
}

fn no_classes(file: &Path, model: &Model) -> String {
    let shape = model.output_shape();
    let of_keras = match file.extension().is_some_and(|ending| ending == "petal") {
        true => String::new(),
        false => format!(
            ". It is a model of Keras; a program can use it all the same, and save it as Petal's: \
             Model::load(\"{}\")?.save(\"{}\")",
            file.display(),
            file.with_extension("petal").display()
        ),
    };
    format!("its outputs have the shape {shape}; expected one value for each class{of_keras}")
}

/// The model with what it takes to make its input of photos.
fn taking_photos(model: Model, unsaid: &Unsaid) -> Result<Model, String> {
    let shape = model.input_shape();
    let (height, width, color_mode) = match shape[..] {
        [height, width, 3] => (height, width, ColorMode::Rgb),
        [height, width, 1] => (height, width, ColorMode::Grayscale),
        [height, width, 4] => (height, width, ColorMode::Rgba),
        _ => return Err(format!("its inputs have the shape {shape}; expected photos of 1, 3 or 4 channels")),
    };
    let mut model = match unsaid.preprocess_input {
        Some(mode) => after(mode, model).map_err(|error| error.to_string())?,
        None => {
            if rescales(&model) == Some(false) {
                say!(
                    "The model has no layer that rescales pixels, so it gets them as they are, 0 to 255. If it was \
                     trained on others, its answers are wrong: say which by --preprocess-input unit (0 to 1), tf \
                     (-1 to 1), caffe or torch."
                );
            }
            model
        }
    };
    let preprocessing = Preprocessing {
        color_mode,
        interpolation: unsaid.interpolation.unwrap_or_default(),
        aspect_ratio: aspect_ratio(unsaid.crop_to_aspect_ratio, unsaid.pad_to_aspect_ratio),
        ..Preprocessing::new(height, width)
    };
    model.set_preprocessing(preprocessing).map_err(|error| error.to_string())?;
    Ok(model)
}

/// The model behind layers that bring pixels into its range.
fn after(mode: PreprocessInput, model: Model) -> petal::Result<Model> {
    let x = Input::new(model.input_shape().clone());
    let h = match mode {
        PreprocessInput::Unit => Rescaling::new(1.0 / 255.0).on(&x)?,
        PreprocessInput::Tf => applications::PreprocessInput::Tf.on(&x)?,
        PreprocessInput::Caffe => applications::PreprocessInput::Caffe.on(&x)?,
        PreprocessInput::Torch => applications::PreprocessInput::Torch.on(&x)?,
    };
    let names = model.class_names().to_vec();
    let mut outer = Model::new(&x, &model.on(&h)?)?;
    outer.set_class_names(names)?;
    Ok(outer)
}

/// Whether a layer before the first one with weights changes the range of pixels; a normalization may do so too. `None`
/// where no layer has weights.
fn rescales(graph: &Graph) -> Option<bool> {
    graph.layers().iter().find_map(|node| match node.layer() {
        AnyLayer::Nested(nested) => rescales(nested.graph()),
        AnyLayer::Rescaling(_)
        | AnyLayer::Normalization(_)
        | AnyLayer::BatchNormalization(_)
        | AnyLayer::LayerNormalization(_) => Some(true),
        _ if node.weights().is_empty() => None,
        _ => Some(false),
    })
}
