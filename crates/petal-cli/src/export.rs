//! `petal export`.

use std::path::{Path, PathBuf};

use clap::ValueEnum;
use petal::PathText;
use petal::model::Model;
use petal::saving::onnx::{Exported, Onnx};

use crate::args::{Export, Format};
use crate::terminal::{answer, say};
use crate::{Failure, Outcome, SUCCESS, model_file, quantize, run_folder};

pub fn run(args: &Export) -> Outcome {
    let file = run_folder::model_file(&args.model);
    let (format, output) = target(args, &file)?;
    let mut model = model_file::load(&file, &args.unsaid)?;
    // What takes no photos or gives no classes is exported as it is.
    let classifies = model.input_shape().len() == 3 && model.output_shape().len() == 1;
    if classifies || args.unsaid.is_given() {
        model = model_file::classifier(&file, model, &args.unsaid)?;
        if model_file::class_count(&model) == 1000 {
            model_file::name_classes(&mut model)?;
        }
    }
    match format {
        Format::Onnx => to_onnx(args, &model, &output)?,
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
            let endings: Vec<&str> = Format::value_variants().iter().map(|format| format.ending()).collect();
            format!(
                "{}: its ending is that of no format that Petal writes; expected {}, or --to FORMAT",
                PathText::new(output),
                endings.join(", ")
            )
        })?,
    };
    let beside = || {
        let mut name = model.file_stem().unwrap_or_default().to_owned();
        name.push(format.ending());
        model.with_file_name(name)
    };
    Ok((format, args.output.clone().unwrap_or_else(beside)))
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
