//! `petal sample-data`.

use petal::data::sample::{self, SampleOptions};

use crate::args::SampleData;
use crate::terminal::answer;
use crate::{Outcome, SUCCESS};

pub fn run(args: &SampleData) -> Outcome {
    let options = SampleOptions { seed: args.seed, per_class: args.per_class };
    sample::write(&args.directory, &options)?;
    answer!("{}", args.directory.display())?;
    Ok(SUCCESS)
}
