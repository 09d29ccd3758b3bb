//! `petal explain`.

use ndarray::Array3;
use petal::explain::GradCam;
use petal::model::Model;
use petal::plot::heat_map;

use crate::args::Explain;
use crate::{Outcome, SUCCESS, run_folder};

pub fn run(args: &Explain) -> Outcome {
    let file = run_folder::model_file(&args.model);
    let model = Model::load(&file)?;
    let Some(preprocessing) = model.preprocessing() else {
        return Err(format!("{}: the model doesn't say how photos become its input", file.display()).into());
    };
    let mut settings = GradCam::new();
    if let Some(name) = &args.class {
        let names = model.class_names();
        let class = names.iter().position(|class| class == name).ok_or_else(|| {
            format!("{}: there is no class '{name}'; there are {}", file.display(), names.join(", "))
        })?;
        settings = settings.class(class);
    }
    if let Some(layer) = &args.layer {
        settings = settings.layer(layer);
    }
    let pixels = Array3::from_shape_vec(preprocessing.shape(), preprocessing.load(&args.photo)?)?;
    let map = model.grad_cam(pixels.view(), &settings)?;
    heat_map(pixels.view(), &map)?.save(&args.output)?;
    println!("{}: {} {:.1} %", args.photo.display(), map.class_name, 100.0 * map.probability);
    println!("{}", args.output.display());
    Ok(SUCCESS)
}
