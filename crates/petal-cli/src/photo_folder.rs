//! Which folder of photos is meant.

use std::path::{Path, PathBuf};

use petal::data::sample::{self, SampleOptions};
use petal::download::downloaded_flower_photos;

use crate::Failure;

/// The name by which the lecture's photos are known.
pub const FLOWER_PHOTOS: &str = "flower_photos";

/// The folder that was typed. Without one: sample photos, drawn at the first use. The word `flower_photos`, where there
/// is no such folder, means what was downloaded.
///
/// # Errors
/// If nothing was downloaded, or the sample photos cannot be drawn.
pub fn find(typed: Option<&Path>) -> Result<PathBuf, Failure> {
    let Some(typed) = typed else { return Ok(sample_photos()?) };
    if typed != Path::new(FLOWER_PHOTOS) || typed.exists() {
        return Ok(typed.to_owned());
    }
    downloaded_flower_photos().ok_or_else(|| {
        "there is no folder flower_photos here, and it has not been downloaded; `petal download flower_photos` fetches \
         it (218 MB)"
            .into()
    })
}

fn sample_photos() -> petal::Result<PathBuf> {
    let folder = Path::new("runs").join("sample-photos");
    if !folder.exists() {
        eprintln!("No folder was given: drawing sample photos into {}", folder.display());
    }
    sample::write(&folder, &SampleOptions::default())?;
    Ok(folder)
}
