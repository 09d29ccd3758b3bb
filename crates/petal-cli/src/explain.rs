//! `petal explain`.

use ndarray::Array3;
use petal::explain::GradCam;
use petal::plot::heat_map;

use crate::args::Explain;
use crate::photo_folder::warn_of_picture_beside;
use crate::terminal::answer;
use crate::{Outcome, SUCCESS, model_file};

pub fn run(args: &Explain) -> Outcome {
    if args.photo.is_dir() {
        return Err(format!("{} is a folder; petal explain takes one photo", args.photo.display()).into());
    }
    let mut model = model_file::open(&args.model, &args.unsaid)?;
    model_file::name_classes(&mut model)?;
    let preprocessing = model.preprocessing().expect("an opened model takes photos");
    let mut settings = GradCam::new();
    if let Some(name) = &args.class {
        let names = model.class_names();
        let class = names.iter().position(|class| class == name).ok_or_else(|| {
            const SHOWN: usize = 50;
            let more = match names.len().saturating_sub(SHOWN) {
                0 => String::new(),
                more => format!(" and {more} more"),
            };
            let some = names[..names.len().min(SHOWN)].join(", ");
            format!("{}: there is no class '{name}'; there are {some}{more}", args.model.display())
        })?;
        settings = settings.class(class);
    }
    if let Some(layer) = &args.layer {
        settings = settings.layer(layer);
    }
    let pixels = Array3::from_shape_vec(preprocessing.shape(), preprocessing.load(&args.photo)?)?;
    let map = model.grad_cam(pixels.view(), &settings)?;
    heat_map(pixels.view(), &map)?.save(&args.output)?;
    answer!("{}: {} {:.1} %", args.photo.display(), map.class_name, 100.0 * map.probability)?;
    answer!("{}", args.output.display())?;
    warn_of_picture_beside(&args.photo, &args.output);
    Ok(SUCCESS)
}
