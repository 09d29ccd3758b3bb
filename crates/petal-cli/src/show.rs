//! `petal show`.

use std::path::Path;

use petal::PathText;
use petal::data::Photo;
use petal::plot::{GridImage, augmentation_grid, grid, photo_grid};

use crate::args::Show;
use crate::terminal::{answer, say};
use crate::{Outcome, SUCCESS, load, photo_folder, sets};

pub fn run(args: &Show) -> Outcome {
    match &args.path {
        // A pipe or a device is no folder either: opening it as a photo says what it is.
        Some(path) if path.exists() && !path.is_dir() => photo(args, path),
        _ => folder(args),
    }
}

/// One photo as it is in its file.
fn photo(args: &Show, path: &Path) -> Outcome {
    let photo = Photo::open(path)?;
    say!("{}: {photo}", PathText::new(path));
    if let Some(action) = photo.to_be_upright() {
        say!("The picture shows it as the file holds it; to see it upright, {action}.");
    }
    let picture = prepare(args, "photo")?;
    // The same file under another name would be overwritten.
    if picture.canonicalize().is_ok_and(|picture| path.canonicalize().is_ok_and(|path| path == picture)) {
        return Err(format!(
            "{} is the photo itself; choose another folder with --output",
            PathText::new(path)
        )
        .into());
    }
    if args.svg {
        let image = photo.image();
        let (width, height) = (image.width() as usize, image.height() as usize);
        let title = path.file_name().map(|name| PathText::new(name).to_string()).unwrap_or_default();
        grid(&[GridImage { rgb: image.as_raw(), width, height, title: &title }], 1)?.save(&picture)?;
    } else {
        photo.save_png(&picture)?;
    }
    answer!("{}", PathText::new(&picture))?;
    photo_folder::warn_of_picture_beside(path, &picture);
    Ok(SUCCESS)
}

/// Some of a folder's photos, and one of them augmented.
fn folder(args: &Show) -> Outcome {
    let directory = photo_folder::find(args.labels.directory(args.path.as_deref()))?;
    let (directory, folder) = sets::to_look_at(directory, args.labels.file()?)?;
    let (inside, photos) = (std::path::absolute(&args.output)?, std::path::absolute(&directory)?);
    if inside != photos && inside.starts_with(&photos) {
        return Err(format!(
            "--output {} lies in the folder of photos, where the pictures would be taken for photos of a class; choose \
             another",
            args.output.display()
        )
        .into());
    }
    let (height, width) = args.image_size;
    let folder = folder.image_size(height, width).seed(args.seed);
    let photos = load::with_progress(folder, false).load()?;
    load::describe(&directory, &[("all", &photos)]);
    load::warn(&[&photos]);
    let mut figures = vec![("photos", photo_grid(&photos, args.seed.into())?)];
    let seed = u64::from(args.seed);
    if let Some(augmentation) = args.augment.model(photos.preprocessing().shape(), seed)? {
        figures.push(("augmentations", augmentation_grid(&photos, &augmentation, seed)?));
    }
    for (name, figure) in figures {
        let picture = prepare(args, name)?;
        figure.save(&picture)?;
        answer!("{}", PathText::new(&picture))?;
    }
    Ok(SUCCESS)
}

/// Where a picture goes; makes the folder.
fn prepare(args: &Show, name: &str) -> Result<std::path::PathBuf, String> {
    std::fs::create_dir_all(&args.output)
        .map_err(|error| format!("cannot create {}: {error}", PathText::new(&args.output)))?;
    Ok(args.output.join(format!("{name}.{}", if args.svg { "svg" } else { "png" })))
}
