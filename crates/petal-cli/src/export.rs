//! `petal export`.

use std::path::{Path, PathBuf};

use clap::ValueEnum;
use petal::PathText;
use petal::model::Model;
use petal::saving::onnx::{Exported, Onnx};
use petal::saving::web::{RUNTIME_FILES, Runtime};

use crate::args::{Export, Format};
use crate::terminal::{answer, say};
use crate::{Failure, Outcome, SUCCESS, model_file, quantize, run_folder};

pub fn run(args: &Export) -> Outcome {
    let file = run_folder::model_file(&args.model);
    let (format, output) = target(args, &file)?;
    if let (true, Some(option)) = (format != Format::Onnx, args.onnx_option()) {
        return Err(format!("{option} is for ONNX alone; leave it out").into());
    }
    if format != Format::Web && args.runtime.is_some() {
        return Err("--runtime is for --to web alone; leave it out".into());
    }
    let mut model = model_file::load(&file, &args.unsaid)?;
    // What takes no photos or gives no classes is exported as it is.
    let classifies = model.input_shape().len() == 3 && model.output_shape().len() == 1;
    if classifies || args.unsaid.is_given() {
        model = model_file::classifier(&file, model, &args.unsaid)?;
        if model_file::class_count(&model) == 1000 || format == Format::Web {
            model_file::name_classes(&mut model)?;
        }
    }
    match format {
        Format::Onnx => to_onnx(args, &model, &output)?,
        Format::Web => to_web(args, &model, &output)?,
        Format::Keras => to_keras(&model, &output, ".keras")?,
        Format::WeightsH5 => to_keras(&model, &output, ".weights.h5")?,
        Format::H5 => to_keras(&model, &output, ".h5")?,
    }
    if classifies && model.class_names().is_empty() {
        say!(
            "The model doesn't name its classes, so this file doesn't either, and who uses it has to know which output \
             is which. If you know them, name them by --class-names a,b,c and export it again."
        );
    }
    Ok(SUCCESS)
}

/// The format, and the file to write.
fn target(args: &Export, model: &Path) -> Result<(Format, PathBuf), String> {
    let format = match (args.to, &args.output) {
        (Some(format), _) => format,
        (None, None) => Format::Onnx,
        (None, Some(output)) => Format::of(output).ok_or_else(|| {
            let endings: Vec<&str> =
                Format::value_variants().iter().filter_map(|format| format.ending()).collect();
            format!(
                "{}: its ending is that of no format that Petal writes; expected {}, or --to FORMAT",
                PathText::new(output),
                endings.join(", ")
            )
        })?,
    };
    let beside = || {
        let mut name = model.file_stem().unwrap_or_default().to_owned();
        name.push(format.ending().unwrap_or("-web"));
        model.with_file_name(name)
    };
    Ok((format, args.output.clone().unwrap_or_else(beside)))
}

/// Its ending is how the library, and Keras, know the format.
fn to_keras(model: &Model, output: &Path, ending: &str) -> Result<(), Failure> {
    if Format::of(output).and_then(Format::ending) != Some(ending) {
        let path = PathText::new(output);
        return Err(format!(
            "{path}: expected a name that ends in {ending}, by which Keras knows the format"
        )
        .into());
    }
    model.save(output)?;
    let bytes = std::fs::metadata(output).map_or(0, |file| file.len());
    let name = output.to_string_lossy();
    answer!("{}: {:.1} MB", PathText::new(output), bytes as f64 / 1e6)?;
    answer!("  takes {}, gives {}", model.input_shape(), model.output_shape())?;
    if ending == ".weights.h5" {
        answer!("  in Python, for a model of these layers: model.load_weights({name:?})")?;
    } else {
        answer!("  in Python: model = keras.saving.load_model({name:?})")?;
    }
    Ok(())
}

fn to_web(args: &Export, model: &Model, output: &Path) -> Result<(), Failure> {
    let runtime = match &args.runtime {
        None => Runtime::Later,
        Some(address) if address.contains("://") => Runtime::Address(address.clone()),
        Some(folder) => Runtime::Folder(folder.into()),
    };
    model.export_web(output, &run_folder::name_of(&args.model), &runtime)?;
    let folder = PathText::new(output);
    answer!("{folder}: a page for any static web server; to try it: python3 -m http.server -d {folder}")?;
    if runtime == Runtime::Later {
        say!(
            "It needs onnxruntime-web, {}, in {}: they are in the folder dist of the npm package of this name; \
             --runtime copies them from there.",
            RUNTIME_FILES.join(", "),
            PathText::new(&output.join("ort"))
        );
    }
    Ok(())
}

fn to_onnx(args: &Export, model: &Model, output: &Path) -> Result<(), Failure> {
    let settings = Onnx::new().layout(args.layout.into()).input(args.input.into()).logits(args.logits);
    let (Exported { bytes, input, output: gives }, cost) = match &args.int8 {
        None => (model.export(output, &settings)?, None),
        Some(photos) => {
            let (quantized, cost) = quantize::quantize(photos, model)?;
            (quantized.export(output, &settings)?, Some(cost))
        }
    };
    let pixels = if model.input_shape().len() == 3 { ", pixels of 0 to 255" } else { "" };
    let classes = match model.class_names() {
        [] => String::new(),
        names => format!(", {}", some(names)),
    };
    let megabytes = |bytes: usize| bytes as f64 / 1e6;
    let before = match cost {
        Some(_) => {
            format!(", weights as floats {:.1} MB", megabytes(model.count_params() * size_of::<f32>()))
        }
        None => String::new(),
    };
    answer!("{}: {:.1} MB{before}", PathText::new(output), megabytes(bytes))?;
    answer!("  takes {input}{pixels}")?;
    answer!("  gives {gives}{classes}")?;
    cost.map_or(Ok(()), |cost| cost.tell())?;
    answer!(
        "  in Python: onnxruntime.InferenceSession({:?}).run(None, {{{:?}: batch}})[0]",
        output.to_string_lossy(),
        input.name
    )?;
    Ok(())
}

/// The first of the names.
fn some(names: &[String]) -> String {
    const SHOWN: usize = 10;
    let shown = names[..names.len().min(SHOWN)].join(", ");
    match names.len().saturating_sub(SHOWN) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}
