//! `petal download`.

use petal::download::{GetFile, flower_photos, get_file, progress_bar};

use crate::args::Download;
use crate::photo_folder::FLOWER_PHOTOS;
use crate::terminal::answer;
use crate::{Outcome, SUCCESS};

pub fn run(args: &Download) -> Outcome {
    let mut options = GetFile::new();
    if !args.quiet {
        options = options.progress(progress_bar(&args.what));
    }
    if let Some(hash) = &args.hash {
        options = options.hash(hash);
    }
    if let Some(megabytes) = args.max_size {
        options = options.max_size((megabytes as u64).saturating_mul(1_000_000));
    }
    if let Some(folder) = &args.output {
        std::fs::create_dir_all(folder)
            .map_err(|error| format!("cannot create {}: {error}", folder.display()))?;
        options = options.cache_dir(folder).cache_subdir("");
    }
    let path = if args.what == FLOWER_PHOTOS {
        flower_photos(options)?
    } else if args.what.starts_with("http://") || args.what.starts_with("https://") {
        if let Some(name) = &args.name {
            options = options.file_name(name);
        }
        get_file(&args.what, options.extract(args.extract))?
    } else {
        return Err(format!(
            "cannot download '{}'; expected {FLOWER_PHOTOS}, or an address that begins with https://",
            args.what
        )
        .into());
    };
    answer!("{}", path.display())?;
    Ok(SUCCESS)
}
