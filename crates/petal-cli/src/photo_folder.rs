//! Which folder of photos is meant.

use std::path::{Component, Path, PathBuf};

use petal::PathText;
use petal::data::sample::{self, SampleOptions};
use petal::download::downloaded_flower_photos;

use crate::terminal::{say, warn};
use crate::{Failure, output};

/// The name by which the lecture's photos are known.
pub const FLOWER_PHOTOS: &str = "flower_photos";

/// The folder that was typed. Without one: sample photos, drawn at the first use. The word `flower_photos`, where there
/// is no such folder, means what was downloaded.
///
/// # Errors
/// If nothing was downloaded, or the sample photos cannot be drawn.
pub fn find(typed: Option<&Path>) -> Result<PathBuf, Failure> {
    let Some(typed) = typed else { return sample_photos() };
    if typed != Path::new(FLOWER_PHOTOS) || typed.exists() {
        return Ok(typed.to_owned());
    }
    downloaded_flower_photos().ok_or_else(|| {
        "there is no folder flower_photos here, and it has not been downloaded; `petal download flower_photos` fetches \
         it (229 MB)"
            .into()
    })
}

/// The same folder from the root on, so that it is meant wherever the program is started next.
///
/// # Errors
/// If the present folder is gone.
pub fn absolute(folder: &Path) -> Result<PathBuf, String> {
    let absolute = std::path::absolute(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    // `..` after a link is not what the text says.
    let steps_back = absolute.components().any(|part| part == Component::ParentDir);
    Ok(if steps_back { absolute.canonicalize().unwrap_or(absolute) } else { absolute })
}

/// The folder as it is called from the present one, which reads better.
pub fn from_here(folder: &Path) -> PathBuf {
    let here = std::env::current_dir().ok();
    match here.and_then(|here| folder.strip_prefix(here).ok().map(Path::to_owned)) {
        Some(here) if here == Path::new("") => PathBuf::from("."),
        Some(below) => below,
        None => folder.to_owned(),
    }
}

/// Says that a picture lies in the folder of the photo that it shows, where that is so.
pub fn warn_of_picture_beside(photo: &Path, picture: &Path) {
    let folder = |path: &Path| path.canonicalize().ok().and_then(|path| path.parent().map(Path::to_owned));
    let is_photo = picture.extension().is_some_and(|ending| ending != "svg");
    if is_photo && folder(picture).is_some_and(|beside| folder(photo) == Some(beside)) {
        warn(format_args!(
            "{} lies beside the photo: a training on that folder would take it for one, so move it before",
            PathText::new(picture)
        ));
    }
}

fn sample_photos() -> Result<PathBuf, Failure> {
    let folder = output::make_runs()?.join("sample-photos");
    if !folder.exists() {
        say!("No folder was given: drawing sample photos into {}", folder.display());
    }
    sample::write(&folder, &SampleOptions::default())
        .map_err(|error| format!("no folder was given, and sample photos cannot be drawn: {error}"))?;
    Ok(folder)
}
