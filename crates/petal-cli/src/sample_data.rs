//! `petal sample-data`.

use std::path::{Path, PathBuf};

use petal::data::sample::{self, SampleOptions};

use crate::args::SampleData;
use crate::{Outcome, SUCCESS};

pub fn run(args: &SampleData) -> Outcome {
    let options = SampleOptions { seed: args.seed, per_class: args.per_class };
    sample::write(&args.directory, &options)?;
    println!("{}", args.directory.display());
    Ok(SUCCESS)
}

/// The sample photos that commands use when they are given no folder; drawn at the first use.
pub fn default_folder() -> petal::Result<PathBuf> {
    let folder = Path::new("runs").join("sample-photos");
    if !folder.exists() {
        eprintln!("No folder was given: drawing sample photos into {}", folder.display());
    }
    sample::write(&folder, &SampleOptions::default())?;
    Ok(folder)
}
