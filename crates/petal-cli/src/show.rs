//! `petal show`.

use petal::applications::lecture_augmentation;
use petal::data::ImageFolder;
use petal::plot::{augmentation_grid, photo_grid};

use crate::args::Show;
use crate::{Outcome, SUCCESS, load, sample_data};

pub fn run(args: &Show) -> Outcome {
    let directory = match &args.directory {
        Some(directory) => directory.clone(),
        None => sample_data::default_folder()?,
    };
    let (height, width) = args.image_size;
    let folder = ImageFolder::new(&directory).image_size(height, width).seed(args.seed);
    let photos = load::with_progress(folder, false).load()?;
    load::describe(&directory, &[("all", &photos)]);
    std::fs::create_dir_all(&args.output)
        .map_err(|error| format!("cannot create {}: {error}", args.output.display()))?;
    let augmentation = lecture_augmentation(photos.preprocessing().shape(), u64::from(args.seed))?;
    let ending = if args.svg { "svg" } else { "png" };
    for (name, figure) in [
        ("photos", photo_grid(&photos, args.seed.into())?),
        ("augmentations", augmentation_grid(&photos, &augmentation, args.seed.into())?),
    ] {
        let path = args.output.join(format!("{name}.{ending}"));
        figure.save(&path)?;
        println!("{}", path.display());
    }
    Ok(SUCCESS)
}
