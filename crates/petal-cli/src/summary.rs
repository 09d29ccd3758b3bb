//! `petal summary`.

use std::path::Path;

use petal::applications::{Architecture, Weights};
use petal::model::Model;
use petal::program::{Gradient, Mode, Passes};

use crate::args::{ProgramMode, Summary};
use crate::terminal::answer_lines;
use crate::{Outcome, SUCCESS, run_folder};

pub fn run(args: &Summary) -> Outcome {
    let path = Path::new(&args.model);
    let model = match args.model.parse::<Architecture>() {
        Ok(architecture) if !path.exists() => {
            let (height, width) = args.image_size.unwrap_or((180, 180));
            let classes = args.classes.unwrap_or(5);
            architecture.build([height, width, 3], classes, &Weights::None, 0)?
        }
        Err(_) if !path.exists() => {
            let names: Vec<&str> = Architecture::all().map(Architecture::name).collect();
            return Err(
                format!("{} is no file, and none of the networks {}", args.model, names.join(", ")).into()
            );
        }
        _ => match args.image_size {
            Some((height, width)) => Model::load_for_images(run_folder::model_file(path), height, width)?,
            None => Model::load(run_folder::model_file(path))?,
        },
    };
    if let Some(mode) = args.program {
        let (mode, gradient) = match mode {
            ProgramMode::Infer => (Mode::Infer, Gradient::None),
            ProgramMode::Augment => (Mode::Augment, Gradient::None),
            ProgramMode::Train => (Mode::Train, Gradient::Weights),
        };
        answer_lines(model.program(mode, gradient).simplify(Passes::default()))?;
        return Ok(SUCCESS);
    }
    answer_lines(model.summary().expand_nested(args.expand_nested).show_trainable(args.show_trainable))?;
    Ok(SUCCESS)
}
