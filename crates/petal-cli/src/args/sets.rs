use std::path::PathBuf;

use clap::Args;

/// Which photos are not to be trained on.
#[derive(Debug, Args)]
pub struct Sets {
    /// A folder of its own for validation, instead of a share [default: DIR/val where there is DIR/train]
    #[arg(long, value_name = "DIR")]
    pub validation: Option<PathBuf>,
    /// A folder for a last test, by which nothing is chosen [default: DIR/test where there is DIR/train]
    #[arg(long, value_name = "DIR")]
    pub test: Option<PathBuf>,
}
