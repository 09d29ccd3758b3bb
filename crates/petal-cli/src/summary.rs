//! `petal summary`.

use std::path::Path;

use clap::ValueEnum;
use petal::model::Model;

use crate::args::{Architecture, Summary};
use crate::{Outcome, SUCCESS, run_folder, settings};

pub fn run(args: &Summary) -> Outcome {
    let path = Path::new(&args.model);
    let model = match Architecture::from_str(&args.model, false) {
        Ok(architecture) if !path.exists() => {
            let (height, width) = args.image_size;
            settings::build(architecture, [height, width, 3], args.classes, 0)?
        }
        _ => Model::load(run_folder::model_file(path))?,
    };
    print!("{}", model.summary().expand_nested(args.expand_nested).show_trainable(args.show_trainable));
    Ok(SUCCESS)
}
