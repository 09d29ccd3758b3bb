//! `petal summary`.

use std::path::Path;

use clap::ValueEnum;
use petal::model::Model;

use crate::args::{Architecture, Pretrained, Summary};
use crate::{Outcome, SUCCESS, networks, run_folder};

pub fn run(args: &Summary) -> Outcome {
    let path = Path::new(&args.model);
    let model = match Architecture::from_str(&args.model, false) {
        Ok(architecture) if !path.exists() => {
            let (height, width) = args.image_size;
            networks::build(architecture, [height, width, 3], args.classes, &Pretrained::None, 0)?
        }
        _ => Model::load(run_folder::model_file(path))?,
    };
    print!("{}", model.summary().expand_nested(args.expand_nested).show_trainable(args.show_trainable));
    Ok(SUCCESS)
}
